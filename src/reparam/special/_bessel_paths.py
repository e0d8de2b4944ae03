r"""The modified Bessel function as the integral over a path on which nothing cancels.

Schlaefli's integral :math:`I_v(x) = \frac{1}{2 \pi i} \int e^{x \cosh t - v t}\,dt` from :math:`\infty - i \pi` to
:math:`\infty + i \pi` makes every derivative of :math:`\log I_v` in v and x a mean, or a covariance, of t and
:math:`\cosh t`. On the path of steepest descent, :math:`t = \tau + i \theta` with
:math:`\sinh\tau = \frac{v}{x} \frac{\theta}{\sin\theta}` through the saddle :math:`\alpha = \sinh^{-1}(v/x)`,

.. math:: I_v(x) = \frac1\pi \int_0^\pi e^{x \cosh\tau \cos\theta - v \tau}\,d\theta,

whose integrand is positive and as smooth as a normal density. For v below 1/2 it bends sharply near :math:`i \pi`, and
the path with that corner, :math:`i \theta` and then :math:`i \pi + s`, takes its place.

References:
    DLMF 10.32.12, 10.41; Temme, Asymptotic Methods for Integrals, 2015, chapter 24.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ._quadrature import gauss_legendre, on_unit
from .polygamma import horner

EXPONENT = 40.0
RULE = gauss_legendre(32)
LEG = gauss_legendre(24)
# (theta - sin theta) / theta^3 and (sin theta - theta cos theta) / theta^3 in powers of theta^2, for theta <= pi
SINE_GAP = tuple((-1) ** k / math.factorial(2 * k + 3) for k in range(15))
TANGENT_GAP = tuple((-1) ** k * (2 * k + 2) / math.factorial(2 * k + 3) for k in range(15))

Pair = tuple[Tensor, Tensor]


class Path(NamedTuple):
    r"""Nodes of half of a path, as real and imaginary parts, measured from where ``t = base``.

    ``step`` is t - base, ``decay`` is exp(base - t) - 1 and ``rise`` is cosh t - cosh base. The sum of the real parts
    of ``weight`` is :math:`e^{v \, base - x \cosh base} I_v(x)`.
    """

    base: Tensor
    weight: Pair
    step: Pair
    decay: Pair
    rise: Pair

    def total(self) -> Tensor:
        """The sum of the weights."""
        return self.weight[0].sum(-1)

    def mean(self, h: Pair) -> Tensor:
        """The mean of a function of t with these parts."""
        return (self.weight[0] * h[0] - self.weight[1] * h[1]).sum(-1) / self.total()

    def covariance(self, h: Pair, k: Pair) -> Tensor:
        """The covariance of two functions of t."""
        product = h[0] * k[0] - h[1] * k[1], h[0] * k[1] + h[1] * k[0]
        return self.mean(product) - self.mean(h) * self.mean(k)


def descent(v: Tensor, x: Tensor) -> Path:
    """The path of steepest descent, for v >= 1/2 and x away from 0."""
    h = torch.hypot(v, x)
    with torch.no_grad():
        # the exponent is at least 2 h sin^2(theta / 2), and where v dominates h theta^2 / 2
        share = (0.5 * EXPONENT / h).clamp(max=1.0)
        reach = torch.minimum(2 * torch.asin(share.sqrt()), torch.where(v > x, (2 * EXPONENT / h).sqrt(), 4.0))
    node, weight = on_unit(RULE, x)
    reach = reach.unsqueeze(-1)
    theta = reach * node
    v, x = v.unsqueeze(-1), x.unsqueeze(-1)
    sine, square = torch.sin(theta), theta * theta
    excess = theta * square * horner(SINE_GAP, square) / sine  # theta / sin(theta) - 1
    bend = theta * square * horner(TANGENT_GAP, square) / sine  # 1 - theta cot(theta)
    a, cosh_a = v / x, torch.hypot(torch.ones_like(x), v / x)
    b = a * (1 + excess)
    cosh_b = torch.hypot(torch.ones_like(b), b)
    apart = a * excess
    cosh_gap = apart * ((b + a) / (cosh_b + cosh_a))
    gap = torch.asinh(apart * ((b + a) / (b * cosh_a + a * cosh_b)))
    half = 2 * torch.sin(0.5 * theta) ** 2
    depth = x * (half * cosh_b - cosh_gap) + v * gap
    turn = b / cosh_b * bend / theta  # d tau / d theta
    mass = torch.exp(-depth) * (reach * weight / math.pi)
    fall = torch.exp(-gap)
    return Path(
        torch.asinh(a).squeeze(-1),
        (mass, -turn * mass),
        (gap, theta),
        (torch.expm1(-gap) - half * fall, -fall * sine),
        (cosh_gap - half * cosh_b, b * sine),
    )


def corner(v: Tensor, x: Tensor) -> Path:
    r"""The path by the corner :math:`i\pi`, for v <= 1/2 and x away from 0; its base is 0."""
    with torch.no_grad():
        reach = 2 * torch.asin((0.5 * EXPONENT / x).clamp(max=1.0).sqrt()).unsqueeze(-1)
        length = torch.acosh(1 + EXPONENT / x).unsqueeze(-1)
    v, x = v.unsqueeze(-1), x.unsqueeze(-1)
    node, weight = on_unit(RULE, x)
    theta = reach * node
    half = 2 * torch.sin(0.5 * theta) ** 2
    mass = torch.exp(-x * half) * (reach * weight / math.pi)
    node, weight = on_unit(LEG, x)
    s = length * node
    ends = torch.exp(-x * (1 + torch.cosh(s)) - v * s) * (length * weight / math.pi)
    nothing, fall = torch.zeros_like(s), torch.exp(-s)
    turn = math.pi * v.expand(s.shape)
    parts = (
        (mass * torch.cos(v * theta), -ends * torch.sin(turn)),
        (-mass * torch.sin(v * theta), -ends * torch.cos(turn)),
        (torch.zeros_like(theta), s),
        (theta, torch.full_like(s, math.pi)),
        (-half, -1 - fall),
        (-torch.sin(theta), nothing),
        (-half, -1 - torch.cosh(s)),
        (torch.zeros_like(theta), nothing),
    )
    a, b, c, d, e, f, g, h = (torch.cat(pair, -1) for pair in parts)
    return Path(torch.zeros_like(v).squeeze(-1), (a, b), (c, d), (e, f), (g, h))
