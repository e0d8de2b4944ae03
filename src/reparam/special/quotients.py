r"""Functions that scalar laws are made of near a removable singularity or far out in a tail.

Each is a difference, a quotient or a logarithm that its plain formula loses: to cancellation, to 0/0, or to
underflow.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ._derivatives import elementwise
from .logs import log1mexp
from .polygamma import horner

# Below NEAR the series are used; so many of their terms leave less than 2^-53.
NEAR = 0.5
EXP_REMAINDER = tuple(1 / math.factorial(k + 2) for k in range(14))
EXPM1_SLOPE = tuple((k + 1) / math.factorial(k + 2) for k in range(14))
# log((1 - exp(-u)) / u) = -u/2 + the sum of these over u^(2k), k = 1, 2, ...: B_2k / (2k (2k)!)
LOG_EXPM1_SERIES = (1 / 24, -1 / 2880, 1 / 181440, -1 / 9676800)
LOG1P_NEAR = 0.125
LOG1P_SERIES = tuple((-1) ** k / (k + 1) for k in range(19))
LOG1P_SLOPE = tuple(k * c for k, c in enumerate(LOG1P_SERIES))[1:]
SAME = 1e-20


def one_minus_exp(x: Tensor) -> Tensor:
    r""":math:`1 - e^x` for :math:`x \le 0`, as ``-expm1(x)``, whose derivative in torch is 0 where it is below eps.

    Args:
        x: not positive.

    Example:
        >>> x = torch.tensor(-50.0, requires_grad=True)
        >>> torch.autograd.grad(one_minus_exp(x), x)
        (tensor(-1.9287e-22),)
    """
    near = x > -1
    small, large = torch.where(near, x, 0.0), torch.where(near, -1.0, x)
    return torch.where(near, -torch.expm1(small), 1 - torch.exp(large))


@elementwise(native="exp_remainder")
def exp_remainder(x: Tensor) -> Tensor:
    r""":math:`e^x - 1 - x \ge 0`, relatively accurate near 0.

    Args:
        x: real.

    Example:
        >>> exp_remainder(torch.tensor([1e-10, -50.0]))
        tensor([5.0000e-21, 4.9000e+01])
    """
    near = x.abs() < NEAR
    small, large = torch.where(near, x, 0.0), torch.where(near, 1.0, x)
    return torch.where(near, small * small * horner(EXP_REMAINDER, small), torch.exp(large) - 1 - large)


@elementwise(native="exp_remainder_of_size")
def exp_remainder_of_size(x: Tensor) -> Tensor:
    r""":math:`e^{-|x|} - 1 + |x| \ge 0`, smooth at 0.

    Args:
        x: real.

    Example:
        >>> exp_remainder_of_size(torch.tensor([-1e-10, 50.0]))
        tensor([5.0000e-21, 4.9000e+01])
    """
    size = x.abs()
    near = size < NEAR
    small, large = torch.where(near, size, 0.0), torch.where(near, 1.0, size)
    inner = torch.where(near, x, 0.0)
    return torch.where(near, inner * inner * horner(EXP_REMAINDER, -small), torch.exp(-large) - 1 + large)


@elementwise(native="log_inverse_cloglog")
def log_inverse_cloglog(x: Tensor) -> Tensor:
    r""":math:`\log(1 - \exp(-e^x))`: the logarithm of the probability with complementary log-log x.

    Args:
        x: real, or an infinity.

    Example:
        >>> log_inverse_cloglog(torch.tensor([-1000.0, 0.0]))
        tensor([-1.0000e+03, -4.5868e-01])
    """
    far = x < -3
    low, high = torch.where(far, x, -3.0), torch.where(far, 0.0, x).clamp(max=8.0)
    small = low.exp()
    series = small * (small * horner(LOG_EXPM1_SERIES, small * small) - 0.5)
    return torch.where(far, low + series, log1mexp(-high.exp()))


def _log_ratio_value(x: Tensor, y: Tensor) -> Tensor:
    gap = (x - y) / y
    return torch.where(gap.abs() < NEAR, gap.log1p(), 2 * (x.sqrt() / y.sqrt()).log())


@elementwise(lambda x, y: 1 / x, lambda x, y: -1 / y, value=_log_ratio_value, native="log_ratio")
def log_ratio(x: Tensor, y: Tensor) -> Tensor:
    r""":math:`\log(x / y)` for positive x and y: where the ratio itself is no float, and where it is nearly 1.

    Args:
        x: positive.
        y: positive.

    Example:
        >>> log_ratio(torch.tensor([1e30, 1.0000001]), torch.tensor([1e-30, 1.0]))
        tensor([1.3816e+02, 1.1921e-07])
    """
    near = (x - y).abs() < NEAR * y
    close, far = torch.where(near, x, y), torch.where(near, y, x)
    return torch.where(near, torch.log1p((close - y) / y), 2 * (far.sqrt() / y.sqrt()).log())


def product(k: Tensor, x: Tensor) -> Tensor:
    """The product, 0 where one factor is 0 and the other infinite."""
    k, x = torch.where((x == 0) & k.isinf(), 0.0, k), torch.where((k == 0) & x.isinf(), 0.0, x)
    return k * x


def _split_at(w: Tensor, x: Tensor, least: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Where |w| is not small, w where it is small and where it is not, and the x of small ones."""
    far = ~(w.abs() < least)
    return far, torch.where(far, 0.0, w), torch.where(far, w, 1.0), torch.where(far, 0.0, x)


