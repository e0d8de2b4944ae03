"""Every law on every class that the package offers, with no list to maintain."""

from __future__ import annotations

import pytest
import torch

import reparam
from reparam import testing

# Forward-mode differentiation and the inductor compile some of torch's own code with what torch has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")

FAMILIES = [family for cls in testing.classes_in(reparam) for family in testing.families(cls)]
CASES = [
    pytest.param(family, law, id=f"{family}-{law.name}")
    for family in FAMILIES
    for law in testing.LAWS.values()
    if law.applies(family)
]
PRINCIPAL = [family for family in FAMILIES if family.principal]


@pytest.mark.parametrize(("family", "law"), CASES)
def test_law(family: testing.Family, law: testing.Law) -> None:
    law.check(family)


@pytest.mark.parametrize("p", PRINCIPAL, ids=str)
def test_divergences_between_families_are_their_integrals(p: testing.Family) -> None:
    """From one family to every other over the same events: the integral, infinite, or no rule and said so."""
    for q in PRINCIPAL:
        if q is p or q.example.event_shape != p.example.event_shape:
            continue
        for seed in (0, 1):
            laws = p.law(seed=seed), q.law(seed=seed + 3)
            try:
                reparam.kl_divergence(*laws)
            except NotImplementedError as error:
                assert type(p.example).__name__ in str(error) or "known" in str(error)
            else:
                testing.compare_divergence(*laws)


def test_all_classes_are_found() -> None:
    found = {cls.__name__ for cls in testing.classes_in(reparam)}
    assert {"Normal", "Gamma", "Categorical", "MultivariateNormal", "Independent"} <= found


def test_inductor_agrees_for_the_normal_law() -> None:
    (family,) = testing.families(reparam.Normal)
    testing.compile_and_compare(family, "inductor")


def test_one_law_is_checked_with_its_own_parameters() -> None:
    mixed = reparam.Independent(reparam.Normal(torch.tensor([1.0, -2.0]), 0.7), 1)
    report = testing.check(mixed, skip=["compiled_programs_agree"])
    assert len(report.passed) > 20
    assert "icdf" in report.absent[repr(mixed)]


def test_absent_doors_are_counted() -> None:
    report = testing.check(reparam.Dirichlet, only=["density_has_mass_one"])
    assert {"cdf", "icdf", "enumerate_support"} <= set(report.absent["Dirichlet"])
    assert "no cdf" in str(report)


def test_laws_without_an_integral_are_counted() -> None:
    """Four degrees of freedom are more than quadrature takes; what needs no integral is tested all the same."""
    law = reparam.MultivariateNormal(torch.zeros(4), scale_diag=torch.ones(4))
    report = testing.check(law, only=["density_has_mass_one", "samples_have_shapes"])
    assert [name for _, name in report.passed] == ["samples_have_shapes"]
    assert [name for _, name in report.untested] == ["density_has_mass_one"]


def test_an_unknown_law_is_refused() -> None:
    with pytest.raises(ValueError, match="no law 'density'"):
        testing.check(reparam.Normal, only=["density"])
