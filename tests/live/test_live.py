"""Live parameters: read anew at every door, once per door, through every view."""

from __future__ import annotations

import copy
import operator
import pickle

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

import reparam
from reparam import Categorical, Gamma, Independent, MixtureSameFamily, Normal, TransformedDistribution, live
from reparam.transforms import AffineTransform, ExpTransform, TanhTransform


@pytest.fixture
def log_std() -> nn.Parameter:
    return nn.Parameter(torch.tensor([0.0, 0.5]))


def fit(dist: object, target: object, parameters: list[nn.Parameter]) -> None:
    """The training loop of the README, with the distribution built once outside; Adam's steps decay to zero."""
    optimiser = torch.optim.Adam(parameters, lr=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 2000)
    for _ in range(2000):
        samples = dist.rsample((1000,))
        cost = -(target.log_prob(samples) - dist.log_prob(samples)).mean()
        optimiser.zero_grad()
        cost.backward()
        optimiser.step()
        schedule.step()


@pytest.mark.parametrize(
    ("make", "start", "target"),
    [
        (lambda a, b: Normal(a, live(torch.exp, b)), (1.0, 1.0), Normal(5.0, 5.0)),
        (lambda a, b: Gamma(live(a).exp(), live(b).exp()), (0.0, 0.0), Gamma(5.0, 5.0)),
    ],
    ids=["Normal", "Gamma"],
)
def test_the_untouched_loop_reaches_the_target(make, start, target):
    torch.manual_seed(0)
    parameters = [nn.Parameter(torch.tensor(v)) for v in start]
    dist = make(*parameters)
    fit(dist, target, parameters)
    assert float(reparam.kl_divergence(dist, target).detach()) < 1e-3


