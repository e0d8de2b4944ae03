r"""The parts of Student's log-density, with slopes that cancel nowhere: in the centre, far out and with heavy tails.

With :math:`q = s^2/(\nu \sigma^2)`, s the distance from the centre, all of them are the shares :math:`q/(1+q)` and
:math:`1/(1+q)` in units of s, :math:`\sigma` or :math:`\nu`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...special._derivatives import elementwise


def _ratio(shift: Tensor, scale: Tensor, df: Tensor) -> tuple[Tensor, Tensor]:
    """Whether the root of q is above 1, and the root or then its reciprocal."""
    far = shift.abs() > scale * df.sqrt()
    size = torch.where(far, shift, 1.0)
    return far, torch.where(far, scale / size, torch.where(far, 0.0, shift) / scale / df) * df.sqrt()


def _shares(shift: Tensor, scale: Tensor, df: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The shares q/(1+q) and 1/(1+q), and the former over s."""
    far, ratio = _ratio(shift, scale, df)
    most = 1 / (1 + ratio * ratio)
    least, mixed = ratio * ratio * most, ratio * most / df.sqrt()
    own = torch.where(far, most, least)
    per_shift = torch.where(far, most / torch.where(far, shift, 1.0), mixed / scale)
    return own, torch.where(far, least, most), per_shift


def _square_slopes(shift: Tensor, scale: Tensor, df: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    own, _, per_shift = _shares(shift, scale, df)
    return 2 * per_shift, -2 * own / scale, -own / df


@elementwise(_square_slopes)
def log1p_square(shift: Tensor, scale: Tensor, df: Tensor) -> Tensor:
    r""":math:`\log(1 + q)`, also where q or its derivatives overflow.

    Example:
        >>> log1p_square(torch.tensor([1.0, -1e30]), 1.0, 1.0)
        tensor([  0.6931, 138.1551])
    """
    far, ratio = _ratio(shift, scale, df)
    large = torch.where(far, ratio, 1.0)
    return torch.log1p(ratio * ratio) - 2 * large.abs().log()


def _reach_slopes(shift: Tensor, scale: Tensor, df: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    own, rest, per_shift = _shares(shift, scale, df)
    return per_shift, rest / scale, -0.5 * own / df


@elementwise(_reach_slopes)
def log_reach(shift: Tensor, scale: Tensor, df: Tensor) -> Tensor:
    r""":math:`\log\sqrt{\sigma^2 + s^2/\nu} = \log\sigma + \frac12 \log(1 + q)`.

    Example:
        >>> log_reach(torch.tensor([0.0, 1e30]), 1.0, 1.0)
        tensor([ 0.0000, 69.0776])
    """
    return scale.log() + 0.5 * log1p_square(shift, scale, df)
