"""Classes written for torch's protocol: laws by hand, and subclasses that override public methods."""

from __future__ import annotations

import copy
import math
from types import ModuleType
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, distributions, nn
from torch.utils import _pytree

import reparam
from both_libraries import assert_same_answers
from reparam import live

LIBRARIES = [distributions, reparam]


def rayleigh(D: ModuleType) -> Any:
    """A class as programs for ``torch.distributions`` write it."""

    class Rayleigh(D.Distribution):
        arg_constraints: ClassVar[Any] = {"scale": D.constraints.positive}
        support = D.constraints.positive
        has_rsample = True

        def __init__(self, scale: Tensor, validate_args: bool | None = None) -> None:
            (self.scale,) = D.utils.broadcast_all(scale)
            super().__init__(self.scale.shape, validate_args=validate_args)

        def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
            new = self._get_checked_instance(Rayleigh, _instance)
            new.scale = self.scale.expand(batch_shape)
            super(Rayleigh, new).__init__(torch.Size(batch_shape), validate_args=False)
            new._validate_args = self._validate_args
            return new

        @D.utils.lazy_property
        def rate(self) -> Tensor:
            return self.scale**-2

        def rsample(self, sample_shape: Any = ()) -> Tensor:
            u = torch.rand(self._extended_shape(sample_shape))
            return self.scale * (-2 * torch.log1p(-u)).sqrt()

        def log_prob(self, value: Tensor) -> Tensor:
            if self._validate_args:
                self._validate_sample(value)
            return value.log() + self.rate.log() - 0.5 * value**2 * self.rate

        def cdf(self, value: Tensor) -> Tensor:
            return -torch.expm1(-0.5 * (value / self.scale) ** 2)

        def icdf(self, p: Tensor) -> Tensor:
            return self.scale * (-2 * torch.log1p(-p)).sqrt()

        def entropy(self) -> Tensor:
            return 1 + (self.scale / math.sqrt(2)).log() + 0.2886078

        @property
        def mean(self) -> Tensor:
            return self.scale * math.sqrt(math.pi / 2)

        @property
        def variance(self) -> Tensor:
            return self.scale**2 * (2 - math.pi / 2)

    return Rayleigh


def in_combinators(D: ModuleType) -> list[Any]:
    """What a law by hand gives, alone and inside other laws."""
    law = rayleigh(D)(torch.tensor([1.0, 2.0, 3.0]))
    joint = D.Independent(law, 1)
    moved = D.TransformedDistribution(law, [D.transforms.ExpTransform()])
    mixture = D.MixtureSameFamily(D.Categorical(torch.ones(3)), law)
    vectors = D.MixtureSameFamily(D.Categorical(torch.ones(2)), D.Independent(law.expand((2, 3)), 1))
    x = torch.tensor([1.0, 2.0, 3.0])
    found = [law.batch_shape, law.rate, law.stddev, law.perplexity(), repr(law)]
    found += [joint.entropy(), joint.mean, joint.stddev, joint.has_rsample, joint.expand((2,)).log_prob(x)]
    found += [moved.log_prob(x + 1), moved.cdf(x + 1), moved.icdf(torch.tensor(0.5))]
    found += [moved.expand((2, 3)).log_prob(x + 1), moved.sample((2,)).shape]
    found += [mixture.log_prob(x), mixture.cdf(x), mixture.mean, mixture.variance, mixture.expand((3,)).log_prob(x)]
    found += [vectors.log_prob(x), vectors.sample((2,)).shape]
    found += [D.transforms.CumulativeDistributionTransform(law)(x)]
    scale = torch.tensor([1.0, 2.0], requires_grad=True)
    torch.manual_seed(0)
    D.Independent(rayleigh(D)(scale), 1).rsample((3,)).sum().backward()
    return [*found, scale.grad]


