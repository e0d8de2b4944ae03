"""Combinators to test: each around a few laws that are unlike each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

from ..combinators.independent import Independent
from ..combinators.masked import Masked
from ..combinators.mixture import MixtureSameFamily
from ..combinators.transformed import TransformedDistribution
from ..constraints import independent
from ..core.distribution import Distribution
from ..core.params import param
from ..families.beta import Beta
from ..families.categorical import Categorical
from ..families.gamma import Gamma
from ..families.normal import Normal
from ..transforms import AffineTransform, ExpTransform, SigmoidTransform, TanhTransform
from .draws import Family, families_of

Recipe = Callable[[], Iterator[Family]]
RECIPES: dict[type, Recipe] = {}


def recipe(cls: type) -> Callable[[Recipe], Recipe]:
    """A decorator for the families that a class made of other laws is tested by.

    Args:
        cls: the class; :func:`families` uses the recipe for it.
    """

    def add(made: Recipe) -> Recipe:
        RECIPES[cls] = made
        return made

    return add


def families(target: Any) -> list[Family]:
    """The families that a class, a law, or a family stands for; by the recipe for classes that hold other laws.

    Args:
        target: a distribution class, a distribution, or a :class:`Family`.

    Raises:
        TypeError: for a class that holds other laws and has no recipe.
    """
    if isinstance(target, type) and target in RECIPES:
        return list(RECIPES[target]())
    return families_of(target)


def around(
    name: str,
    base: type[Distribution],
    build: Callable[[Any], Distribution],
    size: int = 0,
    principal: bool = False,
) -> Family:
    """The family of laws that ``build`` makes of laws of ``base``.

    Args:
        name: how messages call it.
        base: a class that declares only tensors.
        build: a law of ``base`` -> the law around it.
        size: if not zero, the length of a batch dimension of the base that ``build`` takes up.
        principal: whether the slowest laws are for it too.
    """
    first = families_of(base)[0]
    fields = first.fields
    if size:
        fields = {name: vectors(f) for name, f in fields.items()}
    return Family(
        name,
        lambda **values: build(base(**values)),
        fields,
        size=size or first.size,
        principal=principal,
    )


def vectors(declared: param) -> param:
    """The declaration of a vector of such parameters."""
    return param(independent(declared.constraint, 1), typical=declared.typical)


@recipe(MixtureSameFamily)
def _mixture() -> Iterator[Family]:
    for base in (Normal, Gamma):
        fields = {name: vectors(f) for name, f in families_of(base)[0].fields.items()}

        def build(logits: Any, base: type[Distribution] = base, **values: Any) -> Distribution:
            return MixtureSameFamily(Categorical(logits=logits), base(**values))

        yield Family(
            f"MixtureSameFamily({base.__name__})",
            build,
            {"logits": Categorical.logits, **fields},
            principal=base is Normal,
        )


@recipe(Independent)
def _independent() -> Iterator[Family]:
    yield around("Independent(Normal, 1)", Normal, lambda base: Independent(base, 1), 2, principal=True)
    yield around("Independent(Gamma, 1)", Gamma, lambda base: Independent(base, 1), 2)


@recipe(TransformedDistribution)
def _transformed() -> Iterator[Family]:
    maps: dict[str, tuple[type[Distribution], list[Any]]] = {
        "Normal, exp": (Normal, [ExpTransform()]),
        "Normal, tanh": (Normal, [TanhTransform()]),
        "Normal, falling affine": (Normal, [AffineTransform(1.0, -2.0)]),
        "Normal, sigmoid and affine": (Normal, [SigmoidTransform(), AffineTransform(0.0, 3.0)]),
        "Beta, rising affine": (Beta, [AffineTransform(-1.0, 2.0)]),
        "Gamma, falling affine": (Gamma, [AffineTransform(0.0, -0.5)]),
    }
    for name, (base, transforms) in maps.items():
        build = partial(_mapped, transforms)
        yield around(f"TransformedDistribution({name})", base, build, principal=name == "Normal, tanh")


def _mapped(transforms: list[Any], base: Distribution) -> Distribution:
    return TransformedDistribution(base, transforms)


@recipe(Masked)
def _masked() -> Iterator[Family]:
    yield around("Masked(Normal, True)", Normal, lambda base: Masked(base, torch.tensor(True)), principal=True)
