"""Laws of vectors and matrices against mpmath: densities, entropies, divergences, from hard parameters.

Errors count in eps relative to the truth after what one rounding of every input may change (see `oracle`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from mpmath import log, mp, mpf, pi
from torch import Tensor

import reparam
from oracle import largest_error, rounded, truth

F64 = torch.float64
BOUND = {F64: 100, torch.float32: 4}
Point = tuple[float, ...]


def holds(f: Callable[..., mpf], points: list[Point], ours: Callable[..., Tensor], dtype: torch.dtype) -> None:
    """Require that a function of columns of floats is as right as its dtype can be."""
    points = rounded(points, dtype)
    got = ours(*(torch.tensor(column, dtype=dtype) for column in zip(*points, strict=True)))
    worst, where = largest_error(got, [truth(f, (), x) for x in points], points)
    assert worst <= BOUND[dtype], f"{worst:.3g} eps at {where}"


def triangle(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return torch.stack([torch.stack([a, torch.zeros_like(a)], -1), torch.stack([b, c], -1)], -2)


def symmetric(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return torch.stack([torch.stack([a, b], -1), torch.stack([b, c], -1)], -2)


def log_gamma_2(a: mpf) -> mpf:
    """The logarithm of the bivariate gamma function."""
    return log(pi) / 2 + mp.loggamma(a) + mp.loggamma(a - mpf(1) / 2)


def digamma_2(a: mpf) -> mpf:
    return mp.digamma(a) + mp.digamma(a - mpf(1) / 2)


# -- normal laws of low rank ---------------------------------------------------------------------------------


def low_rank(*x: mpf) -> mpf:
    """By Woodbury's identity, in high precision, for a rank of one."""
    w, d, v = x[:3], x[3:6], x[6:]
    capacity = 1 + sum(a * a / b for a, b in zip(w, d))
    overlap = sum(a * b / c for a, b, c in zip(w, v, d))
    squares = sum(b * b / c for b, c in zip(v, d)) - overlap**2 / capacity
    return -(squares + sum(log(b) for b in d) + log(capacity) + 3 * log(2 * pi)) / 2


LOW_RANK = [
    (*(size * s for s in (1.0, -0.7, 0.2)), *(width * s for s in (1.0, 3.0, 0.4)), *x)
    for size, width, x in itertools.product(
        (1e-6, 1.0, 1e3, 1e8), (1e-8, 1.0, 1e6), ((0.1, 0.2, -0.3), (1.01e3, -7e2, 2e2), (5.0, -3.5, 1.25))
    )
]


@pytest.mark.parametrize("dtype", BOUND)
def test_low_rank_normal_densities(dtype: torch.dtype) -> None:
    def ours(*x: Tensor) -> Tensor:
        factor, diagonal, value = (torch.stack(x[i : i + 3], -1) for i in (0, 3, 6))
        law = reparam.LowRankMultivariateNormal(torch.zeros(3, dtype=dtype), factor[..., None], diagonal)
        return law.log_prob(value)

    holds(low_rank, LOW_RANK, ours, dtype)