def with_super(D: ModuleType) -> list[Any]:
    """What overridden methods give that add to those of the parent, through two generations."""

    class Clipped(D.Normal):
        def sample(self, sample_shape: Any = ()) -> Tensor:
            return super().sample(sample_shape).clamp(-0.5, 0.5)

        def log_prob(self, value: Tensor) -> Tensor:
            return super().log_prob(value) + 1

        def entropy(self) -> Tensor:
            return super().entropy() * 2

        @property
        def mean(self) -> Tensor:
            return super().mean + 5

        def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
            return super().expand(batch_shape, self._get_checked_instance(Clipped, _instance))

    class Twice(Clipped):
        def log_prob(self, value: Tensor) -> Tensor:
            return super().log_prob(value) + 1

    law = Twice(torch.zeros(2), torch.ones(2))
    joint, x = D.Independent(law, 1), torch.ones(2)
    torch.manual_seed(0)
    found = [law.log_prob(x), joint.log_prob(x), joint.base_dist.log_prob(x), joint.entropy(), joint.mean]
    return [*found, joint.sample((9,)), law.expand((3, 2)).log_prob(x), joint.expand((3,)).log_prob(x)]


def with_an_expand_of_its_own(D: ModuleType) -> list[Any]:
    """A subclass that expands as the classes of torch do, and keeps what it once computed."""

    class Scaled(D.Normal):
        def __init__(self, loc: Tensor, scale: Tensor, factor: float) -> None:
            self.factor = factor
            super().__init__(loc, scale)

        @D.utils.lazy_property
        def spread(self) -> Tensor:
            return self.factor * self.scale

        def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
            new = self._get_checked_instance(Scaled, _instance)
            new.factor = self.factor
            new.loc, new.scale = self.loc.expand(batch_shape), self.scale.expand(batch_shape)
            super(D.Normal, new).__init__(torch.Size(batch_shape), validate_args=False)
            new._validate_args = self._validate_args
            return new

    law = Scaled(torch.zeros(2), torch.tensor([1.0, 2.0]), 3.0)
    assert law.spread.shape == (2,)
    wide = law.expand((3, 2))
    torch.manual_seed(0)
    return [wide.spread, wide.batch_shape, wide.log_prob(torch.ones(2)), wide.sample((2,)), wide.entropy()]


def without_support(D: ModuleType) -> list[Any]:
    """A law of vectors that states no support."""

    class Delta(D.Distribution):
        arg_constraints: ClassVar[Any] = {}

        def __init__(self, point: Tensor) -> None:
            self.point = point
            super().__init__(point.shape[:-1], point.shape[-1:])

        def sample(self, sample_shape: Any = ()) -> Tensor:
            return self.point.expand(self._extended_shape(sample_shape))

        def log_prob(self, value: Tensor) -> Tensor:
            return (value == self.point).float().log().sum(-1)

    joint = D.Independent(Delta(torch.zeros(2, 3)), 1)
    return [joint.sample((4,)).shape, joint.log_prob(torch.zeros(2, 3)), joint.batch_shape, joint.event_shape]


def enumerated(D: ModuleType) -> list[Any]:
    """A law with a finite support."""

    class Coin(D.Distribution):
        arg_constraints: ClassVar[Any] = {"p": D.constraints.unit_interval}
        support = D.constraints.boolean
        has_enumerate_support = True

        def __init__(self, p: Tensor) -> None:
            self.p = p
            super().__init__(p.shape)

        def log_prob(self, value: Tensor) -> Tensor:
            return torch.where(value == 1, self.p, 1 - self.p).log()

        def enumerate_support(self, expand: bool = True) -> Tensor:
            values = torch.arange(2.0).reshape(-1, *(1 for _ in self._batch_shape))
            return values.expand(-1, *self._batch_shape) if expand else values

    law = Coin(torch.tensor([0.3, 0.6]))
    return [law.enumerate_support(), law.enumerate_support(False), D.Independent(law, 0).enumerate_support()]


