r"""The mass, and its logarithm, of a von Mises law from the cut of the circle at :math:`-\pi` on.

Mirrored where needed, the mode m is in [0, pi]. The angle z = x - m from it then begins at -pi - m, which is pi - m on
the other side: the mass beyond pi - m comes first, and then that from -pi on. All slopes are ratios of a density, at x
or at the cut, and the mass; these are found from tails in units of the density beyond them, which keep their accuracy
where all underflows, and where the mass from the cut to the far side of the mode vanishes and its logarithm has a pole.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ._derivatives import elementwise
from .circular import circular_variance
from .logs import log1mexp, logsubexp
from .von_mises import (
    _log_density,
    _tail,
    log_von_mises_cdf,
    von_mises_cdf,
    von_mises_icdf,
    von_mises_quantile_grad,
)

CLOSE = 1e-5  #: to the cut, in units of the larger one of radians and what the density changes over


def mirrored(loc: Tensor) -> tuple[Tensor, Tensor]:
    """Whether to look from the other side, and the mode there."""
    mode = loc - 2 * math.pi * (loc / (2 * math.pi)).detach().round()
    other = mode < 0
    return other, torch.where(other, -mode, mode)  # unlike that of |mode|, the slope at 0 is not 0


def parts(x: Tensor, loc: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Mirrored or not; whether x is in what comes first; pi - m; and the distance of x from the cut or from m."""
    other, mode = mirrored(loc)
    x = x.clamp(-math.pi, math.pi)
    x = torch.where(other, -x, x)
    start = (math.pi - mode).expand(x.shape)
    first = x - mode < -math.pi
    return other, first, start, torch.where(first, -((x + math.pi) + start), x - mode)


