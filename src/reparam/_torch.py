"""What reparam asks of PyTorch beyond its public interface: the only file that touches private names.

Each function states the question; the body is the answer for the supported versions of torch.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch._C import (
    _functorch as _functorch,
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
from torch.autograd import forward_ad as _forward_ad
from torch.nn import Parameter

_interpreters = _functorch.peek_interpreter_stack
_is_compiling = torch.compiler.is_compiling
_PLAIN = frozenset((Tensor, Parameter))


def is_ordinary_mode() -> bool:
    """True in plain eager execution: not compiling, no functorch transform, no dual level, no mode."""
    return not (
        _is_compiling()
        or _interpreters() is not None
        or _forward_ad._current_level >= 0
        or _dispatch_modes()
        or _function_modes()
    )


class Untracked:
    """``torch.no_grad`` at a third of its price."""

    __slots__ = ("_tracked",)

    def __enter__(self) -> None:
        self._tracked = torch.is_grad_enabled()
        _set_grad_enabled(False)

    def __exit__(self, *failure: object) -> None:
        _set_grad_enabled(self._tracked)


def is_plain_cpu(tensor: Tensor) -> bool:
    """True for a strided CPU tensor that is no subclass (other than ``nn.Parameter``)."""
    return type(tensor) in _PLAIN and tensor.is_cpu and tensor.layout is torch.strided


def can_read() -> bool:
    """True where a tensor's entries may decide a Python branch (no compiling, no fake or traced tensors)."""
    return not (_is_compiling() or _dispatch_modes())


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


def assert_later(condition: Tensor, message: str) -> None:
    """Fail with ``message`` when the computation runs and ``condition`` is false (for compiled graphs)."""
    torch._assert_async(condition, message)


def is_compiling() -> bool:
    """True while ``torch.compile`` traces."""
    return _is_compiling()


def is_transforming() -> bool:
    """True inside a transform of ``torch.func``, also while ``torch.compile`` traces."""
    return torch._C._are_functorch_transforms_active()


def standard_gamma(concentration: Tensor, generator: torch.Generator | None) -> Tensor:
    """Gamma draws with rate 1 on any device, without a gradient."""
    return torch._standard_gamma(concentration, generator)