def _expm1_slope(k: Tensor, x: Tensor) -> Tensor:
    r""":math:`\partial/\partial k`: :math:`x^2 s'(w)`, w = kx, for :math:`s(w) = (e^w - 1)/w`."""
    far, small, large, inner = _split_at(product(k, x), x, NEAR)
    large = large.clamp(min=-1e4)  # where the exponential is long lost
    size = torch.where(far, k, 1.0)
    direct = (torch.exp(large) * (large - 1) + 1) / size / size
    return torch.where(far, direct, inner * inner * horner(EXPM1_SLOPE, small))


def _expm1_value(k: Tensor, x: Tensor) -> Tensor:
    w = product(k, x)
    same = w.abs() <= SAME
    return torch.where(same, x, torch.expm1(w) / torch.where(same, 1.0, k))


@elementwise(_expm1_slope, lambda k, x: torch.exp(product(k, x)), value=_expm1_value, native="expm1_quotient")
def expm1_quotient(k: Tensor, x: Tensor) -> Tensor:
    r""":math:`(e^{kx} - 1)/k = \int_0^x e^{kt}\,dt`, which is x for k = 0.

    Args:
        k: real.
        x: real, or infinite where there is a limit.

    Example:
        >>> expm1_quotient(torch.tensor([0.0, -1.0]), torch.tensor([2.0, torch.inf]))
        tensor([2., 1.])
    """
    far, small, large, inner = _split_at(product(k, x), x, NEAR)
    series = inner * (1 + small * horner(EXP_REMAINDER, small))
    return torch.where(far, torch.expm1(large) / torch.where(far, k, 1.0), series)


def _log1p_slope(k: Tensor, x: Tensor) -> Tensor:
    r""":math:`\partial/\partial k`: :math:`x^2 r'(w)`, w = kx, for :math:`r(w) = \log(1+w)/w`."""
    far, small, large, inner = _split_at(product(k, x), x, LOG1P_NEAR)
    size = torch.where(far, k, 1.0)
    direct = (large / (1 + large) - torch.log1p(large)) / size / size
    return torch.where(far, direct, inner * inner * horner(LOG1P_SLOPE, small))


def _log1p_value(k: Tensor, x: Tensor) -> Tensor:
    w = product(k, x).clamp(min=-1.0)
    same = w.abs() <= SAME
    return torch.where(same, x, torch.log1p(w) / torch.where(same, 1.0, k))


@elementwise(
    _log1p_slope, lambda k, x: 1 / (1 + product(k, x).clamp(min=-1.0)), value=_log1p_value, native="log1p_quotient"
)
def log1p_quotient(k: Tensor, x: Tensor) -> Tensor:
    r""":math:`\log(1 + kx)/k`, which is x for k = 0: the inverse of :func:`expm1_quotient` in x.

    Args:
        k: real.
        x: with :math:`kx \ge -1`; what rounding puts below counts as -1.

    Example:
        >>> log1p_quotient(torch.tensor([0.0, -0.5]), torch.tensor([2.0, 2.0]))
        tensor([2., inf])
    """
    far, small, large, inner = _split_at(product(k, x).clamp(min=-1.0), x, LOG1P_NEAR)
    series = inner * horner(LOG1P_SERIES, small)
    return torch.where(far, torch.log1p(large) / torch.where(far, k, 1.0), series)
