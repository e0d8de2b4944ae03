"""The native densities of the low-rank normal, Wishart and LKJ laws: against mpmath, and against their formulas."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from mpmath import mp, mpf
from torch import Tensor

from reparam import LKJCholesky, LowRankMultivariateNormal, Wishart, kernels
from reparam.kernels import kernel

pytestmark = pytest.mark.skipif(not kernels.available(), reason="the native library was not built")

EPS = 2.0**-52
Law = Callable[..., Any]
LAWS: dict[str, Law] = {
    "low rank": lambda loc, factor, diagonal: LowRankMultivariateNormal(loc, factor, diagonal, validate_args=False),
    "wishart": lambda df, factor: Wishart(df, scale_tril=factor, validate_args=False),
    "lkj": lambda concentration: LKJCholesky(5, concentration, validate_args=False),
}


def given(name: str, batch: tuple[int, ...], shared: bool) -> tuple[Tensor, list[Tensor]]:
    """Values in a batch, and parameters of conditions near 10, in the batch or one for all."""
    torch.manual_seed(0)
    own, d = (() if shared else batch), 5
    parameters = {
        "low rank": [torch.randn(*own, d), torch.randn(*own, d, 2), torch.rand(*own, d) + 0.5],
        "wishart": [d + 2 * torch.rand(own), (0.2 * torch.randn(*own, d, d)).tril(-1) + torch.eye(d)],
        "lkj": [0.5 + 2 * torch.rand(own)],
    }[name]
    parameters = [p.double() for p in parameters]
    law = LAWS[name](*parameters)
    return law.sample(batch if shared else ()), parameters


def by_formula(name: str, x: Tensor, parameters: list[Tensor], weight: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The density and its gradients where no kernel runs."""
    value, pull = torch.func.vjp(lambda x, *p: LAWS[name](*p).log_prob(x), x, *parameters)
    return value, pull(weight)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("shared", [False, True], ids=["batch", "shared"])
@pytest.mark.parametrize("batch", [(), (3,), (4, 5)])
@pytest.mark.parametrize("name", LAWS)
def test_values_and_gradients(name: str, batch: tuple[int, ...], shared: bool, dtype: torch.dtype) -> None:
    """Some ``d^3`` operations at conditions near 10, and sums over at most 20 rows."""
    x, parameters = given(name, batch, shared)
    x, parameters = x.to(dtype), [p.to(dtype) for p in parameters]
    leaves = [t.clone().requires_grad_() for t in (x, *parameters)]
    value = LAWS[name](*leaves[1:]).log_prob(leaves[0])
    assert type(value.grad_fn).__name__ == "_NativeBackward"
    weight = torch.rand_like(value)
    got = torch.autograd.grad((weight * value).sum(), leaves, allow_unused=True)
    want, slopes = by_formula(name, x.double(), [p.double() for p in parameters], weight.double())
    # conditions multiply what the rounding of inputs is worth, of which there is none here: results are rounded once
    allowed = 1e4 * EPS if dtype is torch.float64 else torch.finfo(dtype).eps
    torch.testing.assert_close(value.double(), want, rtol=allowed, atol=1e4 * EPS)
    for left, right in zip(got, slopes, strict=True):
        largest = float(right.detach().abs().max())
        torch.testing.assert_close(left.double(), right, rtol=allowed, atol=1e4 * EPS * max(largest, 1.0))


@pytest.mark.parametrize("name", LAWS)
def test_second_derivatives(name: str) -> None:
    x, parameters = given(name, (2,), False)
    leaves = [t.clone().requires_grad_() for t in parameters]
    assert torch.autograd.gradgradcheck(lambda *p: LAWS[name](*p).log_prob(x), leaves)


def test_a_factor_far_above_the_diagonal() -> None:
    """W of 1e6 and D of 1: the covariance in full would keep four digits. Conditions count each input as rounded."""
    loc, diagonal = torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    factor = torch.tensor([[1e6, 1.0], [1e6, 2.0], [-1e6, 0.5]], dtype=torch.float64)
    x = torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64)
    leaves = [t.requires_grad_() for t in (x, factor, diagonal)]
    value = LowRankMultivariateNormal(loc, factor, diagonal, validate_args=False).log_prob(x)
    slopes = torch.autograd.grad(value, leaves)
    with mp.workdps(60):
        w = mp.matrix(factor.tolist())
        inverse = mp.inverse(w * w.T + mp.eye(3))
        scaled = inverse * mp.matrix(x.tolist())
        truth = -(mp.fdot(x.tolist(), scaled) + 3 * mp.log(2 * mp.pi) - mp.log(mp.det(inverse))) / 2
        by_factor = scaled * (w.T * scaled).T - inverse * w
        by_diagonal = [(scaled[i] ** 2 - inverse[i, i]) / 2 for i in range(3)]
    assert abs(value.item() - float(truth)) <= 100 * EPS * abs(float(truth))
    for got, want in zip(slopes, ([-s for s in scaled], by_factor, by_diagonal), strict=True):
        exact = torch.tensor([float(v) for v in want], dtype=torch.float64).reshape(got.shape)
        # a rounding of the factor turns the small directions by eps of the large ones' size
        assert bool(((got - exact).abs() <= 1e6 * EPS * (1 + exact.abs())).all())


