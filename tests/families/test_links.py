"""From constraints to transforms onto them: ``biject_to`` and ``transform_to``."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import distributions as torch_distributions

from reparam import constraints as c
from reparam import transforms as t
from transform_cases import F64, close

CONTINUOUS = [
    c.real,
    c.positive,
    c.nonnegative,
    c.greater_than(2.0),
    c.greater_than_eq(torch.tensor([-1.0, 0.0, 5.0], dtype=F64)),
    c.less_than(-1.0),
    c.less_than_eq(3.0),
    c.unit_interval,
    c.interval(-2.0, 7),
    c.interval(torch.tensor(-1.0), torch.tensor([0.0, 1.0, 2.0])),
    c.half_open_interval(0.0, 4.0),
    c.real_vector,
    c.independent(c.positive, 2),
    c.simplex,
    c.square,
    c.lower_triangular,
    c.lower_cholesky,
    c.corr_cholesky,
    c.symmetric,
    c.positive_semidefinite,
    c.positive_definite,
    c.cat([c.positive, c.simplex], dim=-1, lengths=[1, 3]),
    c.stack([c.positive, c.real, c.unit_interval], dim=-1),
    c.MixtureSameFamilyConstraint(c.greater_than(torch.tensor([0.0, 2.0]))),
]
DISCRETE = [c.boolean, c.one_hot, c.nonnegative_integer, c.integer_interval(0, 3), c.multinomial(4)]


@pytest.mark.parametrize("constraint", CONTINUOUS, ids=repr)
def test_links(constraint):
    for link in (t.biject_to, t.transform_to):
        onto = link(constraint)
        matrices = onto.codomain.event_dim == 2
        shape = (3, 3) if onto.domain.event_dim == 2 else (6,) if matrices else (3,)
        if link is t.transform_to and isinstance(constraint, c.cat):
            shape = (4,)
        x = 2 * torch.randn((4, *shape), generator=torch.Generator().manual_seed(0), dtype=F64)
        y = onto(x)
        assert constraint.check(y).all()
        close(onto(onto.inv(y)), y, 1e-9)
        if link is t.biject_to:
            assert onto.bijective
            assert c.is_subset(c.independent(c.real, onto.domain.event_dim), onto.domain) is True
            close(onto.inv(y), x, 1e-8)
            assert onto.forward_and_ldj(x)[1].isfinite().all()


@pytest.mark.parametrize("constraint", DISCRETE, ids=repr)
def test_discrete_constraints_have_no_link(constraint):
    for link in (t.biject_to, t.transform_to):
        with pytest.raises(NotImplementedError):
            link(constraint)


def test_every_continuous_constraint_has_a_link():
    kinds = {type(constraint) for constraint in CONTINUOUS + DISCRETE}
    named = [getattr(c, name) for name in c.__all__]
    classes = {k if isinstance(k, type) else type(k) for k in named if not callable(k) or isinstance(k, type)}
    skipped = {c.Constraint, c.Range, c.Bounds, c.dependent_property, type(c.dependent)}
    assert classes - skipped <= kinds


def test_links_of_dependent_and_foreign_constraints():
    with pytest.raises(ValueError, match="resolve"):
        t.biject_to(c.greater_than("low"))
    assert t.biject_to(c.greater_than("low").resolve(SimpleNamespace(low=0))) == t.ExpTransform()
    with pytest.raises(TypeError, match="constraint of reparam"):
        t.biject_to(torch_distributions.constraints.positive)
    with pytest.raises(TypeError, match="not for 3"):
        t.biject_to.register(3)
    for unknown in (c.dependent, c.independent(c.dependent(is_discrete=False, event_dim=0), 1)):
        with pytest.raises(NotImplementedError, match="no transform onto Dependent"):
            t.biject_to(unknown)


def test_registering_links():
    class Ball(c.Constraint):
        event_dim = 1

    links = t.ConstraintRegistry("links")
    links.register(Ball(), lambda constraint: t.TanhTransform())

    @links.register(c.greater_than)
    def _(constraint):
        return t.SoftplusTransform()

    assert links(Ball()) == t.TanhTransform() and links(c.positive) == t.SoftplusTransform()
    with pytest.raises(NotImplementedError, match="links has no transform onto Real"):
        links(c.real)
    assert t.biject_to(c.positive) == t.ExpTransform()
