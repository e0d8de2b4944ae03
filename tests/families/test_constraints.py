"""Constraints: who belongs, to the last tolerance; what they depend on; which lies in which."""

from __future__ import annotations

import copy
import math
import pickle
from types import SimpleNamespace

import pytest
import torch
from torch.distributions import constraints as torch_constraints
from torch.utils import _pytree

from reparam import constraints as c

INF, NAN = math.inf, math.nan
EPS = torch.finfo(torch.float32).eps
EYE = torch.eye(2)

MEMBERS = [
    (c.real, [0.0, INF, -INF, NAN], [True, True, True, False]),
    (c.boolean, [0.0, 1.0, 0.5, 2.0, NAN], [True, True, False, False, False]),
    (c.positive, [0.0, 1e-45, INF, -1.0, NAN], [False, True, True, False, False]),
    (c.nonnegative, [0.0, -1e-45, INF, NAN], [True, False, True, False]),
    (c.less_than(1.0), [1.0, 0.5, -INF, NAN], [False, True, True, False]),
    (c.less_than_eq(1.0), [1.0, 1.5, -INF, NAN], [True, False, True, False]),
    (c.greater_than_eq(2), [2.0, 1.9, NAN], [True, False, False]),
    (c.unit_interval, [0.0, 1.0, -0.1, 1.1, NAN], [True, True, False, False, False]),
    (c.half_open_interval(0.0, 1.0), [0.0, 1.0, NAN], [True, False, False]),
    (c.interval(-1.0, torch.tensor([0.0, 2.0])), [1.0, 1.0], [False, True]),
    (c.integer_interval(-1, 2), [-2.0, -1.0, 0.5, 2.0, 3.0, NAN], [0, 1, 0, 1, 0, 0]),
    (c.nonnegative_integer, [0.0, -1.0, 2.5, 1e30, INF, NAN], [1, 0, 0, 1, 0, 0]),
    (c.positive_integer, [0.0, 1.0], [False, True]),
    (c.real_vector, [[0.0, 1.0], [0.0, NAN]], [True, False]),
    (c.independent(c.positive, 2), [[[1.0], [2.0]], [[1.0], [0.0]]], [True, False]),
    (c.simplex, [[0.2, 0.8], [0.2, 0.9], [-0.2, 1.2], [NAN, 1.0]], [True, False, False, False]),
    (c.one_hot, [[0.0, 1.0], [1.0, 1.0], [0.5, 0.5], [0.0, 0.0]], [True, False, False, False]),
    (
        c.multinomial(3),
        [[1.0, 2.0], [1.0, 1.0], [2.0, 2.0], [0.5, 0.5], [-1.0, 1.0]],
        [1, 1, 0, 0, 0],
    ),
    (c.square, [[[1.0, 2.0], [3.0, 4.0]]], [True]),
    (c.square, [[[1.0, 2.0]]], [False]),
    (c.lower_triangular, [[[1.0, 0.0], [2.0, 0.0]], [[1.0, 1.0], [2.0, 1.0]]], [True, False]),
    (c.lower_cholesky, [[[1.0, 0.0], [2.0, 3.0]], [[1.0, 0.0], [2.0, 0.0]]], [True, False]),
    (c.corr_cholesky, [[[1.0, 0.0], [0.6, 0.8]], [[1.0, 0.0], [0.6, 0.9]]], [True, False]),
    (c.symmetric, [[[0.0, 1.0], [1.0, -9.0]], [[0.0, 1.0], [2.0, 0.0]]], [True, False]),
    (c.positive_semidefinite, [[[1.0, 1.0], [1.0, 1.0]], [[1.0, 2.0], [2.0, 1.0]]], [True, False]),
    (c.positive_definite, [[[2.0, 1.0], [1.0, 2.0]], [[1.0, 1.0], [1.0, 1.0]]], [True, False]),
    (c.MixtureSameFamilyConstraint(c.interval(torch.tensor([0.0, 1.0]), 3.0)), [0.5, 2.0], [0, 1]),
]
IDS = [f"{i}-{entry[0]!r}" for i, entry in enumerate(MEMBERS)]
INSTANCES = [entry[0] for entry in MEMBERS] + [
    c.cat([c.positive, c.real], dim=-1, lengths=[1, 2]),
    c.cat([c.simplex, c.real_vector], dim=-1, lengths=[2, 1]),
    c.stack([c.positive, c.real], dim=-1),
    c.stack([c.simplex, c.real_vector], dim=-2),
    c.stack([c.simplex, c.real_vector], dim=-1),
]


