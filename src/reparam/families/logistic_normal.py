"""The logistic-normal law on the simplex."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn.functional import logsigmoid, pad

from ..combinators.independent import Independent
from ..combinators.transformed import TransformedDistribution
from ..constraints import independent, positive, real_vector, simplex
from ..core.double import in_double
from ..core.params import param
from ..core.registry import kl_rules, register_kl
from ..core.roots import bisect, with_gradient
from ..core.shapes import joint
from ..kernels.checks import all_within
from ..special import ndtr
from ..transforms import StickBreakingTransform
from .exponential_family import ExponentialFamily
from .normal import Normal
from .shared.log_moments import LogMoments, log_moments_of_central
from .shared.smooth_means import NORMAL, mean_of, moments_of_share

LEAST = torch.finfo(torch.float64).tiny


class LogisticNormal(TransformedDistribution, ExponentialFamily):
    r"""The law on the simplex of K + 1 numbers that stick-breaking makes of K independent normal variables.

    .. math:: Y = \operatorname{stick}(X), \qquad X_k \sim \mathcal{N}(\mu_k, \sigma_k^2)

    See :class:`~reparam.transforms.StickBreakingTransform`. The breaks are independent, so that moments, covariance and
    entropy are sums and products of one-dimensional integrals, right to about 1e-14 of the largest number in them.
    The mode is that of the density on the simplex.

    Args:
        loc: means :math:`\mu` of X, real vectors ``[..., K]``.
        scale: standard deviations :math:`\sigma > 0` of X, ``[..., K]``.

    Shapes:
        The dimensions of ``loc`` and ``scale`` but the last broadcast to ``batch_shape``; ``event_shape`` is
        ``[K + 1]``. A number, or a last dimension of size 1, serves all coordinates. Support: the simplex.

    Raises:
        ValueError: if a scale is not positive.

    References:
        Aitchison and Shen, Logistic-normal distributions: some properties and uses, 1980.

    Example:
        >>> d = LogisticNormal(torch.zeros(2), 1.0)
        >>> d.event_shape, d.sample().sum()
        (torch.Size([3]), tensor(1.))
    """

    loc = param(real_vector, symbol=r"\mu", typical=(-1.0, 1.0))
    scale = param(independent(positive, 1), symbol=r"\sigma", typical=(0.3, 1.5))
    support = simplex
    has_rsample = True
    transforms = (StickBreakingTransform(),)

    def _prepare(self, values: dict[str, Any]) -> dict[str, Any]:
        """Numbers become vectors of one coordinate."""
        return {n: _vector(v) for n, v in values.items()}

    @property
    def base_distribution(self) -> Independent:
        """The law of X."""
        return Independent(Normal(self.loc, self.scale, validate_args=False), 1, validate_args=False)

    def _derive_event_shape(self) -> torch.Size:
        (size,) = joint(self.loc.shape[-1:], self.scale.shape[-1:])
        return torch.Size((size + 1,))

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        inner = torch.Size((*shape[:-1], shape[-1] - 1))
        stick: Tensor = self.transforms[0](Normal(self.loc, self.scale, validate_args=False)._rsample(inner, generator))
        return stick

    def _log_prob(self, x: Tensor) -> Tensor:
        if all_within(x, 0.0, 1.0, lower_open=True):
            return self._inner_log_prob(x)
        inside = (x > 0).all(-1)
        return torch.where(inside, self._inner_log_prob(torch.where(inside[..., None], x, 1.0)), -torch.inf)

    def _inner_log_prob(self, x: Tensor) -> Tensor:
        """Where no share is zero; with the logarithms of the shares as coordinates, the map from X has volume 1."""
        log_x, left = x.log(), x.flip(-1).cumsum(-1).flip(-1)[..., 1:]
        pieces = torch.arange(x.shape[-1] - 1, 0, -1, dtype=x.dtype, device=x.device)
        log_odds = log_x[..., :-1] - (left / pieces).log()
        return Normal(self.loc, self.scale, validate_args=False)._log_prob(log_odds).sum(-1) - log_x.sum(-1)

    def _odds(self) -> tuple[Tensor, Tensor, Tensor]:
        """In float64, location and scale of the log-odds X - log(left) of each break's share, and how many are left."""
        law = in_double(self)
        loc, scale = torch.broadcast_tensors(law.loc, law.scale)
        left = torch.arange(loc.shape[-1], 0, -1, dtype=loc.dtype, device=loc.device)
        return loc - left.log(), scale, left

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return Normal(*torch.broadcast_tensors(self.loc, self.scale), validate_args=False)._natural_params

    @staticmethod
    def _log_normalizer(a: Tensor, b: Tensor) -> Tensor:
        return Normal._log_normalizer(a, b).sum(-1)

    @property
    def _mean_carrier_measure(self) -> Tensor:
        return -self._mean_log_volume().to(self.dtype)

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        inner = self.transforms[0].inv(x)
        return inner, inner * inner

    _from_natural = Normal._from_natural
    _from_mean = Normal._from_mean

    def _entropy(self) -> Tensor:
        location, scale, _ = self._odds()
        inner = Normal(location, scale, validate_args=False)._entropy().sum(-1)
        return (inner + self._mean_log_volume()).to(self.dtype)

    def _mean_log_volume(self) -> Tensor:
        """Of the map from X: with z the share that a break takes, the sum of log z + left log(1 - z); in float64."""
        location, scale, left = self._odds()
        z = location / scale
        bend = mean_of(
            lambda x: -logsigmoid(-x),
            lambda x: torch.log1p(torch.exp(-x.abs())),
            location * ndtr(z) + scale * NORMAL[0](z),
            NORMAL,
            location,
            scale,
        )
        return (location - (1 + left) * bend).sum(-1)

    def _shares(self, *orders: int) -> tuple[Tensor, Tensor, list[Tensor]]:
        """The mean of the share that each break takes, that of what it leaves, and its central moments."""
        location, scale, _ = self._odds()
        mostly = location > 0  # what is computed is the smaller of the two
        location = torch.where(mostly, -location, location)
        sides = ndtr(-location / scale), ndtr(location / scale)
        less, central = moments_of_share(orders, NORMAL, sides, location, scale)
        more = 1 - less
        moments = [torch.where(mostly & (n % 2 == 1), -u, u) for n, u in zip(orders, central, strict=True)]
        return torch.where(mostly, more, less), torch.where(mostly, less, more), moments

    def _breaks(self) -> Breaks:
        mean, rest, (variance,) = self._shares(2)
        log_rest = rest.clamp(min=LEAST).log()
        wobble = torch.log1p(variance / rest.square().clamp(min=LEAST))
        log_left, log_rise = (pad(t.cumsum(-1), (1, 0)) for t in (log_rest, wobble))
        square = torch.exp(2 * log_left + log_rise)
        return Breaks(
            pad(mean, (0, 1), value=1.0), pad(rest, (0, 1)), pad(variance, (0, 1)), log_left, square,
            -torch.expm1(-log_rise) * square,
        )  # fmt: skip

    def _mean(self) -> Tensor:
        """The breaks are independent: each takes its share of what is left."""
        b = self._breaks()
        return (b.mean * b.log_left.exp()).to(self.dtype)

    def _variance(self) -> Tensor:
        return self._breaks().variances().to(self.dtype)

    def _log_moments(self) -> LogMoments:
        """Of the pieces, products of independent shares whose differences add; tiny shares are log-normal."""
        location, scale, _ = self._odds()
        mean, rest, (second, third, fourth) = self._shares(2, 3, 4)

        def of_share(mean: Tensor, third: Tensor, location: Tensor) -> list[Tensor]:
            usual = log_moments_of_central(mean, second, third, fourth)
            tiny = location + 4.5 * scale.square() < math.log(torch.finfo(scale.dtype).eps)
            limits = (location, scale.square(), torch.zeros_like(scale), torch.zeros_like(scale))
            return [torch.where(tiny, limit, value) for limit, value in zip(limits, usual, strict=True)]

        taken, left = of_share(mean, third, location), of_share(rest, -third, -location)
        pieces = zip(taken, left, strict=True)
        return LogMoments(*(pad(own, (0, 1)) + pad(before.cumsum(-1), (1, 0)) for own, before in pieces))

    def _skewness(self) -> Tensor:
        return self._log_moments().skewness().to(self.dtype)

    def _kurtosis(self) -> Tensor:
        return self._log_moments().kurtosis().to(self.dtype)

    def _covariance(self) -> Tensor:
        """Of a share and a later one: of what a break takes and what it leaves, times the mean share of the latter."""
        b = self._breaks()
        apart = b.mean * b.rest * b.left_variance - b.variance * b.left_square
        after = pad(b.log_left[..., 1:], (0, 1))  # what is left after each break, but for the last
        later = torch.exp((b.log_left[..., None, :] - after[..., :, None]).triu(1)) * b.mean[..., None, :]
        upper = (apart[..., :, None] * later).triu(1)
        return (upper + upper.mT + torch.diag_embed(b.variances())).to(self.dtype)

    def _mode(self) -> Tensor:
        """Break by break, the root x of (x - m)/s^2 + 1 = (1 + left) z(x) with the larger density: there may be three.

        The outer two lie on either side of the points where z (1 - z) = 1 / ((1 + left) s^2), if there are any.
        """
        location, scale, left = self._odds()
        precision = scale**-2

        def fall(x: Tensor) -> Tensor:
            return (x - location) * precision + 1 - (1 + left) * torch.sigmoid(x)

        def slope(x: Tensor) -> Tensor:
            return precision - (1 + left) * torch.sigmoid(x) * torch.sigmoid(-x)

        def score(x: Tensor) -> Tensor:
            return -0.5 * precision * (x - location) ** 2 - logsigmoid(x) - left * logsigmoid(-x)

        with torch.no_grad():
            low, high = location - scale**2, location + left * scale**2
            bend = 2 * torch.acosh((0.5 * scale * (1 + left).sqrt()).clamp(min=1))
            first = bisect(fall, low, torch.minimum(torch.maximum(-bend, low), high))
            second = bisect(fall, torch.minimum(torch.maximum(bend, low), high), high)
            x = torch.where(score(first) < score(second), second, first)
        x = with_gradient(x, fall, slope)
        return self._forward(x + left.log()).to(self.dtype)


