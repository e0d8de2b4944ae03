"""What is particular to single families, and the figures that users of other libraries complain about."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, distributions

import reparam

NORMAL = reparam.Normal(0.0, 1.0)


class Three:
    """An integer of another library."""

    def __index__(self) -> int:
        return 3


def test_bernoulli_never_clamps() -> None:
    rare = reparam.Bernoulli(probs=1e-10)
    assert rare.log_prob(torch.tensor(1.0)).item() == pytest.approx(-23.0258509, rel=1e-7)
    assert reparam.Bernoulli(logits=200.0).log_prob(torch.tensor(0.0)).item() == -200.0


@pytest.mark.parametrize("probs", [0.0, 1.0])
def test_certain_outcomes_have_finite_doors_and_gradients(probs: float) -> None:
    p = torch.tensor(probs, requires_grad=True)
    for law in (reparam.Bernoulli(probs=p), reparam.Binomial(3, probs=p)):
        assert law.entropy().item() == 0
        (slope,) = torch.autograd.grad(law.log_prob(law.mean.detach()), p)
        assert slope.isfinite()


def test_impossible_categories() -> None:
    logits = torch.tensor([0.0, -torch.inf, 1.0], requires_grad=True)
    law = reparam.Categorical(logits=logits)
    assert law.log_prob(torch.tensor(1)).item() == -torch.inf
    assert not (law.sample(10_000) == 1).any()
    other = reparam.Categorical(logits=torch.zeros(3))
    for value in (law.log_prob(torch.tensor(0)), law.entropy(), reparam.kl_divergence(law, other)):
        (slope,) = torch.autograd.grad(value, logits, retain_graph=True)
        assert slope.isfinite().all()
    assert reparam.kl_divergence(other, law).item() == torch.inf


IMPOSSIBLE: dict[str, Callable[[Tensor], reparam.Distribution]] = {
    "Bernoulli(probs=0)": lambda shift: reparam.Bernoulli(probs=shift.sum() * 0),
    "Bernoulli(probs=1)": lambda shift: reparam.Bernoulli(probs=1 + shift.sum() * 0),
    "Bernoulli(logits)": lambda shift: reparam.Bernoulli(logits=shift + 500.0),
    "Binomial(logits)": lambda shift: reparam.Binomial(3, logits=shift - 500.0),
    "Poisson": lambda shift: reparam.Poisson(shift.sum() * 0),
    "NegativeBinomial": lambda shift: reparam.NegativeBinomial(2.0, probs=shift.sum() * 0),
    "Categorical(probs)": lambda shift: reparam.Categorical(probs=torch.tensor([1.0, 2.0, 0.0]) * shift.exp()),
    "Categorical(logits)": lambda shift: reparam.Categorical(logits=shift + torch.tensor([1.0, 2.0, -torch.inf])),
    "OneHotCategorical": lambda shift: reparam.OneHotCategorical(logits=shift + torch.tensor([1.0, 2.0, -torch.inf])),
    "Multinomial": lambda shift: reparam.Multinomial(3, logits=shift + torch.tensor([1.0, 2.0, -torch.inf])),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_neither_law_draws_has_no_say_in_a_divergence(name: str) -> None:
    """Natively and by the formula: finite, with finite gradients in both laws."""
    at = (torch.tensor([0.1, 0.3, 0.2]), torch.tensor([-0.4, 0.2, 0.1]))

    def divergence(first: Tensor, second: Tensor) -> Tensor:
        return reparam.kl_divergence(IMPOSSIBLE[name](first), IMPOSSIBLE[name](second)).sum()

    free = [t.clone().requires_grad_() for t in at]
    native = torch.autograd.grad(divergence(*free), free)
    formula = torch.func.grad(divergence, argnums=(0, 1))(*at)
    for a, b in zip(native, formula, strict=True):
        assert bool(a.isfinite().all())
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_categorical_keeps_its_logits_as_they_are() -> None:
    logits = torch.randn(4, 7)
    law = reparam.Categorical(logits=logits)
    assert law.__dict__["logits"] is logits
    assert torch.allclose(law.logits, logits.log_softmax(-1))


def test_more_categories_than_single_precision_counts() -> None:
    """The share of the first third of 2^24 + 2 equal categories, within 5 standard errors (false alarms 6e-7)."""
    k, n = 2**24 + 2, 20_000
    draws = reparam.Categorical(probs=torch.ones(k)).sample(n, generator=torch.Generator().manual_seed(0))
    share = (draws < k // 3).double().mean().item()
    assert abs(share - 1 / 3) < 5 * (2 / 9 / n) ** 0.5
    assert (draws % 2).double().mean().item() == pytest.approx(0.5, abs=5 * 0.5 / n**0.5)


@pytest.mark.parametrize("n", [2, 5, 10])
def test_covariances_that_single_precision_rounded_are_accepted(n: int) -> None:
    for seed in range(20):
        a = torch.randn(n, n, generator=torch.Generator().manual_seed(seed))
        covariance = a @ a.mT + torch.eye(n)
        skewed = covariance * (1 + 4e-8 * torch.randn(n, n, generator=torch.Generator().manual_seed(seed)))
        law = reparam.MultivariateNormal(torch.zeros(n), skewed)
        assert law.log_prob(torch.zeros(n)).isfinite()


def test_the_forms_of_a_multivariate_normal_are_one_law() -> None:
    a = torch.randn(3, 3, dtype=torch.float64)
    covariance = a @ a.mT + torch.eye(3, dtype=torch.float64)
    loc, x = torch.randn(2, 3, dtype=torch.float64)
    laws = [
        reparam.MultivariateNormal(loc, **{name: value})
        for name, value in {
            "covariance_matrix": covariance,
            "precision_matrix": covariance.inverse(),
            "scale_tril": torch.linalg.cholesky(covariance),
            "precision_tril": torch.linalg.cholesky(covariance.inverse()),
            "semidefinite_covariance": covariance,
        }.items()
    ]
    for law in laws[1:]:
        assert torch.allclose(law.log_prob(x), laws[0].log_prob(x), rtol=1e-12)
        assert torch.allclose(law.covariance_matrix, covariance, rtol=1e-10)
        assert reparam.kl_divergence(law, laws[0]).abs().item() < 1e-12
        assert reparam.kl_divergence(laws[0], law).abs().item() < 1e-12


def test_a_mixture_of_unlike_supports_has_a_density_everywhere() -> None:
    parts = reparam.Uniform(torch.tensor([0.0, 2.0]), torch.tensor([1.0, 4.0]))
    law = reparam.MixtureSameFamily(reparam.Categorical(probs=torch.tensor([0.5, 0.5])), parts)
    found = law.log_prob(torch.tensor([0.5, 1.5, 3.0])).exp()
    assert torch.allclose(found, torch.tensor([0.5, 0.0, 0.25]))


def test_tanh_of_a_far_normal_scores_its_own_draws() -> None:
    """Loc = 10 in float32: most draws round to 1, and all have a right density and a finite gradient."""
    loc = torch.tensor(10.0, requires_grad=True)
    law = reparam.TransformedDistribution(reparam.Normal(loc, 1.0), reparam.transforms.TanhTransform())
    generator = torch.Generator().manual_seed(0)
    x, log_p = law.rsample_and_log_prob(1000, generator=generator)
    assert (x == 1).sum() > 500
    (slope,) = torch.autograd.grad(log_p.sum(), loc)
    assert log_p.isfinite().all() and slope.isfinite()
    z = reparam.Normal(loc.double(), 1.0).rsample(1000, generator=torch.Generator().manual_seed(0))
    wide = reparam.TransformedDistribution(
        reparam.Normal(loc.double(), torch.ones((), dtype=torch.float64)), reparam.transforms.TanhTransform()
    )
    assert z.shape == log_p.shape
    _, exact = wide.rsample_and_log_prob(100_000, generator=torch.Generator().manual_seed(1))
    # E log p = -entropy; the spread of log p is about 2: five standard errors
    assert abs(log_p.mean().item() - exact.mean().item()) < 5 * log_p.std().item() / 1000**0.5


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_ends_of_a_transformed_support_have_the_dtype_of_the_law(dtype: torch.dtype) -> None:
    """0.1 is 1.5e-9 more in single precision than in double; a draw as near to it belongs to the support."""
    base = reparam.Beta(torch.tensor(2.0, dtype=dtype), 3.0)
    law = reparam.TransformedDistribution(base, reparam.transforms.AffineTransform(0.1, 0.6))
    least, largest = torch.tensor(0.1, dtype=dtype), torch.tensor(0.1, dtype=dtype) + 0.6
    inside = torch.stack([least, least.nextafter(largest), largest.nextafter(least), largest])
    assert bool(law.support.check(inside).all()) and bool(law.support.check(least))
    assert not bool(law.support.check(least.nextafter(-largest)))


def test_numbers_tensors_and_dtypes_mix() -> None:
    assert reparam.Normal(torch.zeros(2), 0.5).dtype == torch.float32
    assert reparam.Normal(torch.zeros(2), torch.ones(2, dtype=torch.float64)).dtype == torch.float64
    from_integers = reparam.Normal(torch.tensor([0, 1]), 0.5)
    assert from_integers.dtype == torch.float32
    assert from_integers.scale.tolist() == [0.5, 0.5]
    assert reparam.Normal(0, 1).sample(100).shape == (100,)
    assert reparam.Binomial(torch.tensor([1, 5]), 0.5).sample().shape == (2,)


def test_closed_ends_belong_to_the_uniform_law() -> None:
    law = reparam.Uniform(0.0, 4.0)
    assert law.log_prob(torch.tensor([0.0, 4.0])).exp().tolist() == [0.25, 0.25]


def test_negative_probabilities_are_named_as_logits() -> None:
    with pytest.raises(ValueError, match="logits"):
        reparam.Categorical(torch.tensor([-0.1, -2.0]))


def test_weights_that_are_all_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="Categorical"):
        reparam.Categorical(probs=torch.zeros(3))


def test_masked_entries_do_not_count() -> None:
    base = reparam.Normal(torch.tensor([0.0, 1.0]), 1.0)
    law = base.mask(torch.tensor([True, False]))
    x = torch.tensor([0.5, 100.0])
    assert torch.equal(law.log_prob(x), torch.where(law.where > 0, base.log_prob(x), 0.0))
    assert law.entropy()[1].item() == 0
    assert reparam.kl_divergence(law, reparam.Normal(torch.zeros(2), 2.0).mask(True))[1].item() == 0


class OnlyItsTail(reparam.Distribution):
    """The exponential law, by its survival function alone."""

    rate = reparam.param(reparam.constraints.positive, typical=(0.5, 2.0))
    support = reparam.constraints.nonnegative

    def _log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return self.rate.log() - self.rate * x

    def _log_sf(self, x: torch.Tensor) -> torch.Tensor:
        return -self.rate * x


def test_every_probability_follows_from_one() -> None:
    law = OnlyItsTail(torch.tensor(2.0, dtype=torch.float64))
    x = torch.tensor([1e-9, 0.5, 30.0], dtype=torch.float64)
    torch.testing.assert_close(law.sf(x), torch.exp(-2 * x))
    torch.testing.assert_close(law.cdf(x), -torch.expm1(-2 * x))
    torch.testing.assert_close(law.log_cdf(x), torch.log(-torch.expm1(-2 * x)))
    p = torch.tensor([1e-6, 0.5, 0.9], dtype=torch.float64)
    torch.testing.assert_close(law.icdf(p), -torch.log1p(-p) / 2, rtol=1e-9, atol=0.0)
    torch.testing.assert_close(law.isf(p), -p.log() / 2, rtol=1e-9, atol=0.0)


def test_replace_switches_validation() -> None:
    free = reparam.Uniform(0.0, 1.0).replace(validate_args=False)
    assert float(free.log_prob(torch.tensor(2.0))) == -torch.inf
    with pytest.raises(ValueError, match="value"):
        free.replace(validate_args=True).log_prob(torch.tensor(2.0))


def test_values_of_half_precision_are_scored_in_the_precision_of_the_law() -> None:
    """Also where the parameters have no dimensions, so that torch would promote nothing."""
    law = reparam.Normal(0.1, 1.0)
    for dtype in (torch.bfloat16, torch.float16):
        value = torch.tensor([0.3, 2.0], dtype=dtype)
        assert torch.equal(law.log_prob(value), law.log_prob(value.float()))
    shares = torch.tensor([0.3, 0.3, 0.4], dtype=torch.bfloat16)  # which sum to 1 only to their own precision
    assert reparam.Dirichlet(torch.ones(3)).log_prob(shares).dtype is torch.float32


REFUSED: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "a complex value": (lambda: NORMAL.log_prob(torch.zeros(2, dtype=torch.complex64)), TypeError, "Normal.*complex"),
    "no value": (lambda: NORMAL.log_prob(None), TypeError, "Normal: a value must be .* not NoneType"),
    "a text for a value": (lambda: NORMAL.log_prob("one"), TypeError, "Normal: a value must be .* not str 'one'"),
    "a fraction for a shape": (lambda: NORMAL.sample(2.5), TypeError, "a shape must be .* not float 2.5"),
    "no shape": (lambda: NORMAL.sample(None), TypeError, "a shape must be .* not NoneType"),
    "negative dimensions of an event": (lambda: reparam.Independent(NORMAL, -1), ValueError, "at least 0; got -1"),
    "no transform": (lambda: reparam.TransformedDistribution(NORMAL, None), TypeError, "transforms must be .*NoneType"),
    "a transform of torch": (
        lambda: reparam.TransformedDistribution(NORMAL, distributions.ExpTransform()),
        TypeError,
        r"transforms of reparam, not torch\.distributions.*ExpTransform",
    ),
    "a law of torch": (
        lambda: reparam.Independent(distributions.Normal(torch.zeros(2), 1.0), 1),
        TypeError,
        r"reparam distribution, not torch\.distributions.*Normal",
    ),
    "batches that do not broadcast": (
        lambda: reparam.kl_divergence(NORMAL.expand(2), NORMAL.expand(3)),
        ValueError,
        r"kl_divergence: .* p \(2,\), q \(3,\)",
    ),
    "another size for one that is not there": (lambda: NORMAL.expand((-1, 3)), ValueError, r"expanded to \(-1, 3\)"),
    "a law of torch among others": (
        lambda: reparam.stack([NORMAL, distributions.Normal(0.0, 1.0)]),
        TypeError,
        r"reparam distributions, not torch\.distributions.*Normal",
    ),
    "laws of other events": (
        lambda: reparam.stack([NORMAL.expand(n).to_event() for n in (2, 3)]),
        ValueError,
        r"one event_shape; these are \(2,\), \(3,\)",
    ),
    "laws of other batches": (
        lambda: reparam.stack([NORMAL.expand(2), NORMAL.expand(3)]),
        ValueError,
        r"stack: .* law 0 \(2,\), law 1 \(3,\)",
    ),
    "batches that cannot be joined": (
        lambda: reparam.cat([NORMAL.expand((2, 3)), NORMAL.expand(3)]),
        ValueError,
        r"beside dimension 0 .* are \(2, 3\), \(3,\)",
    ),
    "a dimension of the event": (
        lambda: reparam.stack([reparam.Dirichlet(torch.ones(3))] * 2, 1),
        IndexError,
        "stack: there is no dimension 1: the batch shape has 1",
    ),
    "no batch to join along": (
        lambda: reparam.cat([reparam.Dirichlet(torch.ones(3))] * 2),
        IndexError,
        "cat: .* no batch dimension; see stack",
    ),
    "a bound of its own for each entry": (
        lambda: reparam.Uniform(torch.tensor([0.0, 2.0]), torch.tensor([1.0, 3.0])).log_prob(torch.tensor(0.5)),
        ValueError,
        r"1 of 2 is not; the first is at index \(1,\): 0.5, where it must be in \[2, 3\]",
    ),
    "integers for parameters": (lambda: NORMAL.to(torch.int64), TypeError, "Normal: .* torch.int64"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refusals_say_what_and_where(what: str) -> None:
    action, kind, text = REFUSED[what]
    with pytest.raises(kind, match=text):
        action()


@pytest.mark.parametrize(
    "shape", [3, torch.tensor(3), Three(), (torch.tensor(3),)], ids=["int", "tensor", "index", "tuple"]
)
def test_shapes_may_be_any_integers(shape: object) -> None:
    assert NORMAL.sample(shape).shape == (3,)


LOC, EYE = torch.zeros(4, 1, 3), torch.eye(3).expand(2, 3, 3)
SHARED = {
    **{
        f"normal of {n}": reparam.MultivariateNormal(LOC, **{n: EYE})
        for n in ("covariance_matrix", "precision_matrix", "semidefinite_covariance")
    },
    "normal of factors": reparam.MultivariateNormal(LOC, precision_tril=EYE),
    "normal of scales": reparam.MultivariateNormal(LOC, scale_diag=torch.ones(2, 3)),
    "Wishart": reparam.Wishart(torch.full((4, 1), 5.0), EYE),
    "inverse Wishart": reparam.InverseWishart(torch.full((4, 1), 5.0), EYE),
}


@pytest.mark.parametrize("name", SHARED)
def test_matrices_that_are_shared_are_read_for_every_law(name: str) -> None:
    law = SHARED[name]
    for parameter in ("covariance_matrix", "precision_matrix", "precision_tril", "scale_matrix", "scale_tril"):
        if hasattr(law, parameter):
            assert getattr(law, parameter).shape == (4, 2, 3, 3), parameter


@pytest.mark.parametrize(
    "form", ["covariance_matrix", "precision_matrix", "scale_tril", "precision_tril", "semidefinite_covariance"]
)
def test_the_copies_in_a_leaf_are_variables_each(form: str) -> None:
    """``torch.func.grad`` of a law whose factor repeats: a law is a pytree whose leaves are expanded tensors."""
    x = torch.tensor([[0.25, -1.0], [0.5, 2.0]])

    def log_prob(matrix: torch.Tensor) -> torch.Tensor:
        return reparam.MultivariateNormal(torch.zeros(2, 2), **{form: matrix}).log_prob(x).sum()

    repeated = torch.tensor([[1.5, 0.0], [0.25, 2.0]] if form.endswith("tril") else [[1.5, 0.25], [0.25, 2.0]]).expand(
        2, 2, 2
    )
    expected = torch.func.grad(log_prob)(repeated.contiguous())
    leaf = repeated.detach().requires_grad_()
    for found in (torch.func.grad(log_prob)(repeated), *torch.autograd.grad(log_prob(leaf), leaf)):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("law", [*SHARED.values(), reparam.LKJCholesky(3, torch.tensor([1.5, 2.0]))], ids=repr)
def test_values_of_another_precision(law: reparam.Distribution) -> None:
    """Their densities are right to the precision of the parameters, 1e-5 for some 80 epsilons of float32."""
    x = law.sample((2,), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(law.log_prob(x.double()).float(), law.log_prob(x), rtol=1e-5, atol=1e-5)


def test_what_transformed_laws_can_do_is_what_their_base_can() -> None:
    rates = reparam.Exponential(torch.ones(2))
    moved = reparam.TransformedDistribution(rates, reparam.AffineTransform(1.0, torch.tensor([2.0, -2.0])))
    assert moved.has_rsample
    assert not reparam.TransformedDistribution(reparam.Poisson(3.0), reparam.ExpTransform()).has_rsample
    assert moved.support.check(torch.tensor([1.5, 1.5])).tolist() == [True, False]
    beyond = reparam.TransformedDistribution(rates, reparam.TanhTransform().inv)  # of the rates below 1 alone
    assert beyond.support.check(torch.tensor([9.0, -9.0])).tolist() == [True, False]
    entries = reparam.TransformedDistribution(reparam.Dirichlet(torch.ones(4, 3)), reparam.ExpTransform()).support
    assert entries.event_dim == 1
    assert entries.check(torch.ones(4, 3)).shape == (4,)


@pytest.mark.parametrize(
    "law",
    [
        reparam.Independent(reparam.Bernoulli(torch.ones(2) / 2), 1),
        reparam.MixtureSameFamily(reparam.Categorical(torch.ones(2)), reparam.Poisson(torch.ones(2))),
    ],
    ids=lambda law: type(law).__name__,
)
def test_supports_that_cannot_be_listed_say_so(law: reparam.Distribution) -> None:
    assert not law.has_enumerate_support
    with pytest.raises(NotImplementedError, match="not a finite list"):
        law.enumerate_support()
