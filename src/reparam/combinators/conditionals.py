"""Laws of vectors taken apart into the conditional laws of their coordinates, for the mixtures made of them."""

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
from ..families.normal import HALF_LOG_TWO_PI, Normal
from ..special import log_ndtr, ndtr
from .independent import Independent

#: Functions of the parameters, and their weights in a sum.
Terms = list[tuple[Tensor, Tensor]]


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

    log_prob: Tensor

    def tails(self) -> tuple[Tensor, Tensor]:
        """The logarithms of the conditional cdf and survival function."""
        ...

    def above(self) -> Tensor:
        """Which coordinates lie above their conditional medians."""
        ...

    def tail(self, upper: Tensor, sign: Tensor) -> Tensor:
        """Of the two tails the upper ones where wanted, and where the sign is -1, without a gradient."""
        ...

    def terms(self, upper: Tensor, sign: Tensor, on_tail: Tensor, on_density: Tensor, hazard: Tensor) -> Terms:
        """What has the gradient of a sum of log-tails and log-densities.

        Args:
            upper: where the upper tails are meant.
            sign: -1 there, and 1 elsewhere.
            on_tail: the weights of their logarithms.
            on_density: the weights of the logarithms of the densities.
            hazard: the conditional densities over those tails.
        """
        ...

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
    """Independent coordinates, or a scalar, which is the only one."""

    def __init__(self, base: Distribution, x: Tensor, event_dim: int) -> None:
        self.base, self.event_dim = base, event_dim
        x = x.expand(torch.broadcast_shapes(x.shape, base.batch_shape))
        self.log_cdf, self.log_sf = (self._flat(probability(base, name, x)) for name in ("_log_cdf", "_log_sf"))
        self.inner, self.x = interior(base.support, x)
        self.log_prob = self._flat(torch.where(self.inner, base._log_prob(self.x), -torch.inf))

    def _flat(self, value: Tensor) -> Tensor:
        return value.flatten(value.dim() - self.event_dim) if self.event_dim else value.unsqueeze(-1)

    def tails(self) -> tuple[Tensor, Tensor]:
        """By the methods of the law."""
        return self.log_cdf, self.log_sf

    def above(self) -> Tensor:
        """By comparing the tails."""
        return self.log_cdf > self.log_sf

    def tail(self, upper: Tensor, sign: Tensor) -> Tensor:
        """One or the other."""
        return torch.where(upper, self.log_sf, self.log_cdf).detach()

    def terms(self, upper: Tensor, sign: Tensor, on_tail: Tensor, on_density: Tensor, hazard: Tensor) -> Terms:
        """The logarithms themselves."""
        lower_part, upper_part = torch.where(upper, 0.0, on_tail), torch.where(upper, on_tail, 0.0)
        return [(self.log_cdf, lower_part), (self.log_sf, upper_part), (self.log_prob, on_density)]

    def _score(self) -> Tensor:
        return self._flat(torch.where(self.inner, slope(self.base._log_prob, self.x), 0.0))

    def system(self, tail: Tensor, hazard: Tensor, past: Tensor, transposed: bool) -> tuple[Tensor, Sums]:
        """The densities of the coordinates on the diagonal, products of weights and scores beside it."""
        diagonal = (tail * hazard).sum(-2)
        if past.shape[-1] == 1:
            return diagonal, _Alone()
        score = self._score()
        return diagonal, _Products(score, past) if transposed else _Products(past, score)


class _Standardised:
    """Coordinates that are standard normal as ``noise``, which grows with them at a rate."""

    noise: Tensor
    rate: Tensor
    log_prob: Tensor

    def _standardise(self, noise: Tensor, rate: Tensor) -> None:
        self.noise, self.rate = noise, rate
        self.log_prob = torch.addcmul(rate.log() - HALF_LOG_TWO_PI, noise, noise, value=-0.5)

    def tails(self) -> tuple[Tensor, Tensor]:
        """Those of the noise."""
        return log_ndtr(self.noise), log_ndtr(-self.noise)

    def above(self) -> Tensor:
        """By the sign of the noise."""
        return self.noise > 0

    def tail(self, upper: Tensor, sign: Tensor) -> Tensor:
        """That of the noise, or of its negative; none where it is less than the least number."""
        return ndtr(sign * self.noise.detach()).log()

    def terms(self, upper: Tensor, sign: Tensor, on_tail: Tensor, on_density: Tensor, hazard: Tensor) -> Terms:
        """The noise and its rate."""
        noise, rate, log_rate = self.noise.detach(), self.rate.detach(), self.rate.log()
        on_noise = on_tail * hazard * (sign / rate) - on_density * noise
        return [(self.noise, on_noise), (log_rate, on_density.sum_to_size(log_rate.shape))]


