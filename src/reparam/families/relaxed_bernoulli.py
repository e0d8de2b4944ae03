"""The relaxed Bernoulli law, and that of its log-odds."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn.functional import logsigmoid

from ..combinators.transformed import TransformedDistribution
from ..constraints import positive, real, unit_interval
from ..core.distribution import Distribution
from ..core.double import in_double
from ..core.noise import logistic
from ..core.params import one_of, param
from ..core.registry import register_kl
from ..core.roots import bisect, with_gradient
from ..kernels import fused
from ..kernels.checks import all_finite
from ..special import logit
from ..special.hyperbolic import sigmoid
from ..transforms import SigmoidTransform
from .shared.smooth_means import LOGISTIC, mean_of, mean_of_share


def log_odds(probs: Tensor) -> Tensor:
    """The logit, which is constant at 0 and 1: an infinite slope would be NaN where nobody asks for it."""
    certain = (probs == 0) | (probs == 1)
    return torch.where(certain, logit(probs.detach()), logit(torch.where(certain, 0.5, probs)))


class LogitRelaxedBernoulli(Distribution):
    r"""The log-odds of a relaxed Bernoulli variable: a logistic law.

    .. math:: p(x) = \frac{T e^{d}}{(1 + e^{d})^2}, \qquad d = \ell - T x

    Args:
        temperature: T > 0.
        probs: probability of 1 in the limit T = 0, in [0, 1]; at the ends there is no density.
        logits: its log-odds :math:`\ell`, real. Give exactly one of ``probs`` and ``logits``.

    Shapes:
        ``temperature`` and the other parameter broadcast to ``batch_shape``; ``event_shape`` is ``()``. Support:
        the real line.

    Raises:
        ValueError: if both or none of ``probs`` and ``logits`` are given, ``probs`` leaves [0, 1], or
            ``temperature`` is not positive.

    References:
        Maddison, Mnih and Teh, The concrete distribution, 2017.

    Example:
        >>> LogitRelaxedBernoulli(0.5, logits=1.0).mean
        tensor(2.)
    """

    temperature = param(positive, symbol="T", typical=(0.3, 3.0))
    probs, logits = one_of(
        probs=param(unit_interval, symbol="p", typical=(0.1, 0.9), derived=lambda d: torch.sigmoid(d.logits)),
        logits=param(real, symbol=r"\ell", typical=(-2.0, 2.0), derived=lambda d: log_odds(d.probs)),
    )
    support = real

    @property
    def param_shape(self) -> torch.Size:
        """The shape of ``probs`` or ``logits``."""
        return self.batch_shape

    def _log_odds(self, x: Tensor) -> Tensor:
        certain = self.logits.isinf()
        usual = self.temperature * torch.where(certain, 0.0, x) - torch.where(certain, 0.0, self.logits)
        return torch.where(certain, -self.logits, usual)

    def _log_prob(self, x: Tensor) -> Tensor:
        z = self._log_odds(x)
        return self.temperature.log() + logsigmoid(z) + logsigmoid(-z)

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return self._value_of(logistic(shape, self.temperature, generator))

    def _value_of(self, z: Tensor | float) -> Tensor:
        """The value that a standard logistic one stands for; of certain outcomes an infinity, which does not move."""
        logits = self.logits
        if all_finite(logits):
            return (logits + z) / self.temperature
        certain = logits.isinf()
        return torch.where(certain, logits, (torch.where(certain, 0.0, logits) + z) / self.temperature)

    def _cdf(self, x: Tensor) -> Tensor:
        return sigmoid(self._log_odds(x))

    def _sf(self, x: Tensor) -> Tensor:
        return sigmoid(-self._log_odds(x))

    def _log_cdf(self, x: Tensor) -> Tensor:
        return logsigmoid(self._log_odds(x))

    def _log_sf(self, x: Tensor) -> Tensor:
        return logsigmoid(-self._log_odds(x))

    def _icdf(self, p: Tensor) -> Tensor:
        return self._value_of(logit(p))

    def _isf(self, p: Tensor) -> Tensor:
        return self._value_of(-logit(p))

    def _entropy(self) -> Tensor:
        return 2 - self.temperature.log()

    def _mean(self) -> Tensor:
        return self._value_of(0.0)

    _mode = _median = _mean

    def _variance(self) -> Tensor:
        return (math.pi / self.temperature) ** 2 / 3

    def _skewness(self) -> Tensor:
        return torch.zeros_like(self.temperature)

    def _kurtosis(self) -> Tensor:
        return torch.full_like(self.temperature, 1.2)


class RelaxedBernoulli(TransformedDistribution):
    r"""A continuous relaxation of the Bernoulli law: the logistic function of a logistic variable.

    .. math:: Y = \sigma\left(\frac{\ell + L}{T}\right), \qquad
              p(y) = \frac{T\,e^{d}}{y(1-y)(1+e^{d})^2}, \quad d = \ell - T \operatorname{logit}(y)

    with L of the standard logistic law. For T towards 0 draws become 0 or 1. The density is evaluated in logarithms
    that do not cancel; :meth:`rsample_and_log_prob` never inverts, so that draws which round to 0 or 1 have theirs.

    Args:
        temperature: T > 0.
        probs: probability of 1 in the limit T = 0, in [0, 1]; at the ends there is no density.
        logits: its log-odds :math:`\ell`, real. Give exactly one of ``probs`` and ``logits``.

    Shapes:
        ``temperature`` and the other parameter broadcast to ``batch_shape``; ``event_shape`` is ``()``. Support:
        [0, 1].

    Raises:
        ValueError: if both or none of ``probs`` and ``logits`` are given, ``probs`` leaves [0, 1], or
            ``temperature`` is not positive.

    References:
        Maddison, Mnih and Teh, The concrete distribution, 2017.
        Jang, Gu and Poole, Categorical reparameterization with Gumbel-softmax, 2017.

    Example:
        >>> d = RelaxedBernoulli(0.05, logits=torch.tensor(1.0))
        >>> x, log_prob = d.rsample_and_log_prob((1000,))
        >>> bool(log_prob.isfinite().all())
        True
    """

    temperature = param(positive, symbol="T", typical=(0.3, 3.0))
    probs, logits = one_of(
        probs=param(unit_interval, symbol="p", typical=(0.1, 0.9), derived=lambda d: torch.sigmoid(d.logits)),
        logits=param(real, symbol=r"\ell", typical=(-2.0, 2.0), derived=lambda d: log_odds(d.probs)),
    )
    support = unit_interval
    has_rsample = True
    transforms = (SigmoidTransform(),)

    @property
    def base_distribution(self) -> LogitRelaxedBernoulli:
        """The law of the log-odds."""
        given = self._given[1]
        return LogitRelaxedBernoulli(self.temperature, **{given: self.__dict__[given]}, validate_args=False)

    @property
    def param_shape(self) -> torch.Size:
        """The shape of ``probs`` or ``logits``."""
        return self.batch_shape

    @fused("relaxed_bernoulli_log_prob", "temperature", "logits")
    def _log_prob(self, x: Tensor) -> Tensor:
        certain, end = self.logits.isinf(), (x == 0) | (x == 1)
        logits, inner = torch.where(certain, 0.0, self.logits), torch.where(end, 0.5, x)
        value = torch.where(end, self._at_end(x, logits, end), self._inside(inner, logits))
        return torch.where(certain, -torch.inf, value)

    def _inside(self, x: Tensor, logits: Tensor) -> Tensor:
        t = self.temperature
        d = logits - t * logit(x)
        low = d > 0
        near_zero, near_one = torch.where(low, x, 0.5), torch.where(low, 0.5, x)
        left = (t - 1) * near_zero.log() - (t + 1) * torch.log1p(-near_zero) - logits
        right = (t - 1) * torch.log1p(-near_one) - (t + 1) * near_one.log() + logits
        return t.log() + torch.where(low, left, right) + 2 * logsigmoid(torch.where(low, d, -d))

    def _at_end(self, x: Tensor, logits: Tensor, end: Tensor) -> Tensor:
        """What a distance of 0 to the power T - 1 leaves: for T = 1 the density as a function of that distance."""
        one, even = x == 1, self.temperature == 1
        gap = torch.where(end, torch.where(one, 1 - x, x), 0.0)
        favour, void = torch.where(one, -logits, logits), even | ~end
        bend = torch.log1p(torch.where(even, gap, 0.0) * torch.expm1(torch.where(void, -favour, 0.0)))
        rise = (torch.where(void, 2.0, self.temperature) - 1) * torch.where(void, 1.0, gap).log()
        return self.temperature.log() - favour - 2 * bend + torch.where(even, 0.0, rise)

    def _rsample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        if all_finite(self.logits):
            return super()._rsample_and_log_prob(shape, generator)
        certain = self.logits.isinf()
        logits = torch.where(certain, 0.0, self.logits)
        law = RelaxedBernoulli(self.temperature, logits=logits, validate_args=False)
        x, log_prob = TransformedDistribution._rsample_and_log_prob(law, shape, generator)
        return torch.where(certain, self.probs, x), torch.where(certain, -torch.inf, log_prob)

    def _icdf(self, p: Tensor) -> Tensor:
        return sigmoid(self.base_dist._icdf(p))

    def _isf(self, p: Tensor) -> Tensor:
        return sigmoid(self.base_dist._isf(p))

    def _entropy(self) -> Tensor:
        r"""That of the log-odds X, less :math:`E[\log(1+e^X) + \log(1+e^{-X})]`."""
        certain = self.logits.isinf()
        location, scale = self._logistic()
        value = 2 + scale.log() - _mean_bend(location, scale)
        return torch.where(certain, -torch.inf, value).to(self.dtype)

    def _logistic(self) -> tuple[Tensor, Tensor]:
        """The location and scale of the log-odds, in float64; of certain outcomes the location 0."""
        law = in_double(self)
        return torch.where(law.logits.isinf(), 0.0, law.logits) / law.temperature, 1 / law.temperature

    def _moment(self, order: int, centre: Tensor) -> Tensor:
        """The moment about a centre, in float64."""
        location, scale = self._logistic()
        centre, z = centre.expand(location.shape), location / scale
        usual = mean_of_share(order, centre, LOGISTIC, (torch.sigmoid(-z), torch.sigmoid(z)), location, scale)
        return torch.where(self.logits.isinf(), (self.probs - centre) ** order, usual)

    def _mode(self) -> Tensor:
        """The likelier end (of two, zero) for T up to one; beyond, where x, the log-odds, solves ``rise(x) = 0``."""
        law = in_double(self)
        inner = (law.temperature > 1) & law.logits.isfinite()
        t, logits = torch.where(inner, law.temperature, 2.0), torch.where(inner, law.logits, 0.0)

        def rise(x: Tensor) -> Tensor:
            return t * torch.tanh((t * x - logits) / 2) - torch.tanh(x / 2)

        def slope(x: Tensor) -> Tensor:
            return (t * t / torch.cosh((t * x - logits) / 2) ** 2 - 1 / torch.cosh(x / 2) ** 2) / 2

        with torch.no_grad():
            reach = 2 * torch.atanh(1 / t)
            x = bisect(rise, (logits - reach) / t, (logits + reach) / t)
        x = with_gradient(x, rise, slope)
        at_zero = (law.logits < 0) | (law.temperature < 1)
        ends = torch.where(law.logits > 0, 1.0, torch.where(at_zero, torch.zeros_like(law.logits), 0.5))
        return torch.where(inner, torch.sigmoid(x), ends).to(self.dtype)

    def _centre(self) -> Tensor:
        """The mean, in float64."""
        return self._moment(1, torch.zeros_like(self._logistic()[0]))

    def _mean(self) -> Tensor:
        return self._centre().to(self.dtype)

    def _variance(self) -> Tensor:
        wide = in_double(self)  # once: slopes would be rounded in parts
        return wide._moment(2, wide._centre()).to(self.dtype)

    def _skewness(self) -> Tensor:
        return in_double(self)._standardised(3).to(self.dtype)

    def _kurtosis(self) -> Tensor:
        return (in_double(self)._standardised(4) - 3).to(self.dtype)

    def _standardised(self, order: int) -> Tensor:
        centre = self._centre()
        return self._moment(order, centre) * self._moment(2, centre) ** (-order / 2)


def _mean_bend(location: Tensor, scale: Tensor) -> Tensor:
    r"""The mean of :math:`\log(1+e^X) + \log(1+e^{-X})`, which tends to \|X\|, for a logistic X."""
    z = location / scale
    return mean_of(
        lambda x: -logsigmoid(x) - logsigmoid(-x),
        lambda x: 2 * torch.log1p(torch.exp(-x.abs())),
        -scale * (logsigmoid(z) + logsigmoid(-z)),
        LOGISTIC,
        location,
        scale,
    )


@register_kl(LogitRelaxedBernoulli, LogitRelaxedBernoulli)
def _(p: LogitRelaxedBernoulli, q: LogitRelaxedBernoulli) -> Tensor:
    """A cross-entropy less an entropy, each made of the mean bend of a logistic variable: q's log-odds under p."""
    wide, other = in_double(p), in_double(q)
    certain = wide.logits.isinf() | other.logits.isinf()
    scale = other.temperature / wide.temperature
    location = torch.where(certain, 0.0, other.logits) - scale * torch.where(certain, 0.0, wide.logits)
    value = (_mean_bend(location, scale) - 2 - scale.log()).clamp(min=0)
    same = torch.where(wide.logits == other.logits, torch.zeros_like(wide.logits), torch.inf)
    return torch.where(certain, same, value).to(p.dtype)
