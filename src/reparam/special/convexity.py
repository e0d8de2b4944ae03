r"""The convex remainder of log Gamma that entropies and divergences of gamma-like laws are made of.

With :math:`g(a) = \log\Gamma(a) - a\log a + a`, the functions here are :math:`-g'`, :math:`g''` and the Bregman
divergence of g. All are sums of positive terms, so nothing cancels from the smallest to the largest argument.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .stirling import stirling_error

SHIFT = 10
# B_2k / 2k: the coefficients of log z - digamma(z) - 1/(2z) in powers of 1/z^2 (DLMF 5.11.2)
GAP = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)
# B_2k: those of trigamma(z) - 1/z - 1/(2z^2), times 1/z^3 (DLMF 5.15.8)
EXCESS = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)
# Gauss-Legendre nodes and weights on [0, 1], 12 points
NODES = (
    0.009219682876640375, 0.0479413718147626, 0.11504866290284766, 0.2063410228566913,
    0.31608425050090994, 0.43738329574426554, 0.5626167042557344, 0.6839157494990901,
    0.7936589771433087, 0.8849513370971523, 0.9520586281852375, 0.9907803171233596,
)  # fmt: skip
WEIGHTS = (
    0.023587668193255706, 0.05346966299765953, 0.08003916427167321, 0.10158371336153287,
    0.1167462682691773, 0.12457352290670134, 0.12457352290670134, 0.1167462682691773,
    0.10158371336153287, 0.08003916427167321, 0.05346966299765953, 0.023587668193255706,
)  # fmt: skip


def _horner(coefficients: tuple[float, ...], x: Tensor) -> Tensor:
    total = torch.full_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = total * x + c
    return total


def log_minus_digamma(a: Tensor) -> Tensor:
    r""":math:`\log a - \psi(a) > 0`, which tends to :math:`1/(2a)`.

    By :math:`\log a - \psi(a) = \log(a+n) - \psi(a+n) + \sum_{k<n} [1/(a+k) - \log(1 + 1/(a+k))]` with n = 10
    and the asymptotic series at a + n.

    References:
        DLMF 5.11.2.

    Example:
        >>> log_minus_digamma(torch.tensor(1e6, dtype=torch.float64))
        tensor(5.0000e-07, dtype=torch.float64)
    """
    z = a + SHIFT
    total = 1 / (2 * z) + _horner(GAP, 1 / (z * z)) / (z * z)
    for k in range(SHIFT - 1, -1, -1):
        step = 1 / (a + k)
        total = total + (step - torch.log1p(step))
    return total


def trigamma_excess(a: Tensor) -> Tensor:
    r""":math:`\psi'(a) - 1/a > 0`, which tends to :math:`1/(2a^2)`.

    By :math:`\psi'(a) - 1/a = \psi'(a+n) - 1/(a+n) + \sum_{k<n} (a+k)^{-2}(a+k+1)^{-1}`.

    References:
        DLMF 5.15.8.
    """
    z = a + SHIFT
    total = 1 / (2 * z * z) + _horner(EXCESS, 1 / (z * z)) / (z * z * z)
    for k in range(SHIFT - 1, -1, -1):
        step = a + k
        total = total + 1 / (step * step * (step + 1))
    return total


def stirling_bregman(b: Tensor, a: Tensor) -> Tensor:
    r""":math:`g(b) - g(a) - (b-a)\,g'(a) \ge 0` for :math:`g(a) = \log\Gamma(a) - a\log a + a`.

    It equals :math:`\int_a^b (b - z)(\psi'(z) - 1/z)\,dz`, taken by 12-point Gauss-Legendre quadrature in
    log z where a and b are within a factor of 20, and directly beyond. With the deviance it makes the Bregman
    divergence of log Gamma: :math:`\log\Gamma(b) - \log\Gamma(a) - (b-a)\psi(a) = D(b, a) + R(b, a)`.

    Args:
        b: first argument, positive.
        a: the point of expansion, positive.
    """
    from .stirling import stirling_error

    b, a = torch.broadcast_tensors(b, a)
    ratio = (b - a) / a
    near = (ratio.abs() < 1) & (ratio > -0.5)
    span = torch.where(near, torch.log1p(torch.where(near, ratio, 0.0)), b.log() - a.log())
    close = span.abs() < 3
    length = torch.where(close, span, 1.0)
    total = torch.zeros_like(a)
    for t, w in zip(NODES, WEIGHTS):
        z = a * torch.exp(t * length)
        total = total + w * torch.expm1((1 - t) * length) * (z * z) * trigamma_excess(z)
    far = -0.5 * span + stirling_error(b) - stirling_error(a) + (b - a) * log_minus_digamma(a)
    return torch.where(close, length * total, far)
