"""The modules in which ``torch.distributions`` keeps its classes, for programs that import from them.

``from reparam.normal import Normal`` works, as does ``reparam.normal.Normal`` and an import by the name of the module.
The place of every class is ``reparam`` itself, which is where type checkers and editors find it.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from .families.relaxed_categorical import ExpRelaxedCategorical

CLASSES = {
    "bernoulli": "Bernoulli",
    "beta": "Beta",
    "binomial": "Binomial",
    "categorical": "Categorical",
    "cauchy": "Cauchy",
    "chi2": "Chi2",
    "continuous_bernoulli": "ContinuousBernoulli",
    "dirichlet": "Dirichlet",
    "distribution": "Distribution",
    "exp_family": "ExponentialFamily",
    "exponential": "Exponential",
    "fishersnedecor": "FisherSnedecor",
    "gamma": "Gamma",
    "generalized_pareto": "GeneralizedPareto",
    "geometric": "Geometric",
    "gumbel": "Gumbel",
    "half_cauchy": "HalfCauchy",
    "half_normal": "HalfNormal",
    "independent": "Independent",
    "inverse_gamma": "InverseGamma",
    "kumaraswamy": "Kumaraswamy",
    "laplace": "Laplace",
    "lkj_cholesky": "LKJCholesky",
    "log_normal": "LogNormal",
    "logistic_normal": "LogisticNormal",
    "lowrank_multivariate_normal": "LowRankMultivariateNormal",
    "mixture_same_family": "MixtureSameFamily",
    "multinomial": "Multinomial",
    "multivariate_normal": "MultivariateNormal",
    "negative_binomial": "NegativeBinomial",
    "normal": "Normal",
    "one_hot_categorical": "OneHotCategorical OneHotCategoricalStraightThrough",
    "pareto": "Pareto",
    "poisson": "Poisson",
    "relaxed_bernoulli": "LogitRelaxedBernoulli RelaxedBernoulli",
    "relaxed_categorical": "ExpRelaxedCategorical RelaxedOneHotCategorical",
    "studentT": "StudentT",
    "transformed_distribution": "TransformedDistribution",
    "uniform": "Uniform",
    "von_mises": "VonMises",
    "weibull": "Weibull",
    "wishart": "Wishart",
}


PACKAGE = sys.modules[__name__.rpartition(".")[0]]


class Address(ModuleType):
    """A module whose classes are those of the package, looked up when they are asked for."""

    def __init__(self, name: str, classes: list[str]) -> None:
        super().__init__(f"{PACKAGE.__name__}.{name}", f"{', '.join(classes)}, as in ``torch.distributions.{name}``.")
        self.__all__ = classes

    def __getattr__(self, name: str) -> Any:
        if name in self.__all__:
            return ExpRelaxedCategorical if name == "ExpRelaxedCategorical" else getattr(PACKAGE, name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}", name=name, obj=self)


ADDRESSES = {name: Address(name, classes.split()) for name, classes in CLASSES.items()}
sys.modules.update({module.__name__: module for module in ADDRESSES.values()})


def attribute(name: str) -> ModuleType:
    """One of the modules as an attribute of the package, without which it is not listed among its names.

    Raises:
        AttributeError: if there is none.
    """
    if name not in ADDRESSES:
        raise AttributeError(f"module {PACKAGE.__name__!r} has no attribute {name!r}", name=name, obj=PACKAGE)
    return ADDRESSES[name]


vars(PACKAGE)["__getattr__"] = attribute  # unseen by type checkers, which know the names of the package
