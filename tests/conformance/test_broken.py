"""The laws themselves: each deliberately broken distribution must fail the law that is about its defect."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

import reparam
from reparam import constraints, param, register_kl, testing
from reparam.special import ndtr, ndtri
from sound import HALF_LOG_TWO_PI, Sound

# Forward-mode differentiation and the inductor compile some of torch's own code with what torch has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")


class WrongConstant(Sound):
    def _log_prob(self, x: Tensor) -> Tensor:
        return super()._log_prob(x) + 0.01


class SwappedParameters(Sound):
    def _log_prob(self, x: Tensor) -> Tensor:
        z = (x - self.scale) / self.loc.abs()
        return -0.5 * z * z - self.loc.abs().log() - HALF_LOG_TWO_PI


class WrongScaleOfDraws(Sound):
    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return self.loc + 1.1 * (super()._rsample(shape, generator) - self.loc)


class CdfOff(Sound):
    def _cdf(self, x: Tensor) -> Tensor:
        return ndtr(1.001 * (x - self.loc) / self.scale)


class CdfComplement(Sound):
    def _sf(self, x: Tensor) -> Tensor:
        return ndtr((self.loc - x) / self.scale) * 0.99


class QuantileOff(Sound):
    def _icdf(self, p: Tensor) -> Tensor:
        return self.loc + self.scale * ndtri(p) * 1.0001


class LostTail(Sound):
    def _sf(self, x: Tensor) -> Tensor:
        return 1 - self._cdf(x)


class EntropyOff(Sound):
    def _entropy(self) -> Tensor:
        return super()._entropy() + 1e-3


class MeanOff(Sound):
    def _mean(self) -> Tensor:
        return self.loc + 1e-3


class ModeOff(Sound):
    def _mode(self) -> Tensor:
        return self.loc + self.scale


class DivergenceSwapped(Sound):
    """Its rule gives KL(q, p)."""


class DivergenceCancels(Sound):
    """Its rule is right in float64, and a difference of large terms."""


class _Reversed(torch.autograd.Function):
    """The identity with a gradient of the wrong sign."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return -grad


class WrongSignOfAGradient(Sound):
    def _log_prob(self, x: Tensor) -> Tensor:
        loc = _Reversed.apply(self.loc)
        z = (x - loc) / self.scale
        return -0.5 * z * z - self.scale.log() - HALF_LOG_TWO_PI


