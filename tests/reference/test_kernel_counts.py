"""The native samplers of counts: their laws by chi-square and Kolmogorov-Smirnov tests, and their streams."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from reparam import Binomial, Multinomial, Poisson
from reparam.kernels import draw, key_of, usable

pytestmark = pytest.mark.skipif(not usable(torch.ones(())), reason="the native library was not built")

DRAWS = 200_000
# A right sampler fails a case once in 1e9; the chi-square law of pooled cells of 25 or more is right to 1e-3 there.
FALSE_ALARM = 1e-9


def chi_square_tail(observed: Tensor, mass: Tensor) -> float:
    """The probability of a statistic as large, for counts 0, 1, ... and the rest; rare cells are pooled."""
    n = float(observed.sum())
    cells: list[list[float]] = [[0.0, 0.0]]
    for seen, expected in zip(observed.tolist(), (n * mass).tolist(), strict=True):
        cells[-1][0] += seen
        cells[-1][1] += expected
        if cells[-1][1] >= 25:
            cells.append([0.0, 0.0])
    last = cells.pop()
    if not cells:
        return 1.0
    cells[-1] = [cells[-1][0] + last[0], cells[-1][1] + last[1] + n * max(0.0, 1 - float(mass.sum()))]
    statistic = sum((seen - expected) ** 2 / expected for seen, expected in cells)
    half = torch.tensor([(len(cells) - 1) / 2, statistic / 2], dtype=torch.float64)
    return float(torch.special.gammaincc(half[0], half[1])) if len(cells) > 1 else 1.0


def poisson_mass(rate: float, most: int) -> Tensor:
    k = torch.arange(most + 1, dtype=torch.float64)
    return torch.exp(k * math.log(rate) - rate - torch.lgamma(k + 1))


def binomial_mass(n: int, p: float, most: int) -> Tensor:
    """From P(0) on, by the ratios of neighbours."""
    k = torch.arange(most + 1, dtype=torch.float64)
    steps = ((n - k[:-1]) / k[1:]).log() + math.log(p) - math.log1p(-p)
    logs = torch.cat([k.new_zeros(1), steps.cumsum(0)]) + n * math.log1p(-p)
    return logs.exp()


def seeded(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    return key_of(shape, torch.Generator().manual_seed(seed))


DTYPES = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])


@DTYPES
@pytest.mark.parametrize("rate", [1e-8, 1e-3, 0.3, 2.5, 9.99, 10.0, 10.8, 12.4, 30.0, 300.0, 1e4])
def test_law_of_poisson_draws(rate: float, dtype: torch.dtype) -> None:
    given = torch.tensor(rate, dtype=dtype)
    k = draw("poisson_draw", seeded((DRAWS,)), given)
    assert bool(((k >= 0) & (k == k.floor())).all())
    most = int(rate + 10 * math.sqrt(rate) + 20)
    observed = torch.bincount(k.long().clamp(max=most), minlength=most + 1).double()
    assert chi_square_tail(observed, poisson_mass(float(given), most)) > FALSE_ALARM


@DTYPES
@pytest.mark.parametrize(
    ("n", "p"),
    [
        (1, 0.3), (5, 0.5), (10, 0.99), (20, 0.5), (21, 0.49), (40, 0.74), (100, 1e-6), (100, 0.05), (1000, 0.01),
        (1000, 0.011), (1000, 0.3), (1000, 0.999), (10**6, 1e-5), (10**6, 1.2e-5), (10**9, 3e-9), (10**9, 2e-8),
    ],
)  # fmt: skip
def test_law_of_binomial_draws(n: int, p: float, dtype: torch.dtype) -> None:
    given = torch.tensor([n, p], dtype=dtype)
    k = draw("binomial_draw", seeded((DRAWS,)), given[0], given[1])
    assert bool(((k >= 0) & (k <= n) & (k == k.floor())).all())
    p = float(given[1])
    # of the rarer outcome, of which 1 - p is exact
    rarer = min(p, 1 - p)
    seen = (n - k if p > 0.5 else k).long()
    most = min(n, int(n * rarer + 10 * math.sqrt(n * rarer) + 20))
    observed = torch.bincount(seen.clamp(max=most), minlength=most + 1).double()
    assert chi_square_tail(observed, binomial_mass(n, rarer, most)) > FALSE_ALARM


# Where a law is nearly normal the distance to that law is at most the skewness over 6 plus half the largest mass, below
# 1e-4 here, which adds 0.05 to D sqrt(n); P(sqrt(n) D > t) < 2 exp(-2 t^2).
@pytest.mark.parametrize(("mean", "p"), [(1e8, 0.0), (1e12, 0.0), (1e15, 0.0), (1e20, 0.0), (3e8, 0.3), (5e14, 0.5)])
def test_laws_of_large_counts(mean: float, p: float) -> None:
    given = torch.tensor([mean, p], dtype=torch.float64)
    if p:
        k = draw("binomial_draw", seeded((DRAWS,)), given[0] / p, given[1])
    else:
        k = draw("poisson_draw", seeded((DRAWS,)), given[0])
    u = torch.special.ndtr(((k - mean) / math.sqrt(mean * (1 - p))).sort().values)
    steps = torch.arange(DRAWS + 1, dtype=torch.float64) / DRAWS
    distance = float(torch.maximum((u - steps[:-1]).abs(), (u - steps[1:]).abs()).max())
    assert distance * math.sqrt(DRAWS) < math.sqrt(math.log(2 / FALSE_ALARM) / 2) + 0.05


def test_certain_counts() -> None:
    nothing, everything = torch.zeros(1000), torch.ones(1000)
    assert bool((draw("poisson_draw", seeded((1000,)), nothing) == 0).all())
    assert bool((draw("binomial_draw", seeded((1000,)), 30 * everything, nothing) == 0).all())
    assert bool((draw("binomial_draw", seeded((1000,)), 30 * everything, everything) == 30).all())
    assert bool((draw("binomial_draw", seeded((1000,)), nothing, 0.5 * everything) == 0).all())
    assert bool(draw("poisson_draw", seeded((1,)), -everything[:1]).isnan())
    # the rarest draw of float32 is not infinite
    assert bool(draw("poisson_draw", seeded((1000,)), everything * torch.finfo(torch.float32).max).isfinite().all())


def test_logits_keep_the_rarer_outcome() -> None:
    # failures of probability 2e-9 in 1e9 trials: 2 on average, 3e-3 the standard error; in float32 probs would be 1
    torch.manual_seed(0)
    failures = 1e9 - Binomial(torch.tensor(1e9).double(), logits=torch.tensor(20.0).double()).sample((DRAWS,))
    expected = 1e9 / (1 + math.exp(20))
    assert abs(float(failures.mean()) - expected) < 6.1 * math.sqrt(expected / DRAWS)


def test_multinomial_draws_have_their_joint_law() -> None:
    # every outcome of 4 choices among 3, the second of them impossible in one of two laws with unequal counts
    torch.manual_seed(1)
    law = Multinomial(torch.tensor([4, 3]), probs=torch.tensor([[0.5, 0.2, 0.3], [0.6, 0.0, 0.4]]))
    x = law.sample((DRAWS,))
    assert torch.equal(x.sum(-1), law.total_count.expand(DRAWS, 2))
    for j, (n, p) in enumerate(zip((4, 3), law.probs.double(), strict=True)):
        outcomes = [(a, b, n - a - b) for a in range(n + 1) for b in range(n + 1 - a)]
        mass = torch.tensor(
            [
                math.factorial(n)
                * math.prod(float(share) ** count / math.factorial(count) for share, count in zip(p, o, strict=True))
                for o in outcomes
            ],
            dtype=torch.float64,
        )
        index = {outcome: i for i, outcome in enumerate(outcomes)}
        code = x[:, j, 0] * 10 + x[:, j, 1]
        observed = torch.zeros(len(outcomes), dtype=torch.float64)
        for value, count in zip(*code.unique(return_counts=True), strict=True):
            a, b = divmod(int(value), 10)
            observed[index[a, b, n - a - b]] = float(count)
        assert chi_square_tail(observed, mass) > FALSE_ALARM
        assert bool((observed[mass == 0] == 0).all())


@pytest.mark.parametrize("k", [1, 2, 7, 10, 1500])
def test_multinomial_margins_are_binomial(k: int) -> None:
    n, rows = 1000, 20_000 if k < 100 else 200
    weight = torch.rand(k, generator=torch.Generator().manual_seed(2), dtype=torch.float64) + 0.1
    x = draw("multinomial_draw", seeded((rows,)), torch.tensor(float(n), dtype=torch.float64), weight)
    assert bool((x.sum(-1) == n).all())
    share = weight / weight.sum()
    for j in {0, k // 2, k - 1} if k > 1 else ():
        most = min(n, int(n * share[j] + 10 * math.sqrt(n * share[j]) + 20))
        observed = torch.bincount(x[:, j].long().clamp(max=most), minlength=most + 1).double()
        assert chi_square_tail(observed, binomial_mass(n, float(share[j]), most)) > FALSE_ALARM


@pytest.mark.parametrize("name", ["poisson", "binomial", "multinomial"])
def test_streams_follow_the_generator_and_nothing_else(name: str) -> None:
    law = {
        "poisson": Poisson(torch.tensor([0.5, 20.0])),
        "binomial": Binomial(torch.tensor([10.0, 100.0]), probs=torch.tensor([0.3, 0.6])),
        "multinomial": Multinomial(torch.tensor([10, 100]), probs=torch.tensor([[0.3, 0.6, 0.1], [1.0, 2.0, 1.0]])),
    }[name]
    torch.manual_seed(7)
    first, second = law.sample((20_000,)), law.sample((20_000,))
    assert not torch.equal(first, second)
    torch.manual_seed(7)
    assert torch.equal(law.sample((20_000,)), first)
    before = torch.get_num_threads()
    try:
        drawn = []
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            drawn.append(law.sample((20_000,), generator=torch.Generator().manual_seed(3)))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(drawn[0], drawn[1])
    assert torch.equal(drawn[0], drawn[2])


def test_counts_of_one_call_are_independent() -> None:
    # Correlations at lags that a block or a lane would betray; five deviations, by chance once in 1.7e5 over all lags.
    k = draw("poisson_draw", seeded((400_000,)), torch.tensor(4.0, dtype=torch.float64)) - 4
    for lag in (1, 2, 3, 4, 8, 16, 32, 64, 128, 256):
        assert abs(float((k[lag:] * k[:-lag]).mean())) / 4 * math.sqrt(400_000 - lag) < 5, lag
