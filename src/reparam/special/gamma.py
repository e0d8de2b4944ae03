r"""The incomplete gamma functions P and Q, their logarithms, and the gradient of gamma quantiles.

Substituting :math:`s = x e^v` in the integrals that define the tails of a gamma law gives

.. math:: P(a, x) = D \int_{-\infty}^0 e^{-\phi(v)}\,dv, \quad
          Q(a, x) = D \int_0^\infty e^{-\phi(v)}\,dv, \quad
          \phi(v) = a\,(e^v - 1 - v) + (x - a)(e^v - 1),

with :math:`D = x^a e^{-x} / \Gamma(a)`, the density of :math:`Y = \log X`. The smaller tail, P below
:math:`x = \max(a, 1)` and Q above, has an exponent of positive terms, and so does its derivative in a, with an
additional factor :math:`|v|`: nothing cancels from a = 1e-8 to 1e12 and in tails beyond the smallest float. Where
both a and x are below 1, a power series replaces the integral.

References:
    DLMF 8.2, 8.7.1; Loader, Fast and accurate computation of binomial probabilities, 2000.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ._derivatives import elementwise
from ._quadrature import nodes_and_weights
from .convexity import log_minus_digamma
from .logs import log1mexp
from .polygamma import digamma, lgamma
from .stirling import deviance, log_gamma_ratio, stirling_error

# exp(-EXPONENT) is lost against 1 in float64.
EXPONENT = 40.0
NODES = 40
BLOCK = 4096
TERMS = 19


def _excess(v: Tensor) -> Tensor:
    r""":math:`e^v - 1 - v`, by its series where the difference cancels."""
    near = v.abs() < 0.3
    small = torch.where(near, v, 0.0)
    series = torch.zeros_like(v)
    for k in range(15, 1, -1):
        series = series * small + 1 / math.factorial(k)
    return torch.where(near, small * small * series, torch.expm1(v) - v)


def _moments(a: Tensor, excess: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
    r""":math:`\int e^{-\phi}\,dv` and :math:`\int |v| e^{-\phi}\,dv` over the chosen tail; ``excess`` is x - a."""
    with torch.no_grad():
        # Where phi reaches EXPONENT: by phi >= (a v^2 + 2 |x-a| |v|) / (2 + |v|) below, and above by
        # phi >= x v^2 / 2 + (x-a) v and by e^v <= 1 + v + EXPONENT / x.
        x = a + excess
        slope = 2 * excess.abs() - EXPONENT
        root = torch.hypot(slope, (8 * EXPONENT * a).sqrt())
        below = torch.where(slope < 0, (root - slope) / (2 * a), 4 * EXPONENT / (root + slope))
        above = 2 * EXPONENT / (excess + torch.hypot(excess, (2 * EXPONENT * x).sqrt()))
        above = torch.minimum(above, torch.log1p(above + EXPONENT / x))
        reach = torch.where(upper, above, below)
    u, weight = nodes_and_weights(reach, NODES)
    v = torch.where(upper.unsqueeze(-1), u, -u)
    phi = a.unsqueeze(-1) * _excess(v) + excess.unsqueeze(-1) * torch.expm1(v)
    mass = weight * torch.exp(-phi)
    return mass.sum(-1), (u * mass).sum(-1)


def _series(a: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    r""":math:`a \sum_{n\ge1} \frac{(-x)^n}{(a+n)\,n!}` and its derivative in a, for x below 1."""
    term = torch.ones_like(x)
    total, slope = torch.zeros_like(x), torch.zeros_like(x)
    for n in range(1, TERMS + 1):
        term = term * (-x / n)
        share = term / (a + n)
        total = total + share
        slope = slope + share * (n / (a + n))
    return a * total, slope


@elementwise(wide=True, block=BLOCK)
def log_gamma_quantile_grad(a: Tensor, y: Tensor) -> Tensor:
    r"""The derivative in a of :math:`y = \log x`, the logarithm of a gamma(a) quantile of fixed probability.

    .. math:: \frac{dy}{da} = -\frac{\partial P(a, x)/\partial a}{x\,p(x; a)}
              = \int |v|\,e^{-\phi(v)}\,dv \pm (y - \psi(a)) \int e^{-\phi(v)}\,dv

    over either tail, with + for the upper one. It takes the logarithm, so that it is right for draws that
    underflow: for small x it is :math:`(\psi(a+1) - y)/a`.

    Args:
        a: concentration, positive.
        y: logarithm of the quantile.

    References:
        Figurnov, Mohamed and Mnih, Implicit reparameterization gradients, 2018.

    Example:
        >>> log_gamma_quantile_grad(torch.tensor([1e-3, 1e6]), torch.tensor([-1000.0, 13.8155]))
        tensor([9.9942e+05, 1.0000e-06])
    """
    log_a = a.log()
    series = (a < 1) & (y < 0)
    small_a, small_y = torch.where(series, a, 0.5), torch.where(series, y, -1.0)
    x = small_y.exp()
    total, slope = _series(small_a, x)
    inner = ((digamma(small_a + 1) - small_y) * (1 + total) - slope) * x.exp() / small_a

    upper = y >= torch.clamp(log_a, min=0.0)
    large_a, large_y = torch.where(series, 2.0, a), torch.where(series, 0.0, y)
    distance = large_y - large_a.log()
    close = distance < 0.5
    excess = torch.where(
        close,
        large_a * torch.expm1(torch.where(close, distance, 0.0)),
        large_y.exp() - large_a,
    )
    mass, moment = _moments(large_a, excess, upper)
    lag = distance + log_minus_digamma(large_a)
    return torch.where(series, inner, moment + torch.where(upper, lag, -lag) * mass)


def _log_density(a: Tensor, x: Tensor) -> Tensor:
    r""":math:`\log D = a \log x - x - \log\Gamma(a)`, the log-density of :math:`\log X`."""
    plain = (a < 1) | (x < 1)
    p, q = torch.where(plain, a, 1.0), torch.where(plain, x, 1.0)
    direct = p * q.log() - q - lgamma(p)
    p, q = torch.where(plain, 1.0, a), torch.where(plain, 1.0, x)
    saddle = 0.5 * torch.log(p / (2 * math.pi)) - deviance(p, q) - stirling_error(p)
    return torch.where(plain, direct, saddle)


def _tail(a: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    r"""For 0 < x < inf: whether the tail taken is the upper one, its logarithm, and the log-hazard D / tail."""
    upper = x >= torch.clamp(a, min=1.0)
    series = (a < 1) & (x < 1)
    small_a, small_x = torch.where(series, a, 0.5), torch.where(series, x, 0.5)
    total, _ = _series(small_a, small_x)
    inner = small_a * small_x.log() - log_gamma_ratio(torch.ones_like(a), small_a)
    inner = inner + torch.log1p(total)
    inner_hazard = small_a.log() - small_x - torch.log1p(total)

    large_a, large_x = torch.where(series, 2.0, a), torch.where(series, 2.0, x)
    mass, _ = _moments(large_a, large_x - large_a, upper)
    outer = _log_density(large_a, large_x) + mass.log()
    return upper, torch.where(series, inner, outer), torch.where(series, inner_hazard, -mass.log())


def _inside(x: Tensor) -> Tensor:
    return torch.where((x == 0) | (x == math.inf), 1.0, x)


def _with_edges(x: Tensor, value: Tensor, at_zero: float, at_infinity: float) -> Tensor:
    return torch.where(x == 0, at_zero, torch.where(x == math.inf, at_infinity, value))


def _log_hazards(a: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    r""":math:`\log(D/P)` and :math:`\log(D/Q)`, without cancellation in the smaller tail."""
    upper, tail, hazard = _tail(a, x)
    other = tail + hazard - log1mexp(tail)
    return torch.where(upper, other, hazard), torch.where(upper, hazard, other)


def _density(a: Tensor, x: Tensor) -> Tensor:
    r"""The density :math:`x^{a-1} e^{-x} / \Gamma(a)`, with its limits at 0 and infinity."""
    left = x < 1
    low, high = torch.where(left, x, 0.5), _inside(torch.where(left, 1.0, x))
    value = torch.exp(_log_density(a, high)) / high
    value = torch.where(left, torch.pow(low, a - 1) * torch.exp(-low - lgamma(a)), value)
    return torch.where(x == math.inf, 0.0, value)


def _slope(a: Tensor, x: Tensor) -> Tensor:
    r""":math:`\partial Q/\partial a`."""
    inside = _inside(x)
    _, tail, hazard = _tail(a, inside)
    value = log_gamma_quantile_grad(a, inside.log()) * torch.exp(tail + hazard)
    return _with_edges(x, value, 0.0, 0.0)


@elementwise(lambda a, x: -_slope(a, x), _density, wide=True, block=BLOCK)
def gammainc(a: Tensor, x: Tensor) -> Tensor:
    r"""The regularised lower incomplete gamma function.

    .. math:: P(a, x) = \frac{1}{\Gamma(a)} \int_0^x s^{a-1} e^{-s}\,ds

    Args:
        a: positive.
        x: not negative; a negative x gives NaN.

    References:
        DLMF 8.2.4.

    Example:
        >>> gammainc(torch.tensor([1.0, 1e6]), torch.tensor([1e-10, 1e6]))
        tensor([1.0000e-10, 5.0013e-01])
    """
    upper, tail, _ = _tail(a, _inside(x))
    return _with_edges(x, torch.where(upper, -torch.expm1(tail), torch.exp(tail)), 0.0, 1.0)


@elementwise(_slope, lambda a, x: -_density(a, x), wide=True, block=BLOCK)
def gammaincc(a: Tensor, x: Tensor) -> Tensor:
    r"""The regularised upper incomplete gamma function Q(a, x) = 1 - P(a, x), computed, not subtracted.

    Args:
        a: positive.
        x: not negative; a negative x gives NaN.

    Example:
        >>> gammaincc(torch.tensor([1.0, 1e-8]), torch.tensor([80.0, 1.0]))
        tensor([1.8049e-35, 2.1938e-09])
    """
    upper, tail, _ = _tail(a, _inside(x))
    return _with_edges(x, torch.where(upper, torch.exp(tail), -torch.expm1(tail)), 1.0, 0.0)


def _log_p_slope_a(a: Tensor, x: Tensor) -> Tensor:
    inside = _inside(x)
    value = -log_gamma_quantile_grad(a, inside.log()) * torch.exp(_log_hazards(a, inside)[0])
    return _with_edges(x, value, -math.inf, 0.0)


def _log_p_slope_x(a: Tensor, x: Tensor) -> Tensor:
    inside = _inside(x)
    value = torch.exp(_log_hazards(a, inside)[0] - inside.log())
    return _with_edges(x, value, math.inf, 0.0)


@elementwise(_log_p_slope_a, _log_p_slope_x, wide=True, block=BLOCK)
def log_gammainc(a: Tensor, x: Tensor) -> Tensor:
    r""":math:`\log P(a, x)`, finite where P underflows and accurate where P is close to 1.

    Args:
        a: positive.
        x: not negative; a negative x gives NaN.

    Example:
        >>> log_gammainc(torch.tensor(1000.0), torch.tensor([1.0, 2000.0]))
        tensor([-5.9131e+03, -1.3302e-134])
    """
    upper, tail, _ = _tail(a, _inside(x))
    return _with_edges(x, torch.where(upper, log1mexp(tail), tail), -math.inf, 0.0)


def _log_q_slope_a(a: Tensor, x: Tensor) -> Tensor:
    inside = _inside(x)
    value = log_gamma_quantile_grad(a, inside.log()) * torch.exp(_log_hazards(a, inside)[1])
    return _with_edges(x, value, 0.0, math.inf)


def _log_q_slope_x(a: Tensor, x: Tensor) -> Tensor:
    inside = _inside(x)
    value = torch.exp(_log_hazards(a, inside)[1] - inside.log())
    return -torch.where(x == 0, _density(a, x), torch.where(x == math.inf, 1.0, value))


@elementwise(_log_q_slope_a, _log_q_slope_x, wide=True, block=BLOCK)
def log_gammaincc(a: Tensor, x: Tensor) -> Tensor:
    r""":math:`\log Q(a, x)`, finite where Q underflows and accurate where Q is close to 1.

    Args:
        a: positive.
        x: not negative; a negative x gives NaN.

    Example:
        >>> log_gammaincc(torch.tensor(1.0), torch.tensor([1e-10, 1e6]))
        tensor([-1.0000e-10, -1.0000e+06])
    """
    upper, tail, _ = _tail(a, _inside(x))
    return _with_edges(x, torch.where(upper, tail, log1mexp(tail)), 0.0, -math.inf)
