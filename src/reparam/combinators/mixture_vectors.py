r"""Modes of mixtures of normal vectors, by ascent from the components and from the ridges between them.

With :math:`r_k` the weights of the components given x, and :math:`s_k = \Lambda_k (\mu_k - x)` their scores, the
log-density has the gradient :math:`g = \sum r_k s_k` and minus the curvature
:math:`\sum r_k \left[\Lambda_k - (s_k - g)(s_k - g)^\top\right]`. The step
:math:`\left(\sum r_k \Lambda_k\right)^{-1} g` never lowers the density.

References:
    Carreira-Perpinan, Mode-finding for mixtures of Gaussian distributions, 2000.
    Ray and Lindsay, The topography of multivariate normal mixtures, 2005.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..core import derived
from ..core.linear import product, symmetric_cholesky
from ..families.low_rank_multivariate_normal import LowRankMultivariateNormal
from ..families.multivariate_normal import MultivariateNormal
from ..families.normal import Normal
from .independent import Independent

STEPS = 40
RIDGE = (0.25, 0.5, 0.75)  #: places on the ridge between two components where a search starts


class _Normals(NamedTuple):
    """A mixture, the means ``[..., K, D]`` of its components and their precision matrices ``[..., K, D, D]``."""

    mixture: Any
    loc: Tensor
    precision: Tensor

    def scores(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The weights of the components given x, their scores, and the score of the mixture."""
        values = self.mixture._each(lambda law: law._log_prob(self.mixture._spread(x)), 0)
        share = (self.mixture._choice().logits + values).softmax(-1).unsqueeze(-1)
        score = _times(self.precision, self.loc - x.unsqueeze(-2))
        return share, score, (share * score).sum(-2)

    def newton(self, x: Tensor) -> Tensor:
        """The step to where the quadratic expansion of the log-density has its extremum."""
        share, score, pull = self.scores(x)
        return _solve(self._joint(share) - self._spread(share, score, pull), pull)

    def climb(self, x: Tensor) -> Tensor:
        """The better of two steps."""
        share, score, pull = self.scores(x)
        joint = self._joint(share)
        safe = x + _solve(joint, pull)
        quick = x + _solve(joint - self._spread(share, score, pull), pull)
        better = self.height(quick) > self.height(safe)
        return torch.where(better.unsqueeze(-1), quick, safe)

    def height(self, x: Tensor) -> Tensor:
        """The log-density."""
        value: Tensor = self.mixture._log_prob(x)
        return value

    def starts(self) -> Tensor:
        """Along a new first dimension: the means, points between any two, and one between all."""
        first, second = torch.triu_indices(self.loc.shape[-2], self.loc.shape[-2], 1, device=self.loc.device)
        pulls = _times(self.precision, self.loc)
        every = [self.loc, _solve(self.precision.sum(-3), pulls.sum(-2)).unsqueeze(-2)]
        for a in RIDGE:
            joint, pull = (
                (1 - a) * t.index_select(dim, first) + a * t.index_select(dim, second)
                for dim, t in ((-3, self.precision), (-2, pulls))
            )
            every.append(_solve(joint, pull))
        return torch.cat(every, -2).movedim(-2, 0)

    def _joint(self, share: Tensor) -> Tensor:
        return (share.unsqueeze(-1) * self.precision).sum(-3)

    @staticmethod
    def _spread(share: Tensor, score: Tensor, pull: Tensor) -> Tensor:
        """The covariance of the scores."""
        apart = score - pull.unsqueeze(-2)
        return product((share * apart).mT, apart)


@derived.in_double
def mode_of_vectors(mixture: Any) -> Tensor:
    r"""The highest of the maxima that are found, with its implicit gradient.

    Every maximum lies on the ridge surface of weighted means
    :math:`(\sum a_k \Lambda_k)^{-1} \sum a_k \Lambda_k \mu_k`, where the search starts: at its corners, on its
    edges and in its middle.
    """
    if not are_normal(mixture):
        kinds = ", ".join(dict.fromkeys(type(law).__name__ for law in mixture._laws()))
        raise derived.refuse_missing(
            mixture, "mode", f"of vectors there is a search for normal ones alone, not for {kinds}"
        )
    normals = _Normals(mixture._unchecked(), mixture._each(lambda law: law._mean(), 1), mixture._each(_precision, 2))
    with torch.no_grad():
        x = normals.starts()
        for _ in range(STEPS):
            x = normals.climb(x)
        best = normals.height(x).argmax(0)[None, ..., None]
        x = x.gather(0, best.expand(1, *x.shape[1:])).squeeze(0).detach()
    for _ in range(2):  # Newton steps of length zero, which carry two derivatives
        step = normals.newton(x)
        x = x + (step - step.detach())
    return x


def are_normal(mixture: Any) -> bool:
    """Whether all components are normal laws of vectors."""
    return all(map(_is_normal, mixture._laws()))


def _is_normal(law: Any) -> bool:
    if isinstance(law, Independent):
        return isinstance(law.base_dist, Normal) and len(law.event_shape) == 1
    return isinstance(law, (MultivariateNormal, LowRankMultivariateNormal))


def factor_of(law: Any) -> Tensor:
    """The lower Cholesky factor of a component's covariance."""
    return law.scale_tril if isinstance(law, MultivariateNormal) else symmetric_cholesky(law._covariance())


def _precision(law: Any) -> Tensor:
    diagonal = not hasattr(law, "precision_matrix")
    return law.base_dist.scale.square().reciprocal().diag_embed() if diagonal else law.precision_matrix  # type: ignore[no-any-return]


def _times(matrix: Tensor, vector: Tensor) -> Tensor:
    return product(matrix, vector.unsqueeze(-1)).squeeze(-1)


def _solve(matrix: Tensor, vector: Tensor) -> Tensor:
    """The solution of linear equations; zero where they have none."""
    solution, info = torch.linalg.solve_ex(matrix, vector)
    return torch.where((info == 0).unsqueeze(-1), solution, 0.0)
