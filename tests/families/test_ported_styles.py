"""Classes in the styles of real programs for ``torch.distributions``, under both libraries; and both in one program."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, distributions

import reparam
from both_libraries import assert_same_answers


def kept_under_private_names(D: ModuleType) -> list[Any]:
    """A truncated normal law that computes its summaries when built, and keeps them as ``_mean`` and so on."""

    class Truncated(D.Distribution):
        arg_constraints: ClassVar[Any] = {"low": D.constraints.real, "high": D.constraints.real}
        has_rsample = True

        def __init__(self, low: Tensor, high: Tensor, validate_args: bool | None = None) -> None:
            self.low, self.high = D.utils.broadcast_all(low, high)
            super().__init__(self.low.size(), validate_args=validate_args)
            self._mass = self._big_phi(self.high) - self._big_phi(self.low)
            density = [(-(x**2) / 2).exp() / math.sqrt(2 * math.pi) / self._mass for x in (self.low, self.high)]
            self._mean = density[0] - density[1]
            self._variance = 1 + self.low * density[0] - self.high * density[1] - self._mean**2
            self._entropy = (math.sqrt(2 * math.pi * math.e) * self._mass).log() + (
                self._variance + self._mean**2 - 1
            ) / 2

        @D.constraints.dependent_property
        def support(self) -> Any:
            return D.constraints.interval(self.low, self.high)

        @staticmethod
        def _big_phi(x: Tensor) -> Tensor:
            return 0.5 * (1 + (x / math.sqrt(2)).erf())

        @property
        def mean(self) -> Tensor:
            return self._mean

        @property
        def variance(self) -> Tensor:
            return self._variance

        def entropy(self) -> Tensor:
            return self._entropy

        def cdf(self, value: Tensor) -> Tensor:
            if self._validate_args:
                self._validate_sample(value)
            return (self._big_phi(value) - self._big_phi(self.low)) / self._mass

        def icdf(self, value: Tensor) -> Tensor:
            return math.sqrt(2) * (2 * (self._big_phi(self.low) + value * self._mass) - 1).erfinv()

        def log_prob(self, value: Tensor) -> Tensor:
            if self._validate_args:
                self._validate_sample(value)
            return -0.5 * math.log(2 * math.pi) - self._mass.log() - value**2 / 2

        def rsample(self, sample_shape: Any = ()) -> Tensor:
            return self.icdf(torch.rand(self._extended_shape(sample_shape)))

    class Moved(Truncated):
        arg_constraints: ClassVar[Any] = {"loc": D.constraints.real, **Truncated.arg_constraints}

        def __init__(self, loc: Tensor, low: Tensor, high: Tensor) -> None:
            self.loc = loc
            super().__init__(low - loc, high - loc)
            self._mean = self._mean + loc

        def log_prob(self, value: Tensor) -> Tensor:
            return super().log_prob(value - self.loc)

    low, high, x = torch.tensor([-1.0, 0.0]), torch.tensor([1.0, 2.0]), torch.tensor([0.3, 0.4])
    found: list[Any] = []
    for law in (Truncated(low, high), Moved(torch.tensor([0.1, 0.2]), low, high)):
        joint, mixture = D.Independent(law, 1), D.MixtureSameFamily(D.Categorical(torch.ones(2)), law)
        found += [law.mean, law.stddev, law.entropy(), law.perplexity(), law.log_prob(x), law.rsample((2,)).shape]
        found += [law.support.check(x), joint.log_prob(x), joint.mean, joint.stddev, joint.entropy()]
        found += [mixture.mean, mixture.variance, mixture.log_prob(x), mixture.sample((3,)).shape]
        found += [D.TransformedDistribution(law, D.AffineTransform(1.0, 2.0)).log_prob(2 * x + 1)]
    return found


def with_attributes_of_any_name(D: ModuleType) -> list[Any]:
    """A law whose attributes have names that mean something to ``reparam``."""

    class Named(D.Distribution):
        arg_constraints: ClassVar[Any] = {}
        support = D.constraints.real
        has_rsample = True

        def __init__(self, loc: Tensor) -> None:
            self.loc, self.dtype, self.device = loc, loc.dtype, "cpu"
            self.median, self.skewness, self.kurtosis, self.covariance = loc, 0.0, 3.0, torch.eye(2)
            self.mask, self.to, self.replace, self.prob, self.interval, self.sf = torch.ones(2), 1, 2, 3, 4, 5
            super().__init__(loc.shape)

        def log_prob(self, value: Tensor) -> Tensor:
            return -0.5 * (value - self.loc) ** 2

        def rsample(self, sample_shape: Any = ()) -> Tensor:
            return self.loc.expand(self._extended_shape(sample_shape))

        @property
        def mean(self) -> Tensor:
            return self.loc

    law, x = Named(torch.zeros(2)), torch.ones(2)
    joint = D.Independent(law, 1)
    moved = D.TransformedDistribution(law, D.ExpTransform())
    found = [law.dtype, law.device, law.median, law.covariance, law.mask, law.to, law.log_prob(x)]
    return [*found, joint.log_prob(x), joint.mean, joint.sample((2,)), moved.log_prob(x), moved.rsample()]


def expanded_into_an_instance(D: ModuleType) -> list[Any]:
    """A squashed normal law whose ``expand`` sets its own attributes, and leaves the rest to the parent."""

    class Squashed(D.TransformedDistribution):
        def __init__(self, loc: Tensor, scale: Tensor) -> None:
            self.loc, self.scale = loc, scale
            super().__init__(D.Normal(loc, scale), [D.TanhTransform(cache_size=1)])

        @property
        def mean(self) -> Tensor:
            return self.loc.tanh()

        def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
            new = self._get_checked_instance(Squashed, _instance)
            new.loc, new.scale = self.loc.expand(batch_shape), self.scale.expand(batch_shape)
            super().expand(batch_shape, _instance=new)
            return new

    wide = Squashed(torch.zeros(2), torch.ones(2)).expand((3, 2))
    return [wide.loc, wide.mean, wide.batch_shape, wide.log_prob(torch.tensor(0.5)), wide.sample((4,)).shape]


def with_a_mixin(D: ModuleType) -> list[Any]:
    """A mixin that adds methods, before and after the library's class; and a point mass as such programs write it."""

    class Mixin:
        def __call__(self, sample_shape: Any = ()) -> Tensor:
            return self.rsample(sample_shape) if self.has_rsample else self.sample(sample_shape)

        def shape(self, sample_shape: Any = ()) -> torch.Size:
            return torch.Size(sample_shape) + self.batch_shape + self.event_shape

        def to_event(self, n: int) -> Any:
            return D.Independent(self, n)

        @property
        def event_dim(self) -> int:
            return len(self.event_shape)

    class Normal(D.Normal, Mixin):
        pass

    class Point(Mixin, D.Distribution):
        arg_constraints: ClassVar[Any] = {"point": D.constraints.dependent}
        has_rsample = True

        def __init__(self, point: Tensor, event_dim: int, validate_args: bool | None = None) -> None:
            self.point = point
            n = point.dim() - event_dim
            super().__init__(point.shape[:n], point.shape[n:], validate_args=validate_args)

        @D.constraints.dependent_property
        def support(self) -> Any:
            return D.constraints.independent(D.constraints.real, len(self.event_shape))

        def rsample(self, sample_shape: Any = ()) -> Tensor:
            return self.point.expand(self.shape(sample_shape))

        def log_prob(self, value: Tensor) -> Tensor:
            return (value == self.point).float().log().sum(tuple(range(-self.event_dim, 0)))

    law, point = Normal(torch.zeros(2), 1.0), Point(torch.ones(2, 3), 1)
    found = [law((4,)).shape, law.shape(), law.to_event(1).event_shape, type(law.expand((3, 2))).__name__]
    found += [point(), point.support.event_dim, point.to_event(1).log_prob(torch.ones(2, 3)), point.shape((5,))]
    return [*found, D.kl_divergence(law, Normal(torch.ones(2), 1.0))]