@pytest.mark.parametrize("concentration", [1e-3, 0.5, 1.0, 7.5, 1e5, 1e10])
def test_lkj_at_extreme_concentrations(concentration: float) -> None:
    """Eight roundings of the value and of the condition in the concentration, which is that times its derivative."""
    rows = [[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.48, 0.6, 0.64]]
    x, eta = torch.tensor(rows, dtype=torch.float64), torch.tensor(concentration, dtype=torch.float64).requires_grad_()
    value = LKJCholesky(3, eta, validate_args=False).log_prob(x)
    (slope,) = torch.autograd.grad(value, eta)

    def log_prob(eta: mpf) -> mpf:
        whole, diagonal = eta + 1, [mpf(x[i, i].item()) for i in (1, 2)]
        own = [whole - mpf(i) / 2 for i in (1, 2)]
        constant = sum(mp.loggamma(whole) - mp.loggamma(a) for a in own) - 3 * mp.log(mp.pi) / 2
        return constant + 2 * sum((a - 1) * mp.log(v) for a, v in zip(own, diagonal, strict=True))

    with mp.workdps(60):
        truth, exact = log_prob(mpf(concentration)), mp.diff(log_prob, mpf(concentration), h=mpf(10) ** -25)
    assert abs(value.item() - float(truth)) <= 8 * EPS * (abs(float(truth)) + abs(float(exact)) * concentration)
    assert abs(slope.item() - float(exact)) <= 100 * EPS * (1 + abs(float(exact)))


@pytest.mark.parametrize(("d", "k"), [(1, 1), (7, 2), (8, 8), (20, 3), (64, 5)])
def test_roots_of_low_rank(d: int, k: int) -> None:
    """Plane rotations err by ``k`` roundings of each column; the divergence by ``d^2`` of terms of order one."""
    torch.manual_seed(0)
    for batch in ((), (3,), (2, 9)):
        factor = torch.nn.functional.pad(torch.randn(*batch, d, k).double(), (0, d - k))
        diagonal = torch.rand(*batch, d).double() + 0.5
        lower = kernel("low_rank_root")(refused)(factor, diagonal)
        covariance = factor @ factor.mT + torch.diag_embed(diagonal)
        assert torch.equal(lower, lower.tril())
        torch.testing.assert_close(lower @ lower.mT, covariance, rtol=0.0, atol=64 * EPS * covariance.max().item())
        other, shift = (
            torch.diag_embed(diagonal) + 0.1 * torch.ones(d, d).double().tril(-1) / d,
            torch.randn(d).double(),
        )
        signs = torch.where(torch.arange(d) % 2 == 0, 1.0, -1.0).double()
        found = kernel("root_divergence")(refused)(shift, lower * signs, other)
        solved = torch.linalg.solve_triangular(other, lower, upper=False)
        exact = solved.square().sum((-2, -1)) - d - 2 * solved.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        exact = (exact + torch.linalg.solve(other, shift.expand(*batch, d)[..., None]).square().sum((-2, -1))) / 2
        torch.testing.assert_close(found, exact, rtol=64 * d * EPS, atol=64 * d * d * EPS)


def test_the_divergence_of_near_laws() -> None:
    """Of roots in a ratio r = 1 + 2^-20, exactly: it is ``d (r^2 - 1 - log r^2) / 2``, each term to 8 roundings."""
    lower = torch.tensor([[1.0, 0.0, 0.0], [0.5, 2.0, 0.0], [-0.25, 1.0, 0.5]], dtype=torch.float64)
    ratio = 1 + 2.0**-20
    found = kernel("root_divergence")(refused)(torch.zeros(3, dtype=torch.float64), ratio * lower, lower)
    with mp.workdps(60):
        square = mpf(ratio) ** 2
        exact = float(3 * (square - 1 - mp.log(square)) / 2)
    assert abs(found.item() - exact) <= 8 * EPS * exact


def refused(*_: Tensor) -> Tensor:
    raise AssertionError("the formula ran")


def test_outside_the_support() -> None:
    """An LKJ density is zero, without derivatives, where the matrix is no factor of a correlation matrix."""
    eye = torch.eye(3, dtype=torch.float64)
    for place, entry in (((0, 0), math.nan), ((1, 1), -1.0), ((0, 2), 0.5), ((2, 1), 0.5), ((2, 2), 0.0)):
        x, eta = eye.clone(), torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
        x[place] = entry
        x.requires_grad_()
        value = LKJCholesky(3, eta, validate_args=False).log_prob(x)
        assert value == -math.inf
        assert all(bool((g == 0).all()) for g in torch.autograd.grad(value, (x, eta)))


def test_what_is_left_to_the_formula() -> None:
    """Matrices beyond the kernel's size, and more columns than rows."""
    for n, k in ((65, 2), (3, 5)):
        torch.manual_seed(0)
        loc, factor, diagonal = torch.randn(n).double(), torch.randn(n, k).double(), torch.rand(n).double() + 0.5
        law = LowRankMultivariateNormal(loc.requires_grad_(), factor, diagonal)
        value = law.log_prob(torch.zeros(n).double())
        assert type(value.grad_fn).__name__ != "_NativeBackward"
        dense = torch.distributions.MultivariateNormal(loc, law.covariance_matrix)
        torch.testing.assert_close(value, dense.log_prob(torch.zeros(n).double()), rtol=1e-10, atol=0.0)

    indefinite = torch.tensor([[1.0, 2.0], [2.0, 1.0]])
    with pytest.raises(AssertionError, match="the formula ran"):
        kernel("wishart_factor_log_prob")(refused)(indefinite, torch.tensor(3.0), torch.eye(2))
