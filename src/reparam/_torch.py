"""What reparam asks of PyTorch beyond its public interface: the only file that touches private names.

Each function states the question; the body is the answer for the supported versions of torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, is_grad_enabled
from torch._C import (
    _functorch as _functorch,
)
from torch._C import (
    _is_tracing as _is_tracing,
)
from torch._C import (
    _len_torch_dispatch_stack as _dispatch_modes,
)
from torch._C import (
    _len_torch_function_stack as _function_modes,
)
from torch._C import (
    _set_grad_enabled as _set_grad_enabled,
)
from torch._functorch import eager_transforms as _eager_transforms
from torch._functorch.predispatch import _remove_batch_dim
from torch._functorch.pyfunctorch import retrieve_current_functorch_interpreter as _current_interpreter
from torch._functorch.vmap import unwrap_batched as _unwrap_batched
from torch._higher_order_ops.while_loop import while_loop as _while_loop
from torch.autograd import forward_ad as _forward_ad
from torch.nn import Parameter

_interpreters = _functorch.peek_interpreter_stack
_is_compiling = torch.compiler.is_compiling
_PLAIN = frozenset((Tensor, Parameter))
_LEVELS = 6  # of transforms within each other that a compiled assertion sees through
T = TypeVar("T")


def is_ordinary_mode() -> bool:
    """True in plain eager execution: not compiling, no trace, no functorch transform, no dual level, no mode."""
    return not (
        _is_compiling()
        or _is_tracing()
        or _interpreters() is not None
        or _forward_ad._current_level >= 0
        or _dispatch_modes()
        or _function_modes()
    )


def untracked(function: Callable[..., T], *args: object) -> T:
    """The value of a function under ``torch.no_grad``, at a sixth of its price."""
    tracked = is_grad_enabled()
    _set_grad_enabled(False)
    try:
        return function(*args)
    finally:
        _set_grad_enabled(tracked)


def constant(function: Callable[..., Tensor], *args: object) -> Tensor:
    """The ``untracked`` value of a function, without the derivative that forward mode gives it all the same."""
    value = untracked(function, *args)
    moving = _is_compiling() or _interpreters() is not None or _forward_ad._current_level >= 0
    return value.detach() if moving else value


def is_plain_cpu(tensor: Tensor) -> bool:
    """True for a strided CPU tensor that is no subclass (other than ``nn.Parameter``)."""
    return type(tensor) in _PLAIN and tensor.is_cpu and tensor.layout is torch.strided


def can_read() -> bool:
    """True where a tensor's entries may decide a Python branch (no compiling, no fake or traced tensors)."""
    return not (_is_compiling() or _is_tracing() or _dispatch_modes())


def unwrapped(tensor: Tensor) -> Tensor:
    """The tensor under every functorch wrapper, each ``vmap`` dimension moved to the front.

    A check that reads values (``all``) sees all of a batch at once this way, where the wrapped
    tensor would refuse to be read.
    """
    while _functorch.is_functorch_wrapped_tensor(tensor):
        batched = _functorch.is_batchedtensor(tensor)
        dim = _functorch.maybe_get_bdim(tensor) if batched else 0
        tensor = _functorch.get_unwrapped(tensor)
        if batched:
            tensor = tensor.movedim(dim, 0)
    return tensor


def numel_in_all(tensor: Tensor) -> int:
    """The number of entries, those of every row of every ``vmap`` counted."""
    while _functorch.is_functorch_wrapped_tensor(tensor):
        tensor = _functorch.get_unwrapped(tensor)
    return tensor.numel()


def assert_later(condition: Tensor, message: str) -> None:
    """Fail with ``message`` when the computation runs and ``condition`` is not true throughout (for compiled graphs).

    Torch asserts nothing of a batch of ``vmap``, so that every batch is undone. The compiler sees no levels: each
    that may be there is tried, which does nothing to a tensor that is not of it.
    """
    if is_transforming():
        condition = _without_gradients(condition)
        for level in range(_LEVELS, 0, -1):
            if _functorch.is_batchedtensor(condition):
                condition = _without_gradients(_remove_batch_dim(condition, level, 1, 0))
    torch._assert_async(condition.all(), message)


