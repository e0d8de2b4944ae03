"""Derivatives of single doors under transforms and in corners that the laws of all families do not reach."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Generator, Tensor
from torch.autograd import forward_ad
from torch.func import grad, jacrev, jvp, vmap
from torch.utils.checkpoint import checkpoint

import reparam
from reparam import special
from reparam.testing import Family, classes_in, families

# torch.func.jvp loads torch's own deprecated scripts.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")

FAMILIES = [family for cls in classes_in(reparam) for family in families(cls) if family.principal and family.smooth]


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_draws_without_a_gradient_have_none_in_forward_mode(family: Family) -> None:
    values = {name: value.clone() for name, value in family.parameters((2,)).items()}
    moving = {name: values[name] for name in family.smooth}

    def draws(at: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        law = family.build(**{**values, **at})
        return law.sample((3,)).double(), law.sample_and_log_prob((3,))[0].double()

    for moved in jvp(draws, (moving,), (moving,))[1]:
        assert not moved.any()


def test_the_mode_of_a_dirichlet_law_has_its_derivative_under_vmap() -> None:
    """It is (a - 1) / (n - 3); at a corner it does not move."""

    def mode(a: Tensor) -> Tensor:
        return reparam.Dirichlet(a).mode

    a = torch.tensor([[2.0, 3.0, 4.0], [0.5, 0.7, 0.6]], dtype=torch.float64)
    inside, corner = vmap(jacrev(mode))(a)
    excess = a[0] - 1
    exact = torch.eye(3, dtype=torch.float64) / excess.sum() - excess[:, None] / excess.sum() ** 2
    torch.testing.assert_close(inside, exact)
    assert not corner.any()


def test_a_mode_that_a_search_finds_moves_alike_in_both_modes() -> None:
    loc = torch.tensor([0.3, -0.4], dtype=torch.float64)

    def mode(loc: Tensor) -> Tensor:
        return reparam.LogisticNormal(loc, torch.tensor([0.5, 0.8], dtype=torch.float64)).mode[0]

    torch.testing.assert_close(jvp(mode, (loc,), (loc,))[1], grad(mode)(loc) @ loc)


def test_a_mode_of_infinite_density_does_not_move() -> None:
    """A part of the mixture has its pole at zero, wherever the other one lies."""

    def mode(loc: Tensor) -> Tensor:
        parts = (reparam.Normal(loc, 1.0), reparam.Gamma(0.5 + 0 * loc, 1.0))
        return reparam.Mixture(reparam.Categorical(probs=torch.ones(2, dtype=loc.dtype)), parts).mode

    loc = torch.tensor(1.0, dtype=torch.float64)
    assert mode(loc) == 0
    assert grad(mode)(loc) == 0


def _mixture(a: Tensor) -> reparam.Distribution:
    return reparam.MixtureSameFamily(reparam.Categorical(logits=a), reparam.Normal(a, a.exp()))


DRAWN = {
    "a mixture": _mixture,
    "a truncated law": lambda a: reparam.Truncated(reparam.Normal(a, a.sum()), 0.0, 4.0),
    "a law by its cdf": lambda a: reparam.ImplicitReparam(reparam.Gamma(a, a.sum())),
}


@pytest.mark.parametrize("name", DRAWN)
def test_draws_move_with_plain_dual_numbers(name: str) -> None:
    def draws(a: Tensor) -> Tensor:
        return DRAWN[name](a).rsample((3,), generator=Generator().manual_seed(1))

    a = torch.tensor([0.4, 2.0], dtype=torch.float64)
    with forward_ad.dual_level():
        moved = forward_ad.unpack_dual(draws(forward_ad.make_dual(a, a))).tangent
    torch.testing.assert_close(moved, jacrev(draws)(a) @ a)


@pytest.mark.parametrize("law", [reparam.Exponential(2.0), reparam.Uniform(0.0, 0.5), reparam.Pareto(0.5, 1.0)])
def test_probabilities_beyond_the_support_do_not_move(law: reparam.Distribution) -> None:
    """At a closed end they have the slope of the side within, in every mode, and none outside."""
    low = law.icdf(torch.tensor(0.0)).item()
    x = torch.tensor([-math.inf, low - 1, low], requires_grad=True)
    torch.compiler.reset()
    for cdf in (law.cdf, torch.vmap(law.cdf), torch.compile(law.cdf, fullgraph=True, backend="aot_eager")):
        value = cdf(x)
        assert value.tolist() == [0.0, 0.0, 0.0]
        torch.testing.assert_close(torch.autograd.grad(value.sum(), x)[0], torch.tensor([0.0, 0.0, 2.0]))


def test_a_change_in_place_before_the_backward_pass_is_refused() -> None:
    """By torch's own words, where the value is native too."""
    a = torch.ones(3, requires_grad=True)
    concentration = a * 2
    value = reparam.Gamma(concentration, torch.ones(3)).cdf(torch.ones(3))
    concentration.mul_(1.5)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(value.sum(), a)