def test_normal_laws_of_every_form_have_one_divergence() -> None:
    """In all nine pairs of forms it is that of the covariances; 1e-12 is 100 eps times the condition, about 50."""
    generator = torch.Generator().manual_seed(0)
    factor, other = torch.randn(2, 4, 2, dtype=F64, generator=generator)
    diagonal, scale = torch.rand(2, 4, dtype=F64, generator=generator) + 0.5
    loc = torch.randn(4, dtype=F64, generator=generator)
    low = reparam.LowRankMultivariateNormal(loc, factor, diagonal)
    second = reparam.LowRankMultivariateNormal(torch.zeros(4, dtype=F64), other, scale)
    flat = reparam.Normal(loc, scale).to_event(1)
    forms = [low, reparam.MultivariateNormal(loc, low.covariance_matrix), flat, second]
    for p, q in itertools.product(forms, forms):
        a, b = (
            torch.diag(law.variance) if isinstance(law, reparam.Independent) else law.covariance_matrix
            for law in (p, q)
        )
        solved = torch.linalg.solve(b, a)
        apart = p.mean - q.mean
        exact = (solved.trace() - 4 - solved.logdet() + apart @ torch.linalg.solve(b, apart)) / 2
        torch.testing.assert_close(reparam.kl_divergence(p, q), exact, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_divergences_in_time_linear_in_the_size(size: float) -> None:
    """Beyond 64 coordinates, against that of the dense forms: 1e-12 relative and 1e-14 absolute, as is documented."""
    generator = torch.Generator().manual_seed(1)
    n, batch = 70, (3, 1)

    def low_rank(k: int, *batch: int) -> reparam.LowRankMultivariateNormal:
        loc, diagonal = torch.randn(*batch, n, generator=generator), torch.rand(*batch, n, generator=generator) + 0.1
        factor = size * torch.randn(*batch, n, k, generator=generator)
        return reparam.LowRankMultivariateNormal(loc.to(F64), factor.to(F64), diagonal.to(F64))

    def dense(law: reparam.Distribution) -> reparam.MultivariateNormal:
        if isinstance(law, reparam.Independent):
            return reparam.MultivariateNormal(law.mean, scale_diag=law.stddev)
        return reparam.MultivariateNormal(law.mean, scale_tril=law.scale_tril)

    p, q = low_rank(3, *batch), low_rank(2, 2)
    flat = reparam.Normal(torch.randn(n, generator=generator).to(F64), 0.75).to_event(1)
    near = p.replace(cov_diag=p.cov_diag * (1 + 1e-5))
    for first, second in ((p, q), (q, p), (p, flat), (flat, q), (p, near), (p, p)):
        exact = reparam.kl_divergence(dense(first), dense(second))
        torch.testing.assert_close(reparam.kl_divergence(first, second), exact, rtol=1e-12, atol=1e-14)
    single = reparam.kl_divergence(p.to(torch.float32), flat.to(torch.float32))
    assert single.dtype == torch.float32
    factor = p.cov_factor.clone().requires_grad_()
    moved = p.replace(cov_factor=factor)
    slopes = [
        torch.autograd.grad(reparam.kl_divergence(*pair).sum(), factor)[0]
        for pair in ((moved, q), (dense(moved), dense(q)))
    ]
    torch.testing.assert_close(slopes[0], slopes[1], rtol=1e-9, atol=1e-11 * slopes[1].abs().max().item())


def test_dense_forms_of_a_low_rank_law() -> None:
    """A covariance of condition 1e12: its factor is right entry by entry, the precision to its own condition."""
    factor = torch.tensor([[1e6], [1.0]], dtype=F64)
    law = reparam.LowRankMultivariateNormal(torch.zeros(2, dtype=F64), factor, torch.ones(2, dtype=F64))
    torch.testing.assert_close(law.scale_tril @ law.scale_tril.mT, law.covariance_matrix, rtol=1e-14, atol=0.0)
    # the determinant is 1 + 1e12 + 1, the lower right entry of the factor its root over the upper left one
    corner = mp.sqrt((mpf(10) ** 12 + 2) / (mpf(10) ** 12 + 1))
    assert law.scale_tril[1, 1].item() == pytest.approx(float(corner), rel=1e-14)
    exact = torch.tensor([[2.0, -1e6], [-1e6, 1e12 + 1]], dtype=F64) / (1e12 + 2)
    torch.testing.assert_close(law.precision_matrix, exact, rtol=1e-13, atol=0.0)


# -- Wishart laws --------------------------------------------------------------------------------------------


def wishart(df: mpf, l11: mpf, l21: mpf, l22: mpf, a: mpf, b: mpf, c: mpf) -> mpf:
    """The logarithm of the density, term by term, for matrices of size two."""
    size, spread = a * c - b * b, (l11 * l22) ** 2
    v11, v21, v22 = l11**2, l11 * l21, l21**2 + l22**2
    trace = (v22 * a - 2 * v21 * b + v11 * c) / spread
    return (df - 3) / 2 * log(size) - trace / 2 - df * log(2) - df / 2 * log(spread) - log_gamma_2(df / 2)


def inverse_wishart(df: mpf, l11: mpf, l21: mpf, l22: mpf, a: mpf, b: mpf, c: mpf) -> mpf:
    size, spread = a * c - b * b, (l11 * l22) ** 2
    v11, v21, v22 = l11**2, l11 * l21, l21**2 + l22**2
    trace = (v11 * c - 2 * v21 * b + v22 * a) / size
    return df / 2 * log(spread) - (df + 3) / 2 * log(size) - trace / 2 - df * log(2) - log_gamma_2(df / 2)


FREEDOM = (1.0001, 1.5, 2.0, 3.0, 7.25, 100.0, 1e5, 1e8)
FACTORS = ((1.0, 0.0, 1.0), (2.0, -1.5, 0.25), (1e-4, 3e-5, 1e3))


def matrix_points(scale: Callable[[float], float]) -> list[Point]:
    """Values near scale(df) times the square of the factor, and at some distance."""
    points = []
    for df, (a, b, c), k in itertools.product(FREEDOM, FACTORS, (1.0, 0.9, 30.0)):
        s = scale(df) * k
        points.append((df, a, b, c, s * a * a, 1.001 * s * a * b, s * (b * b + c * c)))
    return points


@pytest.mark.parametrize("dtype", BOUND)
def test_wishart_densities(dtype: torch.dtype) -> None:
    def ours(df: Tensor, *x: Tensor) -> Tensor:
        return reparam.Wishart(df, scale_tril=triangle(*x[:3])).log_prob(symmetric(*x[3:]))

    holds(wishart, matrix_points(lambda df: df), ours, dtype)


@pytest.mark.parametrize("dtype", BOUND)
def test_inverse_wishart_densities(dtype: torch.dtype) -> None:
    def ours(df: Tensor, *x: Tensor) -> Tensor:
        return reparam.InverseWishart(df, scale_tril=triangle(*x[:3])).log_prob(symmetric(*x[3:]))

    holds(inverse_wishart, matrix_points(lambda df: 1 / (df + 3)), ours, dtype)


def wishart_entropy(df: mpf) -> mpf:
    return 3 * log(2) + log_gamma_2(df / 2) - (df - 3) / 2 * digamma_2(df / 2) + df


def inverse_wishart_entropy(df: mpf) -> mpf:
    return wishart_entropy(df) - 3 * (digamma_2(df / 2) + 2 * log(2))


def wishart_divergence(ours: mpf, theirs: mpf, r: mpf) -> mpf:
    """From the scale r times the identity to the identity."""
    lift = log_gamma_2(theirs / 2) - log_gamma_2(ours / 2) + (ours - theirs) / 2 * digamma_2(ours / 2)
    return lift + ours * (r - 1) - theirs * log(r)


def unit(kind: type) -> Callable[[Tensor], reparam.Distribution]:
    return lambda df: kind(df, scale_tril=torch.eye(2, dtype=df.dtype))


@pytest.mark.parametrize("dtype", BOUND)
def test_wishart_entropies_and_divergences(dtype: torch.dtype) -> None:
    points = [(df,) for df in (*FREEDOM, 1e12)]
    holds(wishart_entropy, points, lambda df: unit(reparam.Wishart)(df).entropy(), dtype)
    holds(inverse_wishart_entropy, points, lambda df: unit(reparam.InverseWishart)(df).entropy(), dtype)

    def ours(df: Tensor, other: Tensor, r: Tensor) -> Tensor:
        p = reparam.Wishart(df, r[:, None, None] * torch.eye(2, dtype=dtype))
        return reparam.kl_divergence(p, unit(reparam.Wishart)(other))

    pairs = [(df, df * k, r) for df, k, r in itertools.product(FREEDOM[1:], (1.0, 1.01, 3.0), (0.2, 1.0, 1.03))]
    holds(wishart_divergence, pairs, ours, dtype)


def test_inverse_wishart_is_the_inverse() -> None:
    """Densities by the change of variables; moments that do not exist are infinite or undefined."""
    w = reparam.Wishart(torch.tensor(6.5, dtype=F64), torch.tensor([[2.0, 0.5], [0.5, 1.0]], dtype=F64))
    law = reparam.InverseWishart(w.df, w.precision_matrix)
    x = w.sample(5, generator=torch.Generator().manual_seed(0))
    change = 3 * x.logdet()
    torch.testing.assert_close(law.log_prob(x.inverse()), w.log_prob(x) + change, rtol=1e-12, atol=1e-12)
    few = reparam.InverseWishart(torch.tensor(3.0), torch.eye(2))
    assert few.mean.diagonal().tolist() == [math.inf, math.inf]
    assert few.mean[0, 1].isnan()
    assert reparam.InverseWishart(torch.tensor(4.0), torch.eye(2)).variance.tolist() == [[math.inf] * 2] * 2


def test_higher_moments_of_wishart_entries() -> None:
    """Of the diagonal those of a chi-square number; off it for V = 1 + r those of the difference of two."""
    df, r = torch.tensor(5.0, dtype=F64), 0.5
    law = reparam.Wishart(df, torch.tensor([[1.0, r], [r, 1.0]], dtype=F64))
    chi = reparam.Chi2(df)
    a, b = (1 + r) / 2, (1 - r) / 2  # X_12 = a C_1 - b C_2
    spread, third, fourth = (2 * df * (a * a + b * b), 8 * df * (a**3 - b**3), 48 * df * (a**4 + b**4))
    expected = torch.stack([chi.skewness, third / spread**1.5]), torch.stack([chi.kurtosis, fourth / spread**2])
    torch.testing.assert_close(law.skewness[0], expected[0], rtol=1e-14, atol=0)
    torch.testing.assert_close(law.kurtosis[0], expected[1], rtol=1e-14, atol=0)


@pytest.mark.parametrize("kind", [reparam.Wishart, reparam.InverseWishart])
def test_degrees_of_freedom_have_their_bound(kind: type) -> None:
    with pytest.raises(ValueError, match=r"df must be > .*1 of 2.*index \(1,\): 2\.0"):
        kind(torch.tensor([2.5, 2.0]), torch.eye(3))


def test_wishart_draws_at_few_degrees_of_freedom() -> None:
    """The mean of log|X| of 1e5 draws within 5 standard errors (false alarms 6e-7), through the log-density.

    At df = 1.01 the second chi-square number has 0.01 degrees of freedom: 99 of 100 would underflow.
    """
    df = torch.tensor(1.01, dtype=F64)
    law = reparam.Wishart(df, scale_tril=torch.eye(2, dtype=F64))
    _, log_p = law.rsample_and_log_prob(100_000, generator=torch.Generator().manual_seed(1))
    assert log_p.isfinite().all()
    assert abs(log_p.mean() + law.entropy()) < 5 * log_p.std() / 1e5**0.5


# -- correlation matrices ------------------------------------------------------------------------------------


def lkj(eta: mpf, l22: mpf, l33: mpf, n: int = 3) -> mpf:
    """By the normaliser of the density of correlation matrices (Lewandowski and others 2009, equation 16)."""
    constant = mpf(0)
    for k in range(1, n):
        a = eta + mpf(n - k - 1) / 2
        constant += (n - k) * ((2 * (eta - 1) + n - k) * log(2) + 2 * mp.loggamma(a) - mp.loggamma(2 * a))
    return (2 * (eta - 1) + 1) * log(l22) + 2 * (eta - 1) * log(l33) - constant


@pytest.mark.parametrize("dtype", BOUND)
def test_lkj_densities(dtype: torch.dtype) -> None:
    points = [(eta, 0.8, 0.3) for eta in (1e-6, 0.01, 0.5, 1.0, 2.0, 30.0, 1e4, 1e8)]

    def ours(eta: Tensor, l22: Tensor, l33: Tensor) -> Tensor:
        zero = torch.zeros_like(l22)
        rest = (1 - l33.double() ** 2).sqrt().to(l33.dtype)
        below = (1 - l22.double() ** 2).sqrt().to(l22.dtype)
        rows = [[zero + 1, zero, zero], [below, l22, zero], [rest, zero, l33]]
        return reparam.LKJCholesky(3, eta).log_prob(torch.stack([torch.stack(row, -1) for row in rows], -2))

    holds(lkj, points, ours, dtype)


def lkj_entropy(eta: mpf) -> mpf:
    """Minus the mean log-density, by E log L_ii of the beta laws of the squares, for matrices of size three."""
    total = -lkj(eta, mpf(1), mpf(1))
    for own, rest, power in ((eta + mpf(1) / 2, mpf(1) / 2, 2 * eta - 1), (eta, mpf(1), 2 * eta - 2)):
        total -= power * (mp.digamma(own) - mp.digamma(own + rest)) / 2
    return total


def lkj_divergence(eta: mpf, other: mpf) -> mpf:
    total = lkj(eta, mpf(1), mpf(1)) - lkj(other, mpf(1), mpf(1))
    for own, rest in ((eta + mpf(1) / 2, mpf(1) / 2), (eta, mpf(1))):
        total += (eta - other) * (mp.digamma(own) - mp.digamma(own + rest))
    return total


def lkj_variance(eta: mpf) -> mpf:
    """Of the last diagonal entry, for matrices of size two."""
    half = mpf(1) / 2
    ratio = mp.loggamma(eta + half) - mp.loggamma(eta) + mp.loggamma(eta + half) - mp.loggamma(eta + 1)
    return eta / (eta + half) - mp.exp(2 * ratio)


@pytest.mark.parametrize("dtype", BOUND)
def test_lkj_summaries(dtype: torch.dtype) -> None:
    concentrations = [(eta,) for eta in (1e-6, 0.01, 0.5, 1.0, 2.0, 30.0, 1e4, 1e8)]
    holds(lkj_entropy, concentrations, lambda eta: reparam.LKJCholesky(3, eta).entropy(), dtype)
    pairs = [(eta, eta * k) for eta, k in itertools.product((1e-3, 0.5, 4.0, 1e5), (1.0, 1.001, 5.0))]

    def divergence(eta: Tensor, other: Tensor) -> Tensor:
        return reparam.kl_divergence(reparam.LKJCholesky(3, eta), reparam.LKJCholesky(3, other))

    holds(lkj_divergence, pairs, divergence, dtype)
    holds(lkj_variance, concentrations, lambda eta: reparam.LKJCholesky(2, eta).variance[..., 1, 1], dtype)


def test_lkj_draws_have_their_density() -> None:
    """The mean log-density of large matrices, within 5 standard errors of minus the entropy (false alarms 6e-7)."""
    for dim, eta in ((2, 1e-3), (5, 0.3), (40, 2.0)):
        law = reparam.LKJCholesky(dim, torch.tensor(eta, dtype=F64))
        x, log_p = law.rsample_and_log_prob(20_000, generator=torch.Generator().manual_seed(2))
        assert x.isfinite().all()
        assert abs(log_p.mean() + law.entropy()) < 5 * log_p.std() / 20_000**0.5


def test_lkj_refuses_other_sizes() -> None:
    for dim in (1, 2.5):
        with pytest.raises(ValueError, match="dim must be an integer of at least 2"):
            reparam.LKJCholesky(dim, 1.0)
