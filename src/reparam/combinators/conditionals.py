r"""Laws of vectors taken apart into the conditional laws of their coordinates, for the mixtures made of them.

With :math:`r_k^d` the weight of component k given the coordinates before d, and :math:`F_k^d` its conditional cdf, a
mixture has the conditional cdf :math:`U^d = \sum_k r_k^d F_k^d`, whose derivatives in the coordinates are

.. math:: \frac{\partial \log U^d}{\partial x_j} = \sum_k \rho_k^d \frac{\partial \log F_k^d}{\partial x_j}
          + \sum_k (\rho_k^d - r_k^d) \frac{\partial}{\partial x_j} \sum_{i<d} \log p_k^i, \qquad
          \rho_k^d = r_k^d F_k^d / U^d,

likewise for the other tail. The matrix of these is triangular and never made: it is solved one coordinate after
another, each of which only adds to a few sums over the components.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from ..core.distribution import Distribution
from ..core.linear import product
from ..core.ranges import interior, probability
from ..core.slopes import slope
from ..families.multivariate_normal import MultivariateNormal
from ..families.normal import HALF_LOG_TWO_PI
from ..special import log_ndtr
from .independent import Independent


class Sums(Protocol):
    """What the coordinates that are already solved for add to the equation of the next."""

    def known(self, d: int) -> Tensor:
        """The sum over the solved coordinates in equation d."""
        ...

    def add(self, d: int, value: Tensor) -> None:
        """Take coordinate d for solved."""
        ...


class Conditionals(Protocol):
    """The laws of the coordinates of x, in the order of memory, each given those before it; K laws side by side.

    Values have shape ``[..., K, D]``, with D the number of coordinates.
    """

    log_cdf: Tensor
    log_sf: Tensor
    log_prob: Tensor

    def system(self, tail: Tensor, hazard: Tensor, past: Tensor, transposed: bool) -> tuple[Tensor, Sums]:
        """These laws' share of the triangular matrix.

        Args:
            tail: the weights of the logarithms of the tails, with the sign of their slopes.
            hazard: the conditional density over that tail.
            past: the weights of the log-density of the coordinates before d.
            transposed: whether the transposed equations are to be solved, from the last to the first.

        Returns:
            The diagonal, ``[..., D]``, and the sums beside it.
        """
        ...


class _Product:
    """Independent coordinates."""

    def __init__(self, law: Independent, x: Tensor) -> None:
        base, self.event_dim = law.base_dist, len(law.event_shape)
        x = x.expand(torch.broadcast_shapes(x.shape, base.batch_shape))
        self.log_cdf, self.log_sf = (self._flat(probability(base, name, x)) for name in ("_log_cdf", "_log_sf"))
        self.inner, self.x = interior(base.support, x)
        self.log_prob = self._flat(torch.where(self.inner, base._log_prob(self.x), -torch.inf))
        self.base = base

    def _flat(self, value: Tensor) -> Tensor:
        return value.flatten(value.dim() - self.event_dim)

    def system(self, tail: Tensor, hazard: Tensor, past: Tensor, transposed: bool) -> tuple[Tensor, Sums]:
        """The densities of the coordinates on the diagonal, products of weights and scores beside it."""
        score = self._flat(torch.where(self.inner, slope(self.base._log_prob, self.x), 0.0))
        outer, inner = (score, past) if transposed else (past, score)
        return (tail * hazard).sum(-2), _Products(outer, inner)


class _Products:
    """Sums of ``outer[k, d] inner[k, j] x[j]`` over the laws k and the solved coordinates j."""

    def __init__(self, outer: Tensor, inner: Tensor) -> None:
        self.outer, self.inner = outer, inner
        self.total = torch.zeros_like(outer[..., 0])

    def known(self, d: int) -> Tensor:
        return (self.outer[..., d] * self.total).sum(-1)

    def add(self, d: int, value: Tensor) -> None:
        self.total = self.total + self.inner[..., d] * value.unsqueeze(-1)


class _Whitened:
    r"""A multivariate normal: coordinate d is normal once :math:`w = A (x - \mu)`, A = L^-1, is known up to d."""

    def __init__(self, law: MultivariateNormal, x: Tensor) -> None:
        factor = law.scale_tril
        identity = torch.eye(factor.shape[-1], dtype=x.dtype, device=x.device).expand_as(factor)
        self.inverse = torch.linalg.solve_triangular(factor, identity, upper=False)
        self.noise = product(self.inverse, (x - law.loc).unsqueeze(-1)).squeeze(-1)
        self.log_cdf, self.log_sf = log_ndtr(self.noise), log_ndtr(-self.noise)
        self.rate = self.inverse.diagonal(dim1=-2, dim2=-1)
        self.log_prob = self.rate.log() - 0.5 * self.noise**2 - HALF_LOG_TWO_PI

    def system(self, tail: Tensor, hazard: Tensor, past: Tensor, transposed: bool) -> tuple[Tensor, Sums]:
        """The rows of A, weighted by the hazards of w and by the noise of earlier coordinates."""
        weight = tail * hazard
        sums = (_Columns if transposed else _Rows)(self, weight / self.rate, past)
        return weight.sum(-2), sums


class _Columns:
    """For the transposed equations: c[k, d] A[k, d, j] over solved d, c = weight v - w (sum of past v over later)."""

    def __init__(self, law: _Whitened, weight: Tensor, past: Tensor) -> None:
        self.law, self.weight, self.past = law, weight, past
        self.later = torch.zeros_like(past[..., 0])
        self.total: Tensor | None = None

    def _missing(self, d: int) -> Tensor:
        missing: Tensor = self.law.noise[..., d] * self.later
        return missing

    def known(self, d: int) -> Tensor:
        own: Tensor = (self.law.rate[..., d] * self._missing(d)).sum(-1)
        return -own if self.total is None else self.total[..., d] - own

    def add(self, d: int, value: Tensor) -> None:
        value = value.unsqueeze(-1)
        share = self.weight[..., d] * value - self._missing(d)
        added = product(share.unsqueeze(-2), self.law.inverse[..., d, :]).squeeze(-2)
        self.total = added if self.total is None else self.total + added
        self.later = self.later + self.past[..., d] * value


class _Rows:
    """For the equations as they are: weight A x less past (sum of w A x over earlier)."""

    def __init__(self, law: _Whitened, weight: Tensor, past: Tensor) -> None:
        self.law, self.weight, self.past = law, weight, past
        self.moved = torch.zeros_like(past)
        self.earlier = torch.zeros_like(past[..., 0])

    def known(self, d: int) -> Tensor:
        return (self.weight[..., d] * self.moved[..., d] - self.past[..., d] * self.earlier).sum(-1)

    def add(self, d: int, value: Tensor) -> None:
        self.moved = self.moved + self.law.inverse[..., :, d] * value[..., None, None]
        self.earlier = self.earlier + self.law.noise[..., d] * self.moved[..., d]


class Joined:
    """Several objects of conditional laws, one after another along the dimension of the laws."""

    def __init__(self, parts: Sequence[Conditionals]) -> None:
        self.parts = parts
        self.log_cdf = torch.cat([part.log_cdf for part in parts], -2)
        self.log_sf = torch.cat([part.log_sf for part in parts], -2)
        self.log_prob = torch.cat([part.log_prob for part in parts], -2)

    def system(self, tail: Tensor, hazard: Tensor, past: Tensor, transposed: bool) -> tuple[Tensor, Sums]:
        """The sums of those of the parts."""
        sizes = [part.log_prob.shape[-2] for part in self.parts]
        shares = zip(self.parts, *(t.split(sizes, -2) for t in (tail, hazard, past)), strict=True)
        systems = [part.system(t, h, p, transposed) for part, t, h, p in shares]
        return torch.stack([diagonal for diagonal, _ in systems]).sum(0), _Together([s for _, s in systems])


class _Together:
    """The sums of several."""

    def __init__(self, parts: Sequence[Sums]) -> None:
        self.parts = parts

    def known(self, d: int) -> Tensor:
        return torch.stack([part.known(d) for part in self.parts]).sum(0)

    def add(self, d: int, value: Tensor) -> None:
        for part in self.parts:
            part.add(d, value)


class MixtureJacobian:
    """The Jacobian of a mixture's standardisation by conditional cdfs.

    Args:
        laws: the conditional laws of the components.
        log_share: ``[..., K, D]``, their log-weights given the coordinates before.
        log_cdf: ``[..., D]``, of the mixture.
        log_sf: likewise.
        event_dim: the number of dimensions of an event.
    """

    def __init__(self, laws: Conditionals, log_share: Tensor, log_cdf: Tensor, log_sf: Tensor, event_dim: int) -> None:
        upper = (log_cdf >= log_sf).unsqueeze(-2)
        log_tail = torch.where(upper, laws.log_sf, laws.log_cdf)
        share = torch.exp(log_share + log_tail - torch.where(upper, log_sf.unsqueeze(-2), log_cdf.unsqueeze(-2)))
        seen = share != 0
        log_hazard = laws.log_prob - torch.where(seen, log_tail, 0.0)
        self.hazard = torch.where(seen, log_hazard, -torch.inf).exp()
        sign = 1 - 2 * upper.to(share.dtype)
        # the noise is minus the logarithm of an upper tail, whose slope is minus the hazard
        self.tail, self.past = share, sign * (share - log_share.exp())
        self.laws, self.event_dim = laws, event_dim

    def solve(self, v: Tensor, transposed: bool) -> Tensor:
        """By substitution, from the last coordinate where transposed, or from the first."""
        flat = v.flatten(v.dim() - self.event_dim)
        diagonal, sums = self.laws.system(self.tail, self.hazard, self.past, transposed)
        size = flat.shape[-1]
        found: dict[int, Tensor] = {}
        for d in reversed(range(size)) if transposed else range(size):
            rest = flat[..., d] - sums.known(d) if found else flat[..., d]
            found[d] = rest / diagonal[..., d]
            sums.add(d, found[d])
        return torch.stack([found[d] for d in range(size)], -1).reshape(v.shape)


def has_conditionals(law: Distribution) -> bool:
    """Whether the coordinates of a law's events are known one after another."""
    if isinstance(law, Independent):
        return not law.base_dist.event_shape and not law.support.is_discrete
    return isinstance(law, MultivariateNormal)


def conditionals(law: Any, x: Tensor) -> Conditionals:
    """The conditional laws of the coordinates of x, ``[..., K, *event]``."""
    return _Product(law, x) if isinstance(law, Independent) else _Whitened(law, x)


def log_responsibilities(log_weights: Tensor, log_prob: Tensor) -> Tensor:
    """The logarithm of each law's weight given the coordinates before d: ``[..., K, D]``."""
    # never the whole sum less the last entry: infinities are to stay apart
    past = torch.cat([torch.zeros_like(log_prob[..., :1]), log_prob[..., :-1].cumsum(-1)], -1)
    return torch.log_softmax(log_weights.unsqueeze(-1) + past, -2)
