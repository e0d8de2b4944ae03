r"""What follows for a law that does not define a method itself, where mathematics allows.

Each function is the default of the method of the same name, with a leading underscore, of
:class:`~reparam.core.distribution.Distribution`. What cannot be derived raises NotImplementedError that names
the law and the method.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor

from .._torch import constant
from ..constraints import real, unit_interval
from ..kernels.checks import all_within
from ..special.quotients import one_minus_exp
from .checks import Checker, refuse
from .noise import uniform
from .quadrature import expectation_by_quantiles, mean_surprise
from .ranges import LIMITS, clamp, ends, is_everything, member
from .search import invert_cdf
from .shapes import joint
from .slopes import slope

Method = Callable[[Tensor], Tensor]

UNIT = unit_interval
is_probability = Checker(unit_interval)
is_number = Checker(real)


def refuse_missing(self: Any, name: str, needs: str = "") -> NotImplementedError:
    """The error for a method that a law does not have."""
    return NotImplementedError(f"{type(self).__name__} has no {name}" + (f": {needs}" if needs else ""))


def missing(name: str) -> Callable[..., Any]:
    """A method that says that its law does not have it, and why."""

    def method(self: Any, *_: Any) -> Any:
        raise refuse_missing(self, name, _reason(self, name))

    return method


def _reason(self: Any, name: str) -> str:
    """Why a law has no such method, where that follows from its values."""
    events = len(self._event_shape)
    if name == "rsample" and self.support.is_discrete:
        return "its values are discrete, and have no pathwise gradient"
    if name == "enumerate_support":
        return "its support is not a finite list"
    if name == "covariance" and events != 1:
        return "its events are matrices" if events else "its events are scalars; see variance"
    return ""


def in_support(self: Any, value: Tensor) -> bool:
    """Whether every value lies in the support, for laws whose support is a property."""
    return Checker(self.support)(self, value)


def probability(self: Any, name: str, value: Tensor) -> Tensor:
    """A cdf-like method at any number: 0 or 1 beyond the support, with gradients that are zero there."""
    if self._event_shape:
        raise refuse_missing(self, "cdf", "its events are not scalars")
    method = getattr(self, name)
    if self._surely_inside(value):
        return method(value)  # type: ignore[no-any-return]
    if self._validate_args and not is_number(self, value):
        refuse(self, "value", real, value)
    support = self.support
    if support.is_discrete:  # whole numbers from below
        inside = clamp(support, value)
        inside = torch.where(value < inside, inside - 1, inside)
        return torch.where(value.isnan(), torch.nan, method(inside))
    if is_everything(support):
        return torch.where(value.isnan(), torch.nan, method(torch.where(value.isnan(), 0.0, value)))
    lower, upper = ends(support, value)
    inside = ((value > lower) & (value < upper)) | support.check(value)
    below, above = LIMITS[name]
    beyond = torch.where(value <= lower, below, torch.where(value.isnan(), value, above))
    return torch.where(inside, method(torch.where(inside, value, member(support, value))), beyond)


def quantile(self: Any, method: Method, p: Tensor) -> Tensor:
    """A quantile function at a probability that, where it was not checked, may be anything: NaN outside [0, 1]."""
    if self._validate_args or self.sample_dtype is not None or all_within(p, 0.0, 1.0):
        return method(p)
    good = (p >= 0) & (p <= 1)
    return torch.where(good, method(torch.where(good, p, 0.5)), torch.nan)


# -- sampling --------------------------------------------------------------------------------------------


def sample(self: Any, shape: torch.Size, generator: Generator | None) -> Tensor:
    """By the differentiable sampler, or for a law that defines a cdf alone by its quantiles."""
    if self._has("_rsample") or not _is_given_by_cdf(self):
        return self._rsample(shape, generator)  # type: ignore[no-any-return]
    # one tail or the other by a coin, so that both are as fine as the floating-point numbers near zero
    u = uniform(shape, self._first_tensor(), generator)
    upper = u >= 0.5
    tail = torch.where(upper, u - 0.5, u).clamp(min=torch.finfo(u.dtype).tiny)
    return torch.where(upper, self._isf(tail), self._icdf(tail))


def sample_and_log_prob(self: Any, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
    """One after the other."""
    x = constant(self._sample, shape, generator)
    return x, self._log_prob(x)


def rsample_and_log_prob(self: Any, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
    """One after the other."""
    x = self._rsample(shape, generator)
    return x, self._log_prob(x)


# -- densities and probabilities: cdf, sf, their logarithms and inverses -----------------------------------------------


def log_prob(self: Any, x: Tensor) -> Tensor:
    r"""Of a continuous scalar law, by the derivative of the tail that it defines, or of the smaller of two."""
    if not _is_given_by_cdf(self):
        raise refuse_missing(self, "log_prob")
    x = x.expand(joint(x.shape, self._batch_shape))
    below, above = sides = [_log_slope(self, tail, sign, x) for tail, sign in (("cdf", 1), ("sf", -1))]
    if below is None or above is None:
        return next(side for side in sides if side is not None)
    return torch.where(self._cdf(x) < self._sf(x), below, above)


def _log_slope(self: Any, tail: str, sign: int, x: Tensor) -> Tensor | None:
    r"""The logarithm of the derivative of a tail T, or :math:`\log T + \log|(\log T)'|`; nothing of a missing one."""
    log_tail, plain = (self._has(f"{prefix}_{tail}") for prefix in ("_log", ""))
    if not log_tail and not plain:
        return None
    rate = sign * slope(getattr(self, f"_log_{tail}" if log_tail else f"_{tail}"), x)
    log_rate = torch.where(rate > 0, rate, 1.0).log()
    value = getattr(self, f"_log_{tail}")(x) + log_rate if log_tail else log_rate
    return torch.where(rate > 0, value, -torch.inf)


def cdf(self: Any, x: Tensor) -> Tensor:
    """From the logarithm, the survival function, or the masses of a finite support."""
    if self._has("_log_cdf"):
        return self._log_cdf(x).exp()  # type: ignore[no-any-return]
    if self._has("_sf"):
        return 1 - self._sf(x)  # type: ignore[no-any-return]
    if self._has("_log_sf"):
        return one_minus_exp(self._log_sf(x))
    values, masses = _masses(self, "cdf", x)
    return (masses * (values <= x)).sum(0).clamp(max=1.0)


def log_cdf(self: Any, x: Tensor) -> Tensor:
    """The logarithm of the cdf, by the survival function where that is the smaller."""
    return _log_by_smaller_tail(self, "cdf", x)


def sf(self: Any, x: Tensor) -> Tensor:
    """From the logarithm, the complement of the cdf, or the masses of a finite support."""
    if self._has("_log_sf"):
        return self._log_sf(x).exp()  # type: ignore[no-any-return]
    if self._has("_log_cdf"):
        return one_minus_exp(self._log_cdf(x))
    if self._has("_cdf"):
        return 1 - self._cdf(x)  # type: ignore[no-any-return]
    values, masses = _masses(self, "sf", x)
    return (masses * (values > x)).sum(0)


def log_sf(self: Any, x: Tensor) -> Tensor:
    """The logarithm of the survival function, by the cdf where that is the smaller."""
    return _log_by_smaller_tail(self, "sf", x)


def _log_by_smaller_tail(self: Any, wanted: str, x: Tensor) -> Tensor:
    p, complement = (self._cdf(x), self._sf(x)) if wanted == "cdf" else (self._sf(x), self._cdf(x))
    near_one = complement < 0.5
    by_complement = torch.log1p(-torch.where(near_one, complement, 0.0))
    if has_probabilities(self):
        own = torch.where(near_one, 1.0, p).log()
    else:
        values, log_masses = _log_masses(self, wanted, x)
        chosen = values <= x if wanted == "cdf" else values > x
        own = torch.logsumexp(torch.where(chosen, log_masses, -torch.inf), 0)
    return torch.where(near_one, by_complement, own)


def has_probabilities(self: Any) -> bool:
    """Whether the law defines one of the four from which the others follow."""
    return any(self._has(name) for name in ("_cdf", "_sf", "_log_cdf", "_log_sf"))


def _is_given_by_cdf(self: Any) -> bool:
    return not self.support.is_discrete and not self.support.event_dim and has_probabilities(self)


def _masses(self: Any, wanted: str, x: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The values of a finite support and their masses, along a first dimension before those of ``x``."""
    values, log_masses = _log_masses(self, wanted, x)
    return values, log_masses.exp()


