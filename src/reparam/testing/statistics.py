r"""Laws of samples: draws must follow the density, to a stated rate of false alarms.

Each law below raises a false alarm with probability at most :data:`FALSE_ALARM`, all its comparisons taken
together; as it draws from a generator with a fixed seed, it either always does or never.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Generator, Tensor

from .compare import agree
from .draws import Family
from .measure import enumerated, expectation, mass_below
from .registry import (
    SUMMARIES,
    VALUE_DOORS,
    arguments,
    call,
    circular,
    has,
    law,
    reparameterised,
    scalar_continuous,
)
from .space import varying

FALSE_ALARM = 1e-6
SEEDS = (0, 1, 2)
N = 20_000


def _drawn(d: Any, n: int = N) -> Tensor:
    drawn: Tensor = d.sample(n, generator=Generator().manual_seed(7))
    return drawn


def _cases(family: Family) -> Iterator[Any]:
    for seed in SEEDS:
        yield family.law(seed=seed)


@law(scalar_continuous)
def samples_follow_the_density(family: Family) -> None:
    r"""The share of draws up to x differs from the integrated density by at most the Kolmogorov-Smirnov bound.

    By the inequality of Dvoretzky, Kiefer and Wolfowitz with Massart's constant, n draws leave a band of
    half-width :math:`\sqrt{\log(2/\alpha)/(2n)}` with probability at most :math:`\alpha`, for any n and any law.

    References:
        Massart, The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality, 1990.
    """
    band = math.sqrt(math.log(2 * len(SEEDS) / FALSE_ALARM) / (2 * N))
    for d in _cases(family):
        ranked = _drawn(d).sort().values
        steps = ranked[torch.arange(N // 64, N, N // 64)].unique()
        share = torch.searchsorted(ranked, steps, right=True) / N
        mass, _ = mass_below(d, steps)
        agree(f"{d}: the share of {N} draws up to {steps.tolist()[:4]}...", share, mass, 0.0, band)


@law(lambda family: family.scalar and family.discrete)
def counts_follow_the_masses(family: Family) -> None:
    """Pearson's chi-square of the counts of draws, values pooled to at least ten expected draws each."""
    for d in _cases(family):
        drawn = _drawn(d).double()
        values = enumerated(d).double()
        assert bool(torch.isin(drawn, values).all()), f"{d}: draws outside the support"
        expected = N * d.log_prob(enumerated(d)).exp()
        counts = (drawn[:, None] == values).sum(0).double()
        assert not bool(counts[expected == 0].any()), f"{d}: draws of mass zero"
        kept = expected >= 10
        observed = torch.cat([counts[kept], counts[~kept].sum()[None]])
        wanted = torch.cat([expected[kept], expected[~kept].sum()[None]])
        observed, wanted = observed[wanted > 1], wanted[wanted > 1]
        freedom = len(wanted) - 1
        if freedom == 0:
            continue
        statistic = ((observed - wanted) ** 2 / wanted).sum()
        half = torch.tensor(freedom / 2, dtype=torch.float64)
        p = float(torch.special.gammaincc(half, statistic / 2))
        assert p > FALSE_ALARM / len(SEEDS), (
            f"{d}: chi-square {float(statistic):.4g} with {freedom} degrees of freedom has probability {p:.3g}; "
            f"observed {observed.tolist()[:8]}, expected {wanted.tolist()[:8]}"
        )


@law(lambda family: has(family.example, "mean") and has(family.example, "variance") and not circular(family))
def sample_moments_are_the_stated_ones(family: Family) -> None:
    """The mean of the draws is ``mean``, that of their squared deviations ``variance``, by a z-test.

    The normal bound is used with the sample's own standard error; coordinates whose draws have a
    kurtosis above 30, for which it would not hold, are left to the other laws.
    """
    for d in _cases(family):
        x = _drawn(d).double().reshape(N, -1)
        mean, variance = d.mean.double().flatten(), d.variance.double().flatten()
        moments = torch.cat([x, (x - mean) ** 2], 1)
        stated = torch.cat([mean, variance])
        white = (moments - moments.mean(0)) / moments.std(0).clamp(min=1e-300)
        tame = (white**4).mean(0) < 30
        tame &= stated.isfinite()
        error = moments.std(0) / math.sqrt(N)
        bound = _normal_bound(FALSE_ALARM / (len(SEEDS) * len(stated)))
        agree(
            f"{d}: sampled mean and squared deviation",
            torch.where(tame, moments.mean(0), 0.0),
            torch.where(tame, stated, 0.0),
            1e-12,
            bound * error,
        )


