"""Gamma samples and what is made of them, in log space inside, with the exact gradient in the concentration.

Where a native sampler draws, it draws anew in a backward pass, from the same key, and only the key is kept.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from .. import _torch, kernels
from ..core.noise import normal, open_uniform, uniform
from ..special import gammainccinv, log_gamma_quantile_grad
from ..special.student import finite_df
from .scalar import reparameterise


def log_standard_gamma(concentration: Tensor, shape: torch.Size, generator: Generator | None = None) -> Tensor:
    r"""The logarithm of gamma draws with rate 1.

    A concentration a below one is raised by one: if G is gamma(a + 1) and U uniform, then
    :math:`\log G + \log(U)/a` is the logarithm of a gamma(a) draw, and finite however small a is. Rows of a
    ``vmap`` that share their random numbers have quantiles of these for G.

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
    if kernels.usable(concentration):
        return _log_gamma(kernels.key_of(shape, generator, concentration), concentration)
    a = concentration if concentration.shape == shape else concentration.expand(shape)
    with torch.no_grad():
        raised = _standard_gamma(a.detach() + 1, generator).log()
        u = uniform(shape, a, generator)
        sample = raised + torch.log1p(-u) / a.detach()
    return reparameterise(a, sample, log_gamma_quantile_grad)


def _standard_gamma(concentration: Tensor, generator: Generator | None) -> Tensor:
    if not _torch.must_share_noise(concentration):
        return _torch.standard_gamma(concentration, generator)
    u = open_uniform(concentration.shape, concentration, generator)
    return gammainccinv(concentration, u).to(concentration.dtype)


@kernels.sampler("log_gamma_draw")
def _log_gamma(key: Tensor, concentration: Tensor) -> Tensor:
    sample = kernels.draw("log_gamma_draw", key, concentration)
    return reparameterise(concentration.expand(sample.shape), sample, log_gamma_quantile_grad)


def gamma(concentration: Tensor, rate: Tensor, shape: torch.Size, generator: Generator | None) -> Tensor:
    """Gamma draws."""
    if kernels.usable(concentration):
        return _gamma(kernels.key_of(shape, generator, concentration), concentration, rate)
    return log_standard_gamma(concentration, shape, generator).exp() / rate


@kernels.sampler("gamma_draw")
def _gamma(key: Tensor, concentration: Tensor, rate: Tensor) -> Tensor:
    return _log_gamma.formula(key, concentration).exp() / rate


def chi2(df: Tensor, shape: torch.Size, generator: Generator | None) -> Tensor:
    """Chi-squared draws."""
    if kernels.usable(df):
        return _chi2(kernels.key_of(shape, generator, df), df)
    return 2 * log_standard_gamma(0.5 * df, shape, generator).exp()


@kernels.sampler("chi2_draw")
def _chi2(key: Tensor, df: Tensor) -> Tensor:
    return 2 * _log_gamma.formula(key, 0.5 * df).exp()


def beta(first: Tensor, second: Tensor, shape: torch.Size, generator: Generator | None) -> Tensor:
    """Beta draws, as the share of one gamma draw in two."""
    if kernels.usable(first):
        return _beta(kernels.key_of(shape, generator, first), first, second)
    return torch.sigmoid(log_odds(first, second, shape, generator))


def log_odds(first: Tensor, second: Tensor, shape: torch.Size, generator: Generator | None) -> Tensor:
    """The logarithms of the ratios of two gamma draws: the log-odds of beta ones."""
    if kernels.usable(first):
        key = kernels.key_of((), generator)
        return _log_gamma(key.expand(shape), first) - _log_gamma((key + 1).expand(shape), second)
    return log_standard_gamma(first, shape, generator) - log_standard_gamma(second, shape, generator)


@kernels.sampler("beta_draw")
def _beta(key: Tensor, first: Tensor, second: Tensor) -> Tensor:
    return torch.sigmoid(_log_gamma.formula(key, first) - _log_gamma.formula(key + 1, second))


def dirichlet(concentration: Tensor, shape: torch.Size, generator: Generator | None) -> Tensor:
    """Dirichlet draws, as the shares of gamma draws in their sums."""
    if kernels.usable(concentration):
        return _dirichlet(kernels.key_of(shape[:-1], generator), concentration)
    return log_standard_gamma(concentration, shape, generator).softmax(-1)


@kernels.kernel("dirichlet_draw")
def _dirichlet(key: Tensor, concentration: Tensor) -> Tensor:
    keys = key[..., None].expand(key.shape + concentration.shape[-1:])
    return _log_gamma.formula(keys, concentration).softmax(-1)


def student(df: Tensor, loc: Tensor, scale: Tensor, shape: torch.Size, generator: Generator | None) -> Tensor:
    """Student's draws, as normal ones over the roots of gamma ones."""
    if kernels.usable(df):
        return _student(kernels.key_of(shape, generator, df), df, loc, scale)
    normal_law, df = finite_df(df)
    half = df / 2
    stretch = 0.5 * (half.log() - log_standard_gamma(half, shape, generator))
    return loc + scale * normal(shape, loc, generator) * torch.where(normal_law, 0.0, stretch).exp()


@kernels.sampler("student_draw")
def _student(key: Tensor, df: Tensor, loc: Tensor, scale: Tensor) -> Tensor:
    normal_law, finite = finite_df(df)
    half = finite / 2
    stretch = torch.where(normal_law, 0.0, 0.5 * (half.log() - _log_gamma.formula(key, half)))
    standard = kernels.draw("student_draw", key, df, torch.zeros_like(loc), torch.ones_like(scale))
    return loc + scale * standard * torch.exp(stretch - stretch.detach())
