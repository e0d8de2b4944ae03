"""Normal laws whose covariance is singular, against exact forms in coordinates of their plane.

A covariance F F' of integers (times a power of two) is exact, and so is a point F c: the density there is
-(r log 2 pi + log det F'F + c'c) / 2 in high precision, whatever F is. Covariances are known up to rounding alone,
which moves these values by their condition times eps.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from mpmath import log, matrix, mp, mpf, pi
from torch import Tensor

import reparam
from reparam import MultivariateNormal

F64 = torch.float64
DTYPES = [F64, torch.float32]
BASE = {F64: 100, torch.float32: 4}  # eps, beside the condition
FACTORS = {
    "a line": [[3.0], [-1.0], [2.0]],
    "a plane": [[1.0, 2.0], [0.0, -3.0], [2.0, 1.0], [-1.0, 1.0]],
    "a thin plane": [[64.0, 1.0], [64.0, -1.0], [0.0, 0.5]],
    "large": [[3.0 * 2**40, 2.0**40], [-(2.0**40), 2.0**42], [0.0, 2.0**40]],
    "small": [[3.0 * 2**-40], [2.0**-40], [2.0**-41]],
    "definite": [[2.0, 1.0], [0.0, 1.0]],
    "a coordinate": [[0.0], [2.0], [0.0]],
}


def law_of(factor: Tensor, loc: Tensor | float = 0.0) -> MultivariateNormal:
    loc = factor.new_zeros(factor.shape[-2]) + loc
    return MultivariateNormal(loc, semidefinite_covariance=factor @ factor.mT)


def condition(factor: Tensor) -> float:
    return torch.linalg.cond(factor.double()).item() ** 2


def coordinates(r: int) -> Tensor:
    """Points of the plane, in dyadic numbers."""
    return torch.tensor([[0.0, 0.0], [1.0, -0.5], [-3.0, 2.25], [0.125, 7.0]], dtype=F64)[:, :r]


def log_pdet(factor: Tensor) -> mpf:
    exact = matrix(factor.double().tolist())
    return log(mp.det(exact.T * exact))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", FACTORS)
def test_densities_and_entropies(name: str, dtype: torch.dtype) -> None:
    factor = torch.tensor(FACTORS[name], dtype=dtype)
    n, r = factor.shape
    law, points = law_of(factor), coordinates(r)
    allowed = torch.finfo(dtype).eps * (BASE[dtype] + condition(factor))
    found = law.log_prob(points.to(dtype) @ factor.mT)
    for value, c in zip(found.tolist(), points.tolist(), strict=True):
        parts = [r * log(2 * pi), log_pdet(factor), sum(mpf(a) ** 2 for a in c)]
        exact, terms = -sum(parts) / 2, sum(map(abs, parts)) / 2 + n * abs(log(law.variance.max().item()))
        assert abs(value - exact) <= allowed * terms
    entropy = (r * (1 + log(2 * pi)) + log_pdet(factor)) / 2
    size = abs(entropy) + n * abs(log(law.variance.max().item()))
    assert abs(law.entropy().item() - entropy) <= allowed * size


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", FACTORS)
def test_draws_have_the_covariance_and_stay_on_the_plane(name: str, dtype: torch.dtype) -> None:
    """The matrix A of draws loc + A z, from draws by known noise z, has A A' = S: to n eps times that of the noise."""
    factor = torch.tensor(FACTORS[name], dtype=dtype)
    n = factor.shape[0]
    law = law_of(factor, 0.0)
    draws = law.rsample((8 * n,), generator=torch.Generator().manual_seed(0))
    noise = MultivariateNormal(torch.zeros_like(law.loc), scale_diag=torch.ones_like(law.loc))
    z = noise.rsample((8 * n,), generator=torch.Generator().manual_seed(0)).double()
    a = torch.linalg.lstsq(z, draws.double()).solution.mT
    size = law.variance.max().item()
    allowed = 10 * n * torch.finfo(dtype).eps * torch.linalg.cond(z).item() * size
    torch.testing.assert_close(a @ a.mT, (factor @ factor.mT).double(), rtol=0.0, atol=allowed)
    far = law_of(factor, 100 * size**0.5)
    many, log_prob = far.rsample_and_log_prob((1000,))
    torch.testing.assert_close(far.log_prob(many).isfinite(), torch.ones(1000, dtype=torch.bool))
    # a draw is rounded to eps times the 200 standard deviations of its distance, a normal to its condition
    atol = 2000 * torch.finfo(dtype).eps * condition(factor)
    torch.testing.assert_close(far.log_prob(many), log_prob, rtol=1e2 * torch.finfo(dtype).eps, atol=atol)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", [name for name in FACTORS if name != "definite"])
