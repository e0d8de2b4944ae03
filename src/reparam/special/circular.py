r"""Expectations under the von Mises density on the whole circle, by one integral of a smooth positive function.

With :math:`w(\theta) = 1 - \cos\theta = 2\sin^2(\theta/2)`, the scaled Bessel function of order zero is

.. math:: e^{-\kappa} I_0(\kappa) = \frac1\pi \int_0^\pi e^{-\kappa w(\theta)}\,d\theta,

and the derivatives of its logarithm are, up to sign, the cumulants of w. Gauss-Legendre quadrature as far as
:math:`\kappa w = 40` gives them to full relative accuracy from :math:`\kappa = 0` to the largest floats.

References:
    DLMF 10.32.1; Mardia and Jupp, Directional Statistics, 2000, section 3.5.4.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ._derivatives import elementwise
from ._quadrature import gauss_legendre, on_unit
from .polygamma import horner

# exp(-EXPONENT) is lost against 1 in float64.
EXPONENT = 40.0
RULE = gauss_legendre(32)
BLOCK = 2048
REMAINDER = tuple(1 / math.factorial(k) for k in range(2, 12))


def _nodes(kappa: Tensor) -> tuple[Tensor, Tensor]:
    r"""The masses :math:`e^{-\kappa w}\,d\theta / \pi` at the nodes, and w there; the last dimension is new."""
    with torch.no_grad():
        whole = kappa <= 0.5 * EXPONENT
        half = torch.asin((0.5 * EXPONENT / torch.where(whole, EXPONENT, kappa)).sqrt())
        half = torch.where(whole, 0.5 * math.pi, half)
    node, weight = on_unit(RULE, kappa)
    w = 2 * torch.sin(half.unsqueeze(-1) * node) ** 2
    return torch.exp(-kappa.unsqueeze(-1) * w) * weight * (2 / math.pi * half.unsqueeze(-1)), w


@elementwise(wide=True, block=BLOCK, native="circular_spread")
def circular_spread(kappa: Tensor) -> Tensor:
    r"""The variance of :math:`\cos\theta` under the von Mises law, the derivative of :math:`I_1/I_0`.

    Args:
        kappa: concentration, not negative.

    Example:
        >>> circular_spread(torch.tensor([0.0, 1e6]))
        tensor([5.0000e-01, 5.0000e-13])
    """
    mass, w = _nodes(kappa)
    total = mass.sum(-1)
    apart = w - ((mass * w).sum(-1) / total).unsqueeze(-1)
    return (mass * apart * apart).sum(-1) / total


@elementwise(lambda kappa: -circular_spread(kappa), wide=True, block=BLOCK, native="circular_variance")
def circular_variance(kappa: Tensor) -> Tensor:
    r""":math:`1 - I_1(\kappa)/I_0(\kappa)`, the circular variance of the von Mises law, never by that difference.

    Args:
        kappa: concentration, not negative.

    Example:
        >>> circular_variance(torch.tensor([0.0, 1e6]))
        tensor([1.0000e+00, 5.0000e-07])
    """
    mass, w = _nodes(kappa)
    return (mass * w).sum(-1) / mass.sum(-1)


@elementwise(lambda kappa: -circular_variance(kappa), wide=True, block=BLOCK, native="log_i0e")
def log_i0e(kappa: Tensor) -> Tensor:
    r""":math:`\log I_0(\kappa) - \kappa`, with every derivative to full accuracy.

    Args:
        kappa: not negative.

    Example:
        >>> log_i0e(torch.tensor([1e-6, 1e6]))
        tensor([-1.0000e-06, -7.8267e+00])
    """
    mass, w = _nodes(kappa)
    small = kappa < 0.5
    _, weight = on_unit(RULE, kappa)
    near = torch.where(small, kappa, 0.0).unsqueeze(-1)
    gone = (torch.expm1(-near * w) * weight).sum(-1)
    return torch.where(small, torch.log1p(gone), torch.where(small, 1.0, mass.sum(-1)).log())


def _apart(q: Tensor, p: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Whether q is near p, the law of p as masses, and at its nodes w - E w and u (of p itself where q is far)."""
    near = (q - p).abs() <= 0.3 * p.clamp(min=3.0)
    low = torch.where(near, torch.minimum(p, q), p)
    mass, w = _nodes(low)
    mass = mass * torch.exp((low - p).unsqueeze(-1) * w)
    mass = mass / mass.sum(-1, keepdim=True)
    apart = w - (mass * w).sum(-1, keepdim=True)
    return near, mass, apart, torch.where(near, p - q, 0.0).unsqueeze(-1) * apart


def _exp_remainder(u: Tensor) -> Tensor:
    r""":math:`e^u - 1 - u`, by its series where the difference cancels."""
    near = u.abs() < 0.15
    small = torch.where(near, u, 0.0)
    return torch.where(near, small * small * horner(REMAINDER, small), torch.expm1(u) - u)


def _bregman_slope(q: Tensor, p: Tensor) -> Tensor:
    """The derivative in q, the difference of two means of the cosine."""
    near, mass, apart, u = _apart(q, p)
    change = (mass * apart * torch.expm1(u)).sum(-1) / (1 + (mass * _exp_remainder(u)).sum(-1))
    return torch.where(near, -change, circular_variance(p) - circular_variance(q))


@elementwise(_bregman_slope, lambda q, p: (p - q) * circular_spread(p), wide=True, block=BLOCK)
def von_mises_bregman(q: Tensor, p: Tensor) -> Tensor:
    r""":math:`\log I_0(q) - \log I_0(p) - (q-p)\,I_1(p)/I_0(p) \ge 0`, the divergence of equal directions.

    With :math:`u = (p-q)(w - E_p w)`, whose mean is zero, it is :math:`\log(1 + E_p[e^u - 1 - u])`: for near
    arguments a sum of positive terms, beyond them the difference itself.

    Args:
        q: first argument, not negative.
        p: the point of expansion, not negative.

    Example:
        >>> von_mises_bregman(torch.tensor([1e6, 1.0]), torch.tensor([1.001e6, 1.0]))
        tensor([2.4967e-07, 0.0000e+00])
    """
    near, mass, _, u = _apart(q, p)
    body = torch.log1p((mass * _exp_remainder(u)).sum(-1))
    # arguments that are not near are not both small: the ratio of their integrals is not near 1
    far = (_nodes(q)[0].sum(-1) / _nodes(p)[0].sum(-1)).log() + (q - p) * circular_variance(p)
    return torch.where(near, body, far)