def _without_gradients(tensor: Tensor) -> Tensor:
    """The tensor under the outer wrappers of ``grad`` and ``jvp``."""
    for level in range(_LEVELS, 0, -1):
        tensor = _functorch._unwrap_for_grad(tensor, level)
    return tensor


def has_variable_copies(tensor: Tensor) -> bool:
    """Whether a tensor is, or is a view of, a variable that repeats, in whose copies there may be gradients.

    At any level: within ``grad`` and ``vmap`` the variable may be one of the tensors that lie beneath.
    """
    if _is_compiling():
        return tensor.requires_grad and tensor.is_leaf
    while True:
        if tensor.requires_grad:
            root = tensor if tensor._base is None else tensor._base
            if any([stride == 0 and size > 1 for stride, size in zip(root.stride(), root.shape, strict=True)]):
                return True
        if not _functorch.is_functorch_wrapped_tensor(tensor):
            return False
        tensor = _functorch.get_unwrapped(tensor)


def is_compiling() -> bool:
    """True while ``torch.compile`` traces."""
    return _is_compiling()


def is_transforming() -> bool:
    """True inside a transform of ``torch.func``, also while ``torch.compile`` traces."""
    return torch._C._are_functorch_transforms_active()


def must_share_noise(*tensors: Tensor) -> bool:
    """Whether a ``vmap(randomness="same")`` is at work in which one of the tensors differs from row to row.

    Torch's samplers take no such parameters there: draws must be functions of them and of shared numbers.
    """
    if _is_compiling() or _interpreters() is None:
        return False
    levels = set()
    for level in _functorch.get_interpreter_stack():
        if level.key() == _functorch.TransformType.Vmap:
            vmap = _functorch.CVmapInterpreterPtr(level)
            if vmap.randomness() == _functorch.RandomnessType.Same:
                levels.add(level.level())
    return bool(levels) and any(_is_batched_at(tensor, levels) for tensor in tensors)


def _is_batched_at(tensor: Tensor, levels: set[int]) -> bool:
    while _functorch.is_functorch_wrapped_tensor(tensor):
        if _functorch.is_batchedtensor(tensor) and _functorch.maybe_get_level(tensor) in levels:
            return True
        tensor = _functorch.get_unwrapped(tensor)
    return False


def has_dual_numbers() -> bool:
    """True inside ``torch.autograd.forward_ad.dual_level``, where ``torch.func.jvp`` is refused."""
    return _forward_ad._current_level >= 0 and not _eager_transforms.JVP_NESTING


def takes_levels() -> bool:
    """True inside transforms of ``torch.func`` that are all ``grad`` and ``vmap``, with nothing else at work."""
    if _interpreters() is None or _is_compiling() or _is_tracing() or _forward_ad._current_level >= 0:
        return False
    if _dispatch_modes() or _function_modes():
        return False
    kinds = [level.key() for level in _functorch.get_interpreter_stack()]
    return all([kind in (_functorch.TransformType.Grad, _functorch.TransformType.Vmap) for kind in kinds])