def exponential_family(D: ModuleType) -> list[Any]:
    """A law given by its log-normaliser."""

    class Waiting(D.ExponentialFamily):
        arg_constraints: ClassVar[Any] = {"rate": D.constraints.positive}
        support = D.constraints.nonnegative
        _mean_carrier_measure = 0

        def __init__(self, rate: Tensor) -> None:
            self.rate = rate
            super().__init__(rate.shape)

        def log_prob(self, value: Tensor) -> Tensor:
            return self.rate.log() - self.rate * value

        @property
        def _natural_params(self) -> tuple[Tensor, ...]:
            return (-self.rate,)

        def _log_normalizer(self, a: Tensor) -> Tensor:
            return -torch.log(-a)

    p, q = Waiting(torch.tensor([1.0, 2.0])), Waiting(torch.tensor([3.0, 1.0]))
    return [p.entropy(), D.kl_divergence(p, q)]


def registered(D: ModuleType) -> list[Any]:
    """A divergence of the user's own."""
    Rayleigh = rayleigh(D)

    @D.register_kl(Rayleigh, Rayleigh)
    def _(p: Any, q: Any) -> Tensor:
        ratio = p.scale / q.scale
        return ratio**2 - 1 - 2 * ratio.log()

    p, q = Rayleigh(torch.ones(3)), Rayleigh(torch.tensor([1.0, 2.0, 3.0]))
    return [D.kl_divergence(p, q), D.kl_divergence(D.Independent(p, 1), D.Independent(q, 1))]


