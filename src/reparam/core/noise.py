"""The random numbers that samplers are made of: on the device of the parameters, from any generator."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor

from .. import kernels
from .._torch import is_ordinary_mode
from ..kernels.samplers import noise

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


def uniform_bits(shape: torch.Size, like: Tensor, generator: Generator | None) -> Tensor:
    """Whole numbers in [0, 2^53), in int64: the uniform numbers of 53 bits, in units of the last."""
    if generator is None:
        return torch.randint(2**53, size=shape, device=like.device)
    return torch.randint(2**53, size=shape, device=like.device, generator=generator)


def open_uniform(shape: torch.Size, like: Tensor, generator: Generator | None) -> Tensor:
    """Uniform numbers of 53 bits between 0 and 1, neither of them included, in float64."""
    return fine_uniform(shape, like, generator).clamp(min=2.0**-54)


def _inverted(
    law: str,
    quantile: Callable[[Tensor], Tensor],
    shape: torch.Size,
    like: Tensor,
    generator: Generator | None,
) -> Tensor:
    """Draws of a standard law by its quantiles: natively where that is possible."""
    drawn = noise(law, shape, like, generator)
    return quantile(open_uniform(shape, like, generator)).to(like.dtype) if drawn is None else drawn


def _laplace_quantile(u: Tensor) -> Tensor:
    centred = u - 0.5
    return torch.copysign(torch.log1p(-2 * centred.abs()), centred)


def exponential(shape: torch.Size, like: Tensor, generator: Generator | None) -> Tensor:
    """Exponential numbers with rate 1 in the dtype of ``like``, positive, with both tails to 1e-16."""
    return _inverted("exponential", lambda u: -u.log(), shape, like, generator)


def gumbel(shape: torch.Size, like: Tensor, generator: Generator | None) -> Tensor:
    """Standard Gumbel numbers in the dtype of ``like``."""
    return _inverted("gumbel", lambda u: -(-u.log()).log(), shape, like, generator)


def laplace(shape: torch.Size, like: Tensor, generator: Generator | None) -> Tensor:
    """Laplace numbers with scale 1 in the dtype of ``like``."""
    return _inverted("laplace", _laplace_quantile, shape, like, generator)


def logistic(shape: torch.Size, like: Tensor, generator: Generator | None) -> Tensor:
    """Standard logistic numbers in the dtype of ``like``."""
    return _inverted("logistic", torch.logit, shape, like, generator)


def cauchy(shape: torch.Size, like: Tensor, generator: Generator | None) -> Tensor:
    """Standard Cauchy numbers in the dtype of ``like``."""
    return _inverted("cauchy", lambda u: torch.tan(math.pi * (u - 0.5)), shape, like, generator)


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
    """Binomial numbers, native ones or torch's; that sampler is made fit for ``torch.compile`` and ``torch.vmap``.

    References:
        Hörmann, The generation of binomial random variates, 1993.
    """
    if kernels.usable(prob):
        return kernels.draw("binomial_draw", kernels.key_of(shape, generator, prob), count.to(prob.dtype), prob)
    count, prob = count.double().expand(shape), prob.double().expand(shape)
    if prob.is_meta:  # which torch's sampler does not know
        return torch.empty_like(count)
    if is_ordinary_mode():
        return torch.binomial(count, prob, generator=generator)
    # batched wherever random numbers are, so that each row of a vmap has its own draws
    drawn: Tensor = _binomial(count + 0 * uniform(shape, count, None), prob)
    return drawn
