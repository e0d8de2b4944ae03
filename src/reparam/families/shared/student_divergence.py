r"""The divergence of two t laws, by quadrature that resolves both, however unlike their scales.

It is the integral of :math:`p \log(p/q)`, or of :math:`p \log(p/q) - p + q \ge 0`, none of whose parts cancel, where
the laws may be nearly the same.
The line is cut at both centres. On each of the three pieces the variable is a logarithm of the distance from a centre
(in the middle the difference of both), in which the integrand is analytic in a strip whose width no parameter changes
and falls off exponentially: the trapezoidal rule converges exponentially, after a substitution that widens its steps
where only a fall is left.

References:
    Trefethen and Weideman, The exponentially convergent trapezoidal rule, 2014.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ...special import digamma_difference
from ...special.quotients import exp_remainder
from ...special.stirling import HALF_LOG_TWO_PI
from .student_density import log_peak

NODES = 201  #: a piece
FALL = 40.0  #: exp(-FALL) of the mass is left beyond the nodes
LARGE = 1e20  #: degrees of freedom at which a law is normal as far as the mass of one of FEW or more counts
FEW = 8.0
LEAST = 1e-30  #: the distance of the centres, in units of a scale, that is none
# The pieces are those before the first centre, beyond the second and between. With the logarithmic variable y and
# log(1 + exp(y)), what they make up: the distance from the first centre, that from the second, and a step in x.
OF_VARIABLE = [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 1.0, 1.0]]
OF_SOFTPLUS = [[0.0, 1.0, -1.0], [1.0, 0.0, -1.0], [0.0, 0.0, -2.0]]
SIDE = [1.0, -1.0, 1.0]  # of the second centre


def student_divergence(df: Tensor, other: Tensor, log_scale: Tensor, shift: Tensor) -> Tensor:
    """Of the standard t law from one with another df, scale and location.

    Args:
        df: degrees of freedom of the first, perhaps infinite, in float64 like all.
        other: those of the second.
        log_scale: the logarithm of its scale.
        shift: its location.
    """
    df, other, log_scale, shift = torch.broadcast_tensors(df, other, log_scale, shift)
    wide = (other == math.inf) & (df < FEW)
    first, second = (torch.where(one == math.inf, LARGE, one) for one in (df, other))
    by_variance = [torch.where(wide, v, safe) for v, safe in ((df, FEW), (log_scale, 0.0), (shift, 0.0))]
    return torch.where(wide, _from_normal(*by_variance), _by_quadrature(first, second, log_scale, shift))


def _from_normal(df: Tensor, log_scale: Tensor, shift: Tensor) -> Tensor:
    """Of a t law from the normal one, by its variance; infinite where that is, and then a constant."""
    infinite = df <= 2
    df = torch.where(infinite, FEW, df)
    square = (df / (df - 2) + shift * shift) * torch.exp(-2 * log_scale)
    entropy = 0.5 * (df + 1) * digamma_difference(0.5 * df, torch.full_like(df, 0.5)) - log_peak(df)
    return (HALF_LOG_TWO_PI + log_scale + 0.5 * square - entropy).masked_fill(infinite, math.inf)


def _by_quadrature(df: Tensor, other: Tensor, log_scale: Tensor, shift: Tensor) -> Tensor:
    laws, apart = torch.stack([df, other]), torch.where(shift < 0, -shift, shift)
    fixed = apart.detach()
    first, second, log_weight = _nodes(laws.detach(), log_scale.detach(), fixed)
    # the points stay where they are while the parameters move
    moved = second + torch.log1p(_constant(SIDE, fixed) * (apart - fixed) * torch.exp(-second))
    log_z = torch.stack([first, moved - log_scale], 2)
    p, q = (log_peak(laws) - 0.5 * (laws + 1) * softplus(2 * log_z - laws.log(), threshold=40.0)).unbind(2)
    log_ratio, mass = q - log_scale - p, torch.exp(p + log_weight)
    alike = (log_scale.abs() < 1) & (fixed < 1)
    near = alike & (log_ratio < 1)
    excess = torch.where(alike, torch.exp(log_ratio + (p + log_weight)) - mass, 0.0)
    remainder = exp_remainder(torch.where(near, log_ratio, 0.0))
    return torch.where(near, mass * remainder, excess - mass * log_ratio).sum((0, 1))


def _constant(values: list[Any], like: Tensor) -> Tensor:
    """A tensor whose last dimension is before those of the batch."""
    found = torch.tensor(values, dtype=like.dtype, device=like.device)
    return found.reshape(found.shape + (1,) * like.dim())


def _nodes(laws: Tensor, log_scale: Tensor, apart: Tensor) -> Sequence[Tensor]:
    """Points ``[nodes, 3, *batch]``: logarithms of their distances from both centres and of their weights."""
    gap = torch.maximum(apart, LEAST * log_scale.clamp(max=0.0).exp()).log()
    # the logarithms, in units of the gap, of where a density bends first and last, and of its reach
    root, offset = 0.5 * laws.log(), torch.stack([-gap, log_scale - gap])
    low = root.clamp(max=0.0) + offset
    last = (root.clamp(min=0.0) + offset).amax(0).clamp(min=0.0)
    end = (FALL / laws + (0.5 * math.log(2 * FALL) + offset)).amax(0)
    # a second law of many degrees of freedom grows like a square as far as it bends: the first falls slower against it
    slow = FALL / (laws[0] - 2).clamp(min=1.0) + (0.5 * math.log(2 * FALL) + offset[0])
    last, between = torch.minimum(last, torch.maximum(end, slow)), low.clamp(max=0.0)
    outer = torch.minimum(low, low.clamp(min=0.0).flip(0))
    rest = torch.maximum(end - last, FALL / laws[0]).clamp(min=1.0)
    y, log_step = _stretched(
        torch.cat([outer, between[:1]]),
        torch.stack([last, last, -between[1]]),
        torch.stack([rest, rest, torch.full_like(rest, FALL)]),
    )
    parts = (
        _constant(OF_VARIABLE, gap) * y[:, None]
        + _constant(OF_SOFTPLUS, gap) * softplus(y, threshold=40.0)[:, None]
        + gap
    )
    first, second, step = parts.unbind(1)
    return first, second, step + log_step


def _stretched(first: Tensor, last: Tensor, rest: Tensor) -> tuple[Tensor, Tensor]:
    r"""Nodes of the trapezoidal rule even between two points and sparser beyond, and the logarithms of their weights.

    They are :math:`y = c + t + k \sinh t`, down to FALL before the first point and up to ``rest`` after the last.
    """
    half = 0.5 * (last - first)
    k = torch.exp(-half - 1)
    low = torch.asinh(FALL / k)
    step = (low + torch.asinh(rest / k)) / (NODES - 1)
    count = torch.arange(NODES, dtype=step.dtype, device=step.device).reshape((-1,) + (1,) * step.dim())
    t = count * step - low
    rise = torch.exp(t)
    fall, rise = 0.5 * k / rise, 0.5 * k * rise
    return (first + half) + t + (rise - fall), torch.log(step * (1 + rise + fall))