def with_constraints_and_transforms_of_ones_own(D: ModuleType) -> list[Any]:
    """A constraint with rules of its own, and a transform that sets its domain when built."""

    class Angle(D.constraints.Constraint):
        event_dim = 0

        def check(self, value: Tensor) -> Tensor:
            return (value >= 0) & (value < 2 * math.pi)

    @D.biject_to.register(Angle)
    @D.transform_to.register(Angle)
    def _(constraint: Any) -> Any:
        return D.ComposeTransform([D.SigmoidTransform(), D.AffineTransform(0.0, 2 * math.pi)])

    class Scaling(D.Transform):
        def __init__(self, factor: float) -> None:
            super().__init__()
            self.factor = factor
            self.domain = self.codomain = D.constraints.real
            self.bijective = True

        def _call(self, x: Tensor) -> Tensor:
            return self.factor * x

        def _inverse(self, y: Tensor) -> Tensor:
            return y / self.factor

        def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
            return torch.full_like(x, math.log(self.factor))

    x = torch.tensor([0.3, -0.5])
    law = D.TransformedDistribution(D.Normal(torch.zeros(2), 1.0), [Scaling(2.0), D.ExpTransform()])
    found = [D.biject_to(Angle())(x), D.transform_to(D.constraints.independent(Angle(), 1))(x)]
    return [*found, law.log_prob(x.exp()), law.support.check(x), law.rsample((3,)).shape]


