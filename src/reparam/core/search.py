r"""Quantiles of a continuous law by a bracketed search, with the implicit gradient.

For q with :math:`F_\theta(q) = p`, differentiating both sides gives
:math:`dq = (dp - \partial_\theta F_\theta(q)\,d\theta) / f_\theta(q)`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .ranges import clamp, ends
from .shapes import joint


def invert_cdf(self: Any, p: Tensor, upper: bool) -> Tensor:
    """The x with ``cdf(x) = p`` (``sf(x) = p`` if ``upper``), by bisection and one Newton step.

    The search is on a monotone map of the real line onto (-1, 1), fixed in length, so that it runs under
    ``vmap`` and ``compile``. The last step is on the smaller tail and carries the gradient in ``p`` and in every
    parameter, to second order.
    """
    shape = joint(p.shape, self._batch_shape)
    p = p.expand(shape)
    function = self._sf if upper else self._cdf
    with torch.no_grad():
        low, high = _ends(self, p)
        steps = 60 if p.dtype is torch.float32 else 110
        for _ in range(steps):
            middle = (low + high) / 2
            below = function(_line(middle)) > p if upper else function(_line(middle)) < p
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        x = clamp(self.support, _line((low + high) / 2))
    for _ in range(2):  # the first refines and gives first derivatives, the second the second ones
        density = self._log_prob(x).exp()
        gap = (function(x) - p) if upper else (p - function(x))
        step = torch.where(density > 0, gap / torch.where(density > 0, density, 1.0), 0.0)
        x = x + step
    lower, higher = ends(self.support, p)
    x = torch.where(p == (1.0 if upper else 0.0), lower, x)
    return torch.where(p == (0.0 if upper else 1.0), higher, x)


def _line(t: Tensor) -> Tensor:
    """(-1, 1) onto the line, evenly in the exponent far out and evenly near zero."""
    return torch.sinh(t * (85.0 if t.dtype is torch.float32 else 700.0))


def _ends(self: Any, p: Tensor) -> tuple[Tensor, Tensor]:
    scale = 85.0 if p.dtype is torch.float32 else 700.0
    lower, higher = ends(self.support, p)
    low = torch.asinh(torch.clamp(lower, min=-torch.finfo(p.dtype).max / 4)) / scale
    high = torch.asinh(torch.clamp(higher, max=torch.finfo(p.dtype).max / 4)) / scale
    return low.clamp(-1, 1), high.clamp(-1, 1)
