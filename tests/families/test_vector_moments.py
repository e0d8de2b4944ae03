"""Moments and modes of laws of vectors: coordinate by coordinate, and of broken sticks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from mpmath import mp, mpf
from torch import Tensor

import reparam
from reparam.families.relaxed_categorical import ExpRelaxedCategorical
from reparam.families.shared.shares import share_term


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_higher_moments_are_those_of_the_coordinates() -> None:
    """To 100 eps."""
    a = doubles(0.25, 2.0, 7.5)
    p = doubles(0.125, 0.25, 0.625)
    pairs = [
        (reparam.Dirichlet(a), reparam.Beta(a, a.sum() - a)),
        (reparam.Multinomial(7, p), reparam.Binomial(7, p)),
        (reparam.OneHotCategorical(p), reparam.Bernoulli(p)),
        (reparam.MultivariateNormal(a, torch.eye(3).double()), reparam.Normal(a, 1.0)),
        (reparam.LowRankMultivariateNormal(a, a[:, None], a), reparam.Normal(a, 1.0)),
    ]
    for law, coordinate in pairs:
        for door in ("mean", "skewness", "kurtosis"):
            torch.testing.assert_close(getattr(law, door), getattr(coordinate, door), rtol=2e-14, atol=1e-15)


# -- logistic-normal laws ------------------------------------------------------------------------------------

STICKS = [
    ((0.0, 1.0, -1.0), (1.0, 0.5, 2.0)),
    ((-3.0, 2.0, 0.0), (0.015625, 0.125, 5.0)),
    ((0.5, 0.25, -0.5), (2.0**-20, 2.0**-20, 2.0**-20)),
]


def share(x: mpf) -> mpf:
    return 1 / (1 + mp.exp(-x))


PARTS: list[Callable[[mpf], mpf]] = [
    lambda z: z,
    lambda z: 1 - z,
    lambda z: z * z,
    lambda z: z * (1 - z),
    lambda z: (1 - z) ** 2,
]


def moments(loc: tuple[float, ...], scale: tuple[float, ...]) -> tuple[list[mpf], list[list[mpf]]]:
    """Means and mean products of the pieces, from integrals over each break."""
    n = len(loc)
    breaks = []
    for k in range(n):
        middle, spread = mpf(loc[k]) - mp.log(n - k), mpf(scale[k])

        def mean(f: Callable[[mpf], mpf], middle: mpf = middle, spread: mpf = spread) -> mpf:
            bends = [] if spread < 1 else [-middle / spread + j for j in (-1, 0, 1)]
            return mp.quad(lambda z: f(share(middle + spread * z)) * mp.npdf(z), sorted([-15, -4, 0, 4, 15, *bends]))

        breaks.append([mean(f) for f in PARTS])
    breaks.append([mpf(1), mpf(0), mpf(1), mpf(0), mpf(0)])
    means = [mp.fprod(b[1] for b in breaks[:k]) * breaks[k][0] for k in range(n + 1)]
    products = [[mpf(0)] * (n + 1) for _ in range(n + 1)]
    for i, j in itertools.combinations_with_replacement(range(n + 1), 2):
        left = mp.fprod(b[4] for b in breaks[:i])
        if i == j:
            found = left * breaks[i][2]
        else:
            found = left * breaks[i][3] * mp.fprod(b[1] for b in breaks[i + 1 : j]) * breaks[j][0]
        products[i][j] = products[j][i] = found
    return means, products


@pytest.mark.parametrize(("loc", "scale"), STICKS)
def test_moments_of_logistic_normal_laws(loc: tuple[float, ...], scale: tuple[float, ...]) -> None:
    """Against integrals of 40 digits, whose differences are the covariances, relative to the deviations.

    To 1e-12, and twice the rounding of the numbers under the integral, which in units of a deviation is eps / scale.
    """
    law = reparam.LogisticNormal(doubles(*loc), doubles(*scale))
    with mp.workdps(40):
        means, products = moments(loc, scale)
        size = range(len(means))
        covariance = [[float(products[i][j] - means[i] * means[j]) for j in size] for i in size]
    torch.testing.assert_close(law.mean, doubles(*map(float, means)), rtol=1e-13, atol=0)
    exact = torch.tensor(covariance, dtype=torch.float64)
    spread = exact.diagonal().sqrt()
    error = (law.covariance - exact).abs() / (spread[:, None] * spread)
    assert float(error.max()) < 1e-12 + 2 * torch.finfo(torch.float64).eps / min(scale)
    torch.testing.assert_close(law.variance, law.covariance.diagonal(), rtol=1e-14, atol=0)
    assert float((law.covariance.sum(-1).abs() / spread).max()) < 1e-14
    single = law.to(torch.float32)
    torch.testing.assert_close(single.variance.double(), law.variance, rtol=1e-5, atol=0)


def test_modes_of_logistic_normal_laws() -> None:
    """No point of a fine grid has a larger density; wide laws have two maxima along every break."""
    t = torch.linspace(0, 1, 201, dtype=torch.float64)[1:-1]
    x, y = torch.meshgrid(t, t, indexing="ij")
    grid = torch.stack([x, (1 - x) * y], -1)
    grid = torch.cat([grid, 1 - grid.sum(-1, keepdim=True)], -1)
    for loc, scale in itertools.product(((0.0, 0.0), (1.0, -2.0), (0.5, 0.25)), ((0.25, 0.5), (1.0, 2.0), (4.0, 6.0))):
        law = reparam.LogisticNormal(doubles(*loc), doubles(*scale))
        assert law.log_prob(grid).max() <= law.log_prob(law.mode) + 1e-12

    def mode(loc: Tensor, scale: Tensor) -> Tensor:
        return reparam.LogisticNormal(loc, scale).mode

    point = (doubles(0.5, -1.0).requires_grad_(), doubles(0.75, 3.0).requires_grad_())
    assert torch.autograd.gradcheck(mode, point)
    assert torch.autograd.gradgradcheck(mode, point)


# -- relaxed categories --------------------------------------------------------------------------------------


def test_the_mode_of_relaxed_logarithms() -> None:
    """Where all scores are equal: the log-density is (K - 1) log T + log (K - 1)! - K log K."""
    law = ExpRelaxedCategorical(doubles(0.5)[0], logits=doubles(0.0, 1.0, -2.0))
    assert law.log_prob(law.mode).item() == pytest.approx(2 * math.log(0.5) + math.log(2) - 3 * math.log(3), rel=1e-14)
    assert law.log_prob(law.sample(1000, generator=torch.Generator().manual_seed(0))).max() < law.log_prob(law.mode)
    with pytest.raises(NotImplementedError, match="unbounded at every corner"):
        _ = reparam.RelaxedOneHotCategorical(0.5, logits=torch.zeros(3)).mode


# -- draws with tiny coordinates -----------------------------------------------------------------------------


def test_second_derivatives_in_logarithms_of_tiny_shares() -> None:
    """A coordinate x adds (a - 1) log x - n x, whose curvature in log x is -n x, however small x is."""
    a = doubles(1e-3, 2.0, 3.0)

    def term(log_x: Tensor) -> Tensor:
        return share_term(a[:1], a.sum().expand(1), log_x.exp(), log_x).sum()

    for size in (-60.0, -330.0, -460.0, -800.0):
        log_x = doubles(size)
        assert torch.func.grad(term)(log_x).item() == pytest.approx(a[0].item() - 1, rel=1e-13)
        assert abs(torch.func.hessian(term)(log_x).item()) <= 6 * math.exp(size) + 1e-300