def _log_masses(self: Any, wanted: str, x: Tensor | None = None) -> tuple[Tensor, Tensor]:
    if not self.has_enumerate_support:
        raise refuse_missing(self, wanted)
    batch = len(self._batch_shape)
    dims = max(batch, x.dim() if x is not None else 0)
    values = self._listed()
    values = values.reshape(values.shape + (1,) * batch)
    # values that only some laws of the batch have are to get no mass, not an error
    masses = self._unchecked()._log_prob(values)
    lead = values.shape[:1] + (1,) * (dims - batch)
    return values.reshape(lead + values.shape[1:]), masses.reshape(lead + masses.shape[1:])


def icdf(self: Any, p: Tensor) -> Tensor:
    """By search over a finite support, or by inverting the cdf of a continuous law."""
    if self.support.event_dim:
        raise refuse_missing(self, "icdf", "its events are not scalars")
    if self.support.is_discrete:
        values, masses = _masses(self, "icdf", p)
        rank = (masses.cumsum(0)[:-1] < p).sum(0)
        return values.flatten()[rank]
    if not has_probabilities(self):
        raise refuse_missing(self, "icdf")
    return invert_cdf(self, p, upper=False)


def isf(self: Any, p: Tensor) -> Tensor:
    """By the quantile of the complement, or by inverting the survival function."""
    if not self.support.event_dim and (self.support.is_discrete or self._has("_icdf")):
        return self._icdf(1 - p)  # type: ignore[no-any-return]
    return inverse_sf(self, p)


