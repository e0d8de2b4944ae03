r"""Quantiles of a continuous law by bisection over the floating-point numbers, with the implicit gradient.

For q with :math:`F_\theta(q) = p`, differentiating both sides gives
:math:`dq = (dp - \partial_\theta F_\theta(q)\,d\theta) / f_\theta(q)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .._torch import can_read, is_compiling, repeat, unwrapped
from .pytree import tree_map
from .ranges import clamp, ends
from .shapes import joint

_WIDTH = {torch.float32: (torch.int32, 31), torch.float64: (torch.int64, 63)}


def invert_cdf(self: Any, p: Tensor, upper: bool) -> Tensor:
    """The x with ``cdf(x) = p`` (``sf(x) = p`` if ``upper``), to the last bit that the function determines.

    The search halves the set of floating-point numbers, which is as fine near zero as it is far out, in a fixed
    number of steps, so that it runs under ``vmap`` and ``compile``. Two Newton steps of length zero then carry
    the gradient in ``p`` and in every parameter, to second order.
    """
    p = p.expand(joint(p.shape, self._batch_shape))
    function = self._sf if upper else self._cdf
    searched = _apart(self) if is_compiling() else self
    tail = searched._sf if upper else searched._cdf
    lower, higher = ends(self.support, p)

    def halved(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        middle = (low >> 1) + (high >> 1) + (low & high & 1)
        value = tail(_number(middle, p.dtype))
        below = value > p if upper else value < p
        return torch.where(below, middle, low), torch.where(below, high, middle)

    with torch.no_grad():
        low = _rank(lower.clamp(min=torch.finfo(p.dtype).min).expand(p.shape))
        high = _rank(higher.clamp(max=torch.finfo(p.dtype).max).expand(p.shape))
        _require_monotone(self, tail, _number(low, p.dtype), _number(high, p.dtype), upper)
        _, high = repeat(_WIDTH[p.dtype][1] + 1, halved, low, high)
        x = clamp(self.support, _number(high, p.dtype)).detach()
    for _ in range(2):
        density = self._log_prob(x).exp()
        gap = function(x) - p if upper else p - function(x)
        usable = (density > 0) & density.isfinite()
        step = torch.where(usable, gap / torch.where(usable, density, 1.0), 0.0)
        x = x + (step - step.detach())
    x = torch.where(p == (1.0 if upper else 0.0), lower, x)
    return torch.where(p == (0.0 if upper else 1.0), higher, x)


def _require_monotone(self: Any, tail: Callable[[Tensor], Tensor], low: Tensor, high: Tensor, upper: bool) -> None:
    """Refuse a cdf or sf that runs the wrong way from one end of the support to the other, or beyond one.

    Raises:
        ValueError: with its values at the ends.
    """
    if not can_read() or low.is_meta or not low.numel():
        return
    values = [unwrapped(tail(x)).flatten() for x in (low, high)]
    least, most = reversed(values) if upper else values
    wrong = (least > most) | (most > 1.001) | (least < -0.001)
    if bool(wrong.any()):
        ends = " to ".join(f"{v[wrong][0].item():.3g}" for v in values)
        name, way = ("sf", "fall within 1 and 0") if upper else ("cdf", "grow within 0 and 1")
        raise ValueError(f"{type(self).__name__}: its {name} goes from {ends} over the support, but must {way}")


def _apart(self: Any) -> Any:
    """The law with parameters of their own: a compiled loop refuses those that are views of one tensor."""
    return tree_map(lambda leaf: leaf.clone() if isinstance(leaf, Tensor) else leaf, self._unchecked())


def _rank(x: Tensor) -> Tensor:
    """The place of a floating-point number among all of its dtype: an integer that grows with it."""
    bits = x.contiguous().view(_WIDTH[x.dtype][0])
    return torch.where(bits < 0, bits ^ torch.iinfo(bits.dtype).max, bits)


def _number(rank: Tensor, dtype: torch.dtype) -> Tensor:
    """The floating-point number at a place."""
    return torch.where(rank < 0, rank ^ torch.iinfo(rank.dtype).max, rank).view(dtype)
