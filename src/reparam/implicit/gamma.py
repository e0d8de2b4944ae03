"""Standard gamma samples in log space, with the exact gradient in the concentration."""

from __future__ import annotations

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
