r"""Means of log-sums and shares of powers of exponential variables, by their Laplace transforms.

With W_k > 0 independent, S their sum and :math:`\varphi_k(t) = E \exp(-e^t W_k)`,

.. math:: E \log S = E \log R + \int E \exp(-e^t R) - \prod_k \varphi_k(t)\,dt, \qquad
          E \frac{W_k}{S} = -\int \varphi_k' \prod_{j \ne k} \varphi_j\,dt

for any R > 0. Each :math:`\varphi_k` is an integral itself, of functions that are analytic up to an imaginary part of
pi/2 in either variable: trapezoidal sums of step 1/4 are exact to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ...core.linear import product

STEP = 0.25
LOWEST, HIGHEST = -64.0, 4.0  #: of the logarithm of an exponential variable
SHARES = (-44.0, 7.0)  #: of t where the powers are negative
SUMS = (-42.0, 42.0)  #: of t where they are positive
TOGETHER = 16  #: nodes that are evaluated at a time
LEAST = 1e-300
Function = Callable[[Tensor], Tensor]


class Shares(NamedTuple):
    """What :func:`gumbel_shares` gives: means ``[..., K]``, second moments ``[..., K, K]``, and a surplus ``[...]``."""

    mean: Tensor
    second: Tensor
    surplus: Tensor


def gumbel_shares(logits: Tensor, temperature: Tensor) -> Shares:
    r"""Moments of the softmax of :math:`(\ell + G) / T` for independent standard Gumbel variables G.

    Args:
        logits: normalised logarithms :math:`\ell` ``[..., K]`` in float64.
        temperature: T ``[...]``.

    Returns:
        The means; the mean products of unlike shares (the diagonal means nothing); and by how much the
        mean of the log-sum of the exponentials exceeds that of G / T.
    """
    cold, at, power, transforms, together = _transforms(logits, temperature)
    hazards = _mean_of(_density, at, power) / transforms
    alone = STEP * _mean_of(_survival, _grid(SHARES, logits), power[..., 0])
    mean = (together[..., None] * hazards).sum(-2)
    second = cold[..., None, None] * product(hazards.mT, together[..., None] * hazards)
    return Shares(mean, second, (alone - together).sum(-1) / cold)


def _transforms(logits: Tensor, temperature: Tensor) -> tuple[Tensor, ...]:
    """The colder of T and one, arguments and power of the transforms, these, and the weighted product of all."""
    above = temperature > 1
    cold, warm = torch.where(above, 1.0, temperature), torch.where(above, temperature, 1.0)
    power = -(cold / warm)[..., None, None]
    at = (logits / warm[..., None])[..., None, :] + _grid(SHARES, logits)[:, None]
    transforms = _mean_of(_survival, at, power).clamp(min=LEAST)
    return cold, at, power, transforms, STEP * transforms.log().sum(-1).exp()


def gumbel_central_moments(logits: Tensor, temperature: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    r"""The second to fourth central moments of the shares of :func:`gumbel_shares`, ``[..., K]``.

    With m the mean of :math:`W_k / S`, and :math:`\langle\cdot\rangle_s` the mean under densities tilted by
    :math:`e^{-sS}`, where the variables stay independent and their cumulants add,

    .. math:: E \left(\frac{W_k}{S} - m\right)^n = \frac{1}{\Gamma(n)} \int s^n \langle (W_k - m S)^n \rangle_s
              \prod_j \varphi_j\,d\log s

    Args:
        logits: normalised logarithms ``[..., K]`` in float64.
        temperature: T ``[...]``.
    """
    cold, at, power, transforms, together = _transforms(logits, temperature)
    unlike = 1 - torch.eye(logits.shape[-1], dtype=logits.dtype, device=logits.device)
    first, *higher = _tilted_cumulants(cold, at, power, transforms)
    weight = (together / cold[..., None])[..., None]
    mean = (weight * first).sum(-2, keepdim=True)
    rest = mean @ unlike
    shift = rest * first - mean * (first @ unlike)
    two, three, four = (rest**n * own + (-mean) ** n * (own @ unlike) for n, own in enumerate(higher, start=2))
    square = shift * shift
    powers = (
        two + square,
        three + shift * (3 * two + square),
        four + 3 * two * two + shift * (4 * three + shift * (6 * two + square)),
    )
    second, third, fourth = ((weight * moment).sum(-2) for moment in powers)
    return second, third / 2, fourth / 6


def _tilted_cumulants(cold: Tensor, at: Tensor, power: Tensor, transforms: Tensor) -> list[Tensor]:
    """The first four cumulants of s W under the tilted densities, for every node and variable.

    At temperatures T up to 1 the transforms are functions of t = T log s: the n-th moment of s W is the mean of a
    polynomial in y, whose coefficients follow from those of the moment before.
    """
    raw = [torch.ones_like(transforms), _mean_of(_density, at, power) / transforms]
    middle = raw[1][..., None]

    def about_mean(n: int) -> Tensor:
        def term(x: Tensor) -> Tensor:
            y = x.exp()
            return (y - middle) ** n * torch.exp(-y)

        return _mean_of(term, at, power) / transforms

    mean, central = raw[1], [about_mean(n) for n in (2, 3, 4)]
    raw.append(central[0] + mean**2)
    raw.append(central[1] + mean * (3 * central[0] + mean**2))
    raw.append(central[2] + mean * (4 * central[1] + mean * (6 * central[0] + mean**2)))
    t = cold[..., None, None]
    coefficients, moments = [torch.ones_like(t)], []
    for n in range(4):
        lower, same = [torch.zeros_like(t), *coefficients], [*coefficients, torch.zeros_like(t)]
        coefficients = [t * b + (n - m * t) * c for m, (b, c) in enumerate(zip(lower, same, strict=True))]
        moments.append(sum((c * h for c, h in zip(coefficients, raw)), torch.zeros_like(mean)))
    one, two, three, four = moments
    warm = t == 1
    two = torch.where(warm, central[0], two - one**2)
    third = three - one * (3 * two + one**2)
    third = torch.where(warm, central[1], third)
    fourth = four - one * (4 * third + one * (6 * two + one**2))
    fourth = torch.where(warm, central[2], fourth)
    return [one, two, third, fourth - 3 * two * two]


def mean_log_sum(log_weights: Tensor, power: Tensor) -> Tensor:
    r"""E log of the sum of :math:`w_k E_k^r`, for independent standard exponential E, less E log of :math:`E^r`.

    Args:
        log_weights: the logarithms of w ``[..., K]`` in float64.
        power: r > 0, ``[...]``.
    """
    steep = power > 1
    warm = torch.where(steep, power, 1.0)
    below = torch.where(steep, power.reciprocal(), power)[..., None, None]
    scaled = log_weights / warm[..., None]
    middle = scaled.logsumexp(-1)
    t = _grid(SUMS, log_weights)

    def transform(at: Tensor) -> Tensor:
        by_rate = _mean_of(_survival, at, below)
        by_size = _mean_of(_distribution, -at, below)
        return torch.where(steep[..., None, None], by_size, by_rate).clamp(min=LEAST)

    together = transform((scaled - middle[..., None])[..., None, :] + t[:, None]).log().sum(-1).exp()
    alone = transform(t[:, None]).squeeze(-1)
    return warm * (middle + STEP * (alone - together).sum(-1))


def _mean_of(function: Function, at: Tensor, power: Tensor) -> Tensor:
    """E f(at + power log E) for a standard exponential variable E."""
    u = _grid((LOWEST, HIGHEST), at)
    weights = STEP * torch.exp(u - u.exp())
    total = torch.zeros((), dtype=at.dtype, device=at.device)
    for node, weight in zip(u.split(TOGETHER), weights.split(TOGETHER), strict=True):
        total = total + product(function((at[..., None] + power[..., None] * node).clamp(max=80.0)), weight)
    return total


def _grid(ends: tuple[float, float], like: Tensor) -> Tensor:
    low, high = (round(end / STEP) for end in ends)
    return STEP * torch.arange(low, high + 1, dtype=like.dtype, device=like.device)


def _survival(y: Tensor) -> Tensor:
    return torch.exp(-y.exp())


def _distribution(y: Tensor) -> Tensor:
    return -torch.expm1(-y.exp())


def _density(y: Tensor) -> Tensor:
    return torch.exp(y - y.exp())
