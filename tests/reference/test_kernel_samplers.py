"""The native gamma sampler: its law, its streams, and how a draw moves with the concentration."""

from __future__ import annotations

import math

import pytest
import torch
from mpmath import mp, mpf
from torch import Tensor

from reference.oracle import gamma_tail
from reparam import kernels
from reparam.kernels import standard_gamma_log, usable

pytestmark = pytest.mark.skipif(not kernels.available(), reason="the native library was not built")


def sample(a: Tensor, n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    y, slope = standard_gamma_log(a, (n, *a.shape), torch.Generator().manual_seed(seed))
    assert slope is not None
    return y, slope


def probability(a: float, y: Tensor) -> Tensor:
    """P(a, exp(y)); below exp(-30) by the leading term of the series, whose relative error is below 1e-13."""
    small = torch.exp(a * y - math.lgamma(a + 1))
    alpha = torch.full_like(y, a)
    return torch.where(y < -30, small, torch.special.gammainc(alpha, y.clamp(min=-30).exp()))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("a", [1e-4, 0.05, 0.5, 0.99, 1.0, 1.5, 7.0, 400.0, 1e5])
def test_law(a: float, dtype: torch.dtype) -> None:
    # Kolmogorov-Smirnov: P(sqrt(n) D > t) < 2 exp(-2 t^2), here 1e-9 a case.
    n = 100_000
    concentration = torch.tensor(a, dtype=dtype)
    y = sample(concentration, n)[0].double().sort().values
    u = probability(float(concentration), y)
    steps = torch.arange(n + 1, dtype=torch.float64) / n
    distance = torch.maximum((u - steps[:-1]).abs(), (u - steps[1:]).abs()).max()
    assert distance * math.sqrt(n) < math.sqrt(math.log(2e9) / 2)


def test_draws_of_one_call_are_independent() -> None:
    # Correlations of neighbours, at lags that a block or a lane would betray: standard normal / sqrt(n), so that five
    # deviations are passed by chance once in 1.7e6, in any of ten once in 1.7e5.
    n = 400_000
    u = probability(2.5, sample(torch.tensor(2.5, dtype=torch.float64), n)[0]) - 0.5
    for lag in (1, 2, 3, 4, 8, 16, 64, 128, 256, 512):
        correlation = 12 * (u[lag:] * u[:-lag]).mean()
        assert abs(correlation) * math.sqrt(n - lag) < 5, lag


def test_streams_follow_the_generator_and_nothing_else() -> None:
    a = torch.tensor([0.3, 2.5], dtype=torch.float64)
    torch.manual_seed(7)
    first, second = (standard_gamma_log(a, (50_000, 2))[0] for _ in range(2))
    assert not torch.equal(first, second)
    torch.manual_seed(7)
    assert torch.equal(standard_gamma_log(a, (50_000, 2))[0], first)
    assert torch.equal(sample(a, 100, seed=3)[0], sample(a, 100, seed=3)[0])
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            y, slope = sample(a, 50_000, seed=5)
            if threads == 1:
                reference = y, slope
            assert torch.equal(y, reference[0])
            assert torch.equal(slope, reference[1])
    finally:
        torch.set_num_threads(before)


def test_layouts() -> None:
    a = torch.rand(4, 3, dtype=torch.float64) + 0.1
    want = sample(a, 5, seed=1)[0]
    for layout in (a.T.contiguous().T, a[None].expand(5, 4, 3), a.clone().requires_grad_()):
        got, _ = standard_gamma_log(layout, (5, 4, 3), torch.Generator().manual_seed(1))
        assert torch.equal(got, want)
        assert not got.requires_grad
    assert standard_gamma_log(a, (0, 4, 3))[0].shape == (0, 4, 3)
    assert standard_gamma_log(a, (4, 3), derivative=False)[1] is None
    improper = torch.tensor([math.nan, -1.0, math.inf], dtype=torch.float64)
    y = standard_gamma_log(improper, (3,))[0]
    assert y[:2].isnan().all()
    assert y[2] == math.inf
    assert not usable(a.half())
    with pytest.raises(RuntimeError, match="float16"):
        standard_gamma_log(a.half(), (4, 3))


def true_slope(a: float, y: float) -> mpf:
    """dy/da at fixed probability, by integration over the smaller tail."""
    with mp.workdps(50):
        upper, moments = gamma_tail(a, mpf(y))
        density = mp.exp(a * mpf(y) - mp.exp(mpf(y)) - mp.loggamma(a))
        return (moments[1] if upper else -moments[1]) / density


# The error of dy/da relative to it. In float64 the sum x - a carries the rounding of y, which is worth
# eps * |y| * |x - a| / a of the exponent: nothing until a = 1e4, 1e-10 at a = 1e10. In float32 the result is rounded.
@pytest.mark.parametrize("a", [1e-4, 1e-3, 0.01, 0.3, 0.8, 1.0, 1.9, 2.5, 4.5, 30.0, 1e3, 1e4, 1e7, 1e10])
def test_slope_at_fixed_probability(a: float) -> None:
    n = 4000
    order = [0, 40, 400, 2000, 3600, 3990, 3999]
    for dtype, bound in ((torch.float64, 1e-11 if a <= 1e4 else 1e-9), (torch.float32, 5e-7)):
        concentration = torch.tensor(a, dtype=dtype)
        y, slope = sample(concentration, n, seed=2)
        for i in y.argsort()[order].tolist():
            exact = true_slope(float(concentration), float(y[i]))
            # a float32 y is a rounding of the y whose slope was given, which the slope follows at its own rate
            allowed = bound if dtype is torch.float64 else bound + 2**-24 * abs(float(y[i]) / min(float(exact), 1.0))
            assert abs(float(slope[i]) / float(exact) - 1) <= allowed, (dtype, float(y[i]))