def example(constraint, batch=(4,)):
    """A float32 tensor of that batch whose events fit every constraint above."""
    event = {0: (), 1: (3,), 2: (3, 3)}[constraint.event_dim]
    if isinstance(constraint, c.stack):
        shape = {0: (2,), 1: (2, 3), 2: (3, 2)}[constraint.event_dim]
        return torch.rand((*batch, *shape), generator=torch.Generator().manual_seed(0))
    elif isinstance(constraint, c.cat) and constraint.event_dim == 0:
        batch = (*batch, 3)
    return torch.rand((*batch, *event), generator=torch.Generator().manual_seed(0))


def test_every_name_of_torch_is_here():
    assert set(torch_constraints.__all__) <= set(c.__all__)
    assert all(hasattr(c, name) for name in c.__all__)


@pytest.mark.parametrize(("constraint", "values", "expected"), MEMBERS, ids=IDS)
def test_members(constraint, values, expected):
    for dtype in (torch.float32, torch.float64):
        assert constraint.check(torch.tensor(values, dtype=dtype)).tolist() == [*map(bool, expected)]


@pytest.mark.parametrize(("constraint", "values", "expected"), MEMBERS, ids=IDS)
def test_members_of_other_dtypes(constraint, values, expected):
    tensor = torch.tensor(values)
    whole = (tensor.frac() == 0).flatten(1).all(1) if tensor.dim() > 1 else tensor.frac() == 0
    small = whole & (tensor.abs() < 100).reshape(len(tensor), -1).all(1)
    wanted = torch.tensor(expected).bool()
    assert torch.equal(constraint.check(tensor.long())[small], wanted[small])
    exact = small & (tensor.half() == tensor).reshape(len(tensor), -1).all(1)
    for dtype in (torch.float16, torch.bfloat16):
        assert torch.equal(constraint.check(tensor.to(dtype))[exact], wanted[exact])


def test_bool_tensors():
    flags = torch.tensor([True, False])
    assert c.boolean.check(flags).all() and c.unit_interval.check(flags).all()
    assert c.one_hot.check(flags) and c.nonnegative_integer.check(flags).all()


@pytest.mark.parametrize("constraint", INSTANCES, ids=repr)
def test_check_reduces_the_event_dimensions(constraint):
    plain = not isinstance(getattr(constraint, "upper_bound", None), torch.Tensor)
    for batch in [(2,), (5, 2), (0, 2), ()] if plain else [(2,)]:
        value = example(constraint, batch)
        good = constraint.check(value)
        assert good.dtype == torch.bool
        assert good.shape == value.shape[: value.dim() - constraint.event_dim]
    assert not constraint.check(torch.full_like(example(constraint, (2,)), NAN)).any()
    if constraint.event_dim and not isinstance(constraint, (c.cat, c.stack)):
        with pytest.raises(ValueError, match="an event has"):
            constraint.check(torch.tensor(0.5))


def test_checks_under_vmap_and_compile():
    values = [example(constraint, (2,)) for constraint in INSTANCES]

    def every(values):
        return [constraint.check(value) for constraint, value in zip(INSTANCES, values, strict=True)]

    direct = every(values)
    compiled = torch.compile(every, fullgraph=True, backend="aot_eager")(values)
    for constraint, value, one, other in zip(INSTANCES, values, direct, compiled, strict=True):
        assert torch.equal(one, other)
        batch = torch.stack([value, -value])
        together = torch.vmap(constraint.check)(batch)
        assert torch.equal(together, torch.stack([one, constraint.check(-value)]))