class Breaks(NamedTuple):
    """Moments of breaking a stick: of the share z that a break takes and of the length L before it, ``[..., K + 1]``.

    Args:
        mean: E z; 1 of the last, which takes all.
        rest: 1 - E z.
        variance: of z.
        log_left: log E L.
        left_square: E L^2.
        left_variance: the variance of L.
    """

    mean: Tensor
    rest: Tensor
    variance: Tensor
    log_left: Tensor
    left_square: Tensor
    left_variance: Tensor

    def variances(self) -> Tensor:
        """Of the pieces z L: a sum of terms that are not negative."""
        return self.variance * self.left_square + self.mean.square() * self.left_variance


@register_kl(LogisticNormal, LogisticNormal)
def _(p: LogisticNormal, q: LogisticNormal) -> Tensor:
    """That of the normal laws of X."""
    rule = kl_rules.dispatch(Normal, Normal)
    assert rule is not None
    first, second = (Normal(*torch.broadcast_tensors(d.loc, d.scale), validate_args=False) for d in (p, q))
    total: Tensor = rule(first, second).sum(-1)
    return total


def _vector(value: Any) -> Any:
    if isinstance(value, Tensor) and value.dim() == 0:
        return value.reshape(1)
    return [value] if isinstance(value, (int, float)) else value