@law(lambda family: not family.scalar)
def vectors_follow_the_density(family: Family) -> None:
    """Means of bounded functions of the coordinates, some of them mixed, are those under the density.

    Hoeffding's inequality bounds each: n draws of a function with values in [-1, 1] have a mean that is off by
    more than t with probability at most 2 exp(-n t^2 / 2).
    """
    for d in _cases(family):
        x = _drawn(d, 4 * N).double()
        functions = _bounded(x[:500].flatten(1), varying(d))
        mass = expectation(d, functions)
        t = math.sqrt(2 * math.log(2 * len(mass) * len(SEEDS) / FALSE_ALARM) / len(x))
        agree(f"{d}: means of cosines of the draws", functions(x).mean(0), mass, 0.0, t)


def _bounded(some: Tensor, kept: Tensor) -> Any:
    """Cosines and sines of combinations of the coordinates that are kept, standardised by some draws."""
    n = int(kept.sum())
    centre, scale = some.mean(0)[kept], some.std(0)[kept]
    directions = torch.cat([torch.eye(n), torch.ones(1, n), torch.linspace(-1, 1, n)[None]]).double()

    def functions(x: Tensor) -> Tensor:
        phase = ((x.flatten(1)[:, kept] - centre) / scale) @ directions.T
        return torch.cat([phase.cos(), phase.sin(), (2 * phase).cos()], 1)

    return functions


def _normal_bound(alpha: float) -> float:
    """The z with a two-sided normal tail of ``alpha``."""
    return -float(torch.special.ndtri(torch.tensor(alpha / 2, dtype=torch.float64)))


@law()
def draws_are_reproducible(family: Family) -> None:
    """A generator or ``torch.manual_seed`` decides the draws; nothing else moves torch's global state."""
    d = family.law((3,))
    state = torch.random.get_rng_state()
    for door in filter(partial(has, d), (*VALUE_DOORS, *SUMMARIES)):
        call(d, door, *arguments(d, door))
        assert torch.equal(state, torch.random.get_rng_state()), f"{family}.{door} draws random numbers"
    for door in ("sample", "rsample") if family.example.has_rsample else ("sample",):
        method = getattr(d, door)
        first = method((5,), generator=Generator().manual_seed(3))
        second = method((5,), generator=Generator().manual_seed(3))
        other = method((50,), generator=Generator().manual_seed(4))
        assert torch.equal(first, second), f"{family}.{door}: one seed of a generator gives two results"
        assert torch.equal(state, torch.random.get_rng_state()), (
            f"{family}.{door}: a draw from a generator moved torch's global one"
        )
        generator = Generator().manual_seed(3)
        method((5,), generator=generator)
        assert not torch.equal(other, method((50,), generator=generator)), f"{family}.{door} ignores the seed"
        with torch.random.fork_rng():
            torch.manual_seed(5)
            first = method((5,))
            torch.manual_seed(5)
            assert torch.equal(first, method((5,))), f"{family}.{door}: torch.manual_seed does not decide it"


@law()
def draws_are_in_the_support_and_scored(family: Family) -> None:
    """Own draws lie in the support, and their densities are those of ``log_prob``, in float32 and in corners."""
    cases = [(f"seed {s}", family.parameters((3,), s)) for s in SEEDS] + list(family.corners())
    for label, values in cases:
        for dtype in (torch.float64, torch.float32):
            d = family.build(**{n: v.to(dtype) for n, v in values.items()})
            x, log_p = d.sample_and_log_prob((200,), generator=Generator().manual_seed(1))
            closed = d.support.closure()
            assert bool(closed.check(x).all()), f"{family} ({label}, {dtype}): draws outside the support"
            inside = d.support.check(x)
            assert not bool(log_p[inside].isnan().any()), f"{family} ({label}, {dtype}): log_prob of own draws is NaN"


@law(reparameterised)
def reparameterised_draws_agree_with_samples(family: Family) -> None:
    """``rsample_and_log_prob`` gives the draws of ``rsample`` and densities that ``log_prob`` confirms."""
    for seed in SEEDS:
        d = family.law((3,), seed)
        x, log_p = d.rsample_and_log_prob((100,), generator=Generator().manual_seed(1))
        again = d.rsample((100,), generator=Generator().manual_seed(1))
        agree(f"{d}: rsample_and_log_prob and rsample", x, again, 1e-12)
        inside = d.support.check(x)
        expected = torch.where(inside, d.log_prob(torch.where(_like(inside, x), x, shared(d, x))), log_p)
        agree(f"{d}: the density of rsample_and_log_prob", log_p, expected, 1e-6, 1e-6)


def _like(inside: Tensor, x: Tensor) -> Tensor:
    return inside.reshape(inside.shape + (1,) * (x.dim() - inside.dim()))


def shared(d: Any, x: Tensor) -> Tensor:
    """One draw inside the support for each law, to stand in for draws that rounded to its edge."""
    inside = _like(d.support.check(x), x)
    return torch.where(inside, x, 0.0).sum(0) / inside.sum(0)
