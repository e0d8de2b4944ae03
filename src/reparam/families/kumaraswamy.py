"""The Kumaraswamy law."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from .. import kernels
from ..constraints import positive, unit_interval
from ..core.distribution import Distribution
from ..core.noise import exponential
from ..core.params import param
from ..core.registry import register_kl
from ..kernels import fused
from ..special import digamma_difference, log1mexp, log_gamma_ratio
from ..special._quadrature import gauss_legendre, on_unit
from ..special.quotients import log_inverse_cloglog
from .exponential import exponential_mean
from .shared.log_moments import LogMoments, log_moments, log_spread, quick_polygamma, stddev_of

NEAR = 0.05  #: a distance of points at 1 or beyond, over which the rule leaves 1e-15 of a polygamma function
RULE = gauss_legendre(6)


class Kumaraswamy(Distribution):
    r"""The Kumaraswamy law on the unit interval: like a beta law, with a cdf in closed form.

    .. math:: p(x) = a b\, x^{a-1} (1 - x^a)^{b-1}, \qquad P(X \le x) = 1 - (1 - x^a)^b, \qquad 0 \le x \le 1

    All is computed from :math:`\log x` and :math:`\log(1 - x^a)`; draws carry both, so that
    ``rsample_and_log_prob`` is right for draws that round to 0 or 1.

    Args:
        concentration1: :math:`a > 0`, the exponent at 0.
        concentration0: :math:`b > 0`, the exponent at 1.

    Shapes:
        The parameters broadcast to ``batch_shape``; ``event_shape`` is ``()``. Support: ``[0, 1]``.

    Raises:
        ValueError: if a parameter is not positive.

    References:
        Jones, Kumaraswamy's distribution: a beta-type distribution with some tractability advantages, 2009.

    Example:
        >>> d = Kumaraswamy(2.0, 3.0)
        >>> d.cdf(torch.tensor(0.5)), d.mode
        (tensor(0.5781), tensor(0.4472))
    """

    concentration1 = param(positive, symbol="a", typical=(0.8, 5.0))
    concentration0 = param(positive, symbol="b", typical=(0.5, 5.0))
    support = unit_interval

    @fused("kumaraswamy_log_prob", "concentration1", "concentration0")
    def _log_prob(self, x: Tensor) -> Tensor:
        a, b = self.concentration1, self.concentration0
        inside = (x > 0) & (x < 1)
        log_x = torch.where(inside, x, 0.5).log()
        at_zero, at_one = _edge(a, b), _edge(b, a)
        outer = torch.where(x > 0.5, at_one, at_zero)
        return torch.where(inside, self._log_density(log_x, log1mexp(a * log_x)), outer)

    def _log_density(self, log_x: Tensor, log_rest: Tensor) -> Tensor:
        """From the logarithms of x and of 1 - x^a."""
        a, b = self.concentration1, self.concentration0
        return (a.log() + b.log()) + (a - 1) * log_x + (b - 1) * log_rest

    def _log_at(self, log_noise: Tensor) -> Tensor:
        return _log_at(self.concentration1, self.concentration0, log_noise)

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        a, b = self.concentration1, self.concentration0
        if kernels.usable(a):
            return _natively(kernels.key_of(shape, generator), a, b)
        return _log_at(a, b, exponential(shape, a, generator).log()).exp()

    def _rsample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        noise = exponential(shape, self.concentration1, generator)
        log_x = self._log_at(noise.log())
        return log_x.exp(), self._log_density(log_x, -noise / self.concentration0)

    def _tails(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The logarithms of cdf and sf; at the ends those of some inner point."""
        log_x = torch.where((x > 0) & (x < 1), x, 0.5).log()
        log_power = self.concentration1 * log_x
        log_rest = log1mexp(log_power)
        low = log_power < -20
        deep, body = torch.where(low, log_power, -20.0), torch.where(low, -1.0, log_rest)
        log_noise = torch.where(low, deep + 0.5 * deep.exp(), (-body).log()) + self.concentration0.log()
        return log_inverse_cloglog(log_noise), self.concentration0 * log_rest

    def _cdf(self, x: Tensor) -> Tensor:
        return _with_ends(x, 0.0, self._tails(x)[0].exp(), 1.0)

    def _log_cdf(self, x: Tensor) -> Tensor:
        return _with_ends(x, -torch.inf, self._tails(x)[0], 0.0)

    def _sf(self, x: Tensor) -> Tensor:
        return _with_ends(x, 1.0, self._tails(x)[1].exp(), 0.0)

    def _log_sf(self, x: Tensor) -> Tensor:
        return _with_ends(x, 0.0, self._tails(x)[1], -torch.inf)

    def _icdf(self, p: Tensor) -> Tensor:
        return self._log_at((-torch.log1p(-p)).log()).exp()

    def _isf(self, p: Tensor) -> Tensor:
        return self._log_at((-p.log()).log()).exp()

    def _entropy(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        harmonic = digamma_difference(torch.ones_like(b), b)
        return (1 - 1 / b) + (1 - 1 / a) * harmonic - a.log() - b.log()

    def _mean(self) -> Tensor:
        return _curve(*self._step()).exp().to(self.dtype)

    def _step(self) -> tuple[Tensor, Tensor]:
        return 1 / self.concentration1.double(), self.concentration0.double()

    def _log_moments(self) -> LogMoments:
        step, b = self._step()
        return log_moments(lambda t: _curve(t, b), lambda n, t: _slope(n, t, b), step)

    def _mode(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        inner = (a >= 1) & (b >= 1) & (a * b > 1)
        a, b = torch.where(inner, a, 2.0), torch.where(inner, b, 2.0)
        middle = ((a - 1) / (a * b - 1)) ** (1 / a)
        a, b = self.concentration1, self.concentration0
        at_zero = (a < b) | (a < 1)  # two infinite ends count as zero
        return torch.where(inner, middle, torch.where(a > b, 1.0, torch.where(at_zero, torch.zeros_like(a), 0.5)))

    def _variance(self) -> Tensor:
        return self._stddev() ** 2

    def _stddev(self) -> Tensor:
        step, b = self._step()
        return stddev_of(_curve(step, b), _log_spread(step, b)).to(self.dtype)

    def _skewness(self) -> Tensor:
        return self._log_moments().skewness().to(self.dtype)

    def _kurtosis(self) -> Tensor:
        return self._log_moments().kurtosis().to(self.dtype)


def _log_at(concentration1: Tensor, concentration0: Tensor, log_noise: Tensor) -> Tensor:
    """The logarithm of the x with a given -log sf(x), itself given by its logarithm."""
    return log_inverse_cloglog(log_noise - concentration0.log()) / concentration1


@kernels.sampler("kumaraswamy_draw")
def _natively(key: Tensor, concentration1: Tensor, concentration0: Tensor) -> Tensor:
    noise = kernels.noise_of("exponential", key, concentration1)
    return _log_at(concentration1, concentration0, noise.log()).exp()


def _curve(t: Tensor, b: Tensor) -> Tensor:
    r"""The logarithm :math:`\log b B(1+t, b)` of the moment of order a t, symmetric in t and b."""
    less, more = torch.minimum(t, b), torch.maximum(t, b)
    return log_gamma_ratio(torch.ones_like(less), less) - log_gamma_ratio(1 + more, less)


def _slope(order: int, t: Tensor, b: Tensor) -> Tensor:
    """Of the curve, in t: a difference of polygamma functions, of near points by the integral of their slope."""
    x, b = 1 + t, b.unsqueeze(-1)
    near = b < NEAR
    node, weight = on_unit(RULE, x)
    length = torch.where(near, b, NEAR).unsqueeze(-1)
    rise = (length * weight * quick_polygamma(order, x.unsqueeze(-1) + length * node)).sum(-1)
    apart = torch.where(near, NEAR, b)
    return torch.where(near, -rise, quick_polygamma(order - 1, x) - quick_polygamma(order - 1, x + apart))


@kernels.kernel("kumaraswamy_log_spread")
def _log_spread(step: Tensor, b: Tensor) -> Tensor:
    return log_spread(lambda t: _curve(t, b), lambda n, t: _slope(n, t, b), step)


def _with_ends(x: Tensor, at_zero: float, inside: Tensor, at_one: float) -> Tensor:
    return torch.where(x <= 0, at_zero, torch.where(x >= 1, at_one, inside))


def _edge(here: Tensor, there: Tensor) -> Tensor:
    """The log-density at the end of the interval where the exponent is ``here``."""
    return torch.where(here < 1, torch.inf, torch.where(here > 1, -torch.inf, there.log()))


@register_kl(Kumaraswamy, Kumaraswamy)
def _(p: Kumaraswamy, q: Kumaraswamy) -> Tensor:
    """The mean of the log-ratio over exponential noise, by quadrature in float64."""
    dtype = p.dtype
    p, q = p.to(torch.float64), q.to(torch.float64)

    def log_ratio(noise: Tensor) -> Tensor:
        log_x, log_rest = p._log_at(noise.log()), -noise / p.concentration0
        # near 1, where x itself is lost, 1 - x^a is proportional to a
        end = log_rest < -30
        body = log1mexp(q.concentration1 * torch.where(end, -1.0, log_x))
        other = torch.where(end, log_rest + (q.concentration1 / p.concentration1).log(), body)
        return p._log_density(log_x, log_rest) - q._log_density(log_x, other)

    return exponential_mean(log_ratio, p.concentration1 + q.concentration1).clamp(min=0).to(dtype)
