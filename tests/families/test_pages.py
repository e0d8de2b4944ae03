"""The page of every public class: its formula, arguments, shapes, errors, sources and example, and typed methods."""

from __future__ import annotations

import inspect

import pytest

import reparam
from reparam.testing.draws import Family, classes_in
from reparam.testing.recipes import families
from reparam.testing.registry import DOORS, PROBABILITY_DOORS, absent

PARTS = (".. math::", "Args:", "Shapes:", "Support", "Raises:", "References:", "Example:", ">>>")
CLASSES = classes_in(reparam)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_a_page_is_complete(cls: type) -> None:
    page = vars(cls)["__doc__"]
    assert [part for part in PARTS if part not in page] == []
    for name, argument in inspect.signature(cls).parameters.items():
        if name != "validate_args" and argument.kind is not argument.KEYWORD_ONLY:
            assert f"        {name}: " in page, f"the page of {cls.__name__} does not tell of {name}"


@pytest.mark.parametrize(
    "cls", [*CLASSES, reparam.Distribution, reparam.ExponentialFamily], ids=lambda cls: cls.__name__
)
def test_public_methods_have_types_and_a_description(cls: type) -> None:
    for name, member in inspect.getmembers(cls):
        function = member.fget if isinstance(member, property) else member
        ours = inspect.isfunction(function) and function.__module__.startswith("reparam.")
        if name.startswith("_") or not ours:
            continue
        assert function.__doc__, f"{cls.__name__}.{name}"
        assert "return" in inspect.get_annotations(function), f"{cls.__name__}.{name}"


ORDER = {"cdf", "log_cdf", "sf", "log_sf", *PROBABILITY_DOORS}
SHAPE = {"skewness", "kurtosis"}
ABSENT = {
    "Factorised": {"mode", "median"},
    "InverseWishart": {"median"},
    "LogisticNormal": {"median"},
    "RelaxedOneHotCategorical": {"mode", "median"},
    "VonMises": SHAPE,
    "Wishart": {"median"},
}
MIXED_VECTORS = {"median"}


@pytest.mark.parametrize("family", [f for cls in CLASSES for f in families(cls)], ids=str)
def test_a_law_lacks_nothing_but_what_the_manual_names(family: Family) -> None:
    law = family.example
    name, events = type(law).__name__, len(law.event_shape)
    lacking = set(ABSENT.get(name, ()))
    if name.startswith("Mixture") and events:
        lacking |= MIXED_VECTORS
    if events:
        lacking |= ORDER
    if events != 1:
        lacking.add("covariance")
    if law.support.is_discrete and name != "OneHotCategoricalStraightThrough":
        lacking |= {"rsample", "rsample_and_log_prob"}
    if not law.has_enumerate_support:
        lacking.add("enumerate_support")
    found = set(absent(family))
    if name == "TransformedDistribution":  # a mode of affine maps alone
        found, lacking = found - {"mode"}, lacking - {"mode"}
    assert found == lacking & set(DOORS)
