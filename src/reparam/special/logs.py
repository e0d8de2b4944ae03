r"""Logarithms and exponentials put together so that nothing cancels, overflows or turns into NaN."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ._derivatives import elementwise

SHORT = {torch.float32: 16, torch.float64: 8}  #: numbers in a vector of the processor
# numbers from which what is done to them costs more than the operations, of which a gradient has twice as many
MANY = {"softmax": 512, "log_softmax": 1024, "gradient": 2048}


@elementwise(native="xlogy")
def xlogy(x: Tensor, y: Tensor) -> Tensor:
    r"""``x log y``, which is 0 where x = 0, whatever y is (NaN excepted).

    Args:
        x: factor.
        y: argument of the logarithm.

    Example:
        >>> xlogy(torch.tensor([0.0, 2.0]), torch.tensor([0.0, 1.0]))
        tensor([0., 0.])
    """
    void = (x == 0) & ((y <= 0) | (y == math.inf))
    return x * torch.where(void, 1.0, y).log()


@elementwise(native="xlog1py")
def xlog1py(x: Tensor, y: Tensor) -> Tensor:
    r"""``x log(1 + y)``, which is 0 where x = 0, whatever y is (NaN excepted).

    Args:
        x: factor.
        y: argument of log1p.

    Example:
        >>> xlog1py(torch.tensor([0.0, 2.0]), torch.tensor([-1.0, 0.0]))
        tensor([0., 0.])
    """
    void = (x == 0) & ((y <= -1) | (y == math.inf))
    return x * torch.where(void, 0.0, y).log1p()


@elementwise(native="log1mexp")
def log1mexp(x: Tensor) -> Tensor:
    r""":math:`\log(1 - e^x)` for :math:`x \le 0`: the logarithm of the complement of a log-probability.

    Args:
        x: not positive; a positive x gives NaN.

    References:
        Maechler, Accurately computing log(1 - exp(-\|a\|)), 2012.

    Example:
        >>> log1mexp(torch.tensor([-1e-10, -50.0]))
        tensor([-2.3026e+01, -1.9287e-22])
    """
    near = x > -math.log(2)
    # 0 - x is +0 at either zero, so that the slope there is minus infinity
    small = torch.where(near, 0 - x, 0.5)
    large = torch.where(near, -1.0, x)
    return torch.where(near, torch.log(-torch.expm1(-small)), torch.log1p(-torch.exp(large)))


@elementwise(native="log_expm1")
def log_expm1(x: Tensor) -> Tensor:
    r""":math:`\log(e^x - 1)` for :math:`x \ge 0`, the inverse of softplus.

    Args:
        x: not negative; a negative x gives NaN.

    Example:
        >>> log_expm1(torch.tensor([1e-10, 1000.0]))
        tensor([ -23.0259, 1000.0000])
    """
    near = x < math.log(2)
    small = torch.where(near, x, 0.5)
    large = torch.where(near, 1.0, x)
    return torch.where(near, torch.log(torch.expm1(small)), large + torch.log1p(-torch.exp(-large)))


softplus_inverse = log_expm1


@elementwise(native="logsubexp")
def logsubexp(x: Tensor, y: Tensor) -> Tensor:
    r""":math:`\log(e^x - e^y)` for :math:`x \ge y`.

    Args:
        x: the larger logarithm.
        y: the smaller one; -inf for zero. A larger y gives NaN.

    Example:
        >>> logsubexp(torch.tensor([0.0, -torch.inf]), torch.tensor([-torch.inf, -torch.inf]))
        tensor([0., -inf])
    """
    plain = (y == -math.inf) | (x == math.inf)
    gap = torch.where(plain, -1.0, torch.where(plain, -1.0, y) - torch.where(plain, 0.0, x))
    return torch.where(plain, x, torch.where(plain, 0.0, x) + log1mexp(gap))


@elementwise(native="logit")
def logit(x: Tensor) -> Tensor:
    r""":math:`\log x - \log(1 - x)` for x in [0, 1], the inverse of the logistic function.

    Args:
        x: a probability; values outside [0, 1] give NaN.

    Example:
        >>> logit(torch.tensor([0.0, 1e-30, 0.5]))
        tensor([    -inf, -69.0776,   0.0000])
    """
    return torch.log(x) - torch.log1p(-x)


def logit_complement(x: Tensor | float) -> Tensor:
    r""":math:`\log(1 - x) - \log x`, the logit of 1 - x, which loses nothing where x is small.

    Args:
        x: the complement of a probability; values outside [0, 1] give NaN.

    Example:
        >>> logit_complement(torch.tensor([1e-30, 0.5]))
        tensor([69.0776, -0.0000])
    """
    return -logit(x)


@elementwise(native="logit_exp")
def logit_exp(q: Tensor) -> Tensor:
    r""":math:`q - \log(1 - e^q)` for :math:`q \le 0`: the logit of a probability given by its logarithm.

    Args:
        q: logarithm of a probability; a positive q gives NaN.

    Example:
        >>> logit_exp(torch.tensor([-1e-10, -200.0]))
        tensor([  23.0259, -200.0000])
    """
    return q - log1mexp(q)


@elementwise(native="log_sigmoid")
def log_sigmoid(x: Tensor) -> Tensor:
    r""":math:`-\log(1 + e^{-x})`, the logarithm of the logistic function.

    Args:
        x: real, a logit.

    Example:
        >>> log_sigmoid(torch.tensor([-200.0, 0.0]))
        tensor([-200.0000,   -0.6931])
    """
    # -|x| and the smaller of x and 0, with the derivatives that they have just below 0
    rising = x > 0
    return torch.where(rising, 0.0, x) - torch.log1p(torch.exp(torch.where(rising, -x, x)))


def softmax(x: Tensor) -> Tensor:
    """The shares of the exponentials along the last dimension; of short rows, for which torch's own is slow, by parts.

    Args:
        x: rows ``[..., K]``.

    Example:
        >>> softmax(torch.zeros(2))
        tensor([0.5000, 0.5000])
    """
    if not _has_short_rows(x, "softmax"):
        return x.softmax(-1)
    weights = (x - x.detach().amax(-1, keepdim=True)).exp()
    return weights / weights.sum(-1, keepdim=True)


def log_softmax(x: Tensor) -> Tensor:
    """The logarithms of :func:`softmax`, also where the shares underflow.

    Args:
        x: rows ``[..., K]``.

    Example:
        >>> log_softmax(torch.tensor([0.0, 1000.0]))
        tensor([-1000.,     0.])
    """
    if not _has_short_rows(x, "log_softmax"):
        return x.log_softmax(-1)
    shifted = x - x.detach().amax(-1, keepdim=True)
    return shifted - shifted.exp().sum(-1, keepdim=True).log()


def _has_short_rows(x: Tensor, use: str) -> bool:
    """Whether there are many rows shorter than a vector of the processor, of a dtype that loses nothing by parts."""
    tracked = x.requires_grad and torch.is_grad_enabled()
    size, many = SHORT.get(x.dtype, 0), x.numel() >= MANY["gradient" if tracked else use]
    return many and 0 < x.shape[-1] < size
