"""Constraints: the sets that parameters and values belong to.

They have the names and call forms of ``torch.distributions.constraints``. See :class:`Constraint`
for what each can do, and :func:`is_subset` for how they relate.
"""

from .base import Bounds, Constraint
from .composite import MixtureSameFamilyConstraint, cat, independent, stack
from .dependent import dependent, dependent_property, is_dependent
from .numeric import (
    Range,
    boolean,
    greater_than,
    greater_than_eq,
    half_open_interval,
    integer_interval,
    interval,
    less_than,
    less_than_eq,
    nonnegative,
    nonnegative_integer,
    positive,
    positive_integer,
    real,
    unit_interval,
)
from .structured import (
    corr_cholesky,
    lower_cholesky,
    lower_triangular,
    multinomial,
    one_hot,
    positive_definite,
    positive_semidefinite,
    simplex,
    square,
    symmetric,
)
from .subset import is_subset

real_vector = independent(real, 1)

__all__ = [
    "Bounds",
    "Constraint",
    "MixtureSameFamilyConstraint",
    "Range",
    "boolean",
    "cat",
    "corr_cholesky",
    "dependent",
    "dependent_property",
    "greater_than",
    "greater_than_eq",
    "half_open_interval",
    "independent",
    "integer_interval",
    "interval",
    "is_dependent",
    "is_subset",
    "less_than",
    "less_than_eq",
    "lower_cholesky",
    "lower_triangular",
    "multinomial",
    "nonnegative",
    "nonnegative_integer",
    "one_hot",
    "positive",
    "positive_definite",
    "positive_integer",
    "positive_semidefinite",
    "real",
    "real_vector",
    "simplex",
    "square",
    "stack",
    "symmetric",
    "unit_interval",
]

# the names that classes have in torch, for programs that ask isinstance(support, constraints._Simplex)
_Boolean = type(boolean)
_Cat = cat
_CorrCholesky = type(corr_cholesky)
_Dependent = type(dependent)
_DependentProperty = dependent_property
_GreaterThan = greater_than
_GreaterThanEq = greater_than_eq
_HalfOpenInterval = half_open_interval
_IndependentConstraint = independent
_IntegerInterval = integer_interval
_Interval = interval
_LessThan = less_than
_LowerCholesky = type(lower_cholesky)
_LowerTriangular = type(lower_triangular)
_Multinomial = multinomial
_OneHot = type(one_hot)
_PositiveDefinite = type(positive_definite)
_PositiveSemidefinite = type(positive_semidefinite)
_Real = type(real)
_Simplex = type(simplex)
_Square = type(square)
_Stack = stack
_Symmetric = type(symmetric)
