"""Laws inside one another: what goes wrong only in the combination."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import reparam
from reparam import Distribution, TransformedDistribution
from reparam.transforms import AffineTransform, ComposeTransform, SigmoidTransform, SoftplusTransform, TanhTransform

F64 = torch.float64
LOW = torch.tensor([[-0.5], [0.25]], dtype=F64)


@pytest.mark.parametrize("base", [reparam.Weibull(2.0, 1.5), reparam.HalfNormal(1.5), reparam.Exponential(2.0)])
@pytest.mark.parametrize("further", [[], [SoftplusTransform()]], ids=["alone", "softplus"])
def test_an_infinite_end_has_no_slope(base: Distribution, further: list[reparam.Transform]) -> None:
    """The upper end of the support is loc + scale * inf, whose derivative in the scale is infinite."""
    base = base.to(F64)
    loc, scale = (torch.tensor(v, dtype=F64, requires_grad=True) for v in (-0.25, 1.5))

    def flow(validate: bool) -> Distribution:
        return TransformedDistribution(base, [AffineTransform(loc, scale), *further], validate_args=validate)

    x = flow(True).sample((5,))
    checked, unchecked = (torch.autograd.grad(flow(v).log_prob(x).sum(), [loc, scale]) for v in (True, False))
    assert bool(torch.stack(checked).isfinite().all())
    torch.testing.assert_close(unchecked, checked)


def test_a_finite_end_keeps_its_slope() -> None:
    scale = torch.tensor(1.5, dtype=F64, requires_grad=True)
    support = TransformedDistribution(reparam.Exponential(2.0).to(F64), AffineTransform(scale**2, scale)).support
    (slope,) = torch.autograd.grad(support.lower_bound, scale)
    assert slope.item() == 3.0 and support.upper_bound.isposinf()


def test_a_chain_carries_a_support_as_its_parts_do() -> None:
    """Between sigmoid and tanh an affine map leaves a part of the line, which the chain's codomain does not tell."""
    parts = [SigmoidTransform(), AffineTransform(0.25, 1.5), TanhTransform()]
    base = reparam.StudentT(torch.tensor(4.0, dtype=F64))
    chain = TransformedDistribution(base, [ComposeTransform([parts[0], ComposeTransform(parts[1:])])])
    assert chain.support == TransformedDistribution(base, parts).support
    with pytest.raises(ValueError, match="value must be in"):
        chain.log_prob(torch.tensor(0.125))
    below = reparam.Truncated(chain, high=0.75)
    x = torch.tensor(0.5, dtype=F64, requires_grad=True)
    (density,) = torch.autograd.grad(below.cdf(x), x)
    torch.testing.assert_close(density, below.prob(x).detach())


@pytest.mark.parametrize("further", [[], [SigmoidTransform()]], ids=["affine", "sigmoid"])
def test_a_value_broadcasts_with_the_parameters_of_a_transform(further: list[reparam.Transform]) -> None:
    scales = torch.tensor([[0.5, 1.0, 2.0]], dtype=F64)
    base = reparam.Normal(torch.zeros(2, 3, dtype=F64), 1.0)
    law = TransformedDistribution(base, [AffineTransform(0.25, scales), *further])
    rows = TransformedDistribution(base.to_event(1), [AffineTransform(0.25, scales, event_dim=1), *further])
    for value in (torch.tensor(0.75, dtype=F64), torch.tensor([[0.75], [0.5]], dtype=F64)):
        torch.testing.assert_close(law.log_prob(value), law.log_prob(value.expand(2, 3)))
    row = torch.tensor([0.25, 0.5, 0.75], dtype=F64)
    torch.testing.assert_close(rows.log_prob(row), rows.log_prob(row.expand(2, 3)))


def test_slopes_of_a_mean_do_not_cancel() -> None:
    a, b = (torch.tensor(v, dtype=F64, requires_grad=True) for v in (1e6, 1e-6))
    for first, second in ((a, b), (b, a)):
        found = torch.autograd.grad(reparam.Beta(first, second).mean, [first, second])
        n = 1e6 + 1e-6
        # second / n^2 and -first / n^2, each to a few roundings
        torch.testing.assert_close(found[0], second.detach() / n**2, rtol=1e-15, atol=0.0)
        torch.testing.assert_close(found[1], -first.detach() / n**2, rtol=1e-15, atol=0.0)


WITHIN_GRAPH: dict[str, Callable[[Tensor], Distribution]] = {
    "transform": lambda s: TransformedDistribution(
        reparam.Normal(0.0, 1.0), [SigmoidTransform(), AffineTransform(0.0, s)]
    ),
    "inverse": lambda s: TransformedDistribution(reparam.Normal(0.0, 1.0), AffineTransform(0.0, s).inv),
    "live": lambda s: reparam.Normal(0.0, reparam.live(s).exp()),
    "view of live": lambda s: reparam.Normal(0.0, reparam.live(torch.zeros(2)).exp()).replace(loc=s),
    "mixture": lambda s: reparam.Mixture(reparam.Categorical(logits=torch.stack([s, -s])), [reparam.Normal(s, s)] * 2),
}


@pytest.mark.parametrize("make", WITHIN_GRAPH.values(), ids=WITHIN_GRAPH)
def test_deep_copies_stay_in_the_graph(make: Callable[[Tensor], Distribution]) -> None:
    leaf = torch.tensor(0.75, requires_grad=True)
    law, x = make(leaf * 2), torch.tensor(0.25)
    found, expected = (
        torch.autograd.grad(d.log_prob(x).sum(), leaf, retain_graph=True) for d in (copy.deepcopy(law), law)
    )
    assert torch.equal(found[0], expected[0])


BOUNDED: dict[str, Callable[[], Distribution]] = {
    "Uniform": lambda: reparam.Uniform(LOW, LOW + 1),
    "Truncated": lambda: reparam.Truncated(reparam.Normal(LOW, 1.0), LOW, LOW + 1),
    "Transformed": lambda: TransformedDistribution(reparam.Weibull(LOW.exp(), 2.0), AffineTransform(LOW, LOW.exp())),
}


@pytest.mark.parametrize("make", BOUNDED.values(), ids=BOUNDED)
@pytest.mark.parametrize("validate", [True, False])
def test_mixtures_over_parts_of_the_line_are_mapped(make: Callable[[], Distribution], validate: bool) -> None:
    """Equal supports that are not the same tensors cannot be compared by a plain read inside vmap."""
    weights = reparam.Categorical(logits=torch.zeros(2, 1, 2, dtype=F64))
    law = reparam.Mixture(weights, [make(), make()]).replace(validate_args=validate)
    x = law.sample((4,))

    def log_prob(row: Distribution, value: Tensor) -> Tensor:
        return row.log_prob(value)

    mapped = torch.vmap(log_prob, in_dims=(0, 1), out_dims=1)(law, x)
    torch.testing.assert_close(mapped, law.log_prob(x))
