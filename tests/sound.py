"""A sound law, from which the broken ones differ in one thing each."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

import reparam
from reparam import constraints, param, register_kl
from reparam.special import ndtr, ndtri

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


class Sound(reparam.Distribution):
    """A normal law written plainly: what the broken ones differ from in one thing each."""

    loc = param(constraints.real, typical=(-2.0, 2.0))
    scale = param(constraints.positive, typical=(0.3, 3.0))
    support = constraints.real

    def _log_prob(self, x: Tensor) -> Tensor:
        z = (x - self.loc) / self.scale
        return -0.5 * z * z - self.scale.log() - HALF_LOG_TWO_PI

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        noise = torch.randn(shape, dtype=self.dtype, generator=generator)
        return self.loc + self.scale * noise

    def _cdf(self, x: Tensor) -> Tensor:
        return ndtr((x - self.loc) / self.scale)

    def _sf(self, x: Tensor) -> Tensor:
        return ndtr((self.loc - x) / self.scale)

    def _icdf(self, p: Tensor) -> Tensor:
        return self.loc + self.scale * ndtri(p)

    def _isf(self, p: Tensor) -> Tensor:
        return self.loc - self.scale * ndtri(p)

    def _entropy(self) -> Tensor:
        return 0.5 + HALF_LOG_TWO_PI + self.scale.log()

    def _mean(self) -> Tensor:
        return self.loc

    _mode = _median = _mean

    def _variance(self) -> Tensor:
        return self.scale**2


@register_kl(Sound, Sound)
def _(p: Sound, q: Sound) -> Tensor:
    ratio = (p.scale / q.scale) ** 2
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale) ** 2 - 1 - ratio.log())