def living(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Tensors without the wrappers of levels that have ended."""
    return tuple(map(_alive, tensors))


def _alive(tensor: Tensor) -> Tensor:
    inner = _functorch.unwrap_if_dead(tensor)
    return tensor if inner is tensor else _alive(inner)


def mapped_dims(tensors: Sequence[Tensor]) -> tuple[Sequence[Tensor], Sequence[int | None] | None]:
    """Tensors below the innermost level and their dimensions in it, or None if it is no ``vmap``."""
    transform = _interpreters()
    if transform.key() != _functorch.TransformType.Vmap:
        return tensors, None
    plain, dims = zip(*[_functorch._unwrap_batched(tensor, transform.level()) for tensor in tensors])
    return plain, dims


def lowered(
    function: Callable[..., Any], tensors: Sequence[Tensor], tracked: bool = False, dim: int | None = None
) -> Any:
    """A function of tensors as the innermost level sees them from below; its results are put back into that level.

    Args:
        function: gives a tensor, or several.
        tensors: its arguments, at that level; at one of ``vmap``, without a mapped dimension.
        tracked: whether to record gradients of the levels below, within a node's forward pass.
        dim: the dimension of the results that is mapped over, at a level of ``vmap``.
    """
    transform = _current_interpreter()
    level, maps = transform.level(), transform.key() == _functorch.TransformType.Vmap
    plain = tensors if maps else [_functorch._unwrap_for_grad(tensor, level) for tensor in tensors]
    with torch.set_grad_enabled(tracked or is_grad_enabled()), transform.lower():
        found = function(*plain)

    def put_back(tensor: Tensor) -> Tensor:
        if maps:
            return tensor if dim is None else _functorch._add_batch_dim(tensor, dim, level)
        return _functorch._wrap_for_grad(tensor, level)

    return put_back(found) if isinstance(found, Tensor) else tuple(map(put_back, found))


def at_one_level(apply: Callable[..., Any], *args: Any) -> Any:
    """The ``apply`` of an ``autograd.Function`` that sees to the levels below its own itself."""
    allowed = _functorch.get_single_level_autograd_function_allowed()
    _functorch.set_single_level_autograd_function_allowed(True)
    try:
        return apply(*args)
    finally:
        _functorch.set_single_level_autograd_function_allowed(allowed)


def seen_around(function: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """A function of tensors in the ``jvp`` of an ``autograd.Function``, so that forward modes around it see it.

    There torch has turned forward mode off for the transform that asks, but also for all that it stands in, where a
    derivative of a derivative would be zero without a word.
    """
    if _interpreters() is None:
        return function(*tensors)
    transform = _current_interpreter()
    level, kind = transform.level(), transform.key()
    if kind == _functorch.TransformType.Vmap:
        plain, dims = _unwrap_batched(tensors, level)
        if all(dim is None for dim in dims):
            with transform.lower():
                return seen_around(function, *plain)
        with transform.lower():
            mapped = seen_around(torch.vmap(function, dims), *plain)
        return _functorch._add_batch_dim(mapped, 0, level)
    if kind != _functorch.TransformType.Jvp:
        return function(*tensors)
    plain = [_functorch._unwrap_for_grad(tensor, level) for tensor in tensors]
    with _forward_ad._set_fwd_grad_enabled(True), transform.lower():
        found = function(*plain)
    return _functorch._wrap_for_grad(found, level)


def repeat(
    times: int,
    step: Callable[..., tuple[Tensor, ...]],
    *state: Tensor,
    done: Callable[..., bool] = lambda *_: False,
) -> tuple[Tensor, ...]:
    """What some tensors are after a number of steps, without a gradient.

    ``torch.compile`` traces the step once, as the body of a loop, rather than each time anew.

    Args:
        times: how often.
        step: from the tensors to new ones of the same dtypes and shapes.
        state: the tensors to begin with.
        done: of the tensors, whether further steps are idle; asked only where a value may be read.
    """
    if not _is_compiling() or is_transforming():
        for _ in range(times):
            if done(*state):
                break
            state = step(*state)
        return state

    def more(count: Tensor, *_: Tensor) -> Tensor:
        return count < times

    def body(count: Tensor, *now: Tensor) -> tuple[Tensor, ...]:
        return count + 1, *step(*now)

    count = torch.zeros((), dtype=torch.int64)
    end = _while_loop(more, body, (count, *(t.clone(memory_format=torch.contiguous_format) for t in state)))
    return tuple(end[1:])


def standard_gamma(concentration: Tensor, generator: torch.Generator | None) -> Tensor:
    """Gamma draws with rate 1 on any device, without a gradient."""
    return torch._standard_gamma(concentration, generator)
