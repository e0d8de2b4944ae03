"""Laws whose samples get their gradient from cdfs that somebody else gives."""

from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor
from torch.func import jacfwd, jacrev

import reparam
from reparam import (
    Distribution,
    Factorised,
    Gamma,
    ImplicitReparam,
    Independent,
    Normal,
    Truncated,
    constraints,
    param,
    testing,
)


class Logistic(Distribution):
    """A law that gives nothing but its cdf."""

    loc = param(constraints.real)
    scale = param(constraints.positive)
    support = constraints.real

    def _cdf(self, x: Tensor) -> Tensor:
        return torch.sigmoid((x - self.loc) / self.scale)

    def _sf(self, x: Tensor) -> Tensor:
        return torch.sigmoid((self.loc - x) / self.scale)


class Gompertz(Distribution):
    """A law of lifetimes that gives one cdf, whose complement underflows in reach of the quantiles."""

    frailty = param(constraints.positive, typical=(0.3, 2.0))
    rate = param(constraints.positive, typical=(0.5, 2.0))
    support = constraints.nonnegative

    def _cdf(self, x: Tensor) -> Tensor:
        return -torch.expm1(-self.frailty * torch.expm1(self.rate * x))


class Scaled(Gompertz):
    """The same, which gives the logarithm of its survival function instead."""

    def _log_sf(self, x: Tensor) -> Tensor:
        return -self.frailty * torch.expm1(self.rate * x)

    _cdf = Distribution._cdf


class Rotated(Distribution):
    """A normal vector that tells how it becomes noise, and not how that depends on it."""

    factor = param(constraints.lower_cholesky)
    support = constraints.real_vector

    def _derive_event_shape(self) -> torch.Size:
        return self.factor.shape[-1:]

    def _sample(self, shape: torch.Size, generator: object) -> Tensor:
        return (self.factor @ torch.randn(*shape, 1, dtype=self.dtype)).squeeze(-1)

    def _standardize(self, x: Tensor) -> Tensor:
        return torch.linalg.solve_triangular(self.factor, x.unsqueeze(-1), upper=False).squeeze(-1).sinh()