@pytest.mark.parametrize("size", [2, 30, 1000])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_simplex_tolerance(size, dtype):
    """A sum off by less than the stated rounding passes, by more fails; normalised vectors pass."""
    tolerance = 4 * (torch.finfo(dtype).eps + size * EPS)
    for factor, expected in [(0.9, True), (1.1, False)] if dtype == torch.float64 else []:
        for sign in (1, -1):
            off = torch.zeros(size, dtype=dtype)
            off[0] = 1 + sign * factor * tolerance
            assert bool(c.simplex.check(off)) is expected
    draws = torch.rand(50, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    normalised = draws.to(dtype) / draws.to(dtype).sum(-1, keepdim=True)
    assert c.simplex.check(normalised).all()
    assert not c.simplex.check(normalised * 1.1).any()


def test_single_precision_vectors_pass_in_double():
    probs = torch.rand(100, 7, generator=torch.Generator().manual_seed(0)).softmax(-1)
    assert c.simplex.check(probs.double()).all()


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
@pytest.mark.parametrize("size", [2, 20])
def test_symmetric_tolerance_is_relative_to_the_matrix(scale, size):
    """An asymmetry below the stated part of the largest entry passes, above it fails."""
    matrix = torch.eye(size, dtype=torch.float64)
    tolerance = 32 * (torch.finfo(torch.float64).eps + size * EPS)
    for factor, expected in [(0.9, True), (1.1, False)]:
        matrix[0, 1] = factor * tolerance
        assert bool(c.symmetric.check(matrix * scale)) is expected
        assert bool(c.positive_definite.check(matrix * scale)) is expected


def test_float32_covariances_with_rounded_asymmetry_are_positive_definite():
    generator = torch.Generator().manual_seed(0)
    factor = torch.randn(20, 8, 8, generator=generator)
    covariance = 1e4 * factor @ factor.mT + torch.eye(8)
    noise = 1 + 4e-8 * torch.rand(20, 8, 8, generator=generator, dtype=torch.float64)
    uneven = (covariance.double() * noise).float()
    assert (uneven != uneven.mT).flatten(1).any(1).sum() > 5
    assert c.positive_definite.check(uneven).all()


def test_matrix_checks_survive_what_is_not_finite():
    bad = torch.full((3, 2, 2), NAN)
    bad[1], bad[2] = INF, EYE
    for constraint in (c.symmetric, c.positive_definite, c.positive_semidefinite):
        assert constraint.check(bad).tolist() == [False, False, True]
        assert constraint.check(torch.zeros(3, 0, 0)).all()


DEPENDENT = [
    (c.greater_than("low"), c.greater_than(1.0)),
    (c.interval("low", "high"), c.interval(1.0, 2.0)),
    (c.multinomial("total"), c.multinomial(5)),
    (c.integer_interval(0, "total"), c.integer_interval(0, 5)),
    (c.independent(c.less_than("high"), 1), c.independent(c.less_than(2.0), 1)),
    (c.cat([c.real, c.greater_than("low")]), c.cat([c.real, c.greater_than(1.0)])),
    (c.stack([c.less_than("low")], dim=-1), c.stack([c.less_than(1.0)], dim=-1)),
    (
        c.MixtureSameFamilyConstraint(c.greater_than_eq("low")),
        c.MixtureSameFamilyConstraint(c.greater_than_eq(1.0)),
    ),
]


@pytest.mark.parametrize(("dependent", "resolved"), DEPENDENT, ids=repr)
def test_names_are_resolved(dependent, resolved):
    owner = SimpleNamespace(low=1.0, high=2.0, total=5)
    assert dependent.parameters and c.is_dependent(dependent)
    assert dependent.resolve(owner) == resolved
    assert resolved.resolve(owner) is resolved and not c.is_dependent(resolved)
    with pytest.raises(ValueError, match=r"resolve\(distribution\) first"):
        dependent.check(torch.zeros(2, len(getattr(dependent, "cseq", "ab"))))
    with pytest.raises(ValueError, match="resolve"):
        c.is_subset(dependent, c.real)


def test_names_come_once_in_order():
    twice = c.cat([c.interval("b", "a"), c.greater_than("b")])
    assert twice.parameters == ("b", "a")


def test_dependent():
    assert c.is_dependent(c.dependent)
    for attribute in ("is_discrete", "event_dim"):
        with pytest.raises(NotImplementedError, match="not known in advance"):
            getattr(c.dependent, attribute)
        with pytest.raises(NotImplementedError):
            getattr(c.independent(c.dependent, 1), attribute)
    stated = c.dependent(event_dim=2)(is_discrete=True)
    assert stated.event_dim == 2 and stated.is_discrete is True
    with pytest.raises(ValueError, match="cannot be checked"):
        c.dependent.check(torch.ones(()))


def test_dependent_property():
    class Law:
        @c.dependent_property(is_discrete=False, event_dim=1)
        def support(self):
            return c.simplex

    assert Law().support is c.simplex
    assert isinstance(Law.support, torch_constraints.Constraint)
    assert c.is_dependent(Law.support)
    assert (Law.support.is_discrete, Law.support.event_dim) == (False, 1)
    assert Law.support == Law.support and Law.support != c.dependent_property(lambda self: None)
    assert len({Law.support, Law.support}) == 1


@pytest.mark.parametrize("constraint", INSTANCES + [d for d, _ in DEPENDENT], ids=repr)
def test_objects(constraint):
    for twin in (copy.deepcopy(constraint), pickle.loads(pickle.dumps(constraint))):
        assert twin == constraint and hash(twin) == hash(constraint) and repr(twin) == repr(constraint)
    leaves, spec = _pytree.tree_flatten(constraint)
    assert all(isinstance(leaf, torch.Tensor) for leaf in leaves)
    assert _pytree.tree_unflatten(leaves, spec) == constraint
    assert sum(constraint == other for other in INSTANCES) == sum(constraint is i for i in INSTANCES)
    assert "tensor(" not in repr(constraint) or "shape=" in repr(constraint)


def test_tensor_bounds_are_leaves():
    bounded = c.independent(c.interval(torch.zeros(3), 2.0), 1)
    doubled = _pytree.tree_map(lambda t: t + 1, bounded)
    assert doubled == c.independent(c.interval(torch.ones(3), 2.0), 1)
    made = torch.vmap(c.greater_than)(torch.arange(3.0))
    assert made == c.greater_than(torch.arange(3.0))


def test_equality():
    assert c.positive == c.greater_than(0) and hash(c.positive) == hash(c.greater_than(0))
    assert c.greater_than(torch.tensor(0.0)) == c.positive
    assert c.greater_than(torch.zeros(2)) != c.positive
    assert c.unit_interval != c.half_open_interval(0.0, 1.0)
    assert c.positive != 0.0


DESCRIPTIONS = {
    c.real: "real (not NaN)",
    c.positive: "positive (> 0)",
    c.nonnegative: "nonnegative (>= 0)",
    c.greater_than("low"): "> low",
    c.less_than(1e-20): "< 1e-20",
    c.less_than_eq(100000000): "<= 100000000",
    c.half_open_interval(0.0, torch.tensor(0.5)): "in [0, 0.5)",
    c.interval(torch.zeros(3), 1.0): "in [its lower bound, 1]",
    c.nonnegative_integer: "an integer >= 0",
    c.integer_interval(0, "total_count"): "an integer in [0, total_count]",
    c.real_vector: "real (not NaN) along its last dimension",
    c.simplex: "in the simplex (entries >= 0 that sum to 1)",
    c.positive_definite: "a symmetric positive-definite matrix",
    c.multinomial("n"): "counts (integers >= 0) with a sum of at most n",
    c.stack([c.real, c.boolean]): "made of pieces along dimension 0 that are real (not NaN); boolean (0 or 1)",
}


@pytest.mark.parametrize("constraint", DESCRIPTIONS, ids=repr)
def test_descriptions(constraint):
    assert constraint.describe() == DESCRIPTIONS[constraint]


def test_bounds_for_native_checks():
    assert c.independent(c.half_open_interval(0, 2.0), 2).bounds == (0, 2.0, False, True, False)
    assert c.boolean.bounds == (0, 1, False, False, True)
    assert c.real.bounds == (-INF, INF, False, False, False)
    for unbounded in (c.simplex, c.interval(torch.zeros(()), 1.0), c.greater_than("low")):
        assert unbounded.bounds is None


CLOSURES = [
    (c.positive, c.nonnegative),
    (c.less_than(2.0), c.less_than_eq(2.0)),
    (c.half_open_interval(0.0, 1.0), c.unit_interval),
    (c.independent(c.positive, 1), c.independent(c.nonnegative, 1)),
    (c.stack([c.positive, c.real]), c.stack([c.nonnegative, c.real])),
    (c.MixtureSameFamilyConstraint(c.positive), c.MixtureSameFamilyConstraint(c.nonnegative)),
    (c.lower_cholesky, c.lower_triangular),
    (c.corr_cholesky, c.lower_triangular),
    (c.positive_definite, c.positive_semidefinite),
    *[(closed, closed) for closed in (c.real, c.simplex, c.unit_interval, c.symmetric, c.boolean)],
]


@pytest.mark.parametrize(("constraint", "closed"), CLOSURES, ids=repr)
def test_closures(constraint, closed):
    assert constraint.closure() == closed
    assert c.is_subset(constraint, closed) is True


def test_pieces():
    values = torch.tensor([[-1.0, -1.0, 0.5, 0.5], [1.0, -1.0, 0.5, 0.6]])
    cat = c.cat([c.positive, c.real, c.nonnegative], dim=1, lengths=[1, 1, 2])
    assert cat.check(values).tolist() == [[False, True, True, True], [True] * 4]
    inside = c.cat([c.real_vector, c.simplex], dim=-1, lengths=[2, 2])
    assert inside.event_dim == 1 and inside.check(values).tolist() == [True, False]
    rows = c.cat([c.real_vector, c.simplex], dim=-2, lengths=[1, 1])
    assert rows.event_dim == 1 and rows.check(values[:, 2:]).tolist() == [True, False]
    stack = c.stack([c.simplex, c.real_vector], dim=-1)
    assert stack.event_dim == 2 and stack.check(values.mT[2:]) and not stack.check(values.mT[:2])
    assert c.stack([c.boolean, c.real]).is_discrete and not c.stack([c.real]).is_discrete


def test_mixture_bounds_follow_the_tightest_component():
    low, high = torch.tensor([[0.0, 1.0], [2.0, 3.0]]), torch.tensor([4.0, 5.0])
    mixture = c.MixtureSameFamilyConstraint(c.interval(low, high))
    assert mixture.intersection() == c.interval(torch.tensor([1.0, 3.0]), torch.tensor(4.0))
    values = torch.tensor([[0.5, 3.5], [2.0, 4.5]])
    assert torch.equal(mixture.check(values), mixture.intersection().check(values))
    vectors = c.MixtureSameFamilyConstraint(c.independent(c.less_than(torch.ones(3, 2, 4)), 1))
    assert vectors.intersection() == c.independent(c.less_than(torch.ones(3, 4)), 1)
    assert vectors.check(torch.zeros(3, 4)).tolist() == [True] * 3
    with pytest.raises(NotImplementedError, match="intersection"):
        c.MixtureSameFamilyConstraint(c.multinomial(torch.ones(2))).intersection()


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: c.greater_than(None), TypeError, "lower_bound must be a number"),
        (lambda: c.interval(0.0, [1.0]), TypeError, "upper_bound must be a number"),
        (lambda: c.independent(c.real, -1), ValueError, "at least 0"),
        (lambda: c.independent(torch_constraints.real, 1), TypeError, "constraint of reparam"),
        (lambda: c.cat([c.real, 1.0]), TypeError, "constraint of reparam"),
        (lambda: c.stack([]), ValueError, "at least one piece"),
        (lambda: c.cat([c.real], lengths=[1, 2]), ValueError, "1 pieces need 1 lengths"),
        (
            lambda: c.cat([c.real], dim=-1).check(torch.ones(3)),
            ValueError,
            "size 1 in dimension -1",
        ),
        (lambda: c.stack([c.real], dim=3).check(torch.ones(3)), ValueError, "dimension 3"),
    ],
)
def test_bad_arguments(make, error, text):
    with pytest.raises(error, match=text):
        make()
