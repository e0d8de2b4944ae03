r"""The logistic function, the logarithm of its slope, the hyperbolic tangent and log cosh.

Their slopes keep their relative accuracy where the functions saturate, which those of torch, made of the rounded value,
do not, and every higher derivative theirs.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ._derivatives import elementwise


def _square_sech_slope(x: Tensor) -> Tensor:
    return -2 * tanh(x) * _square_sech(x)


@elementwise(_square_sech_slope)
def _square_sech(x: Tensor) -> Tensor:
    r""":math:`\cosh^{-2} x`, the slope of the hyperbolic tangent."""
    small = torch.exp(2 * torch.where(x < 0, x, -x))
    return 4 * small / (1 + small) ** 2


@elementwise(lambda x: 0.25 * _square_sech(0.5 * x), native="sigmoid")
def sigmoid(x: Tensor) -> Tensor:
    r""":math:`1 / (1 + e^{-x})`, whose derivative, unlike that of ``torch.sigmoid``, holds in the upper tail, too.

    Args:
        x: real.

    Example:
        >>> x = torch.tensor(50.0, requires_grad=True)
        >>> torch.autograd.grad(sigmoid(x), x)
        (tensor(1.9287e-22),)
    """
    return torch.sigmoid(x)


@elementwise(_square_sech, native="tanh")
def tanh(x: Tensor) -> Tensor:
    r"""The hyperbolic tangent, whose derivative, unlike that of ``torch.tanh``, holds in the tails, too.

    Args:
        x: real.

    Example:
        >>> x = torch.tensor(-25.0, requires_grad=True)
        >>> torch.autograd.grad(tanh(x), x)
        (tensor(7.7150e-22),)
    """
    return torch.tanh(x)


@elementwise(lambda x: -tanh(0.5 * x), native="log_logistic")
def log_logistic(x: Tensor) -> Tensor:
    r""":math:`\log \sigma(x) (1 - \sigma(x)) = -|x| - 2 \log(1 + e^{-|x|})`, the standard logistic law's log-density.

    Args:
        x: real.

    Example:
        >>> log_logistic(torch.tensor([0.0, 1000.0]))
        tensor([   -1.3863, -1000.0000])
    """
    size = torch.where(x < 0, -x, x)
    return -size - 2 * torch.log1p(torch.exp(-size))


@elementwise(tanh, native="log_cosh")
def log_cosh(x: Tensor) -> Tensor:
    r""":math:`\log\cosh x`, relatively accurate near 0 and finite far out.

    :math:`\frac12 \log(1 + \sinh^2 x)` for :math:`|x| < 1`, and :math:`|x| - \log 2 + \log(1 + e^{-2|x|})` beyond.

    Args:
        x: real.

    Example:
        >>> log_cosh(torch.tensor([1e-3, 1000.0]))
        tensor([5.0000e-07, 9.9931e+02])
    """
    size = x.abs()
    near = size < 1
    sinh, far = torch.sinh(torch.where(near, x, 0.0)), torch.where(near, 1.0, size)
    return torch.where(near, 0.5 * torch.log1p(sinh * sinh), far + (torch.log1p(torch.exp(-2 * far)) - math.log(2)))
