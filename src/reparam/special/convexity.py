r"""The Bregman divergence of what Stirling's formula leaves of log Gamma: the core of gamma-like divergences."""

from __future__ import annotations

import torch
from torch import Tensor

from ._derivatives import elementwise
from ._quadrature import gauss_legendre, on_unit
from .polygamma import log_minus_digamma, trigamma_excess
from .stirling import stirling_error

RULE = gauss_legendre(12)
BLOCK = 16384


def _by_quadrature(b: Tensor, a: Tensor, moment: bool) -> tuple[Tensor, Tensor, Tensor]:
    r""":math:`\int_a^b (\psi'(z) - 1/z)\,dz`, with a factor b - z on demand; where it holds, and log(b/a)."""
    ratio = (b - a) / a
    near = (ratio < 1) & (ratio > -0.5)
    span = torch.where(near, torch.log1p(torch.where(near, ratio, 0.0)), b.log() - a.log())
    close = span.abs() < 3
    length = torch.where(close, span, 1.0).unsqueeze(-1)
    t, weight = on_unit(RULE, a)
    z = a.unsqueeze(-1) * torch.exp(t * length)
    mass = weight * length * z * trigamma_excess(z)
    if moment:
        mass = mass * z * torch.expm1((1 - t) * length)
    return mass.sum(-1), close, span


def _slope(b: Tensor, a: Tensor) -> Tensor:
    """The derivative in b."""
    body, close, _ = _by_quadrature(b, a, moment=False)
    return torch.where(close, body, log_minus_digamma(a) - log_minus_digamma(b))


@elementwise(_slope, lambda b, a: (a - b) * trigamma_excess(a), wide=True, block=BLOCK, native="stirling_bregman")
def stirling_bregman(b: Tensor, a: Tensor) -> Tensor:
    r""":math:`g(b) - g(a) - (b-a)\,g'(a) \ge 0` for :math:`g(a) = \log\Gamma(a) - a\log a + a`.

    It equals :math:`\int_a^b (b - z)(\psi'(z) - 1/z)\,dz`, taken by Gauss-Legendre quadrature in log z where
    a and b are within a factor of 20, and directly beyond, so that nothing cancels. With the deviance D it makes
    the Bregman divergence of log Gamma: :math:`\log\Gamma(b) - \log\Gamma(a) - (b-a)\psi(a) = D(b, a) + R(b, a)`.

    Args:
        b: first argument, positive.
        a: the point of expansion, positive.

    References:
        DLMF 5.11; Banerjee et al., Clustering with Bregman divergences, 2005.

    Example:
        >>> stirling_bregman(torch.tensor([1e5, 1.0]), torch.tensor([1.001e5, 1.0]))
        tensor([2.4967e-07, 0.0000e+00])
    """
    body, close, span = _by_quadrature(b, a, moment=True)
    far = -0.5 * span + stirling_error(b) - stirling_error(a) + (b - a) * log_minus_digamma(a)
    return torch.where(close, body, far)
