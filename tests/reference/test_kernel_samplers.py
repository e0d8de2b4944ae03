"""The native samplers of continuous laws: their laws, their streams, and how a draw moves with the parameters."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from mpmath import mp, mpf
from torch import Tensor

from reference.oracle import gamma_tail
from reparam import kernels
from reparam.families import continuous_bernoulli
from reparam.families.von_mises import _natively as von_mises
from reparam.implicit import gamma as made_of_gamma
from reparam.kernels import draw, key_of, usable
from reparam.special import log_gamma_quantile_grad, von_mises_cdf, von_mises_quantile_grad

pytestmark = pytest.mark.skipif(not usable(torch.ones(())), reason="the native library was not built")

A, B = torch.tensor([0.02, 0.7, 1.5, 9.0]).double(), torch.tensor([3.0, 0.4, 1.0, 30.0]).double()
KERNELS: dict[str, tuple[kernels.dispatch.Kernel, tuple[Tensor, ...]]] = {
    "log_gamma": (made_of_gamma._log_gamma, (A,)),
    "gamma": (made_of_gamma._gamma, (A, B)),
    "chi2": (made_of_gamma._chi2, (A,)),
    "continuous_bernoulli_probs": (continuous_bernoulli._by_probs, (B / 31,)),
    "continuous_bernoulli_logits": (continuous_bernoulli._by_logits, (A - B,)),
    "beta": (made_of_gamma._beta, (A, B)),
    "dirichlet": (made_of_gamma._dirichlet, (A,)),
    "student": (made_of_gamma._student, (A + 0.1, B - 1, B)),
    "von_mises": (von_mises, (A, B)),
}


def sample(sampler: str, a: Tensor, n: int, seed: int = 0) -> Tensor:
    given = (torch.zeros_like(a), a) if sampler == "von_mises_draw" else (a,)
    return draw(sampler, key_of((n, *a.shape), torch.Generator().manual_seed(seed)), *given)


def with_slope(kernel: Callable[..., Tensor], a: Tensor, n: int, seed: int) -> tuple[Tensor, Tensor]:
    leaf = a.expand(n).clone().requires_grad_()
    x = kernel(key_of((n,), torch.Generator().manual_seed(seed)), leaf)
    return x.detach(), torch.autograd.grad(x.sum(), leaf)[0]


def gamma_probability(a: float, y: Tensor) -> Tensor:
    """P(a, exp(y)); below exp(-30) by the leading term of the series, whose relative error is below 1e-13."""
    small = torch.exp(a * y - math.lgamma(a + 1))
    alpha = torch.full_like(y, a)
    return torch.where(y < -30, small, torch.special.gammainc(alpha, y.clamp(min=-30).exp()))


def von_mises_probability(kappa: float, x: Tensor) -> Tensor:
    """The cdf by the trapezoidal rule, with steps of a thousandth of the law's width, and linear between."""
    width = min(math.pi, 12 / math.sqrt(max(kappa, 1e-3)))
    node = torch.linspace(-width, width, 24_001, dtype=torch.float64)
    mass = torch.cumulative_trapezoid(torch.exp(-2 * kappa * torch.sin(node / 2) ** 2), node)
    cdf = torch.cat([mass.new_zeros(1), mass]) / mass[-1]
    place = ((x + width) * (12_000 / width)).clamp(0, 24_000 - 1e-9)
    low = place.long()
    return torch.lerp(cdf[low], cdf[low + 1], place - low)


def distance(u: Tensor) -> float:
    """Kolmogorov's D sqrt(n) of uniform numbers."""
    n = u.numel()
    steps = torch.arange(n + 1, dtype=torch.float64) / n
    u = u.sort().values
    return float(torch.maximum((u - steps[:-1]).abs(), (u - steps[1:]).abs()).max()) * math.sqrt(n)


# P(sqrt(n) D > t) < 2 exp(-2 t^2), here 1e-9 a case. The von Mises oracle adds sqrt(n) 1e-7.
PASSED_BY_CHANCE_ONCE_IN_1E9 = math.sqrt(math.log(2e9) / 2)
DTYPES = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])


@DTYPES
@pytest.mark.parametrize("a", [1e-4, 0.05, 0.5, 0.99, 1.0, 1.5, 7.0, 400.0, 1e5])
def test_law_of_gamma_draws(a: float, dtype: torch.dtype) -> None:
    concentration = torch.tensor(a, dtype=dtype)
    y = sample("log_gamma_draw", concentration, 100_000).double()
    assert distance(gamma_probability(float(concentration), y)) < PASSED_BY_CHANCE_ONCE_IN_1E9