class _Normals(_Standardised, _Product):
    """Independent normal coordinates."""

    def __init__(self, base: Normal, x: Tensor, event_dim: int) -> None:
        self.event_dim = event_dim
        rate = base.scale.reciprocal()
        self._standardise(self._flat((x - base.loc) * rate), self._flat(rate))

    def _score(self) -> Tensor:
        return self.noise * -self.rate


class _Products:
    """Sums of ``outer[k, d] inner[k, j] x[j]`` over the laws k and the solved coordinates j."""

    def __init__(self, outer: Tensor, inner: Tensor) -> None:
        # what belongs to one coordinate in one piece, the laws along its first dimension
        self.outer, self.inner = (t.movedim((-1, -2), (0, 1)).contiguous().unbind() for t in (outer, inner))
        self.total = torch.zeros_like(self.outer[0])

    def known(self, d: int) -> Tensor:
        return (self.outer[d] * self.total).sum(0)

    def add(self, d: int, value: Tensor) -> None:
        self.total = torch.addcmul(self.total, self.inner[d], value)


class _Alone:
    """The sums of a scalar, which has no coordinates beside it."""

    def known(self, d: int) -> Tensor:
        raise IndexError(d)

    def add(self, d: int, value: Tensor) -> None:
        pass


class _Whitened(_Standardised):
    r"""A multivariate normal: coordinate d is normal once :math:`w = A (x - \mu)`, A = L^-1, is known up to d."""

    def __init__(self, law: MultivariateNormal, x: Tensor) -> None:
        factor = law.scale_tril
        identity = torch.eye(factor.shape[-1], dtype=x.dtype, device=x.device).expand_as(factor)
        self.inverse = torch.linalg.solve_triangular(factor, identity, upper=False)
        noise = product(self.inverse, (x - law.loc).unsqueeze(-1)).squeeze(-1)
        self._standardise(noise, self.inverse.diagonal(dim1=-2, dim2=-1))

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
        self.log_prob = torch.cat([part.log_prob for part in parts], -2)
        self.sizes = [part.log_prob.shape[-2] for part in parts]

    def _divided(self, *of_all: Tensor) -> Any:
        """Each part with its share of tensors."""
        return zip(self.parts, *(t.split(self.sizes, -2) for t in of_all), strict=True)

    def tails(self) -> tuple[Tensor, Tensor]:
        """Those of the parts."""
        log_cdf, log_sf = (torch.cat(side, -2) for side in zip(*(part.tails() for part in self.parts)))
        return log_cdf, log_sf

    def above(self) -> Tensor:
        """Those of the parts."""
        return torch.cat([part.above() for part in self.parts], -2)

    def tail(self, upper: Tensor, sign: Tensor) -> Tensor:
        """Those of the parts."""
        return torch.cat([part.tail(upper, sign) for part in self.parts], -2)

    def terms(self, upper: Tensor, sign: Tensor, on_tail: Tensor, on_density: Tensor, hazard: Tensor) -> Terms:
        """Those of the parts."""
        divided = self._divided(on_tail, on_density, hazard)
        return [term for part, *weights in divided for term in part.terms(upper, sign, *weights)]

    def system(self, tail: Tensor, hazard: Tensor, past: Tensor, transposed: bool) -> tuple[Tensor, Sums]:
        """The sums of those of the parts."""
        systems = [part.system(t, h, p, transposed) for part, t, h, p in self._divided(tail, hazard, past)]
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


def has_conditionals(law: Distribution) -> bool:
    """Whether the coordinates of a law's events are known one after another."""
    if isinstance(law, Independent):
        return not law.base_dist.event_shape and not law.support.is_discrete
    return isinstance(law, MultivariateNormal)


def conditionals(law: Any, x: Tensor) -> Conditionals:
    """The conditional laws of the coordinates of x, ``[..., K, *event]``."""
    if isinstance(law, MultivariateNormal):
        return _Whitened(law, x)
    base: Any = law.base_dist if isinstance(law, Independent) else law
    return (_Normals if type(base) is Normal else _Product)(base, x, len(law.event_shape))