def with_arguments_by_position(D: ModuleType) -> list[Any]:
    """Masked categories, as programs of reinforcement learning write them, and probabilities by keyword."""

    class Masked(D.Categorical):
        def __init__(self, probs: Any = None, logits: Any = None, validate_args: Any = None, masks: Any = None) -> None:
            self.masks = masks
            super().__init__(probs, torch.where(masks, logits, torch.tensor(-1e8)), validate_args)

        def entropy(self) -> Tensor:
            return -torch.where(self.masks, self.logits * self.probs, torch.tensor(0.0)).sum(-1)

    law = Masked(logits=torch.tensor([0.0, 1.0, 2.0]), masks=torch.tensor([True, True, False]))
    return [law.entropy(), law.log_prob(torch.tensor(1)), D.Normal(0.0, 1.0).icdf(value=torch.tensor(0.3))]


PROGRAMS = [
    kept_under_private_names,
    with_attributes_of_any_name,
    expanded_into_an_instance,
    with_a_mixin,
    with_constraints_and_transforms_of_ones_own,
    with_arguments_by_position,
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_both_libraries_give_the_same(program: Any) -> None:
    assert_same_answers(program)


# -- both in one program -------------------------------------------------------------------------------------


def test_laws_of_ours_in_combinators_of_torch() -> None:
    ours, theirs = (D.Normal(torch.zeros(2), 1.0) for D in (reparam, distributions))
    x = torch.tensor([0.5, 2.0])
    for build in (
        lambda law: distributions.Independent(law, 1),
        lambda law: distributions.MixtureSameFamily(distributions.Categorical(torch.ones(2)), law),
        lambda law: distributions.TransformedDistribution(law, [distributions.ExpTransform()]),
        lambda law: distributions.TransformedDistribution(law, [reparam.ExpTransform(), reparam.AffineTransform(0, 2)]),
    ):
        mixed, pure = build(ours), build(theirs)
        torch.testing.assert_close(mixed.log_prob(x), pure.log_prob(x))
        assert mixed.sample((3,)).shape == pure.sample((3,)).shape
        assert mixed.expand((3, *mixed.batch_shape)).batch_shape == (3, *pure.batch_shape)


def scored_by_constraints_of_torch() -> Tensor:
    class Scored(reparam.Distribution):
        arg_constraints: ClassVar[Any] = {"scale": distributions.constraints.positive}

        def __init__(self) -> None:
            self.scale = torch.ones(())
            super().__init__()

        def log_prob(self, value: Tensor) -> Tensor:
            return value

    return Scored().log_prob(torch.ones(()))


def mapped_between_constraints_of_torch() -> type:
    class Mapped(reparam.Transform):
        domain = codomain = distributions.constraints.real

    return Mapped


NORMAL = distributions.Normal(torch.zeros(2), 1.0)
REFUSED: dict[str, Any] = {
    "a choice": lambda: reparam.MixtureSameFamily(distributions.Categorical(torch.ones(2)), NORMAL),
    "a divergence": lambda: reparam.kl_divergence(reparam.Normal(0.0, 1.0), NORMAL),
    "an entry": lambda: reparam.constraints.independent(distributions.constraints.positive, 1),
    "a parameter's constraint": scored_by_constraints_of_torch,
    "a domain": mapped_between_constraints_of_torch,
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_of_torch_is_refused_by_name(what: str) -> None:
    with pytest.raises(TypeError, match=r"reparam.*(torch\.distributions|got \w+)"):
        REFUSED[what]()
