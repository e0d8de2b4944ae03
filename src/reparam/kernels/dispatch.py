"""Decides, for each call, between a native kernel and the torch formula that specifies it."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Protocol, TypeVar, cast

import torch
from torch import Size, Tensor, empty_like, get_num_threads, is_grad_enabled

from .._torch import is_ordinary_mode, is_plain_cpu, numel_in_all, takes_levels, unwrapped
from . import levels
from .layout import FLOATS, Layout, arrange, repeated
from .library import ENTRIES, Entry, native

MANY = 8192  #: elements, from which one pass over memory is worth more than a level costs
Formula = Callable[..., Tensor]
Density = tuple[Any, ...]  # (index of an entry, formula, formula_of, tracked, *parameters): see csrc/python/laws.hpp
Method = TypeVar("Method", bound=Callable[[Any, Tensor], Tensor])


class Kernel(Protocol):
    """A function of tensors that may run natively; ``formula`` is what it computes."""

    formula: Formula

    def __call__(self, *tensors: Tensor) -> Tensor:
        """The value of the formula."""


def kernel(name: str) -> Callable[[Formula], Kernel]:
    """A decorator for a function of tensors that the native library may compute instead.

    In plain eager calls on CPU tensors of one dtype the native function runs, and its partial derivatives
    serve the backward pass. Everywhere else (``torch.compile``, ``torch.func``, other devices, derivatives
    of derivatives) the decorated formula does.

    Args:
        name: the native function. Where the library lacks it, the formula always runs.

    Example:
        >>> @kernel("log_ndtr")
        ... def log_ndtr(x):
        ...     return torch.special.log_ndtr(x)
        >>> log_ndtr(torch.zeros(1))
        tensor([-0.6931])
    """
    entry = ENTRIES.get(name)

    def decorate(formula: Formula) -> Kernel:
        call = cast(Kernel, formula if entry is None else _switch(entry, formula))
        call.formula = formula
        return call

    return decorate


def _switch(entry: Entry, formula: Formula) -> Formula:
    """The function that tries the kernel first."""
    ordinary, index, attempt, rearranged = is_ordinary_mode, entry.index, native.evaluate, _rearranged
    levels, levelled = takes_levels, _levelled

    def call(*tensors: Tensor) -> Tensor:
        if not ordinary():
            return levelled(entry, formula, tensors) if levels() else formula(*tensors)
        found: Tensor | None = attempt(index, formula, *tensors)
        if found is None:
            found = rearranged(entry, formula, tensors)
        return formula(*tensors) if found is None else found

    # It reads only its closure, and so can belong to the formula's module: doctest finds the examples there.
    moved = FunctionType(call.__code__, formula.__globals__, closure=call.__closure__)
    return functools.update_wrapper(moved, formula)


def fused(name: str, *parameters: str, tracked: bool = True, light: bool = False) -> Callable[[Method], Method]:
    """A decorator for a distribution's ``_log_prob(self, x)`` that the native library may compute instead.

    The kernel takes ``x`` and the named parameters, where all of them were given as plain tensors and none
    is derived from others. Several decorators may be stacked, for alternative parameters.

    Args:
        name: the native function. Where the library lacks it, the method always runs.
        parameters: the attributes that follow ``x`` among the kernel's inputs.
        tracked: whether the kernel also serves small calls that record a gradient; a formula of two or three
            operations is cheaper there than one native function.
        light: whether the formula is cheaper for small calls inside ``grad`` and ``vmap``, of few operations as it is.

    Example:
        >>> class Law:
        ...     def __init__(self, low, high):
        ...         self.low, self.high = low, high
        ...     @fused("uniform_log_prob", "low", "high")
        ...     def _log_prob(self, x):
        ...         inside = (self.low <= x) & (x <= self.high)
        ...         return torch.where(inside, -torch.log(self.high - self.low), -torch.inf)
        >>> Law(torch.zeros(2), torch.ones(2))._log_prob(torch.tensor([0.5, 2.0]))
        tensor([0., -inf])
    """

    def decorate(method: Method) -> Method:
        if name not in ENTRIES:
            return method

        def formula_of(law: Any) -> Formula:
            return lambda x, *values: method(law._with_parameters(dict(zip(parameters, values, strict=True))), x)

        # the formula as it was written, for values that are known to lie in the support
        own = ((ENTRIES[name].index, inspect.unwrap(method), formula_of, tracked, *parameters),)

        @functools.wraps(method)
        def call(self: Any, x: Tensor) -> Tensor:
            if not is_ordinary_mode():
                given = self.__dict__
                if not tracked or not takes_levels() or (light and numel_in_all(x) < MANY):
                    return method(self, x)
                if any([name not in given for name in parameters]):
                    return method(self, x)
                tensors = [x, *[given[parameter] for parameter in parameters]]
                return _levelled(ENTRIES[name], formula_of(self), tensors)
            value: Tensor | None = native.log_prob(own, None, self, x)
            return _of_law(own[0], method, self, x) if value is None else value

        call.formula = method  # type: ignore[attr-defined]
        call.native = functools.partial(fused, name, *parameters, tracked=tracked, light=light)  # type: ignore[attr-defined]
        call.densities = own + densities_of(method)  # type: ignore[attr-defined]
        return cast(Method, call)

    return decorate


def densities_of(method: Callable[..., Tensor]) -> tuple[Density, ...]:
    """How the native library describes the alternatives of a fused method; none of any other method."""
    found: tuple[Density, ...] = getattr(method, "densities", ())
    return found


def _of_law(own: Density, method: Callable[[Any, Tensor], Tensor], law: Any, x: Tensor) -> Tensor:
    """The log-density of a law whose tensors the native function does not take as they lie."""
    index, _, formula_of, tracked, *parameters = own
    given = law.__dict__
    if any([parameter not in given for parameter in parameters]):
        return method(law, x)
    tensors = [x, *[given[parameter] for parameter in parameters]]
    if not tracked and is_grad_enabled() and any([tensor.requires_grad for tensor in tensors]):
        return method(law, x)
    result = _rearranged(_BY_INDEX[index], formula_of(law), tensors)
    return method(law, x) if result is None else result


def evaluate(entry: Entry, formula: Formula, tensors: Sequence[Tensor]) -> Tensor | None:
    """The kernel's value, differentiable where some tensor asks for it, or None where it does not apply.

    Args:
        entry: the native function.
        formula: the same function of the same tensors, made of torch's: for derivatives of derivatives.
        tensors: the inputs, in ordinary eager mode.
    """
    found: Tensor | None = native.evaluate(entry.index, formula, *tensors)
    return _rearranged(entry, formula, tensors) if found is None else found


def _rearranged(entry: Entry, formula: Formula, tensors: Sequence[Tensor]) -> Tensor | None:
    """What ``evaluate`` returns, for tensors that the native one does not take as they lie."""
    layout = arrange(entry, tensors)
    if layout is None:
        return None
    wanted = [tensor.requires_grad for tensor in tensors]
    tracked = is_grad_enabled() and any(wanted)
    if tracked and not _offers_gradients(entry, layout, tensors, wanted):
        return None
    code, n, k, shape, inputs, _ = layout
    value = tensors[-1].new_empty(shape + (k,) * entry.value_rank)
    if not native.run(entry.index, code, n, k, _threads(entry, layout), *inputs, value.data_ptr()):
        return None
    return _Native.record((entry.index, formula, value), *tensors) if tracked else value


def _levelled(entry: Entry, formula: Formula, tensors: Sequence[Tensor]) -> Tensor:
    """The value inside ``grad`` and ``vmap``: the kernel's, where it takes the plain tensors that lie beneath."""
    dtype = tensors[-1].dtype
    for tensor, integer in zip(tensors, entry.integers, strict=True):
        if not is_plain_cpu(unwrapped(tensor)) or tensor.dtype is not (torch.int64 if integer else dtype):
            return formula(*tensors)
    if dtype not in FLOATS:
        return formula(*tensors)
    value: Tensor = levels.run(_Value(entry, formula), *tensors)
    return value


