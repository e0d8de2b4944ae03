"""Standard noise: its laws, natively and by formula, its tails, and its streams."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Generator, Tensor

from reparam import kernels
from reparam.core import noise

Draw = Callable[[torch.Size, Tensor, Generator | None], Tensor]

# The noise, and its cdf.
LAWS: dict[str, tuple[Draw, Callable[[Tensor], Tensor]]] = {
    "exponential": (noise.exponential, lambda x: -torch.expm1(-x)),
    "gumbel": (noise.gumbel, lambda x: torch.exp(-torch.exp(-x))),
    "laplace": (noise.laplace, lambda x: 0.5 - 0.5 * x.sign() * torch.expm1(-x.abs())),
    "logistic": (noise.logistic, torch.sigmoid),
    "cauchy": (noise.cauchy, lambda x: 0.5 + torch.atan(x) / math.pi),
}
every_law = pytest.mark.parametrize("name", LAWS)


def sample(draw: Draw, n: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return draw(torch.Size((n,)), torch.zeros((), dtype=dtype), Generator().manual_seed(seed))


def sample_by_formula(draw: Draw, n: int, dtype: torch.dtype) -> Tensor:
    """Under ``vmap`` no native code runs."""
    torch.manual_seed(0)
    like = torch.zeros((), dtype=dtype)
    drawn: Tensor = torch.vmap(lambda _: draw(torch.Size((n,)), like, None), randomness="different")(torch.zeros(1))
    return drawn[0]


@every_law
@pytest.mark.parametrize("sample", [sample, sample_by_formula])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
def test_law(name: str, sample: Callable[[Draw, int, torch.dtype], Tensor], dtype: torch.dtype) -> None:
    # Kolmogorov-Smirnov: P(sqrt(n) D > t) < 2 exp(-2 t^2), here 1e-9 a case.
    n = 100_000
    draw, cdf = LAWS[name]
    x = sample(draw, n, dtype)
    assert x.dtype == dtype
    u = cdf(x.double()).sort().values
    steps = torch.arange(n + 1, dtype=torch.float64) / n
    distance = torch.maximum((u - steps[:-1]).abs(), (u - steps[1:]).abs()).max()
    assert distance * math.sqrt(n) < math.sqrt(math.log(2e9) / 2)


@every_law
def test_draws_of_one_call_are_independent(name: str) -> None:
    # Correlations of neighbours, at lags that a block or a lane would betray: standard normal / sqrt(n), so that five
    # deviations are passed by chance once in 1.7e6, in any of ten once in 1.7e5.
    n = 400_000
    draw, cdf = LAWS[name]
    u = cdf(sample(draw, n)) - 0.5
    for lag in (1, 2, 3, 4, 8, 16, 64, 128, 256, 512):
        correlation = 12 * (u[lag:] * u[:-lag]).mean()
        assert abs(correlation) * math.sqrt(n - lag) < 5, lag


@pytest.mark.skipif(not kernels.available(), reason="the native library was not built")
def test_native_noise_is_fine_in_both_tails() -> None:
    # Made of one uniform number of 53 bits, cdf or sf would be a multiple of 2^-53 at one end, up to 2^-61 from its own
    # rounding. Of fine numbers 1/64 is so near to a multiple, of 400 at least a tenth by chance less than once in 1e15.
    for name, side in (("exponential", 1), ("logistic", 1), ("logistic", -1)):
        draw, cdf = LAWS[name]
        x = side * sample(draw, 100_000)
        steps = cdf(x[cdf(x) < 2**-8]) * 2**53
        assert len(steps) > 200
        assert ((steps - steps.round()).abs() < 2**-7).double().mean() < 0.1


@every_law
def test_streams_follow_the_generator_and_nothing_else(name: str) -> None:
    draw, _ = LAWS[name]
    like, shape = torch.zeros(()), torch.Size((50_000,))
    torch.manual_seed(7)
    first, second = (draw(shape, like, None) for _ in range(2))
    assert not torch.equal(first, second)
    torch.manual_seed(7)
    assert torch.equal(draw(shape, like, None), first)
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            x = sample(draw, 50_000, seed=5)
            if threads == 1:
                reference = x
            assert torch.equal(x, reference)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(sample(draw, 100, seed=5), reference[:100])


def test_unknown_laws_are_refused_and_other_tensors_left_to_torch() -> None:
    if not kernels.available():
        pytest.skip("the native library was not built")
    native, shape, keys = kernels.library.native, torch.Size((3,)), torch.tensor
    for law in (9, -1):
        with pytest.raises(TypeError, match="noise takes a law"):
            native.noise(law, shape, torch.zeros(3), keys, 1)
    assert native.noise(0, shape, torch.zeros(3, dtype=torch.int64), keys, 1) is None
    like = torch.zeros(6)[::2]
    assert torch.equal(native.noise(0, shape, like, keys, 1), native.noise(0, shape, torch.zeros(()), keys, 1))
