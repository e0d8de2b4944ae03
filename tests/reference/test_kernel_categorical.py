"""The native categorical sampler: its law, what it never draws, and what its draws depend on."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import chi2
from torch import Tensor

from reparam import Categorical, kernels
from reparam.kernels.samplers import categorical

pytestmark = pytest.mark.skipif(not kernels.available(), reason="the native library was not built")

FALSE_ALARM = 1e-6  # of each test of a law


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("logarithms", [False, True])
def test_frequencies(dtype: torch.dtype, logarithms: bool) -> None:
    torch.manual_seed(0)
    weights = torch.rand(3, 7, dtype=dtype) + 0.05
    weights[1, 2] = weights[2, 0] = weights[2, 6] = 0
    n = 100_000
    draws = categorical(3000 + weights.log() if logarithms else 5 * weights, (n, 3), logarithms=logarithms)
    expected = n * (weights.double() / weights.double().sum(-1, keepdim=True))
    for row in range(3):
        counts = torch.bincount(draws[:, row], minlength=7)
        possible = weights[row] > 0
        assert counts[~possible].sum() == 0
        wanted = expected[row, possible]
        # 3000 + log w in float32 is off by 1.2e-4, which moves the statistic by less than n (1.2e-4)^2 7 = 0.01
        statistic = ((counts[possible] - wanted) ** 2 / wanted).sum().item()
        assert statistic < chi2.isf(FALSE_ALARM, int(possible.sum()) - 1) + 0.02


def test_draws_depend_on_the_generator_alone() -> None:
    weights = torch.rand(5, 40)
    found, before = [], torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            found.append(categorical(weights, (40_000, 5), torch.Generator().manual_seed(1)))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*found)
    # laws of one row are those of the same row of an expanded tensor
    row = weights[:1].expand(5, 40)
    seeds = [torch.Generator().manual_seed(2) for _ in range(2)]
    assert torch.equal(*(categorical(w, (9, 5), g) for w, g in zip((row, row.clone()), seeds, strict=True)))


@pytest.mark.parametrize("which", range(5))
def test_a_certain_category_and_empty_shapes(which: int) -> None:
    weights = torch.zeros(2, 5)
    weights[:, which] = 1e-30
    assert (Categorical(probs=weights).sample((1000,)) == which).all()
    assert (Categorical(logits=weights.log() - 1e4).sample((1000,)) == which).all()
    assert Categorical(probs=weights).sample((0,)).shape == (0, 2)
    assert Categorical(probs=weights[:0]).sample((3,)).shape == (3, 0)


def test_what_it_refuses() -> None:
    def draw(weights: Tensor) -> Tensor:
        return categorical(weights, (3,))

    with pytest.raises(RuntimeError, match="float16"):
        draw(torch.ones(2, dtype=torch.float16))
    samples = torch.vmap(lambda w: Categorical(w, validate_args=False).sample(), randomness="different")(torch.eye(4))
    assert samples.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("rows", [1, 5])
def test_few_long_rows_on_many_threads(rows: int) -> None:
    """A part for each thread is rounded up, but ends where the rows do: nothing is written beyond them."""
    before = torch.get_num_threads()
    logits = torch.linspace(-1.0, 1.0, 200_000, dtype=torch.float64).expand(rows, -1).clone()
    law, values = Categorical(logits=logits), torch.arange(5)[:rows]
    try:
        torch.set_num_threads(4)
        found = [law.log_prob(values) for _ in range(20)]
        assert all(torch.equal(one, found[0]) for one in found)
        assert law.sample((3,)).shape == (3, rows)
    finally:
        torch.set_num_threads(before)
    expected = logits.log_softmax(-1).gather(-1, values[:, None])[:, 0]
    # sums of 2e5 terms: log_softmax is right to some 1e3 roundings
    torch.testing.assert_close(found[0], expected, rtol=1e-13, atol=0.0)


def test_an_impossible_index_without_weight_moves_nothing() -> None:
    probs = torch.tensor([0.0, 0.25, 0.75], requires_grad=True)
    possible, impossible = Categorical(probs=probs).log_prob(torch.tensor([1, 0]))
    assert impossible == -torch.inf
    (slope,) = torch.autograd.grad(possible, probs)
    assert slope.tolist() == [-1.0, 3.0, -1.0]