CHECKPOINTED = {
    "many draws": lambda a: reparam.Gamma(a, 1.0).rsample((5000,)),
    "a gradient in Python": lambda a: reparam.LKJCholesky(3, a).median,
}


@pytest.mark.parametrize("name", CHECKPOINTED)
def test_checkpoints_are_read_once(name: str) -> None:
    a = torch.tensor([1.5, 2.5], requires_grad=True)
    found = []
    for through in (CHECKPOINTED[name], lambda a: checkpoint(CHECKPOINTED[name], a, use_reentrant=False)):
        torch.manual_seed(0)
        found.append(torch.autograd.grad(through(a).square().sum(), a)[0])
    torch.testing.assert_close(*found)


def _quantile(loc: Tensor, p: Tensor) -> Tensor:
    return reparam.Gumbel(loc, 1.0).icdf(p)


@pytest.mark.parametrize(
    "transformed", [vmap(_quantile), vmap(grad(_quantile)), grad(lambda *at: vmap(_quantile)(*at).sum())]
)
def test_compiled_transforms_validate(transformed: Callable[..., Tensor]) -> None:
    loc, p = torch.tensor([0.5, 1.0]), torch.tensor([0.2, 0.9])
    torch.compiler.reset()
    compiled = torch.compile(transformed, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(loc, p), transformed(loc, p))
    with pytest.raises(RuntimeError, match=r"Gumbel: a value must be in \[0, 1\]"):
        compiled(loc, p + 0.5)


CENTRES: dict[str, tuple[Callable[[Tensor], Tensor], float, float]] = {
    # the slope and the curvature at zero, by hand
    "log_sigmoid": (special.log_sigmoid, 0.5, -0.25),
    "the entropy of a Bernoulli law": (lambda x: reparam.Bernoulli(logits=x).entropy(), 0.0, -0.25),
    "log_stdtr": (lambda x: special.log_stdtr(torch.ones_like(x), x), 2 / math.pi, -((2 / math.pi) ** 2)),
    "owens_t": (lambda x: special.owens_t(x, torch.ones_like(x)), 0.0, -1 / (2 * math.pi)),
    "log_von_mises_cdf": (lambda x: special.log_von_mises_cdf(x, torch.zeros_like(x)), 1 / math.pi, -(math.pi**-2)),
    "the cdf of a von Mises law": (
        lambda x: reparam.VonMises(x, torch.ones_like(x)).cdf(torch.ones_like(x)),
        # of exp(cos x) / (2 pi I0(1)): the density at the cut less that at 1, and the slope of the latter
        (math.exp(-1) - math.exp(math.cos(1))) / (2 * math.pi * 1.2660658777520084),
        -math.sin(1) * math.exp(math.cos(1)) / (2 * math.pi * 1.2660658777520084),
    ),
}


# The density of VonMises(0, 1) at its mode less that at the cut; half of the mass is below the mode.
FALL = 2 * math.sinh(1) / (2 * math.pi * 1.2660658777520084)
CENTRES["the log cdf of a von Mises law"] = (
    lambda x: reparam.VonMises(x, torch.ones_like(x)).log_cdf(torch.zeros_like(x)),
    -2 * FALL,
    -4 * FALL**2,
)
CENTRES["the log sf of a von Mises law"] = (
    lambda x: reparam.VonMises(x, torch.ones_like(x)).log_sf(torch.zeros_like(x)),
    2 * FALL,
    -4 * FALL**2,
)


@pytest.mark.parametrize("name", CENTRES)
def test_derivatives_where_a_function_is_mirrored(name: str) -> None:
    """Natively, by formula, and to second order: an absolute value has no slope at zero, the function has one."""
    f, first, second = CENTRES[name]
    x = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (natively,) = torch.autograd.grad(f(x), x)
    (slope,) = torch.autograd.grad(f(x), x, create_graph=True)
    (curvature,) = torch.autograd.grad(slope, x)
    found = torch.stack([natively, slope.detach(), grad(f)(x.detach()), curvature, grad(grad(f))(x.detach())])
    torch.testing.assert_close(
        found, torch.tensor([first] * 3 + [second] * 2, dtype=torch.float64), rtol=1e-12, atol=1e-15
    )
