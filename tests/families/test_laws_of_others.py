"""Laws that users write for implicit reparameterisation: what is wrong with one is said, and no gradient is lost."""

from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor

from reparam import Distribution, Factorised, ImplicitReparam, Normal, Poisson, constraints, param
from reparam.constraints import positive, real, real_vector
from reparam.implicit import Diagonal


class Pair(Distribution):
    """Two normal coordinates, the second around the first."""

    scale = param(positive)
    support = real_vector

    def _derive_event_shape(self) -> torch.Size:
        return torch.Size((2,))

    def _sample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return self.scale * torch.randn(shape, generator=generator).cumsum(-1)

    def _standardize(self, x: Tensor) -> Tensor:
        return torch.stack([x[..., 0], x[..., 1] - x[..., 0]], -1) / self.scale


class Reduced(Pair):
    def _standardize(self, x: Tensor) -> Tensor:
        return super()._standardize(x)[..., 0]


class Reversed(Pair):
    def _standardize(self, x: Tensor) -> Tensor:
        return super()._standardize(x.flip(-1)).flip(-1)


class Bare(Pair):
    def _standardize_jacobian(self, x: Tensor) -> Tensor:
        return torch.eye(2)


class ByTail(Distribution):
    scale = param(positive)
    support = real

    def _cdf(self, x: Tensor) -> Tensor:
        return torch.sigmoid(-x / self.scale)


class Counted(ByTail):
    def _cdf(self, x: Tensor) -> Tensor:
        return 3 * torch.sigmoid(x / self.scale)


class Nowhere(Distribution):
    scale = param(positive)

    def _cdf(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x / self.scale)


def test_a_standardisation_is_differentiated() -> None:
    scale = torch.tensor(2.0, requires_grad=True)
    x = ImplicitReparam(Pair(scale)).rsample((3,))
    (slope,) = torch.autograd.grad(x.sum(), scale)
    torch.testing.assert_close(slope, (x / scale).sum().detach())


@pytest.mark.parametrize(
    ("law", "error", "said"),
    [
        (Reduced, ValueError, r"Reduced: _standardize makes noise of shape \(\) from samples of shape \(2,\)"),
        (Reversed, ValueError, r"Reversed: an entry of _standardize\(x\) depends on a later entry of x"),
        (Bare, TypeError, "Bare: _standardize_jacobian must return a Diagonal or Triangular"),
        (ByTail, ValueError, "ByTail: its (sf goes from 0 to 1|cdf goes from 1 to 0) over the support"),
        (Counted, ValueError, "Counted: its (sf goes from 1 to -2|cdf goes from 0 to 3) over the support"),
        (Nowhere, AttributeError, "Nowhere declares no support, as in: support = constraints.real"),
    ],
)
def test_what_is_wrong_with_a_law_is_said(law: type[Distribution], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        ImplicitReparam(law(torch.tensor(1.0, requires_grad=True))).rsample().sum().backward()


def test_a_stated_jacobian_is_used() -> None:
    class Apart(Pair):
        def _standardize(self, x: Tensor) -> Tensor:
            return x / self.scale

        def _standardize_jacobian(self, x: Tensor) -> Diagonal:
            return Diagonal((1 / self.scale).expand_as(x))

    scale = torch.tensor(2.0, requires_grad=True)
    x = ImplicitReparam(Apart(scale)).rsample()
    torch.testing.assert_close(torch.autograd.grad(x.sum(), scale)[0], (x / scale).sum().detach())


@pytest.mark.parametrize(
    "law",
    [
        Factorised(Normal(0.0, 1.0), [lambda x: Poisson(x[..., 0].exp())]),
        Factorised(Poisson(3.0), [lambda x: Normal(x[..., 0], 1.0)]),
    ],
    ids=["second", "first"],
)
def test_a_discrete_coordinate_has_no_pathwise_gradient(law: Factorised) -> None:
    x = law.sample((100,))
    place = 1 if law.first.support is constraints.real else 0
    assert torch.equal(x[:, place], x[:, place].round()) and bool(law.log_prob(x).isfinite().all())
    with pytest.raises(NotImplementedError, match="Poisson has no rsample: its values are discrete"):
        law.rsample()


def test_conditionals_come_in_a_sequence() -> None:
    with pytest.raises(TypeError, match="rest must be a sequence of functions"):
        Factorised(Normal(0.0, 1.0), lambda x: Normal(x[..., 0], 1.0))
