"""Mixtures of laws of angles: their mean is a direction, and their variance is circular."""

from __future__ import annotations

import math

import mpmath
import pytest
import torch
from torch import Tensor

import reparam

WEIGHTS = [0.5, 0.25, 0.25]
CASES = {
    "across the cut": ([3.0, -3.0, 2.0], [1.0, 5.0, 0.25]),
    "around the circle": ([10.0, -8.0, 0.5], [2.0, 2.0, 4.0]),
    "close and sharp": ([0.5, 0.5 + 2**-16, 0.5 - 2**-17], [1e8, 2e8, 4e8]),
}


def mixture(loc: Tensor, concentration: Tensor) -> reparam.MixtureSameFamily:
    choice = reparam.Categorical(torch.tensor(WEIGHTS, dtype=loc.dtype))
    return reparam.MixtureSameFamily(choice, reparam.VonMises(loc, concentration))


def truth(locs: list[float], concentrations: list[float]) -> tuple[float, float]:
    """The direction and the variance of a mixture, from its mean vector to 50 digits."""
    with mpmath.workdps(50):
        lengths = [mpmath.besseli(1, k) / mpmath.besseli(0, k) for k in map(mpmath.mpf, concentrations)]
        vector = sum(w * r * mpmath.expj(mpmath.mpf(m)) for w, r, m in zip(WEIGHTS, lengths, locs, strict=True))
        return float(mpmath.arg(vector)), float(1 - abs(vector))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_means_and_variances_are_those_of_the_mean_vector(name: str, dtype: torch.dtype) -> None:
    """To 100 eps, and the rounding of the directions, relative to how far these are apart."""
    locs, concentrations = (torch.tensor(v, dtype=dtype) for v in CASES[name])
    law, (mean, variance) = mixture(locs, concentrations), truth(locs.tolist(), concentrations.tolist())
    eps = torch.finfo(dtype).eps
    assert law.mean.item() == pytest.approx(mean, abs=100 * eps)
    spread = float((locs - mean).abs().max())
    rounding = 4 * eps * spread if name == "close and sharp" else 0.0
    assert law.variance.item() == pytest.approx(variance, rel=100 * eps, abs=rounding)
    assert law.stddev.item() == pytest.approx(math.sqrt(variance), rel=1e-3 if rounding else 100 * eps)


def test_gradients_are_those_of_the_integrals() -> None:
    """The trapezoidal rule is exact for periodic densities this smooth: 1e-12 is some 5e3 eps."""
    parameters = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in CASES["across the cut"]]
    law = mixture(*parameters)
    angles = torch.arange(512, dtype=torch.float64) * (2 * math.pi / 512) - math.pi
    density = law.log_prob(angles).exp() * (2 * math.pi / 512)
    along, across = (density * angles.cos()).sum(), (density * angles.sin()).sum()
    for found, expected in ((law.mean, torch.atan2(across, along)), (law.variance, 1 - torch.hypot(across, along))):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
        slopes = [torch.autograd.grad(v, parameters, retain_graph=True) for v in (found, expected)]
        torch.testing.assert_close(*slopes, rtol=1e-12, atol=1e-12)


def test_mixtures_of_unlike_laws_and_of_pairs_of_angles() -> None:
    angles = reparam.VonMises(torch.tensor([3.0, -3.0, 2.0]), torch.tensor([1.0, 5.0, 0.25]))
    choice = reparam.Categorical(torch.tensor(WEIGHTS))
    expected = reparam.MixtureSameFamily(choice, angles)
    torch.testing.assert_close(reparam.Mixture(choice, list(angles)).mean, expected.mean)
    pairs = reparam.MixtureSameFamily(choice, reparam.Independent(angles[:, None].expand((3, 2)), 1))
    torch.testing.assert_close(pairs.mean, expected.mean.expand(2))
    torch.testing.assert_close(pairs.variance, expected.variance.expand(2))


def test_moments_without_a_meaning_are_refused() -> None:
    choice, angle = reparam.Categorical(torch.ones(2)), reparam.VonMises(torch.zeros(2), 1.0)
    with pytest.raises(NotImplementedError, match="laws of angles, others of numbers"):
        _ = reparam.Mixture(choice, [angle[0], reparam.Normal(0.0, 1.0)]).mean
    with pytest.raises(NotImplementedError, match="VonMises has no skewness"):
        _ = reparam.MixtureSameFamily(choice, angle).skewness
    with pytest.raises(NotImplementedError, match="no vectors of numbers"):
        _ = reparam.MixtureSameFamily(choice, reparam.Independent(angle[:, None], 1)).covariance