def inverse_sf(self: Any, p: Tensor) -> Tensor:
    """By inverting the survival function of a continuous law."""
    if self.support.event_dim:
        raise refuse_missing(self, "isf", "its events are not scalars")
    if not has_probabilities(self):
        raise refuse_missing(self, "isf")
    return invert_cdf(self, p, upper=True)


def listed(self: Any) -> Tensor:
    """The values of a finite support, or for unequal laws in a batch those of all of them."""
    return self._enumerate_support()  # type: ignore[no-any-return]


# -- summaries -------------------------------------------------------------------------------------------


def entropy(self: Any) -> Tensor:
    """The sum over a finite support, or quadrature over the quantiles."""
    if not self.has_enumerate_support:
        return _entropy_by_quantiles(self)
    values = self._enumerate_support()
    event = values.shape[1:]
    values = values.reshape(values.shape[:1] + (1,) * len(self._batch_shape) + event)
    log_p = self._log_prob(values)
    return -torch.where(log_p > -torch.inf, log_p.exp() * log_p, 0.0).sum(0)


def median(self: Any) -> Tensor:
    """The quantile of one half."""
    half = torch.full(self._batch_shape, 0.5, dtype=self.dtype, device=self.device)
    return self._icdf(half)  # type: ignore[no-any-return]


def _expect(
    self: Any,
    f: Callable[[Tensor], Tensor],
    wanted: str,
    integrate: Callable[..., Tensor] = expectation_by_quantiles,
) -> Tensor:
    """E f(X) of a scalar law: a sum over a finite support, or quadrature over its quantiles."""
    if self.support.event_dim == 0 and self.has_enumerate_support:
        values, masses = _masses(self, wanted)
        return (masses * f(values)).sum(0)
    if self.support.event_dim:
        raise refuse_missing(self, wanted, "no formula is known, and its events are not scalars")
    if self.support.is_discrete:
        raise refuse_missing(self, wanted)
    try:
        return integrate(self, f)
    except NotImplementedError:
        raise refuse_missing(self, wanted) from None


def in_double(summary: Callable[[Any], Tensor]) -> Callable[[Any], Tensor]:
    """The summary computed in float64: differences of moments do not survive in float32."""

    @functools.wraps(summary)
    def precise(self: Any) -> Tensor:
        if self.dtype is torch.float64 or self.device.type == "mps" or self._is_written():
            return summary(self)
        return summary(self.to(torch.float64)).to(self.dtype)

    return precise


@in_double
def _entropy_by_quantiles(self: Any) -> Tensor:
    return _expect(self, lambda x: -self._log_prob(x), "entropy", mean_surprise)


@in_double
def mean(self: Any) -> Tensor:
    """By summation or quadrature."""
    return _expect(self, lambda x: x, "mean")


@in_double
def variance(self: Any) -> Tensor:
    """By summation or quadrature about the mean."""
    centre = self._mean()
    return _expect(self, lambda x: (x - centre) ** 2, "variance")


def stddev(self: Any) -> Tensor:
    """The root of the variance."""
    return self._variance().sqrt()  # type: ignore[no-any-return]


@in_double
def skewness(self: Any) -> Tensor:
    """By summation or quadrature about the mean."""
    centre, scale = self._mean(), self._stddev()
    return _expect(self, lambda x: ((x - centre) / scale) ** 3, "skewness")


@in_double
def kurtosis(self: Any) -> Tensor:
    """By summation or quadrature about the mean."""
    centre, scale = self._mean(), self._stddev()
    return _expect(self, lambda x: ((x - centre) / scale) ** 4, "kurtosis") - 3
