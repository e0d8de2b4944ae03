"""Entropies of mixtures whose densities bend, jump or are infinite, against closed forms and integrals by mpmath."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from mpmath import mp, mpf

import reparam

HALVES = torch.tensor([0.5, 0.5], dtype=torch.float64)


def doubles(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_overlapping_intervals() -> None:
    """Densities 1/4, 1/2 and 1/4 on three intervals: 1/4 log 4 + 1/2 log 2 + 1/4 log 4."""
    same = reparam.MixtureSameFamily(reparam.Categorical(HALVES), reparam.Uniform(doubles(0.0, 1.0), doubles(2.0, 3.0)))
    unlike = reparam.Mixture(
        reparam.Categorical(HALVES),
        [reparam.Uniform(*doubles(0.0, 2.0)), reparam.GeneralizedPareto(*doubles(1.0, 2.0, -1.0))],
    )
    for law in (same, unlike):
        torch.testing.assert_close(law.entropy(), doubles(1.5 * math.log(2.0))[0], rtol=1e-13, atol=0)


def test_a_jump_between_unlike_components() -> None:
    """The sign of a Laplace draw apart from its size: log 2 + 1, as the Laplace law of scale 1."""
    below = reparam.TransformedDistribution(
        reparam.Exponential(doubles(1.0)[0]), reparam.transforms.AffineTransform(0.0, -1.0)
    )
    law = reparam.Mixture(reparam.Categorical(HALVES), [below, reparam.Exponential(doubles(1.0)[0])])
    torch.testing.assert_close(law.entropy(), doubles(1.0 + math.log(2.0))[0], rtol=1e-13, atol=0)


@pytest.mark.parametrize("concentration", [0.5, 0.1, 0.01])
def test_quantiles_that_round_to_an_infinite_density(concentration: float) -> None:
    """A mixture of equal gamma laws is that law, with its first and second derivative in the concentration."""
    a = torch.tensor(concentration, dtype=torch.float64, requires_grad=True)
    law = reparam.Gamma(a, doubles(2.0)[0])
    found = reparam.Mixture(reparam.Categorical(HALVES), [law, law]).entropy()
    expected = law.entropy()
    for tolerance in (1e-12, 1e-10, 1e-8):
        torch.testing.assert_close(found, expected, rtol=tolerance, atol=0)
        found, expected = (torch.autograd.grad(t, a, create_graph=True)[0] for t in (found, expected))


def test_quantiles_that_all_round_give_no_wrong_number() -> None:
    law = reparam.Gamma(doubles(1e-5)[0], doubles(1.0)[0])
    assert float(reparam.Mixture(reparam.Categorical(HALVES), [law, law]).entropy()) == -math.inf


@pytest.mark.parametrize("size", [1e-100, 1e-150, 1e-160, 1e-200, 1e-290])
def test_laws_that_live_near_the_smallest_numbers(size: float) -> None:
    """Entropies move by the logarithm of a scale; their slope in it is one over the scale. To 1e-12."""
    scale = doubles(size)[0].requires_grad_()
    rate = doubles(1 / size)[0]
    both, half = scale.detach().expand(2), doubles(0.5, 0.5)
    cases = [
        (reparam.MixtureSameFamily(reparam.Categorical(HALVES), reparam.Exponential(1 / both)), 1.0),
        (
            reparam.Mixture(reparam.Categorical(HALVES), 2 * [reparam.Gamma(half[0], rate)]),
            reparam.Gamma(half[0], 1.0).entropy().item(),
        ),
        (reparam.Truncated(reparam.Exponential(rate), high=1e4 * scale.detach()), 1.0),
        (
            reparam.MixtureSameFamily(reparam.Categorical(HALVES), reparam.Normal(scale * half, scale * (2 * half))),
            0.5 * math.log(2 * math.pi) + 0.5,
        ),
    ]
    for law, standard in cases:
        assert law.entropy().item() == pytest.approx(standard + math.log(size), rel=1e-12)
    (slope,) = torch.autograd.grad(cases[-1][0].entropy(), scale)
    assert (slope * scale).item() == pytest.approx(1.0, rel=1e-12)


DENSITY = {
    reparam.Laplace: lambda x, m, b: mp.exp(-abs(x - m) / b) / (2 * b),
    reparam.Normal: lambda x, m, b: mp.npdf(x, m, b),
    reparam.Cauchy: lambda x, m, b: b / (mp.pi * ((x - m) ** 2 + b**2)),
}
COMPONENTS = [
    # weights, locations, scales, and the relative error that the scales leave
    ((0.3, 0.3, 0.4), (0.0, 1.0, 3.0), (1.0, 0.125, 2.0), 1e-12),
    ((0.5, 0.5), (0.0, 0.25), (1.0, 1.0), 1e-12),
    ((0.5, 0.5), (2.0, 2.0), (1.0, 0.5), 1e-12),
    ((0.5, 0.5), (0.0, 0.3125), (1.0, 2.0**-10), 1e-9),
    ((0.2, 0.3, 0.5), (0.0, 2.0**-10, 5.0), (1.0, 2.0**-20, 0.25), 1e-8),
]


def exact(kind: type, weights: tuple[float, ...], locs: tuple[float, ...], scales: tuple[float, ...]) -> float:
    """The integral, between points that are close where a component is narrow, and far out in powers of 4."""

    def surprise(x: mpf) -> mpf:
        p = mp.fsum(w * DENSITY[kind](x, mpf(m), mpf(b)) for w, m, b in zip(weights, locs, scales))
        return -p * mp.log(p) if p else mpf(0)

    reach = 60 if kind is reparam.Cauchy else 5
    steps = [0.0, 0.25, 0.5, 1.0, 2.0] + [2.0 * 4**k for k in range(1, reach)]
    points = {m + s * b * step for (m, b), s, step in itertools.product(zip(locs, scales), (-1, 1), steps)}
    with mp.workdps(20):
        return float(mp.quad(surprise, sorted(points), maxdegree=5))


@pytest.mark.parametrize(
    ("kind", "weights", "locs", "scales", "error"),
    [(kind, *parts) for kind in (reparam.Laplace, reparam.Normal) for parts in COMPONENTS]
    + [(reparam.Cauchy, *COMPONENTS[0])],
)
def test_components_of_unlike_places_and_widths(
    kind: type, weights: tuple[float, ...], locs: tuple[float, ...], scales: tuple[float, ...], error: float
) -> None:
    choice, law = reparam.Categorical(doubles(*weights)), kind(doubles(*locs), doubles(*scales))
    truth = exact(kind, weights, locs, scales)
    one = reparam.MixtureSameFamily(choice, law)
    unlike = reparam.Mixture(choice, [law[k] for k in range(len(weights))])
    for found in (one.entropy(), unlike.entropy()):
        assert found.item() == pytest.approx(truth, rel=error)
    single = one.to(torch.float32).entropy()
    assert single.dtype == torch.float32 and single.item() == pytest.approx(truth, rel=1e-6)


def test_gradients_where_densities_bend() -> None:
    """Of a mixture of equal Laplace laws, whose corners move: those of the Laplace law, to second order."""
    loc, scale = doubles(0.5).requires_grad_(), doubles(2.0).requires_grad_()
    law = reparam.Laplace(loc.expand(2), scale.expand(2))
    entropy = reparam.MixtureSameFamily(reparam.Categorical(HALVES), law).entropy()
    slopes = torch.autograd.grad(entropy, [loc, scale], create_graph=True)
    torch.testing.assert_close(torch.cat(slopes).detach(), doubles(0.0, 0.5), rtol=1e-12, atol=1e-12)
    (curvature,) = torch.autograd.grad(slopes[1], scale)
    torch.testing.assert_close(curvature, doubles(-0.25), rtol=1e-10, atol=0)


def test_gradients_by_differences_of_the_integral() -> None:
    """Of unlike laws, a corner and an end among them."""

    def entropy(loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        parts = [reparam.Laplace(loc, scale), reparam.Exponential(scale), reparam.Normal(2.0 * loc, 1.0)]
        return reparam.Mixture(reparam.Categorical(doubles(0.25, 0.25, 0.5)), parts).entropy()

    assert torch.autograd.gradcheck(entropy, (doubles(0.5)[0].requires_grad_(), doubles(0.75)[0].requires_grad_()))


def test_entropy_of_counts_is_their_sum() -> None:
    """Sums over all counts by mpmath; 1e-12 is some thousand eps for as many terms."""
    choice = reparam.Categorical(doubles(0.25, 0.75))
    with mp.workdps(25):

        def mass(rate: int, k: int) -> mpf:
            return mp.exp(-rate) * mpf(rate) ** k / mp.factorial(k)

        masses = [mass(2, k) / 4 + 3 * mass(30, k) / 4 for k in range(200)]
        truth = -mp.fsum(m * mp.log(m) for m in masses)
    found = reparam.MixtureSameFamily(choice, reparam.Poisson(doubles(2.0, 30.0))).entropy()
    assert found.item() == pytest.approx(float(truth), rel=1e-12)
    counts = reparam.Mixture(choice, [reparam.Binomial(3, doubles(0.5)[0]), reparam.Bernoulli(doubles(0.25)[0])])
    listed = [0.25 / 8 + 0.75 * 0.75, 0.25 * 3 / 8 + 0.75 * 0.25, 0.25 * 3 / 8, 0.25 / 8]
    assert counts.entropy().item() == pytest.approx(-sum(p * math.log(p) for p in listed), rel=1e-14)
    assert counts.enumerate_support().tolist() == [0.0, 1.0, 2.0, 3.0]


def test_batches_of_unlike_laws_with_two_ends() -> None:
    """Every law of a batch by itself has the entropy that it has in the batch."""
    concentration = doubles(0.75, 1.0, 2.0)
    parts = [reparam.Normal(doubles(0.0, 0.5, 1.0), 1.0), reparam.Beta(concentration, 2.0)]
    law = reparam.Mixture(reparam.Categorical(HALVES.expand(3, 2)), parts)
    torch.testing.assert_close(law.entropy(), torch.stack([law[i].entropy() for i in range(3)]), rtol=1e-13, atol=0)
