"""Truncated laws at hard places: far out in a tail, between bounds that nearly touch, beyond the range of floats."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from mpmath import mp, mpf
from torch import Tensor

import reparam
from oracle import Reference, excess, truth
from reparam import Beta, Exponential, Gamma, Laplace, Normal, StudentT, Truncated, Uniform

BOUND = 100  #: of an error in eps, beyond what the rounding of the inputs explains
INTERVALS = [
    (30.0, 31.0),
    (-31.0, -30.0),
    (45.0, 45.5),
    (1.0, 1.0 + 2.0**-19),
    (-1e-10, 1e-10),
    (-0.5, 2.0),
    (-3.0, 40.0),
]
SHARES = (1e-3, 0.2, 0.5, 0.9)


def _normal_mass(a: mpf, b: mpf) -> mpf:
    if b < 0:
        a, b = -b, -a
    return (mp.erfc(a / mp.sqrt(2)) - mp.erfc(b / mp.sqrt(2))) / 2


def _normal_log_prob(a: mpf, b: mpf, x: mpf) -> mpf:
    return -x * x / 2 - mp.log(2 * mp.pi) / 2 - mp.log(_normal_mass(a, b))


def _normal_log_cdf(a: mpf, b: mpf, x: mpf) -> mpf:
    return mp.log(_normal_mass(a, x) / _normal_mass(a, b))


def _normal_log_sf(a: mpf, b: mpf, x: mpf) -> mpf:
    return mp.log(_normal_mass(x, b) / _normal_mass(a, b))


def _gamma_mass(a: mpf, b: mpf) -> mpf:
    """Of Gamma(1/2, 1), the square of a normal variable of variance 1/2."""
    if b <= 1:
        return mp.erf(mp.sqrt(b)) - mp.erf(mp.sqrt(a))
    return mp.erfc(mp.sqrt(a)) - mp.erfc(mp.sqrt(b))


def _gamma_log_prob(a: mpf, b: mpf, x: mpf) -> mpf:
    return -mp.log(mp.pi * x) / 2 - x - mp.log(_gamma_mass(a, b))


def _gamma_log_cdf(a: mpf, b: mpf, x: mpf) -> mpf:
    return mp.log(_gamma_mass(a, x) / _gamma_mass(a, b))


def _require_exact(
    f: Callable[[Tensor, Tensor, Tensor], Tensor], reference: Reference, point: tuple[float, ...], dtype: torch.dtype
) -> None:
    """Values and first derivatives in the bounds and in x against the truth at the same floating-point numbers."""
    inputs = [torch.tensor(v, dtype=dtype, requires_grad=True) for v in point]
    exact = tuple(v.double().item() for v in inputs)
    value = f(*inputs)
    assert excess(value.item(), *_truth(reference, (), exact), dtype) <= BOUND
    slopes = torch.autograd.grad(value, inputs)
    for i, slope in enumerate(slopes):
        assert excess(slope.item(), *_truth(reference, (i,), exact), dtype) <= 10 * BOUND, f"derivative in argument {i}"


def _truth(reference: Reference, order: tuple[int, ...], exact: tuple[float, ...]) -> tuple[mpf, mpf]:
    """The value and what three roundings move: of the inputs, of a log-density and of a log-probability of them."""
    value, moved = truth(reference, order, exact)
    return value, 3 * moved


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("interval", INTERVALS)
def test_a_normal_law_is_exact_anywhere(interval: tuple[float, float], dtype: torch.dtype) -> None:
    low, high = (torch.tensor(v, dtype=dtype).item() for v in interval)
    base = Normal(torch.zeros((), dtype=dtype), 1.0)
    for share in (0.25, 0.75):
        x = torch.tensor(low + share * (high - low), dtype=dtype).item()
        if not low < x < high:
            continue
        for door, reference in (
            ("log_prob", _normal_log_prob),
            ("log_cdf", _normal_log_cdf),
            ("log_sf", _normal_log_sf),
        ):
            _require_exact(
                lambda a, b, x, door=door: getattr(Truncated(base, a, b), door)(x), reference, (low, high, x), dtype
            )


@pytest.mark.parametrize("interval", [(1e-300, 1e-290), (1e-30, 1.0), (30.0, 40.0), (800.0, 801.0)])
def test_a_gamma_law_is_exact_anywhere(interval: tuple[float, float]) -> None:
    low, high = interval
    base = Gamma(torch.tensor(0.5, dtype=torch.float64), 1.0)
    x = low**0.5 * high**0.5
    for door, reference in (("log_prob", _gamma_log_prob), ("log_cdf", _gamma_log_cdf)):
        _require_exact(
            lambda a, b, x, door=door: getattr(Truncated(base, a, b), door)(x), reference, (low, high, x), torch.float64
        )


@pytest.mark.parametrize("interval", INTERVALS)
def test_moments_of_a_normal_law_have_their_closed_forms(interval: tuple[float, float]) -> None:
    d = Truncated(Normal(torch.zeros((), dtype=torch.float64), 1.0), *interval)
    with mp.workdps(80):
        a, b = map(mpf, interval)
        mass, heights = _normal_mass(a, b), [mp.npdf(a), mp.npdf(b)]
        mean = (heights[0] - heights[1]) / mass
        variance = 1 + (a * heights[0] - b * heights[1]) / mass - mean**2
        entropy = mp.log(mass * mp.sqrt(2 * mp.pi)) + (variance + mean**2) / 2
    spread = float(mp.sqrt(variance))
    # rounding of the nodes of the quadrature, in units of the spread
    rounding = 8 * 2.0**-52 * (1 + max(map(abs, interval)) / spread)
    assert abs(float(d.mean) - mean) <= spread * (1e-12 + rounding)
    assert abs(float(d.stddev) - spread) <= spread * (1e-12 + rounding)
    assert abs(float(d.entropy()) - entropy) <= 1e-11 + 8 * 2.0**-52 * max(map(abs, interval)) ** 2


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    "base",
    [Normal(0.0, 1.0), StudentT(3.0), Gamma(0.5, 1.0), Laplace(0.0, 1.0), Beta(2.0, 3.0), Exponential(2.0)],
    ids=lambda law: type(law).__name__,
)
def test_quantiles_are_exact_where_the_tails_of_the_base_are_gone(
    base: reparam.Distribution, dtype: torch.dtype
) -> None:
    """Moving x by one rounding moves the probability by the density there; as many roundings of a bound count too."""
    low, high = {"Gamma": (300.0, 320.0), "Beta": (1e-40, 1e-30)}.get(type(base).__name__, (1200.0, 1300.0))
    if dtype is torch.float32 and isinstance(base, Beta):
        low, high = 1e-30, 1e-25
    d = Truncated(base.to(dtype), low, high)
    p = torch.tensor(SHARES, dtype=dtype)
    # a probability is as exact as the logarithms of the base's, which are large
    eps = torch.finfo(dtype).eps * (100 + 4 * (d.base_dist.log_sf(d.low) + d.base_dist.log_cdf(d.high)).abs().item())
    for door, back in (("icdf", "cdf"), ("isf", "sf")):
        x = getattr(d, door)(p)
        slip = 8 * torch.finfo(dtype).eps * (x * d.log_prob(x).exp()).double()
        assert bool(((getattr(d, back)(x) - p).double().abs() <= eps * p.double() + slip).all()), f"{door} {x.tolist()}"


def test_ends_are_quantiles() -> None:
    low = torch.tensor(-1.0, dtype=torch.float64, requires_grad=True)
    d = Truncated(Normal(0.0, 1.0), low, 2.0)
    assert d.icdf(0.0) == d.isf(1.0) == -1 and d.icdf(1.0) == d.isf(0.0) == 2
    assert torch.autograd.grad(d.icdf(0.0), low)[0] == 1
    assert d.cdf(low) == 0 and d.sf(low) == 1


def _leaves(*values: float) -> list[Tensor]:
    return [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in values]


@pytest.mark.parametrize("interval", [(0.3, 2.0), (40.0, 40.5), (1.0, 1.0 + 1e-9)])
def test_draws_carry_the_gradient_and_hessian_of_the_quantile(interval: tuple[float, float]) -> None:
    """Of an exponential law, whose quantile is known."""
    inputs = _leaves(1.5, *interval)
    torch.manual_seed(2)
    x = Truncated(Exponential(inputs[0]), *inputs[1:]).rsample((50,))
    u = Truncated(Exponential(inputs[0]), *inputs[1:]).cdf(x).detach()

    def quantile(rate: Tensor, low: Tensor, high: Tensor) -> Tensor:
        return low - torch.log1p(u * torch.expm1(-rate * (high - low))) / rate

    weights = torch.linspace(0.5, 1.5, 50, dtype=torch.float64)
    again = quantile(*inputs)
    torch.testing.assert_close(x, again, rtol=1e-13, atol=0.0)
    # second derivatives are differences of some over the width of the interval: 16 roundings of those, beyond 1e-6
    slack = max(1e-6, 16 * 2.0**-52 / (interval[1] - interval[0]))
    for one, other in _both_orders(x, again, weights, inputs):
        torch.testing.assert_close(one, other, rtol=slack, atol=slack)


def _both_orders(x: Tensor, y: Tensor, weights: Tensor, inputs: list[Tensor]) -> list[tuple[Tensor, Tensor]]:
    found = []
    first = [torch.autograd.grad((weights * v).sum(), inputs, create_graph=True) for v in (x, y)]
    found += list(zip(*first, strict=True))
    for one, other in zip(*first, strict=True):
        second = [torch.autograd.grad(g, inputs, retain_graph=True, materialize_grads=True) for g in (one, other)]
        found += list(zip(*second, strict=True))
    return found


def test_bounds_of_a_uniform_law_move_its_draws() -> None:
    low, high = _leaves(0.25, 0.75)
    x = Truncated(Uniform(0.0, 1.0), low, high).rsample((20,))
    slopes = torch.autograd.grad(x.sum(), [low, high])
    torch.testing.assert_close(slopes[0], ((0.75 - x) / 0.5).sum().detach())
    torch.testing.assert_close(slopes[1], ((x - 0.25) / 0.5).sum().detach())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_draws_far_out_have_finite_gradients(dtype: torch.dtype) -> None:
    loc, low = (torch.tensor(v, dtype=dtype, requires_grad=True) for v in (0.0, 50.0))
    x = Truncated(Normal(loc, 1.0), low, 50.001).rsample((2000,))
    assert bool(((x >= 50) & (x <= torch.tensor(50.001, dtype=dtype))).all())
    in_loc, in_low = torch.autograd.grad(x.sum(), [loc, low])
    # moving low moves every draw by between 0 and 1; moving loc moves what is left of it
    assert 0 < in_low < 2000 and 0 < in_loc < 2000


def test_the_mode_is_an_end_where_the_density_is_least_inside() -> None:
    assert Truncated(Beta(0.5, 0.5), 0.2, 0.9).mode == torch.tensor(0.9)
    assert Truncated(Normal(0.0, 1.0), low=1.0).mode == 1 and Truncated(Normal(0.0, 1.0), high=1.0).mode == 0


def test_one_graph_draws_and_scores() -> None:
    def program(loc: Tensor, low: Tensor, x: Tensor) -> tuple[Tensor, ...]:
        d = Truncated(Normal(loc, 1.0), low, 2.0)
        return d.log_prob(x), d.rsample((4,))

    inputs = _leaves(0.3, -1.0)
    x = torch.tensor(0.5, dtype=torch.float64)
    torch.compiler.reset()
    found = torch.compile(program, fullgraph=True, backend="eager")(*inputs, x)
    expected = program(*inputs, x)
    torch.testing.assert_close(found[0], expected[0], rtol=1e-12, atol=0.0)
    slopes = (torch.autograd.grad(log_prob, inputs) for log_prob in (found[0], expected[0]))
    for slope, want in zip(*slopes, strict=True):
        torch.testing.assert_close(slope, want, rtol=1e-10, atol=0.0)
    assert all(0 < g < 4 for g in torch.autograd.grad(found[1].sum(), inputs))


def test_without_bounds_it_is_the_base() -> None:
    base = Gamma(torch.tensor([0.3, 4.0], dtype=torch.float64), 2.0)
    d = Truncated(base)
    x = base.sample((5,))
    for door in ("log_prob", "log_cdf", "log_sf"):
        torch.testing.assert_close(getattr(d, door)(x), getattr(base, door)(x), rtol=1e-13, atol=1e-13)
    p = torch.tensor(0.3, dtype=torch.float64)
    torch.testing.assert_close(d.icdf(p), base.icdf(p), rtol=1e-13, atol=0.0)


def test_numbers_take_the_dtype_of_the_base_and_tensors_widen_it() -> None:
    assert Truncated(Normal(torch.zeros((), dtype=torch.float64), 1.0), 0.1).low.dtype is torch.float64
    wide = Truncated(Normal(0.0, 1.0), torch.tensor(0.1, dtype=torch.float64))
    assert wide.dtype is torch.float64 and wide.base_dist.dtype is torch.float64


def test_what_cannot_be_truncated_is_refused() -> None:
    with pytest.raises(TypeError, match="Poisson is no continuous scalar law"):
        Truncated(reparam.Poisson(2.0), 1.0)
    with pytest.raises(TypeError, match="Dirichlet is no continuous scalar law"):
        Truncated(reparam.Dirichlet(torch.ones(2)), 0.1)
    with pytest.raises(TypeError, match=r"base_distribution must be a reparam distribution, not builtins\.float"):
        Truncated(1.0, 0.0)
    with pytest.raises(ValueError, match=r"the support of Gamma must reach .* 1 of 2 intervals"):
        Truncated(Gamma(1.0, 1.0), torch.tensor([-3.0, 1.0]), torch.tensor([-1.0, 2.0]))
    with pytest.raises(ValueError, match="parameter high must be"):
        Truncated(Normal(0.0, 1.0), 1.0, 1.0)


def test_a_divergence_without_a_rule_is_infinite_where_the_supports_say_so() -> None:
    outside = reparam.Truncated(reparam.Normal(0.0, 1.0), -1.0, 2.0)
    inside = reparam.Truncated(reparam.Normal(0.0, 1.0), 1.0, 2.0)
    other = reparam.Gamma(1.0, 1.0)
    assert reparam.kl_divergence(outside, other) == torch.inf
    with pytest.raises(NotImplementedError, match="Truncated"):
        reparam.kl_divergence(inside, other)


@pytest.mark.parametrize("high", [torch.inf, 1e5])
@pytest.mark.parametrize("rate", [1.0, 1e100, 1e150])
def test_slopes_of_very_narrow_laws(rate: float, high: float) -> None:
    """In t, of a normal law of scale 1/t beyond 0.3/t: -1/t of the entropy, (1 - x^2 t^2)/t of the log-density at x."""
    t = torch.tensor(rate, dtype=torch.float64, requires_grad=True)
    law = reparam.Truncated(reparam.Normal(0.0 * t, 1 / t), low=0.3 / t, high=high)
    for value, expected in ((law.entropy(), -1.0), (law.log_prob(0.5 / t.detach()), 0.75)):
        (slope,) = torch.autograd.grad(value, t, retain_graph=True)

        torch.testing.assert_close(slope * rate, torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=0.0)


FLAT: dict[str, Callable[..., mpf]] = {
    "log_prob": lambda r, a, b, u: mp.log(r) - r * (b - a) * u - mp.log(-mp.expm1(-r * (b - a))),
    "log_cdf": lambda r, a, b, u: mp.log(mp.expm1(-r * (b - a) * u) / mp.expm1(-r * (b - a))),
    "icdf": lambda r, a, b, u: a - mp.log1p(u * mp.expm1(-r * (b - a))) / r,
    "mean": lambda r, a, b, u: a + 1 / r - (b - a) / mp.expm1(r * (b - a)),
}


@pytest.mark.parametrize("door", FLAT)
@pytest.mark.parametrize("interval", [(0.0, 1.0), (0.5, 2.5)])
@pytest.mark.parametrize("share", [2.0**-20, 0.25])
@pytest.mark.parametrize("rate", [1e-3, 1e-9, 1e-30])
def test_slopes_over_flat_pieces(rate: float, share: float, interval: tuple[float, float], door: str) -> None:
    """First and second ones in the rate of an exponential law, to 1000 eps; of the mean the first, by quadrature."""
    low, high = interval
    t = torch.tensor(rate, dtype=torch.float64, requires_grad=True)
    d, x = Truncated(Exponential(t), low, high), torch.tensor(low + share * (high - low), dtype=torch.float64)
    value = {"mean": lambda: d.mean, "icdf": lambda: d.icdf(share)}.get(door, lambda: getattr(d, door)(x))()
    (slope,) = torch.autograd.grad(value, t, create_graph=True)
    found = [slope] if door == "mean" else [slope, *torch.autograd.grad(slope, t)]
    with mp.workdps(200):
        for order, one in enumerate(found, start=1):
            step = mpf(rate) * mpf(10) ** -30
            expected = mp.diff(lambda r: FLAT[door](r, *map(mpf, interval), mpf(share)), mpf(rate), order, h=step)
            rounding = 4 * high if door == "icdf" else 0.0  # of the point, which moves the slope as much
            assert abs(one.item() - expected) <= 2.0**-52 * (1000 * abs(expected) + rounding)
        above = 1 - mp.exp(FLAT["log_cdf"](mpf(rate), *map(mpf, interval), mpf(share)))
        assert d.sf(x).item() == pytest.approx(float(above), rel=1e-14)


@pytest.mark.parametrize("base", [Normal, Laplace])
def test_slopes_of_wide_laws_in_their_scale(base: type[Normal | Laplace]) -> None:
    """Of a log-density that is nearly flat: its curvature counts, and for the law of Laplace its slope; to 1e-8."""
    t, x = torch.tensor(2.0**30, dtype=torch.float64, requires_grad=True), torch.tensor(0.25, dtype=torch.float64)
    (slope,) = torch.autograd.grad(Truncated(base(0.0 * t.detach(), t), 0.0, 1.0).log_prob(x), t)
    unit, expected = (3, x**2 - 1 / 3) if base is Normal else (2, x - 0.5)
    torch.testing.assert_close(slope * t.detach() ** unit, expected.double(), rtol=1e-8, atol=0.0)


def test_a_density_of_ones_own_is_that_of_the_truncation() -> None:
    class Tilted(Exponential):
        def _log_prob(self, x: Tensor) -> Tensor:
            return super()._log_prob(x) + 0.125 * torch.sin(x)

    x = torch.tensor(0.25, dtype=torch.float64)
    law, plain = (Truncated(kind(torch.tensor(0.5, dtype=torch.float64)), 0.0, 1.0) for kind in (Tilted, Exponential))
    torch.testing.assert_close(law.log_prob(x) - plain.log_prob(x), 0.125 * torch.sin(x), rtol=1e-13, atol=1e-15)
