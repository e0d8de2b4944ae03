"""One way to declare an elementwise special function: a formula, and its partial derivatives.

The formula is ordinary torch code that autograd differentiates well. Where partial derivatives are given they are
used instead: they keep no intermediate tensors, and are differentiable themselves, so that every order follows. What
``torch.compile`` traces has them too, in reverse mode: it refuses an ``autograd.Function`` with a forward-mode
derivative. Transforms of ``torch.func`` inside a compiled function differentiate the formula.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce, update_wrapper
from types import FunctionType
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from .._torch import is_compiling, is_ordinary_mode, is_transforming, seen_around
from ..kernels.dispatch import evaluate
from ..kernels.library import ENTRIES, Entry

Formula = Callable[..., Tensor]
# One partial derivative, or all of them.
Partial = Callable[..., Tensor | tuple[Tensor, ...]]
# Aliases with types, where torch has none.
_broadcast: Callable[..., Sequence[Tensor]] = torch.broadcast_tensors
_split: Callable[[Tensor, int], Sequence[Tensor]] = torch.split
_HALVES = (torch.float16, torch.bfloat16)


class SpecialFunction(Protocol):
    """An elementwise function of tensors and numbers, which broadcast; ``formula`` is the same without native code."""

    formula: Formula

    def __call__(self, *args: Tensor | float) -> Tensor:
        """The value, in the promoted dtype of the tensors."""
        ...


def elementwise(
    *partials: Partial,
    value: Formula | None = None,
    single: Formula | None = None,
    of_value: bool = False,
    wide: bool = False,
    block: int | None = None,
    native: str | None = None,
) -> Callable[[Formula], SpecialFunction]:
    """Make an elementwise special function of a formula in same-shaped tensors of one dtype.

    The function takes tensors and numbers, broadcasts them and promotes their dtypes; integers become the
    default dtype. float16 and bfloat16 are computed in float32.

    Args:
        *partials: the partial derivatives, one for each argument, or one function that returns all of them; none
            means those of autograd.
        value: another way to the value; it needs no derivatives of its own.
        single: a cheaper formula for results in single precision and below.
        of_value: whether the partial derivatives take the value as a last argument.
        wide: compute float32 in float64 (on devices that have it).
        block: evaluate so many elements at a time, for formulas with large intermediate tensors.
        native: the native function that plain eager CPU calls run instead, where the library has it.
    """
    entry = ENTRIES.get(native) if native else None

    def declare(formula: Formula) -> SpecialFunction:
        slopes = tuple(_in_blocks(partial, block) for partial in partials) if block else partials

        def in_modes(formula: Formula, plain: Formula) -> tuple[Formula, Formula]:
            """The eager and the compiled one."""
            eager = _in_blocks(plain, block) if block else plain
            if not partials:
                return eager, formula
            return _in_every_mode(eager, slopes, of_value), _compiled(formula, plain, partials, of_value)

        full = in_modes(formula, value or formula)
        short = in_modes(single, single) if single else full
        promoted, broadcast, compiling = _promoted, _broadcast, is_compiling

        def by_formula(*args: Tensor | float) -> Tensor:
            tensors, dtype = promoted(args, wide)
            eager, compiled = full if dtype is torch.float64 else short
            evaluate = compiled if compiling() else eager
            return evaluate(*broadcast(*tensors)).to(dtype)

        function = by_formula if entry is None else _natively(entry, by_formula)
        # It reads only its closure, and so can belong to the formula's module: doctest finds the example there.
        own: Any = FunctionType(function.__code__, formula.__globals__, closure=function.__closure__)
        own.formula = by_formula
        update_wrapper(own, formula)
        return cast(SpecialFunction, own)

    return declare


def _natively(entry: Entry, by_formula: Formula) -> Formula:
    """The function that tries the native entry first."""
    ordinary, attempt, promoted = is_ordinary_mode, evaluate, _promoted

    def function(*args: Any) -> Tensor:
        if not ordinary():
            return by_formula(*args)
        result = attempt(entry, by_formula, args)
        if result is not None:
            return result
        tensors, dtype = promoted(args, False)
        result = attempt(entry, by_formula, tensors)
        return by_formula(*args) if result is None else result.to(dtype)

    return function


def _promoted(args: Sequence[Tensor | float], wide: bool) -> tuple[Sequence[Tensor], torch.dtype]:
    """The arguments as tensors of the dtype to compute in, and the dtype of the result."""
    tensors = [arg for arg in args if isinstance(arg, Tensor)]
    device = tensors[0].device if tensors else None
    default = torch.get_default_dtype()
    dtype = reduce(torch.promote_types, [t.dtype for t in tensors]) if tensors else default
    dtype = dtype if dtype.is_floating_point else default
    inner = torch.float32 if dtype in _HALVES else dtype
    if wide and inner == torch.float32 and (device is None or device.type != "mps"):
        inner = torch.float64
    return [
        arg.to(inner) if isinstance(arg, Tensor) else torch.tensor(arg, dtype=inner, device=device) for arg in args
    ], dtype


def _in_blocks(formula: Callable[..., Any], size: int) -> Callable[..., Any]:
    """The formula, of one result or several, evaluated ``size`` elements at a time."""

    def evaluate(*args: Tensor) -> Any:
        shape = args[0].shape
        if args[0].numel() <= size:
            return formula(*args)
        pieces = zip(*(_split(arg.reshape(-1), size) for arg in args), strict=True)
        results = [formula(*piece) for piece in pieces]
        if isinstance(results[0], Tensor):
            return torch.cat(results).reshape(shape)
        return tuple(torch.cat(each).reshape(shape) for each in zip(*results, strict=True))

    return evaluate


def _in_every_mode(value: Formula, partials: Sequence[Partial], of_value: bool) -> Formula:
    """The value with the given partial derivatives, in every eager mode and to every order."""

    class Elementwise(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(*args: Tensor) -> Tensor:
            return value(*args)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            given = (*inputs, output) if of_value else inputs
            ctx.save_for_backward(*given)
            ctx.save_for_forward(*given)

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
            slopes = _slopes(partials, ctx.needs_input_grad, ctx.saved_tensors)
            return tuple(None if slope is None else grad * slope for slope in slopes)

        @staticmethod
        def jvp(ctx: Any, *tangents: Tensor | None) -> Tensor:
            moving, moves = [t is not None for t in tangents], [t for t in tangents if t is not None]

            def along(*tensors: Tensor) -> Tensor:
                slopes = [d for d in _slopes(partials, moving, tensors[len(moves) :]) if d is not None]
                # an argument that does not move counts for nothing, also where the derivative in it is infinite
                moved = [torch.where(t == 0, t, t * d) for t, d in zip(tensors, slopes, strict=False)]
                return torch.stack(moved).sum(0)

            return seen_around(along, *moves, *ctx.saved_tensors)

    apply: Formula = Elementwise.apply

    def evaluate(*args: Tensor) -> Tensor:
        return apply(*args) if not is_ordinary_mode() or _needs_graph(args) else value(*args)

    return evaluate


def _compiled(formula: Formula, value: Formula, partials: Sequence[Partial], of_value: bool) -> Formula:
    """The value with the given partial derivatives, as ``torch.compile`` takes it."""

    class Compiled(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *args: Tensor) -> Tensor:
            result = value(*args)
            ctx.save_for_backward(*args, *((result,) if of_value else ()))
            return result

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
            slopes = _slopes(partials, ctx.needs_input_grad, ctx.saved_tensors)
            return tuple(None if slope is None else grad * slope for slope in slopes)

    apply: Formula = Compiled.apply

    def evaluate(*args: Tensor) -> Tensor:
        return apply(*args) if _needs_graph(args) and not is_transforming() else formula(*args)

    return evaluate


def _needs_graph(args: Sequence[Tensor]) -> bool:
    return torch.is_grad_enabled() and any(arg.requires_grad for arg in args)


def _slopes(partials: Sequence[Any], wanted: Sequence[bool], given: Sequence[Tensor]) -> Sequence[Any]:
    """The derivatives in the arguments where they are wanted, else None."""
    if len(partials) < len(wanted):
        each = zip(partials[0](*given), wanted, strict=True)
        return [slope if needed else None for slope, needed in each]
    return [partial(*given) if needed else None for partial, needed in zip(partials, wanted, strict=True)]


def first_order(value: Tensor, *slopes: tuple[Tensor, Callable[[], Tensor]]) -> Tensor:
    """A solver's result with its first derivatives while a transform is compiled; otherwise the result itself.

    Args:
        value: found without a graph.
        *slopes: arguments, each with the function that makes the derivative in it; taken for 0 where not finite.
    """
    if not is_compiling():
        return value
    for argument, slope in slopes:
        fixed = slope().detach()
        value = value + (argument - argument.detach()) * torch.where(fixed.isfinite(), fixed, 0.0)
    return value