def _leaf(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def test_a_cdf_is_enough() -> None:
    loc, scale = _leaf(0.3), _leaf(2.0)
    law = ImplicitReparam(Logistic(loc, scale))
    x = torch.tensor([-700.0, -1.0, 0.5, 700.0], dtype=torch.float64)
    z = ((x - loc) / scale).detach()
    torch.testing.assert_close(law.log_prob(x), -z.abs() - 2 * torch.log1p(torch.exp(-z.abs())) - scale.log())
    draws = law.rsample((20000,))
    # the supremum of the empirical process exceeds 2.4 / sqrt(n) with probability 2 exp(-2 * 2.4^2) = 2e-5
    ranks = torch.linspace(0, 1, 20001, dtype=torch.float64)[1:]
    assert (law.cdf(draws).detach().flatten().sort().values - ranks).abs().max() < 2.4 / 20000**0.5
    one, two = torch.autograd.grad(draws.sum(), [loc, scale], create_graph=True)
    torch.testing.assert_close(one, torch.full_like(one, 20000.0))
    torch.testing.assert_close(two, ((draws - loc) / scale).sum().reshape(1))
    # x is linear in its parameters
    torch.testing.assert_close(
        torch.autograd.grad(two.sum(), scale, retain_graph=True)[0], torch.zeros_like(scale), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("cls", [Gompertz, Scaled])
def test_a_law_of_one_tail_is_a_law_like_others(cls: type[Distribution]) -> None:
    laws = ["gradients_are_numbers", "live_parameters_are_read_anew", "values_have_shapes", "views_are_the_same_law"]
    assert len(testing.check(cls, only=laws).passed) == len(laws)
    frailty, rate = _leaf(0.5, 0.7), _leaf(1.2)
    x = torch.tensor([[0.0], [0.8], [1.2]], dtype=torch.float64)
    exact = frailty.log() + rate.log() + rate * x - frailty * torch.expm1(rate * x)
    torch.testing.assert_close(cls(frailty, rate).log_prob(x), exact, rtol=1e-13, atol=1e-13)
    # x is log(1 + E / frailty) / rate for an exponential E: by the trapezoidal rule in log E, whose ends are 1e-16
    log_e = torch.linspace(-40.0, 5.0, 2000, dtype=torch.float64)[:, None]
    mass, log_term = (45 / 1999) * torch.exp(log_e - log_e.exp()), torch.log1p(log_e.exp() / frailty)
    mean = (mass * log_term / rate).sum(0)
    entropy = (mass * (log_e.exp() - torch.log(frailty * rate) - log_term)).sum(0)
    for found, wanted in ((cls(frailty, rate).mean, mean), (cls(frailty, rate).entropy(), entropy)):
        torch.testing.assert_close(found, wanted, rtol=1e-13, atol=1e-13)
        slopes = (torch.autograd.grad(value.sum(), [frailty, rate], retain_graph=True) for value in (found, wanted))
        torch.testing.assert_close(*slopes, rtol=1e-12, atol=1e-12)


def test_parameters_that_are_views_of_one_tensor_compile() -> None:
    """A compiled draw has the gradient that its inverse cdf written out has, by 1e4 eps."""
    t = _leaf(0.5, 1.2)
    draws = torch.compile(
        lambda t: ImplicitReparam(Gompertz(t[0], t[1])).rsample((5,)), fullgraph=True, backend="aot_eager"
    )
    x = draws(t)
    (found,) = torch.autograd.grad(x.cos().sum(), t)
    noise = (t[0] * torch.expm1(t[1] * x)).detach()
    (wanted,) = torch.autograd.grad((torch.log1p(noise / t[0]) / t[1]).cos().sum(), t)
    torch.testing.assert_close(found, wanted, rtol=2e-12, atol=2e-12)


def test_the_implicit_gradient_of_a_normal_is_the_explicit_one() -> None:
    loc, scale = _leaf(0.3, -1.0), _leaf(2.0, 1e-3)
    base = Normal(loc, scale)
    for law in (ImplicitReparam(base), ImplicitReparam(Independent(base, 1))):
        torch.manual_seed(3)
        explicit = base.rsample((100,))
        torch.manual_seed(3)
        implicit = law.rsample((100,))
        assert torch.equal(explicit, implicit)
        value = torch.randn(100, 2, dtype=torch.float64)
        for got, want in zip(
            torch.autograd.grad((value * implicit).sum(), [loc, scale]),
            torch.autograd.grad((value * explicit).sum(), [loc, scale]),
            strict=True,
        ):
            torch.testing.assert_close(got, want, rtol=1e-11, atol=1e-11)


def test_a_law_may_standardise_itself() -> None:
    factor = torch.tensor([[2.0, 0.0], [0.7, 0.5]], dtype=torch.float64, requires_grad=True)
    x = ImplicitReparam(Rotated(factor)).rsample((50,))
    noise = torch.linalg.solve_triangular(factor.detach(), x.detach().unsqueeze(-1), upper=False)
    want = torch.autograd.grad((factor @ noise).squeeze(-1).cos().sum(), factor)[0]
    torch.testing.assert_close(torch.autograd.grad(x.cos().sum(), factor)[0], want.tril())


def test_conditional_laws_make_a_joint_one() -> None:
    """With E x_2 = E e^{x_1 / 2} = exp(loc / 2 + scale^2 / 8), whose gradient is known."""
    loc, scale = _leaf(0.4), _leaf(0.6)
    law = Factorised(ImplicitReparam(Logistic(loc, scale)), [lambda x: Normal(x[..., 0], 1.0)])
    assert law.event_shape == (2,) and law.batch_shape == (1,)
    x = law.rsample((40000,))
    slopes = torch.autograd.grad(x[..., 1].mean(), [loc, scale])
    torch.testing.assert_close(slopes[0], torch.ones(1, dtype=torch.float64))
    law = Factorised(Normal(loc, scale), [lambda x: Gamma(2.0, 2 * torch.exp(-x[..., 0] / 2))])
    draws = torch.stack(
        [torch.stack(torch.autograd.grad(law.rsample((400,))[..., 1].mean(), [loc, scale])) for _ in range(200)]
    )
    mean = torch.exp(loc / 2 + scale**2 / 8)
    want = torch.stack(torch.autograd.grad(mean, [loc, scale]))
    # 5 standard errors: a false alarm of 6e-7 each
    assert ((draws.mean(0) - want).abs() <= 5 * draws.std(0) / 200**0.5).all()


LAWS = {
    "by one slope": lambda a: Gamma(a, a.sum()),
    "by a cdf": lambda a: ImplicitReparam(Logistic(a, a.sum())),
    "with a broadcast parameter": lambda a: Truncated(Normal(a, a.sum()), 0.0, 4.0),
}


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
@pytest.mark.parametrize("name", LAWS)
def test_forward_mode_nests(name: str) -> None:
    """Forward mode over forward mode, under ``vmap``, gives the Hessian of reverse mode: but for rounding, 1e3 eps."""

    def draws(a: Tensor) -> Tensor:
        return LAWS[name](a).rsample((3,), generator=Generator().manual_seed(1)).flatten().cos()

    a = torch.tensor([0.4, 2.0], dtype=torch.float64)
    forward = jacfwd(jacfwd(draws, randomness="same"), randomness="same")(a)
    torch.testing.assert_close(forward, jacrev(jacrev(draws))(a), rtol=3e-13, atol=3e-13)


def test_what_cannot_be_reparameterised_is_refused() -> None:
    with pytest.raises(TypeError, match="Bernoulli is discrete"):
        ImplicitReparam(reparam.Bernoulli(0.5))
    with pytest.raises(TypeError, match="neither a scalar cdf nor _standardize"):
        ImplicitReparam(reparam.Dirichlet(torch.ones(3)))
    with pytest.raises(TypeError, match="rest holds 3"):
        Factorised(Normal(0.0, 1.0), [3])
    with pytest.raises(TypeError, match="coordinate 1 returned"):
        Factorised(Normal(0.0, 1.0), [lambda x: x]).sample()
    with pytest.raises(ValueError, match=r"coordinate 1 returned a law of batch_shape \(4, 1\)"):
        Factorised(Normal(torch.zeros(4), 1.0), [lambda x: Normal(x, 1.0)]).log_prob(torch.zeros(4, 2))
