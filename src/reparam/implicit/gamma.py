"""Standard gamma samples in log space, with the exact gradient in the concentration."""

from __future__ import annotations

from typing import cast

import torch
from torch import Generator, Tensor

from .. import _torch, kernels
from ..core.noise import uniform
from ..special import log_gamma_quantile_grad
from .scalar import reparameterise


def log_standard_gamma(concentration: Tensor, shape: torch.Size, generator: Generator | None = None) -> Tensor:
    r"""The logarithm of gamma draws with rate 1.

    A concentration a below one is raised by one: if G is gamma(a + 1) and U uniform, then
    :math:`\log G + \log(U)/a` is the logarithm of a gamma(a) draw, and finite however small a is.

    Args:
        concentration: a > 0, broadcastable to ``shape``.
        shape: of the result.
        generator: draws from it instead of torch's default one.

    References:
        Marsaglia and Tsang, A simple method for generating gamma variables, 2000.

    Example:
        >>> y = log_standard_gamma(torch.tensor(1e-3), torch.Size([1000]))
        >>> bool(y.isfinite().all()), bool(y.mean() < -500)
        (True, True)
    """
    a = concentration if concentration.shape == shape else concentration.expand(shape)
    wants_gradient = a.requires_grad and torch.is_grad_enabled()
    if kernels.usable(concentration):
        sample, known = kernels.standard_gamma_log(concentration, shape, generator, derivative=wants_gradient)
        return reparameterise(a, sample, log_gamma_quantile_grad, known) if wants_gradient else sample
    with torch.no_grad():
        raised = _torch.standard_gamma(a.detach() + 1, generator).log()
        u = uniform(shape, a, generator)
        sample = raised + torch.log1p(-u) / a.detach()
    return reparameterise(a, sample, log_gamma_quantile_grad)


@kernels.kernel("gamma_draw")
def _scaled(concentration: Tensor, rate: Tensor, log_sample: Tensor, known: Tensor) -> Tensor:
    """A draw from the logarithm of a standard one; the kernel takes the slope of that as known."""
    a = concentration.expand_as(log_sample)
    return reparameterise(a, log_sample, log_gamma_quantile_grad).exp() / rate


def gamma(concentration: Tensor, rate: Tensor, shape: torch.Size, generator: Generator | None) -> Tensor:
    """Gamma draws with the exact gradient in both parameters.

    Args:
        concentration: a > 0, broadcastable to ``shape``.
        rate: r > 0, broadcastable to ``shape``.
        shape: of the result.
        generator: draws from it instead of torch's default one.
    """
    tracked = torch.is_grad_enabled() and (concentration.requires_grad or rate.requires_grad)
    if not tracked or not kernels.usable(concentration):
        return log_standard_gamma(concentration, shape, generator).exp() / rate
    log_sample, known = kernels.standard_gamma_log(concentration, shape, generator)
    return _scaled(concentration, rate, log_sample, cast(Tensor, known))