VIEWS = {
    "itself": lambda d: d,
    "expand": lambda d: d.expand((3, 2)),
    "expand_by": lambda d: d.expand_by(3),
    "index": lambda d: d[0],
    "ellipsis": lambda d: d[..., :1],
    "mask": lambda d: d[torch.tensor([True, False])],
    "to": lambda d: d.to(torch.float64),
    "detach": lambda d: d.detach(),
    "replace": lambda d: d.replace(loc=torch.ones(2)),
    "to_event": lambda d: d.to_event(1),
    "masked": lambda d: d.mask(torch.tensor([True, False])),
    "views of views": lambda d: d.expand((3, 2))[1].to_event(1),
    "Independent": lambda d: Independent(d, 1),
    "Transformed": lambda d: TransformedDistribution(d, [TanhTransform()]),
    "stack": lambda d: reparam.stack([d, d[:1].detach()], -1),
    "cat": lambda d: reparam.cat([d[:1], d, d[1:]])[1:].to_event(1),
    "Mixture": lambda d: MixtureSameFamily(Categorical(torch.ones(2)), d),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_no_view_is_ever_stale(view, log_std):
    d = view(Normal(torch.zeros(2), live(log_std).exp()))
    for value in (1.0, -1.0):
        with torch.no_grad():
            log_std.copy_(torch.tensor([value, value / 2]))
        rebuilt = view(Normal(torch.zeros(2), log_std.exp()))
        x = torch.full(d.batch_shape + d.event_shape, 0.3, dtype=d.dtype)
        assert torch.equal(d.log_prob(x), rebuilt.log_prob(x))
        assert d.batch_shape == rebuilt.batch_shape and d.event_shape == rebuilt.event_shape


def test_a_door_reads_once(log_std):
    reads = []

    def scale(t: Tensor) -> Tensor:
        reads.append(1)
        return t.exp()

    d = Normal(torch.zeros(2), live(scale, log_std))
    assert not reads
    for door in (
        lambda: d.rsample((2,)),
        lambda: d.log_prob(torch.zeros(2)),
        lambda: d.entropy(),
        lambda: d.variance,
        lambda: d.cdf(torch.zeros(2)),
        lambda: d.to_event(1).log_prob(torch.zeros(2)),
    ):
        reads.clear()
        door()
        assert len(reads) <= 2 if door.__code__.co_names[:1] == ("to_event",) else len(reads) == 1


def test_validation_happens_at_reading(log_std):
    d = Normal(torch.zeros(2), live(log_std))
    with pytest.raises(ValueError, match=r"Normal: parameter scale must be positive.*index \(0,\): 0\.0"):
        d.sample()
    with torch.no_grad():
        log_std.fill_(1.0)
    assert d.sample().shape == (2,)


def test_gradients_flow_and_a_second_backward_works(log_std):
    d = Normal(torch.zeros(2), live(log_std).exp())
    for _ in range(2):
        log_std.grad = None
        d.log_prob(torch.ones(2)).sum().backward()
        z = (-2 * log_std.detach()).exp()
        torch.testing.assert_close(log_std.grad, z - 1)


@pytest.mark.parametrize(
    "expression",
    [
        lambda v: v + 1, lambda v: 1 + v, lambda v: v - 2, lambda v: 2 - v, lambda v: v * 3, lambda v: 3 * v,
        lambda v: v / 2, lambda v: 2 / (v + 3), lambda v: v**2, lambda v: 2**v, lambda v: -v, lambda v: abs(v),
        lambda v: v[0], lambda v: v.exp().clamp(max=1.5), lambda v: torch.nn.functional.softplus(v),
        lambda v: torch.stack([v, v]), lambda v: v @ torch.ones(2), lambda v: torch.ones(2) @ v,
        lambda v: torch.where(v > 0.2, v, 0.0), lambda v: v.where(v.gt(0.2), 0.0), lambda v: v[v >= 0.2],
        lambda v: torch.where((torch.full((2,), 0.2) < v) & ~(v > 9), v, 0.0),
        lambda v: (v <= 0.2) | (torch.ones(2) <= v), lambda v: v % 0.3, lambda v: 5 // (v + 1),
        lambda v: torch.cat([v[:1], 2 * v]).sum(), lambda v: torch.stack((v, v)).T @ v.real,
        lambda v: torch.einsum("i,i->", [v, v]), lambda v: np.float32(2) * v,
    ],
)  # fmt: skip
def test_expressions_on_live_values(expression, log_std):
    value = expression(live(log_std))
    for _ in range(2):
        now = value.read()
        assert isinstance(now, Tensor) and torch.equal(now, expression(log_std))
        with torch.no_grad():
            log_std.add_(1.0)


@pytest.mark.parametrize("dim", [0, -1])
def test_laws_that_are_joined_follow_their_tensors(dim, log_std):
    laws = [Normal(torch.zeros(2), live(log_std).exp()), reparam.learnable(Normal(torch.zeros(2), 2.0))]
    joined = reparam.stack(laws, dim).to(torch.float64)
    assert repr(joined).startswith("stack(Normal(") and joined.batch_shape == (2, 2)
    x = torch.full((2, 2), 0.25, dtype=torch.float64)
    torch._dynamo.reset()
    compiled = torch.compile(lambda d, x: d.log_prob(x), fullgraph=True, backend="aot_eager")
    for other in (copy.deepcopy(joined), pickle.loads(pickle.dumps(joined)), tree_map(lambda t: t, joined)):
        assert torch.equal(other.log_prob(x), joined.log_prob(x))
    torch.testing.assert_close(compiled(joined, x), joined.log_prob(x))
    found = torch.autograd.grad(joined.log_prob(x).sum(), [log_std, *laws[1].parameters()])
    assert all(slope.any() for slope in found)


def test_copies_carry_their_tensors(log_std):
    d = Normal(torch.zeros(2), live(torch.exp, log_std))
    for other in (copy.deepcopy(d), pickle.loads(pickle.dumps(d))):
        with torch.no_grad():
            log_std.fill_(3.0)
        assert not torch.equal(other.stddev, d.stddev)
        with torch.no_grad():
            log_std.copy_(torch.tensor([0.0, 0.5]))
        assert torch.equal(other.stddev, d.stddev)


def test_a_pytree_of_live_leaves(log_std):
    d = Normal(torch.zeros(2), live(torch.exp, log_std))
    leaves = torch.utils._pytree.tree_leaves(d)
    assert any(leaf is log_std for leaf in leaves)
    shifted = torch.utils._pytree.tree_map(lambda t: t + 1, d)
    torch.testing.assert_close(shifted.stddev, (log_std + 1).exp())


def test_compiled_with_live_parameters(log_std):
    d = LogNormalOf(log_std)
    compiled = torch.compile(lambda x: d().log_prob(x).sum(), fullgraph=True, backend="aot_eager")
    for value in (0.0, 1.0):
        with torch.no_grad():
            log_std.fill_(value)
        torch.testing.assert_close(compiled(torch.ones(2)), d().log_prob(torch.ones(2)).sum())


def flow(loc: Tensor, scale: Tensor) -> TransformedDistribution:
    """A law whose support moves with the parameters of its last transform."""
    standard = Normal(torch.zeros(2), torch.ones(2))
    return TransformedDistribution(standard, [TanhTransform(), AffineTransform(loc, scale), ExpTransform()])


@pytest.mark.parametrize("view", [name for name in VIEWS if name != "replace"])
def test_parameters_of_transforms_are_read_anew(log_std, view):
    loc = nn.Parameter(torch.tensor(0.5))
    d = VIEWS[view](flow(live(loc), live(log_std).exp()))
    with torch.no_grad():
        loc.fill_(-0.25)
    plain = VIEWS[view](flow(loc, log_std.exp()))
    x = plain.sample()
    torch.testing.assert_close(d.log_prob(x), plain.log_prob(x))
    assert bool(d.support.check(x).all()) and d.batch_shape == plain.batch_shape
    torch.manual_seed(3)
    first = d.rsample()
    torch.manual_seed(3)
    torch.testing.assert_close(first, plain.rsample())


def test_gradients_reach_the_parameters_of_transforms(log_std):
    loc = nn.Parameter(torch.tensor(0.5))
    d, x = flow(live(loc), live(log_std).exp()), torch.tensor([1.5, 1.75])
    found = torch.autograd.grad(d.log_prob(x).sum(), [loc, log_std])
    expected = torch.autograd.grad(flow(loc, log_std.exp()).log_prob(x).sum(), [loc, log_std])
    torch.testing.assert_close(found, expected)


class LogNormalOf:
    def __init__(self, log_std: Tensor) -> None:
        self.law = TransformedDistribution(Normal(torch.zeros(2), live(log_std).exp()), [ExpTransform()])

    def __call__(self) -> TransformedDistribution:
        return self.law


def test_what_live_refuses(log_std):
    with pytest.raises(TypeError, match="a function of tensors or a tensor, not float"):
        live(1.0)
    with pytest.raises(TypeError, match="takes no further arguments"):
        live(log_std, log_std)
    with pytest.raises(AttributeError, match="no softmaximum"):
        live(log_std).softmaximum()
    assert isinstance(live(operator.neg, log_std).read(), Tensor)
    with pytest.raises(TypeError, match="no truth value"):
        _ = 1.0 if live(log_std) > 0 else 2.0
    with pytest.raises(TypeError, match="cannot be iterated over"):
        _, _ = live(log_std)
    with pytest.raises(AttributeError, match="exp_ would change the tensor at every reading: use exp"):
        live(log_std).exp_()


def test_functions_may_return_live_values(log_std):
    d = Normal(live(lambda: live(log_std) * 2), 1.0)
    assert torch.equal(d.mean, 2 * log_std)


@pytest.mark.parametrize(
    "build",
    [
        lambda p: Normal(torch.zeros(2), log_scale=p),
        lambda p: Normal(p, torch.ones((), dtype=torch.float64)),
        lambda p: Normal(torch.zeros((), dtype=torch.float64), log_scale=p).to_event(1),
        lambda p: Gamma(torch.ones((), dtype=torch.float64), log_rate=p).expand((3, 2)),
    ],
    ids=["by its logarithm", "of another dtype", "both", "a view"],
)
def test_a_parameter_that_has_to_be_converted_is_followed(build, log_std):
    d = build(log_std)
    x = torch.full(d.batch_shape + d.event_shape, 0.3)
    for other in (d, copy.deepcopy(d), pickle.loads(pickle.dumps(d)), tree_map(lambda t: t, d)):
        assert torch.equal(other.log_prob(x), d.log_prob(x))
    for _ in range(2):  # a graph of its own for each step
        (slope,) = torch.autograd.grad(d.log_prob(x).sum(), log_std)
        with torch.no_grad():
            log_std.sub_(slope)
        assert torch.equal(d.log_prob(x), build(log_std).log_prob(x))
        torch.testing.assert_close(d.log_prob(x), build(log_std.detach()).log_prob(x))
