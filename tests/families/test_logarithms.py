"""Positive parameters by their logarithms: what the constructor takes, refuses and shows; programs over it."""

from __future__ import annotations

import copy
import inspect
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from reparam import (
    Chi2,
    Dirichlet,
    Distribution,
    Gamma,
    GeneralizedPareto,
    LogNormal,
    MultivariateNormal,
    Normal,
    StudentT,
    Weibull,
    learnable,
    live,
    param,
)
from reparam.constraints import greater_than, positive, real


def test_numbers_sequences_and_tensors_are_taken() -> None:
    """Numbers are exponentiated in double precision and then follow the other parameters."""
    law = Normal(torch.zeros((), dtype=torch.float64), log_scale=0.3)
    assert law.scale.item() == math.exp(0.3)
    assert Normal(0.0, log_scale=0.3).scale.dtype is torch.get_default_dtype()
    whole = torch.tensor([0, 1])
    assert torch.equal(LogNormal(0.0, log_scale=whole).scale, torch.exp(whole))
    assert torch.equal(Weibull(2.0, log_concentration=[0, 1]).concentration, torch.tensor([1.0, math.e]))
    half = torch.ones(2, dtype=torch.float16)
    assert torch.equal(Normal(half, log_scale=half).scale, half.exp())


def test_shapes_broadcast_and_several_may_be_given() -> None:
    law = Gamma(log_concentration=torch.zeros(3, 1), log_rate=torch.zeros(2))
    assert law.batch_shape == (3, 2)
    assert repr(law.expand((4, 3, 2))) == repr(Gamma(torch.ones(4, 3, 2), 1.0))
    assert Dirichlet(log_concentration=torch.zeros(5, 3)).event_shape == (3,)


def test_defaults_and_groups_give_way() -> None:
    assert StudentT(3.0, log_scale=1.0).scale.item() == pytest.approx(math.e, rel=1e-7)
    assert StudentT(3.0).replace(log_scale=0.5).df.item() == 3
    dense = MultivariateNormal(torch.zeros(2), torch.eye(2))
    changed = dense.replace(log_scale_diag=torch.zeros(2))
    assert repr(changed) == repr(MultivariateNormal(torch.zeros(2), scale_diag=torch.ones(2)))


TWICE: list[Callable[[], Any]] = [
    lambda: Normal(0.0, 1.0, log_scale=0.0),
    lambda: Normal(0.0, torch.ones(2), log_scale=torch.ones(2)),
    lambda: Normal(0.0, scale=live(torch.ones(2)), log_scale=0.0),
    lambda: Normal(0.0, 1.0).replace(scale=2.0, log_scale=0.0),
    lambda: StudentT(3.0, scale=1.0, log_scale=0.0),
]


@pytest.mark.parametrize("build", TWICE)
def test_a_parameter_given_twice_is_refused(build: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match="give exactly one of scale, log_scale; got both"):
        build()


def test_rivals_of_a_group_are_refused() -> None:
    with pytest.raises(ValueError, match=r"exactly one of .*; got covariance_matrix and scale_diag"):
        MultivariateNormal(torch.zeros(2), torch.eye(2), log_scale_diag=torch.zeros(2))


def test_a_missing_parameter_is_refused_with_both_its_names() -> None:
    with pytest.raises(TypeError, match="Normal: give exactly one of scale, log_scale; got none"):
        Normal(0.0)
    with pytest.raises(TypeError, match="Gamma: give exactly one of rate, log_rate; got none"):
        Gamma(log_concentration=0.0)
    with pytest.raises(TypeError, match="the argument concentration is missing"):
        GeneralizedPareto(0.0, log_scale=0.0)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'loc'"):
        Normal(log_scale=0.0)
    with pytest.raises(TypeError, match="unexpected keyword argument 'log_rate'"):
        Normal(0.0, log_rate=0.0)