class _Change(NamedTuple):
    """How a mass changes, in units of the larger one of the densities at x and at the cut.

    Args:
        here: the density at x.
        there: the density at the cut.
        in_loc: the second less the first.
        in_kappa: the derivative in the concentration.
        top: the logarithm of the unit.
    """

    here: Tensor
    there: Tensor
    in_loc: Tensor
    in_kappa: Tensor
    top: Tensor

    def slopes(self, x: Tensor, unit: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The derivatives in x, loc and kappa, in another unit."""
        return torch.where(x.abs() > math.pi, 0.0, unit * self.here), unit * self.in_loc, unit * self.in_kappa


def _change(x: Tensor, loc: Tensor, kappa: Tensor) -> _Change:
    upper, first, start, z = parts(x, loc)
    inner = x.clamp(-math.pi, math.pi)
    # how much larger the density is at x than at the cut
    gain = 2 * kappa * torch.cos(0.5 * inner - loc) * torch.cos(0.5 * inner)
    falls = gain < 0
    less = torch.exp(torch.where(falls, gain, -gain))
    here, there = torch.where(falls, less, 1.0), torch.where(falls, 1.0, less)
    pull_x, pull_cut = (von_mises_quantile_grad(at, kappa) for at in (z, -start))
    pulled = there * pull_cut + torch.where(first, -here, here) * pull_x
    sine = torch.sin(0.5 * torch.where(falls, start, z))
    return _Change(
        here,
        there,
        torch.where(falls, -torch.expm1(gain), torch.expm1(-gain)),
        torch.where(upper, pulled, -pulled),
        _log_density(kappa, 2 * sine * sine),
    )


def _slopes(x: Tensor, loc: Tensor, kappa: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    change = _change(x, loc, kappa)
    return change.slopes(x, torch.exp(change.top))


@elementwise(_slopes, wide=True, block=2048)
def von_mises_mass(x: Tensor, loc: Tensor, kappa: Tensor) -> Tensor:
    r"""The probability of an angle in :math:`[-\pi, x]`.

    Args:
        x: an angle; 0 is returned at :math:`-\pi` and below, 1 above :math:`\pi`.
        loc: the mode.
        kappa: concentration, not negative.

    Example:
        >>> von_mises_mass(torch.tensor([-3.0, 3.0]), torch.tensor(3.0), torch.tensor(10.0))
        tensor([0.1402, 0.8294])
    """
    upper, first, start, z = parts(x, loc)
    ahead = von_mises_cdf(-start, kappa)
    below, above = von_mises_cdf(z, kappa), von_mises_cdf(-z, kappa)
    low = torch.where(first, ahead - below, ahead + below).clamp(min=0.0)
    high = torch.where(first, 1 - low, above - ahead).clamp(min=0.0)
    return torch.where(upper, high, low)


def _log_slopes(x: Tensor, loc: Tensor, kappa: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    upper, first, start, z = parts(x, loc)
    change, void = _change(x, loc, kappa), value == -math.inf
    # one over the mass: by tails where it is at most one of them, else by its logarithm
    large = torch.where(upper, first | (z <= 0), ~first & (z >= 0))
    ahead, beyond = change.there * _tail(start, kappa).width, change.here * _tail(z, kappa).width
    tails = torch.where(first, ahead - beyond, beyond + torch.where(upper, -ahead, ahead))
    by_log = torch.exp(torch.where(large & ~void, change.top - value, 0.0))
    by_tails = 1 / torch.where(large | void, 1.0, tails)
    return change.slopes(x, torch.where(void, 0.0, torch.where(large, by_log, by_tails)))


@elementwise(_log_slopes, of_value=True, wide=True, block=2048)
def log_von_mises_mass(x: Tensor, loc: Tensor, kappa: Tensor) -> Tensor:
    r"""The logarithm of the probability of an angle in :math:`[-\pi, x]`.

    Args:
        x: an angle; -inf is returned at :math:`-\pi` and below, 0 above :math:`\pi`.
        loc: the mode.
        kappa: concentration, not negative.

    Example:
        >>> log_von_mises_mass(torch.tensor([-3.0, 3.0]), torch.tensor(3.0), torch.tensor(10.0))
        tensor([-1.9648, -0.1870])
    """
    upper, first, start, z = parts(x, loc)
    ahead = log_von_mises_cdf(-start, kappa)
    below, above = log_von_mises_cdf(z, kappa), log_von_mises_cdf(-z, kappa)
    gone = torch.where(first, torch.minimum(below, ahead), -math.inf)
    joined = torch.where(first, logsubexp(ahead, gone), torch.logaddexp(ahead, below))
    small = joined <= -math.log(2)
    rest = logsubexp(above, torch.where(small, -math.inf, torch.minimum(ahead, above)))
    low = torch.where(small, joined, log1mexp(torch.where(small, -1.0, rest)))
    high = torch.where(small, log1mexp(torch.where(small, joined, -1.0)), rest)
    return torch.where(upper, high, low)


def _quantile_slopes(
    below: Tensor, above: Tensor, loc: Tensor, kappa: Tensor, x: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The derivatives at fixed probabilities, of which the first moves for both."""
    change = _change(x, loc, kappa)
    sine, low = torch.sin(0.5 * (x - loc)), x < 0
    density = torch.exp(_log_density(kappa, 2 * sine * sine))
    # next to the cut the mass is what the probability says, better than x can
    gap = math.pi - torch.where(low, -x, x)
    near = gap * (1 + kappa) < CLOSE
    middle = torch.sin(0.5 * (x + torch.where(low, -0.5, 0.5) * gap - loc))
    share = (circular_variance(kappa) - 2 * middle * middle) * torch.where(low, -below, above) / density
    gain = 2 * kappa * torch.cos(0.5 * x - loc) * torch.cos(0.5 * x)
    usual = -change.in_kappa / torch.where(near, 1.0, change.here)
    return 1 / density, torch.zeros_like(x), -torch.expm1(-gain), torch.where(near, share, usual)


@elementwise(_quantile_slopes, of_value=True, wide=True, block=2048)
def von_mises_mass_quantile(below: Tensor, above: Tensor, loc: Tensor, kappa: Tensor) -> Tensor:
    r"""The angle x with a given probability in :math:`[-\pi, x]`: the inverse of :func:`von_mises_mass`.

    Args:
        below: the probability of an angle up to x, which carries derivatives.
        above: what it lacks of one, as exactly as it is known.
        loc: the mode.
        kappa: concentration, not negative.

    Example:
        >>> von_mises_mass_quantile(torch.tensor(0.2), torch.tensor(0.8), torch.tensor(3.0), torch.tensor(1.0))
        tensor(-2.4805)
    """
    other, mode = mirrored(loc)
    low, high = torch.where(other, above, below), torch.where(other, below, above)
    ahead = von_mises_cdf(mode - math.pi, kappa)
    first, upper = low < ahead, high + ahead < 0.5
    # all three are quantiles of lower tails
    p = torch.where(first, ahead - low, torch.where(upper, high + ahead, low - ahead))
    z = von_mises_icdf(p.clamp(0.0, 1.0), kappa)
    x = torch.where(first, mode - 2 * math.pi - z, torch.where(upper, mode - z, mode + z))
    x = torch.where(other, -x, x).clamp(-math.pi, math.pi)
    return torch.where(below == 0, -math.pi, torch.where(above == 0, math.pi, x))