def test_points_off_the_plane_have_no_density(name: str, dtype: torch.dtype) -> None:
    """Off by 1000 n eps of the largest standard deviation: far more than the rounding that is allowed for."""
    factor = torch.tensor(FACTORS[name], dtype=F64)
    n, r = factor.shape
    normal = torch.linalg.qr(factor, mode="complete").Q[:, r]
    size = law_of(factor).variance.max().sqrt()
    point = factor[:, 0] + 1000 * n * torch.finfo(dtype).eps * size * condition(factor) ** 0.5 * normal
    law = law_of(factor.to(dtype))
    assert law.log_prob(factor[:, 0].to(dtype)).isfinite()
    assert law.log_prob(point.to(dtype)).item() == -math.inf


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_divergences(dtype: torch.dtype) -> None:
    """On one plane that of the coordinates; 50 is the condition of the two covariances together."""
    factor = torch.tensor([[1.0, 2.0], [0.0, -3.0], [2.0, 1.0], [-1.0, 1.0]], dtype=dtype)
    turn = torch.tensor([[1.5, 0.5], [-1.0, 2.0]], dtype=dtype)
    apart = torch.tensor([0.5, -2.0], dtype=dtype)
    loc = torch.tensor([1.0, 2.0, -1.0, 0.0], dtype=dtype)
    p, q = law_of(factor, loc), law_of(factor @ turn, loc + factor @ apart)
    flat, turned = MultivariateNormal(0 * apart, torch.eye(2)), MultivariateNormal(apart, turn @ turn.mT)
    eps = torch.finfo(dtype).eps
    for ours, exact in ((p, q), (flat, turned)), ((q, p), (turned, flat)):
        first, second = (law.to(F64) for law in exact)
        expected = reparam.kl_divergence(first, second).item()
        assert reparam.kl_divergence(*ours).item() == pytest.approx(expected, rel=(BASE[dtype] + 50) * eps)
    assert reparam.kl_divergence(p, p).item() <= eps
    whole = MultivariateNormal(loc, torch.eye(4, dtype=dtype))
    tilted = law_of(factor + torch.tensor([[0.01], [0.0], [0.0], [0.0]], dtype=dtype), loc)
    lifted = law_of(factor, loc + 0.01)
    inside = law_of(factor[:, :1], loc)
    independent = reparam.Normal(loc, 1.0).to_event(1)
    for other in (whole, tilted, lifted, inside, independent):
        assert reparam.kl_divergence(p, other).item() == math.inf
        assert reparam.kl_divergence(other, p).item() == math.inf


