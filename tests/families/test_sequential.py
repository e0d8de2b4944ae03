"""Moments and entropies of laws given coordinate by coordinate, against closed forms; and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import reparam
from reparam import Factorised, Normal

F64 = torch.float64


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=F64)


def follower(k: int) -> Callable[[Tensor], Normal]:
    """Normal about a linear function of k earlier coordinates."""
    slopes = torch.arange(1.0, k + 1) / 4
    return lambda x: Normal((x * slopes.to(x.dtype)).sum(-1) - 0.5 * k, 0.5 + 0.25 * k)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_chain_of_normal_laws_is_multivariate_normal(size: int) -> None:
    """All moments and the entropy, to 1e-13; in float32 to 1e-6, some ten roundings."""
    first = Normal(doubles(0.25, -1.0), doubles(1.0, 0.5))
    law = Factorised(first, [follower(k) for k in range(1, size)])
    loc, factor = torch.zeros(2, size, dtype=F64), torch.zeros(2, size, size, dtype=F64)
    loc[:, 0], factor[:, 0, 0] = first.loc, first.scale
    for k in range(1, size):
        slopes = torch.arange(1.0, k + 1, dtype=F64) / 4
        loc[:, k] = loc[:, :k] @ slopes - 0.5 * k
        factor[:, k] = slopes @ factor[:, :k]
        factor[:, k, k] = 0.5 + 0.25 * k
    joint = reparam.MultivariateNormal(loc, scale_tril=factor)
    for door in ("mean", "variance", "stddev", "covariance", "skewness", "kurtosis"):
        torch.testing.assert_close(getattr(law, door), getattr(joint, door), rtol=1e-13, atol=1e-13)
        single = getattr(law.to(torch.float32), door)
        assert single.dtype == torch.float32
        torch.testing.assert_close(single.double(), getattr(joint, door), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(law.entropy(), joint.entropy(), rtol=1e-13, atol=0)


def test_a_bent_law() -> None:
    """X normal, y normal about x^2/4: cumulants of y are those of a chi-square number and of a normal one, added."""
    law = Factorised(Normal(doubles(0.0)[0], 2.0), [lambda x: Normal(x[..., 0] ** 2 / 4, 1.0)])
    torch.testing.assert_close(law.mean, doubles(0.0, 1.0), rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(law.covariance, torch.diag(doubles(4.0, 3.0)), rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(law.skewness, doubles(0.0, 8 / 3**1.5), rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(law.kurtosis, doubles(0.0, 48 / 9), rtol=1e-12, atol=1e-12)


def test_scales_that_are_drawn_first() -> None:
    """A gamma rate of the variance makes a Student's t: y has its moments, and entropies add."""
    df = doubles(9.0)[0]
    rate = reparam.Gamma(df / 2, df / 2)
    law = Factorised(rate, [lambda x: Normal(torch.zeros_like(x[..., 0]), x[..., 0].rsqrt())])
    student = reparam.StudentT(df)
    for door in ("mean", "variance", "skewness", "kurtosis"):
        torch.testing.assert_close(getattr(law, door)[1], getattr(student, door), rtol=1e-11, atol=1e-13)
    mean_log = torch.digamma(df / 2) - (df / 2).log()
    expected = rate.entropy() + 0.5 * math.log(2 * math.pi) + 0.5 - 0.5 * mean_log
    torch.testing.assert_close(law.entropy(), expected, rtol=1e-12, atol=0)


def summaries(loc: Tensor, scale: Tensor) -> Tensor:
    law = Factorised(Normal(loc, scale), [lambda x: reparam.Gumbel(x[..., 0].sin(), scale * (1 + x[..., 0] ** 2))])
    moments = torch.cat([law.mean, law.variance, law.skewness, law.kurtosis, law.covariance.flatten()])
    return torch.cat([moments, law.entropy().reshape(1)])


def test_gradients_of_summaries() -> None:
    point = tuple(doubles(v)[0].requires_grad_() for v in (0.5, 0.25))
    assert torch.autograd.gradcheck(summaries, point)
    assert torch.autograd.gradgradcheck(summaries, point, atol=1e-4)
    fixed = [v.detach() for v in point]
    together = torch.vmap(summaries)(*(v.expand(3) for v in fixed))
    torch.testing.assert_close(together, summaries(*fixed).expand(3, -1), rtol=1e-12, atol=1e-13)


def test_what_cannot_be_integrated_is_refused() -> None:
    long = Factorised(Normal(0.0, 1.0), [follower(k) for k in range(1, 5)])
    for door in ("mean", "variance", "covariance", "skewness", "kurtosis"):
        with pytest.raises(NotImplementedError, match=f"no {door}: .* up to 4 coordinates; average over draws"):
            getattr(long, door)
    weights = reparam.Categorical(torch.tensor([0.5, 0.5]))
    mixed = reparam.MixtureSameFamily(weights, Normal(torch.tensor([-1.0, 1.0]), 0.1))
    with pytest.raises(NotImplementedError, match="the quantiles of coordinate 0 jump"):
        Factorised(mixed, [follower(1)]).entropy()