@dataclass(frozen=True, slots=True)
class _Value:
    """A native value."""

    entry: Entry
    formula: Formula

    def plain(self, *tensors: Tensor) -> Tensor:
        value = evaluate(self.entry, self.formula, tensors)
        return self.formula(*tensors) if value is None else value

    def mapped(self, tensors: Sequence[Tensor], dims: Sequence[int | None]) -> Tensor:
        value: Tensor = levels.run(self, *levels.aligned(tensors, dims, self.entry.ranks))
        return value

    def backward(
        self, tensors: Sequence[Tensor], wanted: Sequence[bool], grads: Sequence[Tensor]
    ) -> Sequence[Tensor | None]:
        if takes_levels() or is_ordinary_mode():
            found = iter(levels.run(_Pull(self.entry, self.formula, tuple(wanted)), *tensors, *grads))
        else:  # forward mode around the backward pass, say
            found = iter(_vjp(self.formula, tensors, wanted)(*grads))
        return [next(found) if want else None for want in wanted]


@dataclass(frozen=True, slots=True)
class _Pull:
    """The gradients in the wanted inputs, of these and of the gradient in the value."""

    entry: Entry
    formula: Formula
    wanted: tuple[bool, ...]

    def plain(self, *tensors: Tensor) -> Sequence[Tensor]:
        if is_grad_enabled() and any([tensor.requires_grad for tensor in tensors]):
            recorded: Sequence[Tensor] = levels.record(self, *tensors)
            return recorded
        *inputs, grad = tensors
        layout = arrange(self.entry, inputs) if is_plain_cpu(grad) and _has_memory(grad) else None
        if (
            layout is not None
            and _offers_gradients(self.entry, layout, inputs, self.wanted)
            and grad.shape == layout[3] + (layout[2],) * self.entry.value_rank
        ):
            found = _pull_back(self.entry, layout, inputs, self.wanted, grad)
            return tuple(gradient for gradient in found if gradient is not None)
        gradients: Sequence[Tensor] = _vjp(self.formula, inputs, self.wanted)(grad)
        return gradients

    def mapped(self, tensors: Sequence[Tensor], dims: Sequence[int | None]) -> Sequence[Tensor]:
        ranks = (*self.entry.ranks, self.entry.value_rank)
        found = levels.run(self, *levels.aligned(tensors, dims, ranks, everywhere=True))
        kept = [(t, d) for t, d, want in zip(tensors, dims, self.wanted) if want]
        shapes = [t.shape if d is None else t.movedim(d, 0).shape[1:] for t, d in kept]
        return [gradient.reshape(gradient.shape[:1] + shape) for gradient, shape in zip(found, shapes, strict=True)]

    def backward(
        self, tensors: Sequence[Tensor], wanted: Sequence[bool], grads: Sequence[Tensor]
    ) -> Sequence[Tensor | None]:
        def pulled(*at: Tensor) -> tuple[Tensor, ...]:
            gradients: tuple[Tensor, ...] = _vjp(self.formula, at[:-1], self.wanted)(at[-1])
            return gradients

        # not by the tensors' own graphs: levels that they come from may have ended, as those of ``jacrev`` have
        found = iter(_vjp(pulled, tensors, wanted)(tuple(grads)))
        return [next(found) if want else None for want in wanted]


