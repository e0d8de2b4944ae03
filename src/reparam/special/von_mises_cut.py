r"""The logarithm of the mass of a von Mises law from the cut of the circle at :math:`-\pi` on.

Mirrored where needed, the mode m is in [0, pi]. The angle z = x - m from it then begins at -pi - m, which is pi - m on
the other side: the mass beyond pi - m comes first, and then that from -pi on. All slopes are ratios of a density, at x
or at the cut, and the mass; these are found from tails in units of the density beyond them, which keep their accuracy
where all underflows, and where the mass from the cut to the far side of the mode vanishes and its logarithm has a pole.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ._derivatives import elementwise
from .logs import log1mexp, logsubexp
from .von_mises import _log_density, _tail, log_von_mises_cdf, von_mises_quantile_grad


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


def _slopes(x: Tensor, loc: Tensor, kappa: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    upper, first, start, z = parts(x, loc)
    inner = x.clamp(-math.pi, math.pi)
    at_x, at_cut = _tail(z, kappa), _tail(start, kappa)
    # how much larger the density is at x than at the cut, and both in units of the larger
    gain = 2 * kappa * torch.cos(0.5 * inner - loc) * torch.cos(0.5 * inner)
    falls = gain < 0
    less = torch.exp(torch.where(falls, gain, -gain))
    here, there = torch.where(falls, less, 1.0), torch.where(falls, 1.0, less)
    # the mass in that unit: by tails where it is at most one of them, else by its logarithm
    ahead, beyond = there * at_cut.width, here * at_x.width
    tails = torch.where(first, ahead - beyond, beyond + torch.where(upper, -ahead, ahead))
    large = torch.where(upper, first | (z <= 0), ~first & (z >= 0))
    void = value == -math.inf
    top = _log_density(kappa, torch.where(falls, at_cut.w, at_x.w))
    by_log = torch.exp(torch.where(large & ~void, top - value, 0.0))
    unit = torch.where(void, 0.0, torch.where(large, by_log, 1 / torch.where(large | void, 1.0, tails)))
    rise = unit * torch.where(falls, torch.expm1(gain), -torch.expm1(-gain))
    pull_x, pull_cut = (von_mises_quantile_grad(at, kappa) for at in (z, -start))
    pulled = unit * (there * pull_cut + torch.where(first, -here, here) * pull_x)
    return (
        torch.where(x.abs() > math.pi, 0.0, unit * here),
        -rise,
        torch.where(upper, pulled, -pulled),
    )


@elementwise(_slopes, of_value=True, wide=True, block=2048)
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
