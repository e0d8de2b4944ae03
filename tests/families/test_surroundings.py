"""What surrounds a call changes nothing of its result: the default dtype, the default device, autocast, a trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import torch
from torch import Tensor

import reparam
from reparam import Distribution, kl_divergence
from reparam.testing.draws import Family, classes_in
from reparam.testing.recipes import families
from reparam.testing.registry import DOORS, SAMPLING_DOORS, arguments, call, has, values_of

FAMILIES = [family for cls in classes_in(reparam) for family in families(cls)]

Questions = dict[str, Callable[[], Tensor | tuple[Tensor, ...]]]


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


SURROUNDINGS: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "a default dtype of float64": lambda: default_dtype(torch.float64),
    "a default device": lambda: torch.device("meta"),
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
}


def questions(law: Distribution) -> Questions:
    """What can be asked of a law, with arguments that do not depend on the surroundings."""
    found: Questions = {}
    for door in filter(lambda name: has(law, name), DOORS):
        given = ((5,),) if door in SAMPLING_DOORS else arguments(law, door)
        found[door] = lambda door=door, given=given: call(law, door, *given)  # type: ignore[misc]
    try:
        kl_divergence(law, law)
    except NotImplementedError:
        return found
    return {**found, "kl_divergence": lambda: kl_divergence(law, law)}


def answer(ask: Callable[[], Tensor | tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    torch.manual_seed(0)
    found = ask()
    return found if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize("surroundings", SURROUNDINGS)
@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_surroundings_change_nothing(family: Family, surroundings: str) -> None:
    """A default device leaves formulas instead of kernels, which draw other numbers and round otherwise."""
    for door, ask in questions(family.law((2,)).to(torch.float32)).items():
        expected = answer(ask)
        with SURROUNDINGS[surroundings]():
            found = answer(ask)
        for a, b in zip(found, expected, strict=True):
            assert (a.dtype, a.device, a.shape) == (b.dtype, b.device, b.shape), f"{door} gives {a}"
            if surroundings != "a default device":
                assert torch.equal(a.nan_to_num(), b.nan_to_num()), f"{door} gives {a}, not {b}"
            elif door not in SAMPLING_DOORS:
                torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5, equal_nan=True)


@pytest.mark.parametrize("family", FAMILIES, ids=str)
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_a_trace_holds_for_other_numbers(family: Family) -> None:
    """``torch.jit.trace`` records torch's operations; a native kernel's result would be a constant to it."""
    first, second = family.parameters((2,), 0), family.parameters((2,), 1)
    x, y = (values_of(family.build(**at), ()) for at in (first, second))

    def program(x: Tensor, *values: Tensor) -> Tensor:
        return family.build(**dict(zip(first, values, strict=True))).log_prob(x)

    traced = torch.jit.trace(program, (x, *first.values()), check_trace=False)  # type: ignore[no-untyped-call]
    # a number times a tensor in the program is traced as a single-precision constant
    torch.testing.assert_close(traced(y, *second.values()), program(y, *second.values()), rtol=1e-6, atol=1e-6)
