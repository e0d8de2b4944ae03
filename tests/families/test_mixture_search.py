"""Modes and quantiles of mixtures: the best of fine grids, the least counts, and gradients of what they solve."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import reparam
from reparam import Categorical, MixtureSameFamily


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


WEIGHTS = doubles(0.2, 0.3, 0.5)
DENSITIES = {
    "normal": reparam.Normal(doubles(-2.0, 0.0, 1.5), doubles(0.5, 1.0, 2.0)),
    "narrow": reparam.Normal(doubles(-2.0, 0.0, 1.5), doubles(0.5, 1e-5, 2.0)),
    "laplace": reparam.Laplace(doubles(0.0, 1.0, 1.25), doubles(0.5, 1.0, 3.0)),
    "student": reparam.StudentT(doubles(1.0, 3.0, 30.0), doubles(0.0, 1.0, -1.0), doubles(1.0, 0.5, 0.25)),
    "gamma": reparam.Gamma(doubles(1.5, 4.0, 30.0), doubles(1.0, 1.0, 5.0)),
    "uniform": reparam.Uniform(doubles(0.0, 1.0, 1.5), doubles(2.0, 3.0, 4.0)),
    "beta": reparam.Beta(doubles(1.0, 2.0, 5.0), doubles(3.0, 2.0, 1.0)),
    "angles": reparam.VonMises(doubles(3.0, -3.0, 0.5), doubles(4.0, 4.0, 0.25)),
}


@pytest.mark.parametrize("name", DENSITIES)
def test_no_point_of_a_fine_grid_is_above_the_mode(name: str) -> None:
    """The grid has quantiles of every component, a thousandth of it apart."""
    law = MixtureSameFamily(Categorical(WEIGHTS), DENSITIES[name])
    levels = torch.arange(1, 1000, dtype=torch.float64)[:, None] / 1000
    grid = DENSITIES[name].icdf(levels).flatten()
    best = law.log_prob(law.mode)
    assert law.log_prob(grid).max() <= best + 1e-14 * best.abs()
    unlike = reparam.Mixture(Categorical(WEIGHTS), [DENSITIES[name][k] for k in range(3)])
    torch.testing.assert_close(unlike.mode, law.mode, rtol=1e-12, atol=1e-15)
    assert law.to(torch.float32).mode.dtype == torch.float32


def test_the_higher_of_two_nearly_equal_modes() -> None:
    for weights, end in ((doubles(0.5 + 1e-9, 0.5 - 1e-9), -3.0), (doubles(0.5 - 1e-9, 0.5 + 1e-9), 3.0)):
        law = MixtureSameFamily(Categorical(weights), reparam.Normal(doubles(-3.0, 3.0), doubles(1.0, 1.0)))
        assert law.mode.item() == pytest.approx(end, abs=1e-6)


def test_an_infinite_density_is_the_largest() -> None:
    law = reparam.Mixture(
        Categorical(doubles(0.1, 0.9)), [reparam.Gamma(doubles(0.5)[0], 1.0), reparam.Normal(3.0, 0.1)]
    )
    assert law.mode.item() == 0


def test_gradients_of_modes() -> None:
    """Implicit where the density is smooth, to second order; those of the corner where it is one."""

    def smooth(loc: Tensor, scale: Tensor, logits: Tensor) -> Tensor:
        return MixtureSameFamily(Categorical(logits=logits), reparam.Normal(loc, scale)).mode

    point = [doubles(-1.0, 0.5), doubles(1.0, 0.9), doubles(0.0, 0.2)]
    point = [t.requires_grad_() for t in point]
    assert torch.autograd.gradcheck(smooth, point)
    assert torch.autograd.gradgradcheck(smooth, point)
    forward = torch.func.jacfwd(smooth)(*(t.detach() for t in point))
    torch.testing.assert_close(forward, torch.autograd.grad(smooth(*point), point[0])[0])

    def corner(loc: Tensor) -> Tensor:
        return MixtureSameFamily(Categorical(doubles(0.5, 0.5)), reparam.Laplace(loc, doubles(0.5, 3.0))).mode

    assert torch.func.grad(corner)(doubles(0.0, 1.0)).tolist() == [1.0, 0.0]
    assert not corner(doubles(0.0, 1.0)).requires_grad


def test_batches_of_modes() -> None:
    loc = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    law = MixtureSameFamily(Categorical(WEIGHTS.expand(5, 3)), reparam.Normal(loc, 0.75))
    assert law.mode.tolist() == [law[i].mode.item() for i in range(5)]
    alone = torch.vmap(lambda m: MixtureSameFamily(Categorical(WEIGHTS), reparam.Normal(m, 0.75)).mode)(loc)
    torch.testing.assert_close(alone, law.mode, rtol=1e-14, atol=1e-15)


# -- vectors -------------------------------------------------------------------------------------------------


def planar(batch: int, components: int, seed: int) -> reparam.MultivariateNormal:
    """Correlated normal laws of pairs, whose scales are unlike."""
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, components)
    loc = torch.randn(*shape, 2, generator=generator, dtype=torch.float64)
    scale = torch.randn(*shape, 2, generator=generator, dtype=torch.float64).exp()
    turn, _ = torch.linalg.qr(torch.randn(*shape, 2, 2, generator=generator, dtype=torch.float64))
    return reparam.MultivariateNormal(loc, turn @ scale.square().diag_embed() @ turn.mT)


@pytest.mark.parametrize("components", [2, 3, 5])
def test_no_point_of_a_grid_is_above_the_mode_of_normal_vectors(components: int) -> None:
    line = torch.linspace(-4, 4, 121, dtype=torch.float64)
    grid = torch.stack(torch.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 1, 2)
    parts = planar(40, components, components)
    choice = Categorical(torch.ones(40, components, dtype=torch.float64))
    law = MixtureSameFamily(choice, parts)
    assert bool((law.log_prob(grid).amax(0) <= law.log_prob(law.mode)).all())
    # where the slope is zero to the rounding of what it is a sum of, in units of the narrowest component
    slope = torch.func.grad(lambda x: law.log_prob(x).sum())(law.mode)
    narrow = torch.linalg.eigvalsh(parts.covariance_matrix).amin((-1, -2)).sqrt()
    assert float((slope.abs().amax(-1) * narrow).max()) < 1e-12
    unlike = reparam.Mixture(choice, [parts[:, k] for k in range(components)])
    torch.testing.assert_close(unlike.mode, law.mode, rtol=1e-9, atol=1e-9)
    single = law.to(torch.float32).mode
    assert single.dtype == torch.float32
    reached = law.log_prob(single.double())
    torch.testing.assert_close(reached, law.log_prob(law.mode), rtol=1e-6, atol=1e-6)


def test_the_mode_between_two_crossed_normal_laws() -> None:
    """Long thin laws that cross: the density is largest where they do, far from either mean."""
    loc = torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.float64)
    scale = torch.tensor([[0.1, 2.0], [2.0, 0.1]], dtype=torch.float64)
    weights = Categorical(doubles(0.5, 0.5))
    forms = [
        reparam.Normal(loc, scale).to_event(1),
        reparam.MultivariateNormal(loc, scale_tril=scale.diag_embed()),
        reparam.LowRankMultivariateNormal(loc, torch.zeros(2, 2, 1, dtype=torch.float64), scale.square()),
    ]
    for parts in forms:
        law = MixtureSameFamily(weights, parts)
        mode = law.mode
        assert bool((law.log_prob(mode) > law.log_prob(loc)).all())
        assert mode[0].item() == pytest.approx(mode[1].item(), abs=1e-12) and abs(mode[0].item()) < 0.1


def test_gradients_of_modes_of_vectors() -> None:
    def mode(loc: Tensor, factor: Tensor, logits: Tensor) -> Tensor:
        parts = reparam.MultivariateNormal(loc, scale_tril=factor.tril())
        return MixtureSameFamily(Categorical(logits=logits), parts).mode

    factor = torch.tensor([[[0.75, 0.0], [0.25, 0.5]], [[1.0, 0.0], [-0.5, 0.75]]], dtype=torch.float64)
    point = (torch.tensor([[0.0, 1.0], [0.75, 0.25]], dtype=torch.float64), factor, doubles(0.25, -0.125))
    leaves = tuple(t.clone().requires_grad_() for t in point)
    assert torch.autograd.gradcheck(mode, leaves)
    assert torch.autograd.gradgradcheck(mode, leaves, atol=1e-5)
    forward = torch.func.jacfwd(mode)(*point)
    torch.testing.assert_close(forward, torch.func.jacrev(mode)(*point), rtol=1e-10, atol=1e-12)
    batch = torch.vmap(mode)(*(t.expand(3, *t.shape) for t in point))
    torch.testing.assert_close(batch, mode(*point).expand(3, 2), rtol=1e-12, atol=1e-12)


def test_modes_of_other_vectors_are_refused() -> None:
    parts = reparam.Laplace(torch.zeros(2, 3), 1.0).to_event(1)
    with pytest.raises(NotImplementedError, match="normal ones alone, not for Independent"):
        _ = MixtureSameFamily(Categorical(torch.ones(2)), parts).mode


COUNTS = {
    "poisson": reparam.Poisson(doubles(0.5, 7.0, 30.0)),
    "binomial": reparam.Binomial(doubles(3.0, 10.0, 20.0), doubles(0.5, 0.25, 0.75)),
    "geometric": reparam.Geometric(doubles(0.5, 0.125, 0.01)),
    "negative binomial": reparam.NegativeBinomial(doubles(1.0, 5.0, 40.0), doubles(0.5, 0.75, 0.5)),
    "bernoulli": reparam.Bernoulli(doubles(0.25, 0.5, 0.625)),
    "categorical": reparam.Categorical(doubles(0.25, 0.125, 0.625).expand(3, 3)),
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts_have_their_quantiles_and_mode(name: str) -> None:
    """Against the masses of all counts, with probabilities between their steps, where no rounding decides."""
    law = MixtureSameFamily(Categorical(WEIGHTS), COUNTS[name])
    kind = law.sample_dtype or law.dtype
    last = int(COUNTS[name].isf(doubles(1e-12)).max())
    k = torch.arange(last + 1).to(kind)
    mass = law.log_prob(k).exp()
    assert law.mode.dtype == kind and law.mode == k[mass.argmax()]
    assert law.mean.isnan() or law.mean.item() == pytest.approx((mass * k).sum().item(), rel=1e-9)
    below = law.cdf(k)
    torch.testing.assert_close(below, mass.cumsum(0), rtol=0, atol=1e-12)
    steps = torch.cat([doubles(0.0), below])
    wide = steps.diff() > 1e-9
    middle = ((steps[1:] + steps[:-1]) / 2)[wide]
    assert torch.equal(law.icdf(middle), k[wide])
    assert torch.equal(law.isf(1 - middle), k[wide])
    ends = COUNTS[name].icdf(doubles(0.0, 1.0)[:, None])
    assert torch.equal(law.icdf(doubles(0.0, 1.0)), torch.stack([ends[0].amin(), ends[1].amax()]))


def test_the_likeliest_of_listed_vectors() -> None:
    probs = torch.tensor([[[0.5, 0.25, 0.25], [0.0, 0.25, 0.75]], [[0.0, 0.75, 0.25], [0.5, 0.5, 0.0]]]).double()
    law = MixtureSameFamily(Categorical(doubles(0.5, 0.5).expand(2, 2)), reparam.OneHotCategorical(probs))
    assert law.mode.tolist() == [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]


def test_far_upper_quantiles_of_counts() -> None:
    """Where 1 - p rounds to 1: the least count beyond which less than p is left."""
    law = MixtureSameFamily(Categorical(doubles(0.5, 0.5)), reparam.Poisson(doubles(2.0, 30.0)))
    p = doubles(1e-17, 1e-100, 1e-250)
    k = law.isf(p)
    assert bool((law.sf(k) <= p).all()) and bool((law.sf(k - 1) > p).all())


def test_covariances_of_mixed_vectors() -> None:
    """Those of the components and of their means, by hand."""
    matrix = torch.tensor([[2.0, 0.5], [0.5, 1.0]], dtype=torch.float64)
    loc = torch.tensor([[0.0, 1.0], [2.0, -1.0]], dtype=torch.float64)
    weights = doubles(0.25, 0.75)
    expected = matrix + torch.cov(loc.T, aweights=weights, correction=0)
    normal = reparam.MultivariateNormal(loc, matrix)
    for law in (
        MixtureSameFamily(Categorical(weights), normal),
        reparam.Mixture(Categorical(weights), [normal[0], normal[1]]),
    ):
        torch.testing.assert_close(law.covariance, expected, rtol=1e-14, atol=0)
        torch.testing.assert_close(law.variance, expected.diagonal(), rtol=1e-14, atol=0)
