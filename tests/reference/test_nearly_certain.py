"""Laws of categories of which one is all but certain, against mpmath: nothing is taken from 1 that rounding hides.

A probability with logit -L has the condition number L in it. So errors of all that is made of the small probabilities
may be 8 + 2 L roundings of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
import torch
from mpmath import mp, mpf
from torch import Tensor

import reparam
from reparam.testing.registry import ROUTES

LAWS: dict[str, Callable[..., reparam.Distribution]] = {
    "Categorical": reparam.Categorical,
    "OneHotCategorical": reparam.OneHotCategorical,
    "Multinomial": partial(reparam.Multinomial, 1),
}
DEPTHS = {torch.float32: 20.0, torch.float64: 40.0}


@pytest.fixture(autouse=True)
def digits() -> Iterator[None]:
    with mp.workdps(60):
        yield


def weights(dtype: torch.dtype, name: str) -> tuple[Tensor, list[mpf]]:
    """Weights of categories or their logarithms, and the exact probabilities of these floats."""
    deep = DEPTHS[dtype]
    given = torch.tensor([-deep, 0.0, -deep - 1], dtype=dtype)
    given = given if name == "logits" else 5 * given.exp()
    exact = [mp.exp(v) if name == "logits" else mpf(v) for v in given.tolist()]
    return given, [v / mp.fsum(exact) for v in exact]


def agree(found: Tensor, exact: list[mpf] | mpf) -> None:
    eps = torch.finfo(found.dtype).eps * (8 + 2 * DEPTHS[found.dtype])
    for value, truth in zip(found.flatten().tolist(), exact if isinstance(exact, list) else [exact], strict=True):
        assert abs(mpf(value) - truth) <= eps * abs(truth), (value, float(truth))


@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize("name", ["logits", "probs"])
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("route", ROUTES)
def test_log_prob_and_entropy(route: str, law: str, name: str, dtype: torch.dtype) -> None:
    given, p = weights(dtype, name)
    x = torch.tensor(1) if law == "Categorical" else torch.tensor([0.0, 1.0, 0.0], dtype=dtype)
    entropy = -mp.fsum(v * mp.log(v) for v in p)
    given.requires_grad_()

    def evaluate(door: Callable[[reparam.Distribution], Tensor]) -> Tensor:
        """The value, and behind it the gradient."""
        value = door(LAWS[law](**{name: given}))
        return torch.cat([value.detach()[None], *torch.autograd.grad(value, given)])

    found, of_entropy = (ROUTES[route](partial(evaluate, f)) for f in (lambda d: d.log_prob(x), lambda d: d.entropy()))
    agree(found[0], mp.log(p[1]))
    agree(of_entropy[0], entropy)
    if name == "logits":
        agree(found[1:], [-p[0], p[0] + p[2], -p[2]])
        agree(of_entropy[1:], [-v * (mp.log(v) + entropy) for v in p])


@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize("name", ["logits", "probs"])
def test_tails(name: str, dtype: torch.dtype) -> None:
    given, p = weights(dtype, name)
    law, k = reparam.Categorical(**{name: given}), torch.arange(2, dtype=dtype)
    agree(law.log_cdf(k), [mp.log(p[0]), mp.log(p[0] + p[1])])
    agree(law.log_sf(k), [mp.log(p[1] + p[2]), mp.log(p[2])])


@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize("name", ["logits", "probs"])
@pytest.mark.parametrize(("law", "trials"), [("OneHotCategorical", 1), ("Multinomial", 1), ("Multinomial", 7)])
def test_moments(law: str, trials: int, name: str, dtype: torch.dtype) -> None:
    given, p = weights(dtype, name)
    count = () if law == "OneHotCategorical" else (trials,)
    d = getattr(reparam, law)(*count, **{name: given})
    spread = [v * (1 - v) for v in p]
    agree(d.variance, [trials * v for v in spread])
    agree(d.covariance, [trials * (spread[i] if i == j else -p[i] * p[j]) for i in range(3) for j in range(3)])
    agree(d.skewness, [(1 - 2 * v) / mp.sqrt(trials * s) for v, s in zip(p, spread, strict=True)])
    agree(d.kurtosis, [(1 / s - 6) / trials for s in spread])


@pytest.mark.parametrize("trials", [7, 3000])
def test_entropy_of_many_trials(trials: int) -> None:
    """The sum over the outcomes in which at most two trials miss the likely category, which leaves 1e-45 of it."""
    given, p = weights(torch.float64, "logits")
    masses = [
        p[1] ** (trials - a - b) * p[0] ** a * p[2] ** b * mp.binomial(trials, a + b) * mp.binomial(a + b, a)
        for a in range(3)
        for b in range(3 - a)
    ]
    agree(reparam.Multinomial(trials, logits=given).entropy(), -mp.fsum(v * mp.log(v) for v in masses))


def test_logarithms_reach_below_the_smallest_float() -> None:
    law = reparam.Categorical(logits=torch.tensor([1000.0, -1000.0, 0.0]))
    assert law.log_sf(torch.tensor([0.0, 1.0])).tolist() == [-1000.0, -1000.0]


@pytest.mark.parametrize("given", [{"probs": [0.0, 1.0, 3.0]}, {"logits": [-torch.inf, 0.0, 1.0]}])
def test_impossible_categories_leave_gradients_finite(given: dict[str, list[float]]) -> None:
    (name, values), k = next(iter(given.items())), torch.tensor([-1.0, 0.0, 1.0, 2.0])
    weights = torch.tensor(values, requires_grad=True)
    law = reparam.Categorical(**{name: weights})
    for door in (law.log_cdf, law.log_sf):
        assert torch.autograd.grad(door(k)[1:3].exp().sum(), weights)[0].isfinite().all()
    assert law.log_cdf(k)[1] == -torch.inf


@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize("route", ROUTES)
def test_certain_counts_have_finite_gradients(route: str, dtype: torch.dtype) -> None:
    """Of values that are finite, or -inf and constant: no trials, all of them, and categories that are impossible."""
    one = torch.ones((), dtype=dtype, requires_grad=True)
    weights = torch.tensor([0.0, 1.0, 0.0], dtype=dtype, requires_grad=True)
    none, three = (reparam.Binomial(n, one) for n in (0, 3))
    choices = reparam.Multinomial(3, weights)
    zero, count, counts = torch.zeros((), dtype=dtype), 3 * one.detach(), torch.tensor([3.0, 0.0, 0.0], dtype=dtype)
    slopes = {
        lambda: none.log_prob(zero): 0.0,
        lambda: none.entropy(): 0.0,
        lambda: none.log_cdf(zero): 0.0,
        lambda: three.log_cdf(count): 0.0,
        lambda: three.log_prob(count): 3.0,
        lambda: three.log_sf(count): 0.0,
    }
    for door, slope in slopes.items():
        assert ROUTES[route](lambda door=door: torch.autograd.grad(door(), one)[0]) == slope
    for door in (choices.entropy, lambda: choices.log_prob(counts)):
        assert ROUTES[route](lambda door=door: torch.autograd.grad(door(), weights)[0]).isfinite().all()


def test_probabilities_that_underflow_leave_the_entropy_a_number() -> None:
    law = reparam.Multinomial(10**7, logits=torch.tensor([0.0, -500.0, 500.0], dtype=torch.float64))
    # n e^-500 (1 + 500 - log n), but for terms in e^-1000
    n = mpf(10**7)
    agree(law.entropy(), n * mp.exp(-500) * (501 - mp.log(n)))
