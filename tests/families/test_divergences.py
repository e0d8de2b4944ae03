"""Divergences between laws of different classes and batch shapes."""

from __future__ import annotations

import itertools

import pytest
import torch

import reparam
from reparam.core.registry import kl_rules
from reparam.testing import Family, classes_in, families

FAMILIES = [family for kind in classes_in(reparam) for family in families(kind) if family.principal]


def _pairs() -> list[tuple[Family, Family]]:
    """The families between which a rule is registered."""
    return [
        (first, second)
        for first, second in itertools.product(FAMILIES, repeat=2)
        if kl_rules.dispatch(type(first.example), type(second.example)) is not None
        and first.example.event_shape == second.example.event_shape
    ]


@pytest.mark.parametrize(("first", "second"), _pairs(), ids=str)
def test_batches_broadcast(first: Family, second: Family) -> None:
    """The divergence between two batches holds, at each place, that of the laws there."""
    for one, other in [((), (2,)), ((2,), ()), ((2,), (3, 1))]:
        p, q = first.law(one, seed=0), second.law(other, seed=3)
        try:
            found = reparam.kl_divergence(p, q)
        except NotImplementedError:  # a rule for structure whose parts have none
            continue
        shape = torch.broadcast_shapes(one, other)
        assert found.shape == shape
        exact = reparam.kl_divergence(p.expand(shape)[(-1,) * len(shape)], q.expand(shape)[(-1,) * len(shape)])
        torch.testing.assert_close(found[(-1,) * len(shape)], exact, rtol=1e-9, atol=1e-11)
