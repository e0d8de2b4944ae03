"""One dispatch on types, used for KL divergences and for the maps from constraints to transforms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

Rule = TypeVar("Rule", bound=Callable[..., Any])


class AmbiguousRuleError(TypeError):
    """Two rules match and neither is more specific than the other."""


class Registry(Generic[Rule]):
    """Rules by tuples of types; the most specific match wins, a tie is an error that names both.

    A rule registered for ``(A, B)`` matches arguments of types ``(X, Y)`` when ``X`` is a subclass of ``A``
    and ``Y`` of ``B``. Among the matches, one is most specific when each of its types is a subclass of the
    corresponding type of every other match. Where none is, rules of this package give way to those of programs.

    Args:
        name: what the rules are, for error messages, such as ``"KL divergence"``.

    Example:
        >>> sizes = Registry("size")
        >>> @sizes.register(int)
        ... def _(x): return 1
        >>> sizes.dispatch(bool)(True)
        1
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.rules: dict[tuple[type, ...], Rule] = {}
        self._found: dict[tuple[type, ...], Rule | None] = {}

    def register(self, *types: type) -> Callable[[Rule], Rule]:
        """A decorator that adds a rule for these types; a later rule for the same types replaces it."""
        for entry in types:
            if not isinstance(entry, type):
                raise TypeError(f"{self.name}: a rule is registered for types, not for {entry!r}")

        def add(rule: Rule) -> Rule:
            self.rules[types] = rule
            self._found.clear()
            return rule

        return add

    def dispatch(self, *types: type) -> Rule | None:
        """The most specific rule for these types, or None where no rule matches."""
        try:
            return self._found[types]
        except KeyError:
            found = self._found[types] = self._search(types)
            return found

    def _search(self, types: tuple[type, ...]) -> Rule | None:
        matches = [
            key for key in self.rules if len(key) == len(types) and all(issubclass(t, k) for t, k in zip(types, key))
        ]
        best = _most_specific(matches) or _most_specific([m for m in matches if not is_own(self.rules[m])])
        if matches and not best:
            tied = [m for m in matches if not any(_as_specific(o, m) for o in matches if o != m)]
            listed = " and ".join(_spell(key) for key in tied)
            raise AmbiguousRuleError(
                f"{self.name} of {_spell(types)}: the rules for {listed} both match and neither is more "
                f"specific; register one for {_spell(types)}"
            )
        return self.rules[best[0]] if best else None


def _most_specific(keys: list[tuple[type, ...]]) -> list[tuple[type, ...]]:
    return [key for key in keys if all(_as_specific(key, other) for other in keys)]


def is_own(rule: Callable[..., Any]) -> bool:
    """Whether a rule is one of this package."""
    return rule.__module__.partition(".")[0] == __name__.partition(".")[0]


def _as_specific(key: tuple[type, ...], other: tuple[type, ...]) -> bool:
    return all(issubclass(k, o) for k, o in zip(key, other))


def _spell(types: tuple[type, ...]) -> str:
    return "(" + ", ".join(t.__name__ for t in types) + ")"


kl_rules: Registry[Callable[[Any, Any], Any]] = Registry("KL divergence")
"""The rules of :func:`reparam.kl_divergence`: ``(p, q) -> Tensor``."""

register_kl = kl_rules.register