@DTYPES
@pytest.mark.parametrize("kappa", [0.0, 1e-6, 0.05, 0.3, 0.32, 1.0, 2.9, 7.0, 300.0, 1e6])
def test_law_of_von_mises_draws(kappa: float, dtype: torch.dtype) -> None:
    x = sample("von_mises_draw", torch.tensor(kappa, dtype=dtype), 100_000).double()
    # pi in float32 is above pi
    assert bool((x.abs() <= float(torch.tensor(math.pi, dtype=dtype))).all())
    exact = float(torch.tensor(kappa, dtype=dtype))
    assert distance(von_mises_probability(exact, x)) < PASSED_BY_CHANCE_ONCE_IN_1E9


@DTYPES
@pytest.mark.parametrize("logits", [-300.0, -3.0, -1e-3, 0.0, 0.7, 40.0])
def test_law_of_continuous_bernoulli_draws(logits: float, dtype: torch.dtype) -> None:
    x = sample("continuous_bernoulli_logits_draw", torch.tensor(logits, dtype=dtype), 100_000).double()
    slope = float(torch.tensor(logits, dtype=dtype))
    # for a falling density, the other way round for a rising one
    y, fall = (1 - x, -slope) if slope > 0 else (x, slope)
    assert distance(torch.expm1(fall * y) / math.expm1(fall) if fall else y) < PASSED_BY_CHANCE_ONCE_IN_1E9


