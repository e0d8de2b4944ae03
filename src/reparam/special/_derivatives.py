"""One way to declare an elementwise special function: a formula, and its partial derivatives.

The formula is ordinary torch code that autograd differentiates well: it is what ``torch.compile`` traces, which
refuses an ``autograd.Function`` with a forward-mode derivative. Eager calls use the partial derivatives where they
are given: they keep no intermediate tensors, and are differentiable themselves, so that every order follows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce, update_wrapper
from types import FunctionType
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from .._torch import is_compiling, is_ordinary_mode
from ..kernels.dispatch import evaluate
from ..kernels.library import ENTRIES, Entry

Formula = Callable[..., Tensor]
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
    *partials: Formula,
    value: Formula | None = None,
    wide: bool = False,
    block: int | None = None,
    native: str | None = None,
) -> Callable[[Formula], SpecialFunction]:
    """Make an elementwise special function of a formula in same-shaped tensors of one dtype.

    The function takes tensors and numbers, broadcasts them and promotes their dtypes; integers become the
    default dtype. float16 and bfloat16 are computed in float32.

    Args:
        *partials: the partial derivatives, one for each argument; none means those of autograd.
        value: another way to the value, for eager calls; it needs no derivatives of its own.
        wide: compute float32 in float64 (on devices that have it).
        block: evaluate so many elements at a time, for formulas with large intermediate tensors.
        native: the native function that plain eager CPU calls run instead, where the library has it.
    """
    entry = ENTRIES.get(native) if native else None

    def declare(formula: Formula) -> SpecialFunction:
        eager = value or formula
        eager = eager if block is None else _in_blocks(eager, block)
        eager = _with_partials(eager, partials) if partials else eager
        promoted, broadcast, compiling = _promoted, _broadcast, is_compiling

        def by_formula(*args: Tensor | float) -> Tensor:
            tensors, dtype = promoted(args, wide)
            evaluate = formula if compiling() else eager
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


def _in_blocks(formula: Formula, size: int) -> Formula:
    """The formula, evaluated ``size`` elements at a time."""

    def value(*args: Tensor) -> Tensor:
        if args[0].numel() <= size:
            return formula(*args)
        pieces = zip(*(_split(arg.reshape(-1), size) for arg in args), strict=True)
        return torch.cat([formula(*piece) for piece in pieces]).reshape(args[0].shape)

    return value


def _with_partials(value: Formula, partials: Sequence[Formula]) -> Formula:
    """The value with the given partial derivatives, in every eager mode and to every order."""

    class Elementwise(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(*args: Tensor) -> Tensor:
            return value(*args)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
            args = ctx.saved_tensors
            wanted = zip(partials, ctx.needs_input_grad, strict=True)
            return tuple(grad * partial(*args) if needed else None for partial, needed in wanted)

        @staticmethod
        def jvp(ctx: Any, *tangents: Tensor | None) -> Tensor:
            args = ctx.saved_tensors
            given = [(p, t) for p, t in zip(partials, tangents, strict=True) if t is not None]
            return torch.stack([t * partial(*args) for partial, t in given]).sum(0)

    apply: Formula = Elementwise.apply

    def evaluate(*args: Tensor) -> Tensor:
        plain = is_ordinary_mode() and not (torch.is_grad_enabled() and any(arg.requires_grad for arg in args))
        return value(*args) if plain else apply(*args)

    return evaluate


def first_order(value: Tensor, *slopes: tuple[Tensor, Callable[[], Tensor]]) -> Tensor:
    """A solver's result with its first derivatives while ``torch.compile`` traces; otherwise the result itself.

    Args:
        value: found without a graph.
        *slopes: arguments, each with the function that makes the derivative in it; taken for 0 where not finite.
    """
    if not is_compiling():
        return value
    for argument, slope in slopes:
        if argument.requires_grad:
            fixed = slope().detach()
            value = value + (argument - argument.detach()) * torch.where(fixed.isfinite(), fixed, 0.0)
    return value