def test_definite_covariances_have_the_same_law_and_divergences() -> None:
    """1e-12 is 100 eps times the condition, 40. A law given in another form is not judged by its rank."""
    covariance = torch.tensor([[4.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 0.25]], dtype=F64)
    loc, x = torch.tensor([[0.5, -1.0, 2.0], [1.0, 0.0, 1.5]], dtype=F64)
    ours, regular = MultivariateNormal(loc, semidefinite_covariance=covariance), MultivariateNormal(loc, covariance)
    for name in ("covariance_matrix", "precision_matrix", "scale_tril", "precision_tril", "scale_diag", "variance"):
        torch.testing.assert_close(getattr(ours, name), getattr(regular, name), rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(ours.log_prob(x), regular.log_prob(x), rtol=1e-12, atol=0.0)
    torch.testing.assert_close(ours.entropy(), regular.entropy(), rtol=1e-12, atol=0.0)
    single = torch.zeros(3)
    thin = MultivariateNormal(single, scale_diag=torch.tensor([1.0, 1.0, 1e-4]))
    round_ = MultivariateNormal(single, semidefinite_covariance=torch.eye(3))
    expected = reparam.kl_divergence(thin, MultivariateNormal(single, torch.eye(3)))
    torch.testing.assert_close(reparam.kl_divergence(thin, round_), expected)


def in_coordinates(factor: Tensor, c: Tensor) -> Tensor:
    r = factor.shape[-1]
    return -0.5 * (r * math.log(2 * math.pi) + torch.logdet(factor.mT @ factor) + c @ c)


def in_space(factor: Tensor, c: Tensor) -> Tensor:
    return law_of(factor).log_prob(factor @ c)


@pytest.mark.parametrize("orders", [1, 2, 3])
def test_derivatives_as_the_plane_turns(orders: int) -> None:
    """Of the factor and the point, which moves with it: 1e-11 is 1000 eps times the condition, about 10."""
    factor = torch.tensor(FACTORS["a plane"], dtype=F64)

    def moved(density: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        def of_factor(f: Tensor) -> Tensor:
            return density(f, torch.stack([f.sum().sin(), f[1, 1] * f[0, 0]]))

        for _ in range(orders):
            of_factor = torch.func.jacrev(of_factor)
        return of_factor

    torch.testing.assert_close(moved(in_space)(factor), moved(in_coordinates)(factor), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("covariance", [torch.zeros(3, 3), torch.diag(torch.tensor([1.0, 1.0, 0.0])), torch.eye(3)])
def test_gradients_where_eigenvalues_repeat(covariance: Tensor) -> None:
    """The derivative of an eigenvector is unbounded there; those of densities, entropies and draws are not."""
    s = covariance.double().requires_grad_()
    law = MultivariateNormal(torch.zeros(3, dtype=F64), semidefinite_covariance=s)
    pseudo_inverse = covariance.double()  # of a projection
    for value, expected in (
        (law.log_prob(torch.zeros(3, dtype=F64)), -0.5 * pseudo_inverse),
        (law.entropy(), 0.5 * pseudo_inverse),
    ):
        torch.testing.assert_close(torch.autograd.grad(value, s)[0], expected)
    assert torch.autograd.grad(law.rsample((5,)).square().sum(), s)[0].isfinite().all()


def test_batches_of_mixed_ranks_vmap_and_compiled_programs() -> None:
    """Rank zero too: a law of one point."""
    covariances = torch.stack(
        [torch.zeros(3, 3), torch.ones(3, 3), torch.diag(torch.tensor([1.0, 0.0, 2.0])), torch.eye(3)]
    )

    def log_prob(s: Tensor, x: Tensor) -> Tensor:
        return MultivariateNormal(torch.zeros(3), semidefinite_covariance=s, validate_args=False).log_prob(x)

    origin = torch.zeros(3)
    log_2_pi = math.log(2 * math.pi)
    sizes = torch.tensor([0.0, log_2_pi + math.log(3.0), 2 * log_2_pi + math.log(2.0), 3 * log_2_pi])
    together = log_prob(covariances, origin)
    torch.testing.assert_close(together, -0.5 * sizes)
    torch.testing.assert_close(torch.vmap(log_prob, (0, None))(covariances, origin), together)
    compiled = torch.compile(log_prob, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(covariances, origin), together)
    point = MultivariateNormal(torch.ones(3), semidefinite_covariance=torch.zeros(3, 3))
    assert point.rsample((2,)).tolist() == [[1.0] * 3] * 2
    found = point.log_prob(torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 1.5]]))
    assert found.tolist() == [0.0, -math.inf]
    assert point.entropy().item() == 0.0


def test_what_a_singular_law_does_not_have() -> None:
    law = MultivariateNormal(torch.zeros(2), semidefinite_covariance=torch.ones(2, 2))
    for name in ("precision_matrix", "scale_tril", "precision_tril"):
        with pytest.raises(ValueError, match=r"singular \(of rank 1, for 2 coordinates\)"):
            getattr(law, name)
    with pytest.raises(ValueError, match="semidefinite_covariance must be a positive-semidefinite matrix"):
        MultivariateNormal(torch.zeros(2), semidefinite_covariance=torch.tensor([[1.0, 2.0], [2.0, 1.0]]))
