"""Combinators to test: each around a few laws that are unlike each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..combinators.factorised import Factorised
from ..combinators.implicit import ImplicitReparam
from ..combinators.independent import Independent
from ..combinators.masked import Masked
from ..combinators.mixture import Mixture
from ..combinators.mixture_same_family import MixtureSameFamily
from ..combinators.transformed import TransformedDistribution
from ..combinators.truncated import Truncated
from ..constraints import greater_than, independent, positive, real
from ..core.distribution import Distribution
from ..core.params import param
from ..families.beta import Beta
from ..families.categorical import Categorical
from ..families.exponential import Exponential
from ..families.gamma import Gamma
from ..families.inverse_wishart import InverseWishart
from ..families.lkj_cholesky import LKJCholesky
from ..families.multivariate_normal import MultivariateNormal
from ..families.normal import Normal
from ..families.relaxed_bernoulli import RelaxedBernoulli
from ..families.relaxed_categorical import RelaxedOneHotCategorical
from ..families.wishart import Wishart
from ..transforms import AffineTransform, ExpTransform, SigmoidTransform, TanhTransform
from .draws import Family, families_of

Recipe = Callable[[], Iterator[Family]]
RECIPES: dict[type, Recipe] = {}
TEMPERATURES = (0.5, 2.0)  #: of relaxed laws: below one, with poles at the ends, and above


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
    yield from _mixtures_of_vectors()


def _mixtures_of_vectors() -> Iterator[Family]:
    """Laws of pairs: of independent coordinates, of correlated ones, and of ones that all share their factor."""
    # quadrature in the plane resolves one scale alone: no corners of this parameter
    apart, joint = torch.tensor([[0.5, 1.0], [1.2, 0.7]]), torch.tensor([0.5, 1.0])
    for label, component, scale in (
        ("Independent", _product, apart),
        ("MultivariateNormal", _sheared, apart),
        ("MultivariateNormal of one factor", _of_one_factor, joint),
    ):
        fields = {
            "logits": Categorical.logits,
            "loc": param(independent(real, 2), typical=(-1.5, 1.5)),
            "scale": param(independent(positive, scale.dim())),
        }

        def build(logits: Any, loc: Any, scale: Any, component: Any = component) -> Distribution:
            return MixtureSameFamily(Categorical(logits=logits), component(loc, scale))

        name = f"MixtureSameFamily({label})"
        yield Family(name, build, fields, size=2, fixed={"scale": scale}, principal=False)


def _product(loc: Any, scale: Any) -> Distribution:
    return Independent(Normal(loc, scale), 1)


def _sheared(loc: Any, scale: Tensor) -> Distribution:
    spread = scale.diag_embed()
    return MultivariateNormal(loc, scale_tril=spread + 0.6 * torch.ones_like(spread).tril(-1))


def _of_one_factor(loc: Any, scale: Tensor) -> Distribution:
    return _sheared(loc, scale[..., None, :])


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


@recipe(Truncated)
def _truncated() -> Iterator[Family]:
    bounds = {"low": param(real, typical=(-0.2, -0.1)), "high": param(greater_than("low"), typical=(0.3, 2.0))}

    def normal(loc: Any, scale: Any, low: Any, high: Any) -> Distribution:
        return Truncated(Normal(loc, scale), low, high)

    yield Family("Truncated(Normal)", normal, {**families_of(Normal)[0].fields, **bounds}, principal=False)
    yield Family(
        "Truncated(Gamma)",
        lambda concentration: Truncated(Gamma(concentration, 1.0), high=4.0),
        {"concentration": Gamma.concentration},
        principal=False,
    )


@recipe(LKJCholesky)
def _correlations() -> Iterator[Family]:
    for dim in (2, 3):
        yield Family(
            f"LKJCholesky({dim})",
            partial(LKJCholesky, dim),
            {"concentration": LKJCholesky.concentration},
            principal=dim == 3,
        )


@recipe(Wishart)
def _wishart() -> Iterator[Family]:
    for family in families_of(Wishart):
        yield _of_two_rows(family, (3.5, 20.0))


@recipe(InverseWishart)
def _inverse_wishart() -> Iterator[Family]:
    # near the bound, draws exceed the range of float32
    for family in families_of(InverseWishart):
        yield _of_two_rows(family, (30.0, 60.0))


def _of_two_rows(family: Family, typical: tuple[float, float]) -> Family:
    """The family with the bound that the degrees of freedom have for matrices of two rows and columns."""
    return replace(family, fields={**family.fields, "df": param(greater_than(1.0), typical=typical)})


@recipe(ImplicitReparam)
def _implicit() -> Iterator[Family]:
    yield around("ImplicitReparam(Normal)", Normal, ImplicitReparam, principal=True)
    yield around("ImplicitReparam(Gamma)", Gamma, ImplicitReparam)


@recipe(Factorised)
def _factorised() -> Iterator[Family]:
    yield around("Factorised(Normal, Normal)", Normal, _followed, principal=True)


def _followed(base: Distribution) -> Distribution:
    return Factorised(base, [_follower])


def _follower(x: Tensor) -> Distribution:
    return Normal(x[..., 0].sin(), 1.5, validate_args=False)


@recipe(Mixture)
def _unlike() -> Iterator[Family]:
    normal, exponential = (families_of(cls)[0].fields for cls in (Normal, Exponential))

    def build(logits: Tensor, loc: Any, scale: Any, rate: Any) -> Distribution:
        return Mixture(Categorical(logits=logits), (Normal(loc, scale), Exponential(rate), Normal(-loc, scale)))

    yield Family("Mixture(Normal, Exponential)", build, {"logits": Categorical.logits, **normal, **exponential})


@recipe(RelaxedBernoulli)
def _relaxed_bernoulli() -> Iterator[Family]:
    # low temperatures and large log-odds put the mass where numbers round to 1: beyond quadrature
    for family in families_of(RelaxedBernoulli):
        fields = {n: param(real, typical=(-0.5, 0.5)) if n == "logits" else f for n, f in family.fields.items()}
        for temperature in TEMPERATURES:
            yield _at_temperature(replace(family, fields=fields), temperature)


@recipe(RelaxedOneHotCategorical)
def _relaxed_categorical() -> Iterator[Family]:
    # its moments are integrals that take long: each way to give the weights has one temperature
    for family, temperature in zip(families_of(RelaxedOneHotCategorical), TEMPERATURES, strict=True):
        yield _at_temperature(family, temperature)


def _at_temperature(family: Family, temperature: float) -> Family:
    fixed = {"temperature": torch.tensor(temperature)}
    return replace(
        family, name=f"{family} at {temperature}", fixed=fixed, principal=family.principal and temperature < 1
    )
