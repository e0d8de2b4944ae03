"""The laws of draws' derivatives: each deliberately broken gradient must fail the law that is about its defect."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Generator, Tensor

import reparam
from reparam import constraints, param, testing
from reparam.implicit.law import reparameterised
from reparam.implicit.standard import Diagonal, Triangular
from sound import HALF_LOG_TWO_PI, Sound

# Forward-mode differentiation compiles some of torch's own code with what torch has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")


class MissingMinusInTheImplicitGradient(Sound):
    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        x = super()._rsample(shape, generator)
        return 2 * x.detach() - x


class _ForwardsWithAMinus(torch.autograd.Function):
    """The identity, with a wrong sign in forward mode."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor) -> Tensor:
        return -tangent


class WrongInForwardMode(Sound):
    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return _ForwardsWithAMinus.apply(super()._rsample(shape, generator))


class BiasedPathwiseGradient(Sound):
    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        noise = torch.randn(shape, dtype=self.dtype, generator=generator)
        x = self.loc.detach() + self.scale * noise
        return x + 0.9 * (self.loc - self.loc.detach())


class _ReciprocalOnce(torch.autograd.Function):
    """1 / r, whose second derivative lacks its factor of two."""

    @staticmethod
    def forward(ctx: Any, r: Tensor) -> Tensor:
        value = 1 / r
        ctx.save_for_backward(value)
        ctx.fixed = value.detach()
        return value

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (value,) = ctx.saved_tensors
        return -grad * value * ctx.fixed


class MissingFactorInTheHessian(reparam.Distribution):
    """A normal law by the reciprocal of its scale; draws have the right gradient."""

    rate = param(constraints.positive, typical=(0.5, 2.0))
    support = constraints.real

    def _log_prob(self, x: Tensor) -> Tensor:
        z = x * self.rate
        return -0.5 * z * z + self.rate.log() - HALF_LOG_TWO_PI

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return torch.randn(shape, dtype=self.dtype, generator=generator) * _ReciprocalOnce.apply(self.rate)


class NoMixedDerivativeOfDraws(reparam.Distribution):
    """A normal law with the product of two parameters as scale, whose gradients forget each other."""

    first = param(constraints.positive, typical=(0.5, 2.0))
    second = param(constraints.positive, typical=(0.5, 2.0))
    support = constraints.real

    def _log_prob(self, x: Tensor) -> Tensor:
        z = x / (self.first * self.second)
        return -0.5 * z * z - (self.first * self.second).log() - HALF_LOG_TWO_PI

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        noise = torch.randn(shape, dtype=self.dtype, generator=generator)
        one, other = self.first.detach(), self.second.detach()
        return noise * (self.first * other + one * self.second - one * other)


class Pair(reparam.Distribution):
    """Two correlated normals with the implicit gradient of their conditional cdfs."""

    loc = param(constraints.real_vector, typical=(-1.0, 1.0))
    correlation = param(constraints.interval(-0.9, 0.9), typical=(0.3, 0.7))
    support = constraints.real_vector

    def _log_prob(self, x: Tensor) -> Tensor:
        noise = self._standardize(x)
        return -0.5 * (noise**2).sum(-1) - self._width().log() - 2 * HALF_LOG_TWO_PI

    def _width(self) -> Tensor:
        return (1 - self.correlation**2).sqrt()

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        noise = torch.randn(shape, dtype=self.dtype, generator=generator)
        second = self.correlation * noise[..., 0] + self._width() * noise[..., 1]
        return reparameterised(self, (self.loc + torch.stack([noise[..., 0], second], -1)).detach())

    def _standardize(self, x: Tensor) -> Tensor:
        first, second = (x - self.loc).unbind(-1)
        return torch.stack([first, (second - self.correlation * first) / self._width()], -1)

    def _matrix(self) -> Tensor:
        zero, one = torch.zeros_like(self.correlation), torch.ones_like(self.correlation)
        rows = [one, zero, -self.correlation / self._width(), 1 / self._width()]
        return torch.stack(rows, -1).unflatten(-1, (2, 2))

    def _standardize_jacobian(self, x: Tensor) -> Any:
        return Triangular(self._matrix().expand((*x.shape, 2)))


class DroppedOffDiagonal(Pair):
    def _standardize_jacobian(self, x: Tensor) -> Any:
        return Diagonal(self._matrix().diagonal(dim1=-2, dim2=-1).expand(x.shape))


class MissingMinusInAVector(Pair):
    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        x = super()._rsample(shape, generator)
        return 2 * x.detach() - x


class WrongHessianOfAVector(Pair):
    """The gradient is right, and the second derivative in the correlation is missing."""

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        noise = torch.randn(shape, dtype=self.dtype, generator=generator)
        first, second = noise.unbind(-1)
        moved = self.correlation - self.correlation.detach()
        width = self._width().detach()
        slope = first - self.correlation.detach() / width * second
        drawn = self.correlation.detach() * first + width * second + moved * slope
        return self.loc + torch.stack([first, drawn], -1)


class WrongJacobian(Pair):
    """Its density is right, its noise is not that of its draws."""

    def _standardize(self, x: Tensor) -> Tensor:
        first, second = (x - self.loc).unbind(-1)
        return torch.stack([first, (second + self.correlation * first) / self._width()], -1)

    def _log_prob(self, x: Tensor) -> Tensor:
        noise = Pair._standardize(self, x)
        return -0.5 * (noise**2).sum(-1) - self._width().log() - 2 * HALF_LOG_TWO_PI


AGAINST_QUADRATURE = "draws_carry_their_gradients"
AGAINST_THE_SCORE = "draws_move_with_the_probability"
POINT_BY_POINT = "standardised_draws_obey_the_continuity_equation"
IN_EVERY_MODE = "draws_move_alike_in_every_mode"

BROKEN = [
    (MissingMinusInTheImplicitGradient, AGAINST_QUADRATURE),
    (BiasedPathwiseGradient, AGAINST_QUADRATURE),
    (MissingFactorInTheHessian, AGAINST_QUADRATURE),
    (NoMixedDerivativeOfDraws, AGAINST_QUADRATURE),
    (DroppedOffDiagonal, AGAINST_QUADRATURE),
    (DroppedOffDiagonal, AGAINST_THE_SCORE),
    (DroppedOffDiagonal, POINT_BY_POINT),
    (MissingMinusInAVector, AGAINST_QUADRATURE),
    (MissingMinusInAVector, AGAINST_THE_SCORE),
    (WrongHessianOfAVector, AGAINST_QUADRATURE),
    (WrongHessianOfAVector, AGAINST_THE_SCORE),
    (WrongJacobian, POINT_BY_POINT),
    (WrongInForwardMode, IN_EVERY_MODE),
]


@pytest.mark.parametrize(("cls", "law"), BROKEN, ids=[f"{cls.__name__}-{law}" for cls, law in BROKEN])
def test_a_broken_gradient_is_caught(cls: type[reparam.Distribution], law: str) -> None:
    with pytest.raises(AssertionError, match=f"{law}: AssertionError"):
        testing.check(cls, only=[law])


@pytest.mark.parametrize("cls", [Sound, Pair])
def test_sound_gradients_pass(cls: type[reparam.Distribution]) -> None:
    laws = [AGAINST_QUADRATURE, AGAINST_THE_SCORE, POINT_BY_POINT, IN_EVERY_MODE]
    report = testing.check(cls, only=laws)
    assert len(report.passed) == (4 if cls is Pair else 2) and not report.untested
