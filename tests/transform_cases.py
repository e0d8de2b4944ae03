"""Transforms of every kind, points of their domains, and coordinates for their Jacobians."""

from __future__ import annotations

import math

import pytest
import torch

from reparam import constraints as c
from reparam import transforms as t

F64 = torch.float64


class Exponential:
    """A law with closed forms, for the transform by a distribution function."""

    support = c.positive

    def __init__(self, rate):
        self.rate = rate

    def __repr__(self):
        return "Exponential()"

    def cdf(self, x):
        return -torch.expm1(-self.rate * x)

    def icdf(self, y):
        return -torch.log1p(-y) / self.rate

    def log_prob(self, x):
        return math.log(self.rate) - self.rate * x


def tensor(*values):
    return torch.tensor(values, dtype=F64)


CHAIN = t.ComposeTransform(
    [
        t.AffineTransform(tensor(0.1, 0.2, 0.3), 2.0),
        t.ReshapeTransform((3,), (3, 1)),
        t.AffineTransform(0.0, tensor(-0.5), event_dim=1),
        t.StickBreakingTransform(),
    ]
)
BIJECTIONS = [
    t.ExpTransform(),
    t.PowerTransform(-1.5),
    t.PowerTransform(tensor(0.5, 2.0, -3.0)),
    t.SigmoidTransform(),
    t.TanhTransform(),
    t.SoftplusTransform(),
    t.AffineTransform(1.0, -2.0),
    t.AffineTransform(tensor(1.0, 2.0, 3.0), tensor(-1.0), event_dim=1),
    t.AffineTransform(0.5, tensor(-1.0, 3.0, 0.1), event_dim=1),
    t.AffineTransform(0.5, 3.0, event_dim=2),
    t.IntervalTransform(-1.0, 3.0),
    t.IntervalTransform(tensor(-1.0, 0.0, 1.0), tensor(2.0)),
    t.CumulativeDistributionTransform(Exponential(2.0)),
    t.StickBreakingTransform(),
    t.LowerTriangularTransform(),
    t.SymmetricTransform(),
    t.LowerCholeskyTransform(),
    t.PositiveDefiniteTransform(),
    t.CorrCholeskyTransform(),
    t.ReshapeTransform((3,), (3, 1)),
    t.IndependentTransform(t.TanhTransform(), 1),
    t.CatTransform([t.ExpTransform(), t.AffineTransform(0.0, 2.0)], dim=-1, lengths=[1, 2]),
    t.CatTransform([t.IndependentTransform(t.ExpTransform(), 1), t.TanhTransform()], -1, [1, 2]),
    t.StackTransform([t.ExpTransform(), t.identity_transform, t.TanhTransform()], dim=-1),
    t.StackTransform([t.ExpTransform(), t.StackTransform([t.TanhTransform()] * 3, -1)], dim=-2),
    t.identity_transform,
    t.ComposeTransform([t.TanhTransform(), t.AffineTransform(1.0, 2.0), t.ExpTransform()]),
    CHAIN,
    t.biject_to(c.lower_cholesky),
]
OTHERS = [t.AbsTransform(), t.SoftmaxTransform()]
CASES = BIJECTIONS + OTHERS
EVENT = {0: (3,), 1: (3,), 2: (3, 3)}


def point(transform, seed=0, batch=(2,), dtype=F64):
    """Points of the domain with three (or three by three) entries."""
    shape = {-2: (2, 3)}.get(getattr(transform, "dim", 0), EVENT[transform.domain.event_dim])
    generator = torch.Generator().manual_seed(seed)
    free = torch.randn((*batch, *shape), generator=generator, dtype=F64)
    link = {c.symmetric: torch.Tensor.tril, c.lower_triangular: torch.Tensor.tril}
    onto = link.get(transform.domain) or t.transform_to(transform.domain)
    return onto(free).to(dtype)


def ids(transform):
    return repr(transform)[:90]


def each(transforms):
    return pytest.mark.parametrize("transform", transforms, ids=ids)


def close(a, b, tolerance):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def triangle(space, matrix):
    """The indices of the free entries of a triangular or symmetric matrix."""
    size = matrix.shape[-1]
    return tuple(torch.tril_indices(size, size, -1 if space == c.corr_cholesky else 0))


def coordinates(space, value):
    """Independent coordinates of a point of a space."""
    if isinstance(space, c.independent) and space.base_constraint.event_dim:
        return torch.cat([coordinates(space.base_constraint, row) for row in value])
    if space == c.simplex:
        return value[:-1]
    if isinstance(space, c.independent) or space.event_dim < 2:
        return value.flatten()
    return value[triangle(space, value)]


def restored(space, flat, like):
    """The point of a space with these coordinates."""
    if isinstance(space, c.independent) and space.base_constraint.event_dim:
        rows = flat.reshape(len(like), -1)
        return torch.stack([restored(space.base_constraint, *both) for both in zip(rows, like)])
    if space == c.simplex:
        return torch.cat([flat, 1 - flat.sum().unsqueeze(0)])
    if isinstance(space, c.independent) or space.event_dim < 2:
        return flat.reshape(like.shape)
    basis = torch.zeros(len(flat), *like.shape, dtype=F64)
    basis[(torch.arange(len(flat)), *triangle(space, like))] = 1
    matrix = torch.einsum("k,kij->ij", flat, basis)
    if space in (c.symmetric, c.positive_definite):
        return matrix + matrix.tril(-1).mT
    if space == c.corr_cholesky:
        return matrix + torch.diag((1 - matrix.square().sum(-1)).sqrt())
    return matrix
