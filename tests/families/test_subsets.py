"""Which constraint lies in which: against members on a grid, and a table of the structured ones."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from reparam import constraints as c

INF = math.inf

RANGES = [
    kind(*bounds)
    for kind, count in [
        (c.greater_than, 1),
        (c.greater_than_eq, 1),
        (c.less_than, 1),
        (c.less_than_eq, 1),
        (c.interval, 2),
        (c.half_open_interval, 2),
        (c.integer_interval, 2),
    ]
    for bounds in ([(b,) for b in (-1.0, 0.5)] if count == 1 else [(-1.0, 0.5), (0.5, 2.0), (2.0, 0.5), (0, INF)])
] + [c.real, c.boolean]
GRID = torch.cat([torch.arange(-4, 12) / 4, torch.tensor([-INF, -50.0, 50.0, INF])])


def test_subsets_of_ranges_by_their_members():
    """Against all members on a grid finer than the distances of the bounds."""
    for a in RANGES:
        inside = GRID[a.check(GRID)]
        for b in RANGES:
            assert c.is_subset(a, b) is bool(b.check(inside).all()), (a, b)


def test_subsets_of_ranges_with_tensor_bounds():
    for a in RANGES:
        bounds = {k: torch.tensor([float(v), 0.0]) for k, v in vars(a).items()}
        tensors = a._copy(**bounds)
        for b in RANGES:
            answer = torch.as_tensor(c.is_subset(tensors, b)).expand(2)
            assert bool(answer[0]) is c.is_subset(a, b), (a, b)
            assert torch.equal(torch.as_tensor(c.is_subset(tensors, tensors)), torch.tensor(True))


MATRIX = c.independent(c.real, 2)
SUBSETS = [
    (c.simplex, c.real_vector, True),
    (c.simplex, c.independent(c.unit_interval, 1), True),
    (c.independent(c.unit_interval, 1), c.simplex, False),
    (c.simplex, c.independent(c.positive, 1), False),
    (c.one_hot, c.simplex, True),
    (c.simplex, c.one_hot, False),
    (c.one_hot, c.multinomial(1), True),
    (c.one_hot, c.independent(c.boolean, 1), True),
    (c.multinomial(3), c.multinomial(4), True),
    (c.multinomial(4), c.multinomial(3), False),
    (c.multinomial(4), c.independent(c.integer_interval(0, 4), 1), True),
    (c.multinomial(4), c.simplex, False),
    (c.simplex, c.multinomial(1), False),
    (c.positive_definite, c.positive_semidefinite, True),
    (c.positive_definite, c.symmetric, True),
    (c.positive_definite, c.square, True),
    (c.positive_definite, MATRIX, True),
    (c.positive_definite, c.independent(c.positive, 2), False),
    (c.symmetric, c.positive_semidefinite, False),
    (c.corr_cholesky, c.lower_cholesky, True),
    (c.corr_cholesky, c.lower_triangular, True),
    (c.corr_cholesky, c.independent(c.interval(-1.0, 1.0), 2), True),
    (c.lower_cholesky, c.corr_cholesky, False),
    (c.lower_cholesky, c.lower_triangular, True),
    (c.lower_triangular, c.symmetric, False),
    (c.square, MATRIX, True),
    (MATRIX, c.square, False),
    (c.real, c.real_vector, False),
    (c.independent(c.simplex, 1), MATRIX, True),
    (c.independent(c.simplex, 1), c.independent(c.one_hot, 1), False),
    (c.independent(c.boolean, 1), c.independent(c.unit_interval, 1), True),
    (c.independent(c.real, 0), c.real, True),
    (c.cat([c.positive, c.real], dim=-1), c.cat([c.nonnegative, c.real], dim=-1), True),
    (c.cat([c.positive, c.real], dim=-1), c.cat([c.real, c.positive], dim=-1), False),
    (c.cat([c.positive, c.real], dim=-1), c.real, True),
    (c.positive, c.cat([c.nonnegative, c.real], dim=-1), True),
    (c.real, c.cat([c.nonnegative, c.real], dim=-1), False),
    (c.stack([c.simplex, c.one_hot], dim=-2), c.independent(c.unit_interval, 1), True),
    (c.stack([c.simplex, c.one_hot], dim=-2), c.stack([c.simplex, c.simplex], dim=-2), True),
    (c.cat([c.simplex, c.simplex], dim=-1), c.simplex, False),
    (c.MixtureSameFamilyConstraint(c.positive), c.nonnegative, True),
    (c.positive, c.MixtureSameFamilyConstraint(c.nonnegative), True),
]


@pytest.mark.parametrize(("a", "b", "expected"), SUBSETS, ids=repr)
def test_subsets(a, b, expected):
    assert c.is_subset(a, b) is expected
    assert c.is_subset(a, a) is True and c.is_subset(b, copy.deepcopy(b)) is True


def test_subsets_with_tensor_bounds_have_the_batch_shape():
    high = torch.tensor([[1.0, 2.0], [1.0, 1.0]])
    answer = c.is_subset(c.interval(0.0, high), c.interval(0.0, 1.5))
    assert answer.tolist() == [[True, False], [True, True]]
    joined = c.is_subset(c.independent(c.interval(0.0, high), 1), c.independent(c.interval(0.0, 1.5), 1))
    assert joined.tolist() == [False, True]
    counts = c.is_subset(c.multinomial(torch.tensor([2, 4])), c.independent(c.integer_interval(0, 3), 1))
    assert counts.tolist() == [True, False]
    pieces = c.is_subset(
        c.cat([c.less_than(high[0]), c.real], -1, [2, 1]),
        c.cat([c.less_than(3.0), c.real], -1, [2, 1]),
    )
    assert pieces.tolist() is True


def test_unknown_kinds_are_not_guessed():
    class Even(c.Constraint):
        is_discrete = True

    assert c.is_subset(Even(), Even()) is True
    with pytest.raises(NotImplementedError, match="Even"):
        c.is_subset(Even(), c.real)
    with pytest.raises(NotImplementedError, match="check"):
        Even().check(torch.ones(()))