def _vjp(function: Callable[..., Any], tensors: Sequence[Tensor], wanted: Sequence[bool]) -> Callable[..., Any]:
    """From a cotangent of the function's value to those of the wanted tensors."""

    def of(*some: Tensor) -> Any:
        rest = iter(some)
        return function(*[next(rest) if want else tensor for tensor, want in zip(tensors, wanted, strict=True)])

    pull: Callable[..., Any] = torch.func.vjp(of, *[t for t, want in zip(tensors, wanted, strict=True) if want])[1]
    return pull


def _threads(entry: Entry, layout: Layout) -> int:
    return 1 if layout[1] * layout[2] < entry.grain else get_num_threads()


def _offers_gradients(entry: Entry, layout: Layout, tensors: Sequence[Tensor], wanted: Sequence[bool]) -> bool:
    """Are all wanted partial derivatives offered, without repeating any row or matrix?"""
    n, k, periods = layout[1], layout[2], layout[4][entry.inputs :]
    for j, tensor in enumerate(tensors):
        if not wanted[j]:
            continue
        if not entry.differentiable[j]:
            return False
        rank = entry.ranks[j]
        if rank and periods[j] < n:
            size = tensor.numel() // k**rank
            if size != n and not (entry.summable[j] and size == periods[j]):
                return False
    return True


