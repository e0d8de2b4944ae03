"""What is no argument is refused by name, and laws with a narrower support than their base's refuse what is outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from reparam import Categorical, Dirichlet, Gamma, Independent, Mixture, Normal, Poisson, constraints

WEIGHTS = Categorical(torch.ones(2))


@pytest.mark.parametrize("laws", [Normal(0.0, 1.0), Normal(torch.zeros(2), 1.0), 3.0, []], ids=repr)
def test_a_mixture_takes_a_sequence_of_laws(laws: Any) -> None:
    with pytest.raises(TypeError, match="Mixture: component_distributions must be a sequence of reparam distributions"):
        Mixture(WEIGHTS, laws)
    with pytest.raises(TypeError, match=r"component_distributions must be a reparam distribution, not builtins\.float"):
        Mixture(WEIGHTS, [Normal(0.0, 1.0), 2.0])


@pytest.mark.parametrize(
    "law", [Normal(0.0, 1.0), Gamma(2.0, 1.0), Dirichlet(torch.ones(3)), Poisson(2.0).to(torch.half)]
)
@pytest.mark.parametrize("door", ["sample", "rsample", "sample_and_log_prob"])
def test_a_seed_is_no_generator(law: Any, door: str) -> None:
    said = rf"^{type(law).__name__}\.{door}: generator must be a torch\.Generator or None, not 3$"
    with pytest.raises(TypeError, match=said):
        getattr(law, door)((3,), generator=3)
    assert law.sample((3,), generator=torch.Generator()).shape[0] == law.sample((3,), generator=None).shape[0] == 3


class Positive(Independent):
    support = constraints.independent(constraints.positive, 1)


class Bounded(Independent):
    @property
    def support(self) -> constraints.Constraint:  # type: ignore[override]
        return constraints.independent(constraints.interval(0.0, self.base_dist.scale.amax()), 1)


class Inherited(Bounded):
    """One whose support is its parent's."""


@pytest.mark.parametrize("kind", [Positive, Bounded, Inherited])
def test_a_narrower_support_counts(kind: Callable[..., Any]) -> None:
    base, inside, outside = Normal(torch.zeros(2), 2.0), torch.tensor([0.5, 1.5]), torch.tensor([0.5, -1.5])
    expected: Tensor = base.log_prob(inside).sum()
    for law in (kind(base, 1), kind(base, 1, validate_args=False)):
        assert law.log_prob(inside) == expected
    with pytest.raises(ValueError, match=f"{kind.__name__}: value must be"):
        kind(base, 1).log_prob(outside)
    assert kind(base, 1, validate_args=False).log_prob(outside) == -torch.inf
