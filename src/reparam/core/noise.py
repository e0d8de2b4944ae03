"""The random numbers that samplers are made of: on the device of the parameters, from any generator."""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor

from .._torch import is_ordinary_mode

# ``generator=None`` is not passed on: torch's operators take symbolic shapes only without the keyword. ``size`` is
# passed by keyword: a ``Size`` by position costs torch's parser as much as the numbers themselves.


def normal(shape: torch.Size, like: Tensor, generator: Generator | None) -> Tensor:
    """Standard normal numbers in the dtype of ``like``."""
    if generator is None:
        return torch.randn(size=shape, dtype=like.dtype, device=like.device)
    return torch.randn(size=shape, dtype=like.dtype, device=like.device, generator=generator)


def uniform(shape: torch.Size, like: Tensor, generator: Generator | None, dtype: torch.dtype | None = None) -> Tensor:
    """Uniform numbers in [0, 1), in the dtype of ``like`` unless another is asked for."""
    dtype = dtype or like.dtype
    if generator is None:
        return torch.rand(size=shape, dtype=dtype, device=like.device)
    return torch.rand(size=shape, dtype=dtype, device=like.device, generator=generator)


def fine_uniform(shape: torch.Size, like: Tensor, generator: Generator | None) -> Tensor:
    """Uniform numbers of 53 bits, fine enough to be compared with small probabilities."""
    return uniform(shape, like, generator, torch.float64)


@torch.library.custom_op("reparam::binomial", mutates_args=())
def _binomial(count: Tensor, prob: Tensor) -> Tensor:
    return torch.binomial(count, prob)


@_binomial.register_fake
def _(count: Tensor, prob: Tensor) -> Tensor:
    return torch.empty_like(count)


@_binomial.register_vmap
def _(info: Any, in_dims: tuple[int | None, int | None], count: Tensor, prob: Tensor) -> tuple[Tensor, int]:
    count, prob = (
        t.movedim(d, 0) if d is not None else t.expand((info.batch_size, *t.shape))
        for t, d in zip((count, prob), in_dims)
    )
    return _binomial(count.contiguous(), prob.contiguous()), 0


def binomial(count: Tensor, prob: Tensor, shape: torch.Size, generator: Generator | None) -> Tensor:
    """Binomial numbers of float64; torch's sampler made fit for ``torch.compile`` and ``torch.vmap``."""
    count, prob = count.double().expand(shape), prob.double().expand(shape)
    if is_ordinary_mode():
        return torch.binomial(count, prob, generator=generator)
    # batched wherever random numbers are, so that each row of a vmap has its own draws
    drawn: Tensor = _binomial(count + 0 * uniform(shape, count, None), prob)
    return drawn