class _Native(torch.autograd.Function):
    """A native value whose backward pass is native too; derivatives of derivatives are the formula's.

    The library's ``connect`` puts a quick way in front of ``backward``, for gradients that lie as the entry wants them.
    """

    # ``Function.apply`` unwraps what functorch left behind, which ordinary mode rules out, and then calls this.
    record: Callable[..., Tensor]

    @staticmethod
    def backward(ctx: Any, grad: Tensor, read: Sequence[Tensor] | None = None) -> Sequence[Tensor | None]:
        # The tensors are read anew: their memory may have been exchanged, by ``.data`` or by a hook.
        index, formula = ctx.called
        tensors = ctx.saved_tensors if read is None else read
        wanted, entry = ctx.needs_input_grad[1:], _BY_INDEX[index]
        create_graph = is_grad_enabled()
        if not create_graph and is_ordinary_mode() and is_plain_cpu(grad) and _has_memory(grad):
            layout = arrange(entry, tensors)
            if layout is not None and grad.shape == layout[3] + (layout[2],) * entry.value_rank:
                return None, *_pull_back(entry, layout, tensors, wanted, grad)
        if type(formula) is tuple:  # how to make it, and of which law
            formula = formula[0](formula[1])
        return None, *through_formula(formula, tensors, wanted, grad, create_graph)


_BY_INDEX = tuple(ENTRIES.values())
if native is not None:
    _Native.record = super(torch.autograd.Function, _Native).apply
    _Native.forward = native.forward  # type: ignore[method-assign]
    native.connect(_Native, is_ordinary_mode, is_grad_enabled)


def _has_memory(grad: Tensor) -> bool:
    """False for the gradients of ``torch.autograd.grad(..., is_grads_batched=True)``, which only stand for tensors."""
    try:
        grad.data_ptr()
    except RuntimeError:
        return False
    return True


def _pull_back(
    entry: Entry, layout: Layout, tensors: Sequence[Tensor], wanted: Sequence[bool], grad: Tensor
) -> list[Tensor | None]:
    """The gradients in the wanted inputs, those of repeated inputs summed."""
    code, n, k, shape, inputs, _ = layout
    found: list[Tensor | None] = []
    addresses = []
    reduced, summed = 0, False
    for j, tensor in enumerate(tensors):
        if not wanted[j]:
            found.append(None)
            addresses.append(0)
            continue
        partial = empty_like(tensor) if tensor.is_contiguous() else tensor.new_empty(tensor.shape)
        size = partial.numel()
        event = (k,) * entry.ranks[j]
        one = math.prod(event)
        if size != n * one:
            if size == inputs[entry.inputs + j] * one:
                reduced |= 1 << j
            else:
                partial, summed = grad.new_empty(shape + event), True
        found.append(partial)
        addresses.append(partial.data_ptr())
    period = n
    if grad.is_neg():
        grad = grad.resolve_neg()
    if not grad.is_contiguous():
        rank = entry.value_rank
        grad, period = repeated(grad, shape, Size((k,) * rank)) if rank or any(grad.stride()) else (grad, 1)
    native.run(
        entry.index, code, n, k, _threads(entry, layout), *inputs, 0, *addresses, grad.data_ptr(), period, reduced
    )  # fmt: skip
    if summed:
        return [p if p is None else p.sum_to_size(t.shape) for p, t in zip(found, tensors, strict=True)]
    return found


def through_formula(
    formula: Formula, tensors: Sequence[Tensor], wanted: Sequence[bool], grad: Tensor, create_graph: bool
) -> list[Tensor | None]:
    """The gradients by automatic differentiation of the formula."""
    with torch.enable_grad():
        # aliases: where one input is a function of another, its gradient must not run on into that one
        tensors = [tensor.view_as(tensor) for tensor in tensors]
        value = formula(*tensors)
    of = [tensor for tensor, want in zip(tensors, wanted, strict=True) if want]
    found = iter(torch.autograd.grad(value, of, grad, create_graph=create_graph))
    return [next(found) if want else None for want in wanted]