PROGRAMS = [
    in_combinators,
    with_super,
    with_an_expand_of_its_own,
    without_support,
    enumerated,
    exponential_family,
    registered,
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_both_libraries_give_the_same(program: Any) -> None:
    assert_same_answers(program)


@pytest.mark.parametrize("D", LIBRARIES, ids=lambda D: D.__name__)
def test_laws_by_hand_refuse_what_they_cannot_take(D: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(D.Distribution, "_validate_args", True)  # which compiling turns off in torch's
    Rayleigh = rayleigh(D)
    with pytest.raises(ValueError, match="scale"):
        Rayleigh(torch.tensor([1.0, -1.0]))
    Rayleigh(torch.tensor([1.0, -1.0]), validate_args=False)
    law = Rayleigh(torch.ones(2))
    for bad in (torch.tensor([1.0, -1.0]), torch.ones(3)):
        with pytest.raises(ValueError, match=r"[vV]alue"):
            law.log_prob(bad)
    with pytest.raises(NotImplementedError):
        law.enumerate_support()
    with pytest.raises(NotImplementedError):
        D.kl_divergence(law, law)


def test_views_that_need_a_declaration_say_so() -> None:
    law = rayleigh(reparam)(torch.ones(2))
    for view in (lambda: law[0], lambda: law.to(torch.float64), lambda: reparam.Independent(law, 1).detach()):
        with pytest.raises(NotImplementedError, match="Rayleigh is written by hand"):
            view()
    with pytest.raises(TypeError, match="abstract"):
        reparam.Distribution()


def test_laws_by_hand_are_copied_and_flattened() -> None:
    law = rayleigh(reparam)(torch.tensor([1.0, 2.0]))
    x = torch.tensor([0.5, 0.7])
    doubled = _pytree.tree_map(lambda t: 2 * t, law)
    assert torch.equal(copy.deepcopy(law).log_prob(x), law.log_prob(x))
    assert torch.equal(doubled.log_prob(x), rayleigh(reparam)(torch.tensor([2.0, 4.0])).log_prob(x))


def test_a_constructor_of_ones_own_survives_views_and_live_parameters() -> None:
    """Reading a live law, or replacing a parameter, calls no constructor whose arguments it cannot know."""

    class Wide(reparam.Normal):
        def __init__(self, mean: Any, log_std: Any, note: str) -> None:
            self.note = note
            super().__init__(mean, live(log_std).exp())

    log_std = nn.Parameter(torch.zeros(2))
    law = Wide(torch.ones(2), log_std, "kept")
    with torch.no_grad():
        log_std.fill_(math.log(3.0))
    torch.testing.assert_close(law.stddev, torch.full((2,), 3.0))
    assert law.rsample((4,)).requires_grad
    for view in (law.expand((3, 2)), law[0], law.replace(loc=torch.zeros(2)), law.replace(scale=torch.ones(2))):
        seen = view._resolved()
        assert type(seen) is Wide
        assert seen.note == "kept"


def test_views_forget_what_was_computed_of_other_parameters() -> None:
    class Known(reparam.Normal):
        @reparam.utils.lazy_property
        def precision(self) -> Tensor:
            return self.scale**-2

    law = Known(torch.zeros(2), torch.tensor([1.0, 2.0]))
    assert law.precision.tolist() == [1.0, 0.25]
    assert law[1].precision.tolist() == 0.25
    assert law.expand((3, 2)).precision.shape == (3, 2)
    assert law.replace(scale=4.0).precision.tolist() == [0.0625, 0.0625]


def test_overridden_methods_are_heard_in_half_precision() -> None:
    class Raised(reparam.Normal):
        def log_prob(self, value: Any) -> Tensor:
            return super().log_prob(value) + 1

    law = Raised(torch.zeros(2, dtype=torch.bfloat16), torch.ones(2, dtype=torch.bfloat16))
    expected = reparam.Normal(0.0, 1.0).log_prob(torch.zeros(2)) + 1
    for found in (law.log_prob(torch.zeros(2)), reparam.Masked(law, True).log_prob(torch.zeros(2))):
        assert found.dtype is torch.bfloat16
        torch.testing.assert_close(found.float(), expected, rtol=0.0, atol=2**-7)


def test_overridden_methods_compile_and_map() -> None:
    class Raised(reparam.Normal):
        def log_prob(self, value: Any) -> Tensor:
            return super().log_prob(value) + 1

    def score(loc: Tensor, x: Tensor) -> Tensor:
        return reparam.Independent(Raised(loc, torch.ones(3)), 1).log_prob(x)

    loc, x = torch.zeros(3), torch.ones(3)
    compiled = torch.compile(score, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(loc, x), score(loc, x))
    mapped = torch.vmap(score, in_dims=(0, None))(torch.zeros(2, 3), x)
    torch.testing.assert_close(mapped, score(loc, x).expand(2))
    torch.testing.assert_close(torch.func.hessian(score)(loc, x), -torch.eye(3))


def counted(library: Any) -> Any:
    """An exponential family that gives its log-normaliser alone, as torch's documentation has one."""
    D = library

    class Waiting(D.ExponentialFamily):
        arg_constraints: ClassVar[Any] = {"rate": D.constraints.positive}
        support = D.constraints.nonnegative
        _mean_carrier_measure = 0

        def __init__(self, rate: Tensor, validate_args: bool | None = None) -> None:
            (self.rate,) = D.utils.broadcast_all(rate)
            super().__init__(self.rate.shape, validate_args=validate_args)

        @property
        def _natural_params(self) -> tuple[Tensor, ...]:
            return (-self.rate,)

        def _log_normalizer(self, natural: Tensor) -> Tensor:
            return -torch.log(-natural)

    return Waiting


def test_a_law_by_hand_needs_no_public_method() -> None:
    rates = torch.tensor([1.0, 2.0]), torch.tensor([2.0, 3.0])
    p, q = map(counted(reparam), rates)
    old_p, old_q = map(counted(torch.distributions), rates)
    torch.testing.assert_close(p.entropy(), old_p.entropy())
    torch.testing.assert_close(reparam.kl_divergence(p, q), torch.distributions.kl_divergence(old_p, old_q))
    with pytest.raises(NotImplementedError, match="Waiting"):
        p.sample()


def test_expand_takes_one_argument() -> None:
    for law in (reparam.Normal(0.0, 1.0), reparam.Normal(reparam.live(torch.ones(3)), 1.0)):
        with pytest.raises(TypeError, match=r"Normal: expand takes .* as one argument, expand\(\(2, 3\)\)"):
            law.expand(2, 3)


@pytest.mark.parametrize("shape", [-2, (3, -1), torch.Size((-1,))])
def test_sample_shapes_are_not_negative(shape: Any) -> None:
    for law in (reparam.Normal(0.0, 1.0), reparam.Gamma(1.0, 1.0), reparam.Categorical(torch.ones(3))):
        with pytest.raises(ValueError, match=rf"{type(law).__name__}: a sample shape must have sizes >= 0, not \("):
            law.sample(shape)