@DTYPES
@pytest.mark.parametrize("p", [1e-3, 0.3, 0.9, 1.0])
def test_law_of_geometric_draws(p: float, dtype: torch.dtype) -> None:
    k = sample("geometric_draw", torch.tensor(p, dtype=torch.float64).neg().log1p().to(dtype), 100_000).double()
    assert bool((k == k.floor()).all())
    # spread over its step a count is uniform in probability; the rounded logarithm is worth 1e-7 sqrt(n)
    u = torch.rand(k.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert distance(1 - (1 - p) ** k * (1 - p * u)) < PASSED_BY_CHANCE_ONCE_IN_1E9


@pytest.mark.parametrize(
    ("sampler", "value", "probability"),
    [
        ("log_gamma_draw", 2.5, gamma_probability),
        ("von_mises_draw", 0.1, von_mises_probability),
        ("von_mises_draw", 2.5, von_mises_probability),
        ("von_mises_draw", 4.5, von_mises_probability),
    ],
)
def test_draws_of_one_call_are_independent(
    sampler: str, value: float, probability: Callable[[float, Tensor], Tensor]
) -> None:
    # Correlations of neighbours, at lags that a block or a lane would betray: standard normal / sqrt(n), so that five
    # deviations are passed by chance once in 1.7e6, in any of ten once in 1.7e5.
    n = 400_000
    u = probability(value, sample(sampler, torch.tensor(value, dtype=torch.float64), n)) - 0.5
    for lag in (1, 2, 3, 4, 8, 16, 64, 128, 256, 512):
        correlation = 12 * (u[lag:] * u[:-lag]).mean()
        assert abs(correlation) * math.sqrt(n - lag) < 5, lag


def test_nearly_uniform_angles_are_quantiles_of_the_same_numbers() -> None:
    # the rounding of the number, of the angle and of its probability
    key = key_of((1001,), torch.Generator().manual_seed(3))
    zero = torch.zeros((), dtype=torch.float64)
    u = 0.5 + draw("von_mises_draw", key, zero, zero) / (2 * math.pi)
    for kappa in (1e-9, 0.01, 0.05, 0.2, 0.3099):
        law = torch.tensor(kappa, dtype=torch.float64)
        found = von_mises_cdf(draw("von_mises_draw", key, zero, law), law)
        torch.testing.assert_close(found, u, rtol=0.0, atol=16 * torch.finfo(torch.float64).eps)


def test_von_mises_draws_are_functions_of_their_own_concentration() -> None:
    # whatever method the neighbours take: the same to the rounding of one angle, and slopes to that of the tests below
    laws = torch.tensor([0.02, 0.3, 1.0, 5.0, 300.0], dtype=torch.float64)
    leaf = laws.expand(400, 5).clone().requires_grad_()
    key = key_of((400, 5), torch.Generator().manual_seed(3))
    mixed = von_mises(key, torch.zeros_like(leaf), leaf)
    slopes = torch.autograd.grad(mixed.sum(), leaf)[0]
    exact = von_mises_quantile_grad(mixed.detach(), laws)
    eps = torch.finfo(torch.float64).eps
    assert bool(
        ((slopes - exact).abs() <= 1000 * eps * mixed.detach().abs().clamp(min=1e-3) / laws.clamp(min=1.0)).all()
    )
    for j, law in enumerate(laws):
        alone = draw("von_mises_draw", key, torch.zeros_like(leaf), law.expand(400, 5))
        torch.testing.assert_close(mixed.detach()[:, j], alone[:, j], rtol=4 * eps, atol=4 * eps)


@pytest.mark.parametrize("name", KERNELS)
def test_streams_follow_the_generator_and_nothing_else(name: str) -> None:
    kernel, parameters = KERNELS[name]
    shape = (20_000,) if name == "dirichlet" else (20_000, 4)

    def drawn(generator: torch.Generator | None = None) -> tuple[Tensor, ...]:
        leaves = [parameter.clone().requires_grad_() for parameter in parameters]
        x = kernel(key_of(shape, generator), *leaves)
        # each of the slopes on its own: sums may be made in another order
        full = [parameter.detach().expand(x.shape).clone().requires_grad_() for parameter in parameters]
        slopes = torch.autograd.grad(kernel(key_of(shape, torch.Generator().manual_seed(1)), *full).sum(), full)
        return (x.detach(), *slopes)

    torch.manual_seed(7)
    first, second = drawn(), drawn()
    assert not torch.equal(first[0], second[0])
    torch.manual_seed(7)
    assert torch.equal(drawn()[0], first[0])
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        reference = drawn(torch.Generator().manual_seed(5))
        for threads in (2, 5):
            torch.set_num_threads(threads)
            for got, want in zip(drawn(torch.Generator().manual_seed(5)), reference, strict=True):
                assert torch.equal(got, want)
    finally:
        torch.set_num_threads(before)


# Both make the same draws of a key. Their gradients differ by the rounding of draws, of logarithms of draws (up to 500
# for the smallest concentration) and of slopes, 1e-11 relative as tested below; sums over 50 draws keep that of the
# largest.
@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("broadcast", [True, False], ids=["broadcast", "full"])
def test_kernel_is_its_formula(name: str, broadcast: bool) -> None:
    kernel, parameters = KERNELS[name]
    key = key_of((50,) if name == "dirichlet" else (50, 4), torch.Generator().manual_seed(3))
    if not broadcast:
        parameters = tuple(parameter.expand(50, 4).clone() for parameter in parameters)
    leaves = [parameter.clone().requires_grad_() for parameter in parameters]
    weight = torch.rand(50, 4, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    native, formula = kernel(key, *leaves), kernel.formula(key, *leaves)
    torch.testing.assert_close(native, formula, rtol=1e-12, atol=1e-300)
    got, want = (torch.autograd.grad((weight * x).sum(), leaves) for x in (native, formula))
    for one, other in zip(got, want, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)


def test_second_derivatives_are_those_of_the_same_draws() -> None:
    # x = G / r: d2x / dr2 = 2 x / r^2, whatever the draw
    a, rate = A.clone().requires_grad_(), B.clone().requires_grad_()
    x = made_of_gamma._gamma(key_of((1000, 4)), a, rate)
    (once,) = torch.autograd.grad(x.sum(), rate, create_graph=True)
    (twice,) = torch.autograd.grad(once.sum(), rate)
    torch.testing.assert_close(twice, 2 * x.detach().sum(0) / B**2, rtol=1e-12, atol=0.0)


def test_layouts() -> None:
    a = torch.rand(4, 3, dtype=torch.float64) + 0.1
    want = sample("log_gamma_draw", a, 5, seed=1)
    for layout in (a.T.contiguous().T, a[None].expand(5, 4, 3), a.clone().requires_grad_()):
        got = draw("log_gamma_draw", key_of((5, 4, 3), torch.Generator().manual_seed(1)), layout)
        assert torch.equal(got, want)
        assert not got.requires_grad
    assert draw("log_gamma_draw", key_of((0, 4, 3)), a).shape == (0, 4, 3)
    assert draw("dirichlet_draw", key_of((0, 4)), a).shape == (0, 4, 3)
    improper = torch.tensor([math.nan, -1.0, math.inf], dtype=torch.float64)
    y = draw("log_gamma_draw", key_of((3,)), improper)
    assert y[:2].isnan().all()
    assert y[2] == math.inf
    assert not usable(a.half())
    with pytest.raises(RuntimeError, match="float16"):
        draw("log_gamma_draw", key_of((4, 3)), a.half())


def true_slope(a: float, y: float) -> mpf:
    """dy/da at fixed probability, by integration over the smaller tail."""
    with mp.workdps(50):
        upper, moments = gamma_tail(a, mpf(y))
        density = mp.exp(a * mpf(y) - mp.exp(mpf(y)) - mp.loggamma(a))
        return (moments[1] if upper else -moments[1]) / density


# The error of dy/da relative to it. In float64 the sum x - a carries the rounding of y, which is worth
# eps * |y| * |x - a| / a of the exponent: nothing until a = 1e4, 1e-10 at a = 1e10. In float32 the result is rounded.
@pytest.mark.parametrize("a", [1e-4, 1e-3, 0.01, 0.3, 0.8, 1.0, 1.9, 2.5, 4.5, 30.0, 1e3, 1e4, 1e7, 1e10])
def test_slope_of_gamma_draws_at_fixed_probability(a: float) -> None:
    n = 4000
    order = [0, 40, 400, 2000, 3600, 3990, 3999]
    for dtype, bound in ((torch.float64, 1e-11 if a <= 1e4 else 1e-9), (torch.float32, 5e-7)):
        concentration = torch.tensor(a, dtype=dtype)
        y, slope = with_slope(made_of_gamma._log_gamma, concentration, n, seed=2)
        for i in y.argsort()[order].tolist():
            exact = true_slope(float(concentration), float(y[i]))
            # a float32 y is a rounding of the y whose slope was given, which the slope follows at its own rate
            allowed = bound if dtype is torch.float64 else bound + 2**-24 * abs(float(y[i]) / min(float(exact), 1.0))
            assert abs(float(slope[i]) / float(exact) - 1) <= allowed, (dtype, float(y[i]))


# The quantile gradient is tested against mpmath on its own. In float64 it sees the very draw; in float32 a rounding of
# it, which moves the slope, of size |x| / kappa, by that of x times a derivative of at most 2 (1 + |x|).
@DTYPES
@pytest.mark.parametrize("kappa", [1e-6, 0.05, 0.3, 1.0, 7.0, 300.0, 1e6])
def test_slope_of_von_mises_draws_at_fixed_probability(kappa: float, dtype: torch.dtype) -> None:
    concentration = torch.tensor(kappa, dtype=dtype)
    x, slope = with_slope(lambda key, k: von_mises(key, torch.zeros_like(k), k), concentration, 4000, seed=2)
    exact = von_mises_quantile_grad(x.double(), concentration.double().expand(4000))
    size = x.double().abs().clamp(max=1.0) / max(kappa, 1.0)
    # nor is the rounding less than that of a thousandth of that size
    allowed = torch.finfo(dtype).eps * (1000 if dtype is torch.float64 else 8) * size.clamp(min=1e-3 / max(kappa, 1.0))
    assert bool(((slope - exact).abs() <= allowed).all())


# Many float32 draws of a few laws have slopes from a table: two roundings of the exact ones at the very draws, which
# are roundings themselves (see above); mostly far below that.
@pytest.mark.parametrize("a", [0.02, 0.3, 0.9, 1.0, 2.5, 50.0, 70.0, 1e4, 1e8])
def test_slopes_of_many_gamma_draws(a: float) -> None:
    laws = torch.tensor([a, 1.3 * a, 7.0])
    leaf = laws.clone().requires_grad_()
    y = made_of_gamma._log_gamma(key_of((30_000, 3), torch.Generator().manual_seed(9)), leaf)
    few = torch.randint(30_000, (300,), generator=torch.Generator().manual_seed(9))
    few[:2] = torch.stack([y[:, 0].argmin(), y[:, 0].argmax()])
    slope = torch.stack([torch.autograd.grad(y[i].sum(), leaf, retain_graph=True)[0] for i in few.tolist()])
    at = y.detach()[few].double()
    exact = log_gamma_quantile_grad(laws.double().expand(300, 3), at)
    allowed = 2**-22 * (1 + at.abs() / exact.clamp(max=1.0))
    assert bool(((slope / exact - 1).abs() <= allowed).all())


# Those of von Mises draws are of a series, in both precisions.
@DTYPES
@pytest.mark.parametrize("kappa", [1e-3, 0.29, 0.7, 3.9, 4.1, 50.0, 1e5])
@pytest.mark.parametrize("others", [[], [1.3, 7.0]], ids=["one law", "three"])
def test_slopes_of_many_von_mises_draws(kappa: float, others: list[float], dtype: torch.dtype) -> None:
    laws = torch.tensor([kappa, *(kappa * other for other in others)], dtype=dtype)
    leaf = laws.expand(30_000, len(laws)).requires_grad_()
    x = von_mises(key_of(leaf.shape, torch.Generator().manual_seed(9)), torch.zeros_like(laws), leaf)
    slope = torch.autograd.grad(x.sum(), leaf)[0]
    few = torch.randint(30_000, (300,), generator=torch.Generator().manual_seed(9))
    few[:2] = torch.stack([x[:, 0].argmin(), x[:, 0].argmax()])
    at, scale = x.detach()[few].double(), laws.double().clamp(min=1.0)
    exact = von_mises_quantile_grad(at, laws.double().expand_as(at))
    size = at.abs().clamp(max=1.0) / scale
    allowed = (1000 * 2**-52 if dtype is torch.float64 else 2**-20) * size.clamp(min=1e-3 / scale)
    assert bool(((slope[few] - exact).abs() <= allowed).all())
