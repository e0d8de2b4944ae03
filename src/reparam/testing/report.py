"""All laws on one target: what passed, what failed, which doors are absent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .measure import NoQuadratureError
from .recipes import families
from .registry import LAWS, absent


@dataclass
class Report:
    """What :func:`check` found.

    Args:
        passed: ``(family, law)`` names.
        failed: the same, with the message of each failure.
        untested: the same for laws that need an integral which cannot be computed, with the reason.
        absent: for each family, the doors that it does not have (they raise NotImplementedError).
    """

    passed: list[tuple[str, str]] = field(default_factory=list)
    failed: dict[tuple[str, str], str] = field(default_factory=dict)
    untested: dict[tuple[str, str], str] = field(default_factory=dict)
    absent: dict[str, list[str]] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"{len(self.passed)} laws hold, {len(self.failed)} fail, {len(self.untested)} could not be tested"]
        lines += [f"  {family}: no {', '.join(doors)}" for family, doors in self.absent.items() if doors]
        findings = {**self.failed, **self.untested}
        lines += [f"  {family}, {name}: {text}" for (family, name), text in findings.items()]
        return "\n".join(lines)


def check(target: Any, *, only: Iterable[str] = (), skip: Iterable[str] = ()) -> Report:
    """Test a distribution by every law that applies to it.

    Parameters are drawn from the declaration: from each ``typical`` range, from the hard corners of each
    constraint, and in every alternative parametrisation.

    Args:
        target: a distribution class; one distribution, whose own parameters are used; or a :class:`Family`.
        only: names of laws; all of :data:`LAWS` by default.
        skip: names of laws to leave out.

    Returns:
        What holds, what needs an integral that cannot be computed, and which doors are absent.

    Raises:
        AssertionError: if laws fail, with all their messages.
        ValueError: for a name that is no law.
        TypeError: for a class that holds other laws and has no recipe.

    Example:
        >>> from reparam import Normal
        >>> report = check(Normal, only=["density_has_mass_one", "entropy_is_its_integral"])
        >>> print(report)
        2 laws hold, 0 fail, 0 could not be tested
          Normal: no covariance, enumerate_support
    """
    wanted = list(only) or list(LAWS)
    skipped = set(skip)
    for name in (*wanted, *skipped):
        if name not in LAWS:
            raise ValueError(f"there is no law {name!r}; there are {', '.join(sorted(LAWS))}")
    report = Report()
    for family in families(target):
        report.absent[family.name] = absent(family)
        for name in wanted:
            if name in skipped or not LAWS[name].applies(family):
                continue
            try:
                LAWS[name].check(family)
            except NoQuadratureError as error:
                report.untested[family.name, name] = str(error)
            except Exception as error:  # whatever a broken distribution raises is a finding
                report.failed[family.name, name] = f"{type(error).__name__}: {error}"
            else:
                report.passed.append((family.name, name))
    if report.failed:
        raise AssertionError(str(report))
    return report