class _SlopeOnce(torch.autograd.Function):
    """log with a first derivative that forgets its own dependence on the argument."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        ctx.slope = 1 / value.detach()
        return value.log()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad * ctx.slope


class NoSecondDerivative(Sound):
    def _log_prob(self, x: Tensor) -> Tensor:
        z = (x - self.loc) / self.scale
        return -0.5 * z * z - _SlopeOnce.apply(self.scale) - HALF_LOG_TWO_PI


class _ProductOnce(torch.autograd.Function):
    """A product whose derivatives in each factor forget that they depend on the other."""

    @staticmethod
    def forward(ctx: Any, first: Tensor, second: Tensor) -> Tensor:
        ctx.factors = first.detach(), second.detach()
        return first * second

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        first, second = ctx.factors
        return (grad * second).sum_to_size(first.shape), (grad * first).sum_to_size(second.shape)


class HiddenNaN(Sound):
    """A ``where`` that hides an infinite value lets its NaN gradient through, far from the mean."""

    def _log_prob(self, x: Tensor) -> Tensor:
        z = (x - self.loc) / self.scale
        extra = torch.where(self.scale < 1e3, 0.0, (self.scale / 0.0 * 0.0 + z).sqrt())
        return -0.5 * z * z - self.scale.log() - HALF_LOG_TWO_PI + extra


class NoMixedDerivative(Sound):
    """Right but for what moves when both parameters do."""

    def _log_prob(self, x: Tensor) -> Tensor:
        shift = x - self.loc
        precision = self.scale**-2
        square = _ProductOnce.apply(shift * shift, precision)
        return -0.5 * square - self.scale.log() - HALF_LOG_TWO_PI


class IgnoresTheGenerator(Sound):
    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return super()._rsample(shape, None)


class LosesAParameterOnExpand(Sound):
    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        wider = super().expand(batch_shape)
        wider.__dict__["scale"] = torch.ones_like(wider.loc)
        return wider


class LosesAParameterInCopies(Sound):
    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return type(self)(self.loc, torch.ones_like(self.scale))


class WrongBatchShapeOfTheEntropy(Sound):
    def _entropy(self) -> Tensor:
        return super()._entropy().mean()


class Branches(Sound):
    def _log_prob(self, x: Tensor) -> Tensor:
        if bool((x > 1e9).any()):
            return torch.zeros_like(x)
        return super()._log_prob(x)


class CancelsInSinglePrecision(Sound):
    def _log_prob(self, x: Tensor) -> Tensor:
        square = (x * x - 2 * x * self.loc + self.loc * self.loc) / self.scale**2
        return -0.5 * square - self.scale.log() - HALF_LOG_TWO_PI


class NoHalfPrecision(Sound):
    def _entropy(self) -> Tensor:
        return 0.5 + HALF_LOG_TWO_PI + self.scale.double().log()


class AcceptsAnything(Sound):
    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(loc, scale, validate_args=False)


class Stale(Sound):
    """Over live parameters, it keeps what it read first."""

    def _resolved(self) -> Any:
        if self._recipe is None:
            return self
        return self.__dict__.setdefault("_read_first", super()._resolved())


class Leaking(reparam.Distribution):
    """An exponential law that gives a density to negative numbers when nothing is validated."""

    rate = param(constraints.positive, typical=(0.3, 3.0))
    support = constraints.nonnegative

    def _log_prob(self, x: Tensor) -> Tensor:
        return self.rate.log() - self.rate * x

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        u = torch.rand(shape, dtype=self.dtype, generator=generator)
        return -torch.log1p(-u) / self.rate


# what guards every declared density is taken away again
Leaking._log_prob = Leaking._log_prob.__wrapped__


class WrongCounts(reparam.Distribution):
    """A coin whose draws favour 1."""

    probs = param(constraints.unit_interval, typical=(0.1, 0.9))
    support = constraints.boolean

    def _log_prob(self, x: Tensor) -> Tensor:
        return torch.where(x > 0, self.probs.log(), torch.log1p(-self.probs))

    def _enumerate_support(self) -> Tensor:
        return torch.arange(2, dtype=self.dtype)

    def _sample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        u = torch.rand(shape, dtype=self.dtype, generator=generator)
        return (u < self.probs**0.95).to(self.dtype)


class QuantileOfCounts(WrongCounts):
    def _cdf(self, x: Tensor) -> Tensor:
        return torch.where(x < 1, 1 - self.probs, 1.0)

    def _icdf(self, p: Tensor) -> Tensor:
        return (p >= self.probs).to(p.dtype)


class TornVector(reparam.Distribution):
    """Two correlated normals whose draws forget the correlation."""

    loc = param(constraints.real_vector, typical=(-1.0, 1.0))
    support = constraints.real_vector

    def _log_prob(self, x: Tensor) -> Tensor:
        z = x - self.loc
        first, second = z[..., 0], (z[..., 1] - 0.6 * z[..., 0]) / 0.8
        return -0.5 * (first**2 + second**2) - math.log(0.8) - 2 * HALF_LOG_TWO_PI

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return self.loc + torch.randn(shape, dtype=self.dtype, generator=generator)

    def _mean(self) -> Tensor:
        return self.loc

    def _covariance(self) -> Tensor:
        return torch.eye(2, dtype=self.dtype).expand((*self.loc.shape, 2))


class TrustsTheMemory(Sound):
    def _log_prob(self, x: Tensor) -> Tensor:
        scale = self.scale.flatten()[0] if 0 in self.scale.stride() else self.scale
        z = (x - self.loc) / scale
        return -0.5 * z * z - scale.log() - HALF_LOG_TWO_PI


class ByAnotherBase(Sound):
    """Takes the logarithm of its scale to base two."""

    def __init__(self, loc: Any, scale: Any = None, log_scale: Any = None, **options: Any) -> None:
        super().__init__(loc, torch.exp2(log_scale) if scale is None else scale, **options)


@register_kl(DivergenceSwapped, DivergenceSwapped)
def _(p: Sound, q: Sound) -> Tensor:
    ratio = (q.scale / p.scale) ** 2
    return 0.5 * (ratio + ((p.loc - q.loc) / p.scale) ** 2 - 1 - ratio.log())


@register_kl(DivergenceCancels, DivergenceCancels)
def _(p: Sound, q: Sound) -> Tensor:
    ratio = (p.scale / q.scale) ** 2
    return 0.5 * (1e4 + ratio + ((p.loc - q.loc) / q.scale) ** 2 - 10001 - ratio.log())


BROKEN = [
    (WrongConstant, "density_has_mass_one"),
    (SwappedParameters, "samples_follow_the_density"),
    (WrongScaleOfDraws, "samples_follow_the_density"),
    (WrongScaleOfDraws, "sample_moments_are_the_stated_ones"),
    (CdfOff, "cdf_is_the_integral"),
    (CdfOff, "cdf_grows_by_the_density"),
    (CdfComplement, "probabilities_are_consistent"),
    (LostTail, "quantiles_invert_the_cdf"),
    (QuantileOff, "quantiles_invert_the_cdf"),
    (EntropyOff, "entropy_is_its_integral"),
    (MeanOff, "moments_are_those_of_the_density"),
    (ModeOff, "mode_has_the_largest_density"),
    (DivergenceSwapped, "divergence_is_its_integral"),
    (DivergenceCancels, "divergence_is_exact_between_neighbours"),
    (WrongSignOfAGradient, "doors_have_their_gradients"),
    (NoSecondDerivative, "doors_have_their_gradients"),
    (HiddenNaN, "gradients_are_numbers"),
    (NoMixedDerivative, "doors_have_their_gradients"),
    (IgnoresTheGenerator, "draws_are_reproducible"),
    (LosesAParameterOnExpand, "views_are_the_same_law"),
    (LosesAParameterInCopies, "copies_are_equal"),
    (WrongBatchShapeOfTheEntropy, "values_have_shapes"),
    (Branches, "vmap_maps_over_laws"),
    (CancelsInSinglePrecision, "single_precision_is_right"),
    (AcceptsAnything, "bad_parameters_are_refused"),
    (Stale, "live_parameters_are_read_anew"),
    (Leaking, "bad_values_are_refused"),
    (WrongCounts, "counts_follow_the_masses"),
    (QuantileOfCounts, "discrete_quantiles_are_least"),
    (TrustsTheMemory, "layouts_agree"),
    (ByAnotherBase, "logarithms_give_the_same_law"),
    (TornVector, "vectors_follow_the_density"),
    (TornVector, "vector_moments_are_those_of_the_density"),
]


@pytest.mark.parametrize(("cls", "law"), BROKEN, ids=[f"{cls.__name__}-{law}" for cls, law in BROKEN])
def test_a_broken_law_is_caught(cls: type[reparam.Distribution], law: str) -> None:
    with pytest.raises(AssertionError, match=law):
        testing.check(cls, only=[law])


def test_the_sound_law_passes_them_all() -> None:
    report = testing.check(Sound, skip=["compiled_programs_agree"])
    assert {law for cls, law in BROKEN if issubclass(cls, Sound)} <= {law for _, law in report.passed}
