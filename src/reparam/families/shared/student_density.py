r"""The parts of Student's log-density, with slopes that cancel nowhere: in the centre, far out and with heavy tails.

With :math:`q = s^2/(\nu \sigma^2)`, s the distance from the centre, all of them are the shares :math:`q/(1+q)` and
:math:`1/(1+q)` in units of s, :math:`\sigma` or :math:`\nu`. What hardly depends on :math:`\nu`, as all does when that
is large, is written so that the slopes in it are no differences of larger ones.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...special import log_gamma_ratio
from ...special._derivatives import elementwise
from ...special.polygamma import horner
from ...special.stirling import HALF_LOG_TWO_PI
from ...special.student import LOG_SERIES, NEAR, finite_df, half_step

HALF_LOG_PI = 0.5 * math.log(math.pi)


def _peak_slope(df: Tensor) -> Tensor:
    endless, df = finite_df(df)
    return torch.where(endless, 0.0, 0.5 * half_step(df / 2))


@elementwise(_peak_slope, wide=True)
def log_peak(df: Tensor) -> Tensor:
    """The log-density of the standard t law at 0, and for infinite df of the normal one.

    Example:
        >>> log_peak(torch.tensor([1.0, math.inf]))  # log(1 / pi) and log(1 / sqrt(2 pi))
        tensor([-1.1447, -0.9189])
    """
    endless, df = finite_df(df)
    half = df / 2
    peak = log_gamma_ratio(half, torch.full_like(half, 0.5)) - 0.5 * df.log() - HALF_LOG_PI
    return torch.where(endless, -HALF_LOG_TWO_PI, peak)


def _ratio(shift: Tensor, scale: Tensor, df: Tensor) -> tuple[Tensor, Tensor]:
    """Whether the root of q is above 1, and the root or then its reciprocal."""
    far = shift.abs() > scale * df.sqrt()
    size = torch.where(far, shift, 1.0)
    return far, torch.where(far, scale / size, torch.where(far, 0.0, shift) / scale / df) * df.sqrt()


def _shares(shift: Tensor, scale: Tensor, df: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Whether q is above 1, the shares q/(1+q) and 1/(1+q), and the former over s."""
    far, ratio = _ratio(shift, scale, df)
    most = 1 / (1 + ratio * ratio)
    least, mixed = ratio * ratio * most, ratio * most / df.sqrt()
    own = torch.where(far, most, least)
    per_shift = torch.where(far, most / torch.where(far, shift, 1.0), mixed / scale)
    return far, own, torch.where(far, least, most), per_shift


def _log1p_square(shift: Tensor, scale: Tensor, df: Tensor) -> Tensor:
    """log(1 + q), also where q overflows."""
    far, ratio = _ratio(shift, scale, df)
    large = torch.where(far, ratio, 1.0)
    return torch.log1p(ratio * ratio) - 2 * large.abs().log()


def _excess_slopes(shift: Tensor, scale: Tensor, df: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    _, own, _, per_shift = _shares(shift, scale, df)
    return 2 * own * per_shift, -2 * own * own / scale, -own * own / df


@elementwise(_excess_slopes)
def _log_excess(shift: Tensor, scale: Tensor, df: Tensor) -> Tensor:
    """log(1 + q) - q/(1 + q), which is nearly q^2/2 for small q."""
    _, own, _, _ = _shares(shift, scale, df)
    near = own < NEAR
    small = torch.where(near, own, 0.0)
    return torch.where(near, small * small * horner(LOG_SERIES, small), _log1p_square(shift, scale, df) - own)


def _fall_slopes(shift: Tensor, scale: Tensor, df: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    endless, df = finite_df(df)
    far, own, rest, per_shift = _shares(shift, scale, df)
    z = torch.where(far & ~endless, 0.0, shift) / scale
    square = (1 - z) * (1 + z)
    return (
        torch.where(endless, z / scale, torch.where(far, (df + 1) * per_shift, (1 + 1 / df) * z * rest / scale)),
        torch.where(endless, square, torch.where(far, rest - df * own, square * rest)) / scale,
        torch.where(endless, 0.0, 0.5 * _log_excess(shift, scale, df) - 0.5 * own / df),
    )


@elementwise(_fall_slopes)
def log_fall(shift: Tensor, scale: Tensor, df: Tensor) -> Tensor:
    r""":math:`\log\sigma + \frac{\nu + 1}{2} \log(1 + q)`: how far the log-density lies below the standard law's peak.

    For infinite df the second term is :math:`s^2 / 2 \sigma^2`.

    Example:
        >>> log_fall(torch.tensor([0.0, 1e30]), 1.0, 1.0)
        tensor([  0.0000, 138.1551])
    """
    endless, df = finite_df(df)
    z = torch.where(endless, shift, 0.0) / scale
    return scale.log() + torch.where(endless, 0.5 * z * z, 0.5 * (df + 1) * _log1p_square(shift, scale, df))