@pytest.mark.parametrize("large", [torch.tensor([0.0, 100.0]), [0.0, 100.0], 100.0, 1e4])
def test_a_logarithm_too_large_is_refused(large: Any) -> None:
    with pytest.raises(ValueError, match=r"Normal: parameter scale (= exp.log_scale. must be finite|is too large)"):
        Normal(0.0, log_scale=large)


@pytest.mark.parametrize("small", [torch.tensor([0.0, -200.0]), [0.0, -200.0], -200.0])
def test_a_logarithm_too_small_is_refused(small: Any) -> None:
    with pytest.raises(ValueError, match="Normal: parameter scale must be positive"):
        Normal(0.0, log_scale=small)


def test_nothing_is_refused_where_nothing_is_validated() -> None:
    law = Normal(0.0, log_scale=torch.tensor([-200.0, 100.0]), validate_args=False)
    assert law.scale.tolist() == [0.0, math.inf]


@pytest.mark.parametrize("bad", ["one", object(), Normal(0.0, 1.0)])
def test_no_number_is_refused(bad: Any) -> None:
    with pytest.raises(TypeError, match="Normal: log_scale must be a tensor, a number"):
        Normal(0.0, log_scale=bad)


def test_a_number_beyond_single_precision_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Normal: parameter scale is too large for torch\.float32"):
        Normal(0.0, 1e43)


def test_live_logarithms_are_read_anew() -> None:
    log = torch.nn.Parameter(torch.tensor(0.0))
    law = Normal(0.0, log_scale=live(log))
    twin = pickle.loads(pickle.dumps(copy.deepcopy(law)))
    optimiser = torch.optim.SGD([log], lr=0.1)
    for _ in range(2):  # a graph of its own for each step
        optimiser.zero_grad()
        (-law.log_prob(3.0)).backward()
        optimiser.step()
    assert log.item() > 0
    assert law.scale.item() == log.exp().item()
    assert twin.scale.item() == 1


def test_learnable_starts_there() -> None:
    law = learnable(Normal, loc=0.0, log_scale=1.0)
    assert law.scale.item() == pytest.approx(math.e, rel=4 * torch.finfo(torch.float32).eps)
    assert sorted(n for n, _ in law.named_parameters()) == ["unconstrained.loc", "unconstrained.scale"]


def test_signatures_tell() -> None:
    assert str(inspect.signature(Normal)) == "(loc, scale=None, validate_args=None, *, log_scale=None)"
    assert list(inspect.signature(Chi2).parameters) == ["df", "validate_args", "log_df"]


def test_programs_take_logarithms() -> None:
    def score(log: Tensor) -> Tensor:
        return Gamma(log_concentration=log, log_rate=0.5).log_prob(torch.tensor(2.0))

    logs = torch.tensor([-0.5, 0.0, 1.0])
    log = logs.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(score(log).sum(), log)
    every = torch.vmap(torch.func.grad(score))(logs)
    compiled = torch.compile(score, fullgraph=True, backend="eager")(logs)
    # one formula and a native kernel of it: a few roundings of float32
    torch.testing.assert_close(every, slopes, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(compiled, score(logs), rtol=1e-5, atol=1e-6)


class Written(Normal):
    """A law with a constructor of its own."""

    def __init__(self, loc: Any, spread: Any, tag: str = "") -> None:
        self.tag = tag
        super().__init__(loc, log_scale=spread)


class Taken(Distribution):
    """A law that has a parameter of the name already, and one with a positive bound that is not zero."""

    width = param(positive)
    log_width = param(real)
    order = param(greater_than(1.0))


def test_classes_written_by_hand() -> None:
    law = Written(0.0, 1.0, tag="mine").replace(log_scale=2.0)
    assert (type(law), law.tag) == (Written, "mine")
    assert law.scale.item() == pytest.approx(math.exp(2.0), rel=1e-7)
    assert list(inspect.signature(Taken).parameters) == ["width", "log_width", "order", "validate_args"]
