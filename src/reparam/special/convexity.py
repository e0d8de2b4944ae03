r"""The Bregman divergence of what Stirling's formula leaves of log Gamma: the core of gamma-like divergences."""

from __future__ import annotations

import torch
from torch import Tensor

from ._derivatives import elementwise
from ._quadrature import unit_rule
from .polygamma import log_minus_digamma, trigamma_excess
from .stirling import stirling_error

NODES = 12
BLOCK = 16384


@elementwise(wide=True, block=BLOCK)
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
        tensor([2.4992e-07, 0.0000e+00])
    """
    ratio = (b - a) / a
    near = (ratio < 1) & (ratio > -0.5)
    span = torch.where(near, torch.log1p(torch.where(near, ratio, 0.0)), b.log() - a.log())
    close = span.abs() < 3
    length = torch.where(close, span, 1.0).unsqueeze(-1)
    t, weight = unit_rule(NODES, a)
    z = a.unsqueeze(-1) * torch.exp(t * length)
    body = (weight * torch.expm1((1 - t) * length) * (z * z) * trigamma_excess(z)).sum(-1)
    far = -0.5 * span + stirling_error(b) - stirling_error(a) + (b - a) * log_minus_digamma(a)
    return torch.where(close, length.squeeze(-1) * body, far)
