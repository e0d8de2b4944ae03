"""Laws of vectors taken apart into the conditional laws of their coordinates, for the mixtures made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from ..core.ranges import interior, probability
from ..core.slopes import slope
from ..families.multivariate_normal import MultivariateNormal
from ..special import log_ndtr
from .independent import Independent

HALF_LOG_TWO_PI = 0.9189385332046727


class Conditionals(Protocol):
    """The laws of the coordinates of x, in the order of memory, each given those before it; K laws side by side.

    Values have shape ``[..., K, D]``, with D the number of coordinates.
    """

    log_cdf: Tensor
    log_sf: Tensor
    log_prob: Tensor

    def slopes(self, upper: Tensor, tail: Tensor, past: Tensor) -> Tensor:
        """The matrix over (d, j) of the derivative in coordinate j of a sum over the K laws.

        Args:
            upper: ``[..., D]``, where the tail is the upper one.
            tail: ``[..., K, D]``, the weight of the logarithm of the tail at coordinate d.
            past: ``[..., K, D]``, the weight of the log-density of the coordinates before d.

        Returns:
            ``[..., D, D]``, lower triangular.
        """
        ...


class _Product:
    """Independent coordinates."""

    def __init__(self, law: Independent, x: Tensor) -> None:
        base, self.event_dim = law.base_dist, len(law.event_shape)
        x = x.expand(torch.broadcast_shapes(x.shape, base.batch_shape))
        self.log_cdf, self.log_sf = (self._flat(probability(base, name, x)) for name in ("_log_cdf", "_log_sf"))
        inner, self.x = interior(base.support, x)
        self.log_prob = self._flat(torch.where(inner, base._log_prob(self.x), -torch.inf))
        self.base = base

    def _flat(self, value: Tensor) -> Tensor:
        return value.flatten(value.dim() - self.event_dim)

    def slopes(self, upper: Tensor, tail: Tensor, past: Tensor) -> Tensor:
        """The densities of the coordinates on the diagonal, their scores beside it."""
        score = self._flat(slope(self.base._log_prob, self.x))
        score = torch.where(self.log_prob > -torch.inf, score, 0.0)
        log_tail = torch.where(upper.unsqueeze(-2), self.log_sf, self.log_cdf)
        sign = 1 - 2 * upper.to(score.dtype).unsqueeze(-2)
        seen = tail != 0
        hazard = torch.where(seen, self.log_prob - torch.where(seen, log_tail, 0.0), -torch.inf).exp()
        diagonal = (tail * sign * hazard).sum(-2)
        return torch.tril(torch.einsum("...kd,...kj->...dj", past, score), -1) + torch.diag_embed(diagonal)


class _Whitened:
    r"""A multivariate normal: coordinate d is normal once :math:`w = L^{-1}(x - \mu)` is known up to d."""

    def __init__(self, law: MultivariateNormal, x: Tensor) -> None:
        factor = law.scale_tril
        identity = torch.eye(factor.shape[-1], dtype=x.dtype, device=x.device).expand_as(factor)
        self.inverse = torch.linalg.solve_triangular(factor, identity, upper=False)
        self.noise = (self.inverse @ (x - law.loc).unsqueeze(-1)).squeeze(-1)
        self.log_cdf, self.log_sf = log_ndtr(self.noise), log_ndtr(-self.noise)
        self.log_density = -0.5 * self.noise**2 - HALF_LOG_TWO_PI
        self.log_prob = self.log_density + self.inverse.diagonal(dim1=-2, dim2=-1).log()

    def slopes(self, upper: Tensor, tail: Tensor, past: Tensor) -> Tensor:
        """The rows of the inverse factor, weighted by hazards and by the noise of earlier coordinates."""
        log_tail = torch.where(upper.unsqueeze(-2), self.log_sf, self.log_cdf)
        sign = 1 - 2 * upper.to(tail.dtype).unsqueeze(-2)
        weight = tail * sign * torch.exp(self.log_density - log_tail)
        total = torch.zeros((), dtype=tail.dtype, device=tail.device)
        for k in range(tail.shape[-2]):
            rows, noise = self.inverse[..., k, :, :], self.noise[..., k, :, None]
            before = (noise * rows).cumsum(-2) - noise * rows
            total = total + weight[..., k, :, None] * rows - past[..., k, :, None] * before
        return total


class Joined:
    """Several objects of conditional laws, one after another along the dimension of the laws."""

    def __init__(self, parts: Sequence[Conditionals]) -> None:
        self.parts = parts
        self.log_cdf = torch.cat([part.log_cdf for part in parts], -2)
        self.log_sf = torch.cat([part.log_sf for part in parts], -2)
        self.log_prob = torch.cat([part.log_prob for part in parts], -2)

    def slopes(self, upper: Tensor, tail: Tensor, past: Tensor) -> Tensor:
        """The sum of those of the parts."""
        sizes = [part.log_prob.shape[-2] for part in self.parts]
        shares = zip(self.parts, tail.split(sizes, -2), past.split(sizes, -2), strict=True)
        return torch.stack([part.slopes(upper, t, p) for part, t, p in shares]).sum(0)


def has_conditionals(law: Any) -> bool:
    """Whether the coordinates of a law's events are known one after another."""
    if isinstance(law, Independent):
        return not law.base_dist.event_shape and not law.support.is_discrete
    return isinstance(law, MultivariateNormal) or hasattr(law, "_conditionals")


def conditionals(law: Any, x: Tensor) -> Conditionals:
    """The conditional laws of the coordinates of x, ``[..., K, *event]``.

    A law of another library's author offers ``_conditionals(x)``.
    """
    if isinstance(law, Independent):
        return _Product(law, x)
    if isinstance(law, MultivariateNormal):
        return _Whitened(law, x)
    found: Conditionals = law._conditionals(x)
    return found


def log_responsibilities(log_weights: Tensor, log_prob: Tensor) -> Tensor:
    """The logarithm of each law's weight given the coordinates before d: ``[..., K, D]``."""
    # never the whole sum less the last entry: infinities are to stay apart
    past = torch.cat([torch.zeros_like(log_prob[..., :1]), log_prob[..., :-1].cumsum(-1)], -1)
    return torch.log_softmax(log_weights.unsqueeze(-1) + past, -2)
