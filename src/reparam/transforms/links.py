"""From a constraint to a transform onto it: ``biject_to`` and ``transform_to``.

Both take unconstrained real tensors to values that satisfy the constraint.

- ``biject_to`` gives a bijection with a log-determinant: for densities and Hamiltonian samplers.
- ``transform_to`` gives what optimisers like best, coordinate by coordinate where possible. It may
  have more coordinates than the set has dimensions, and then no log-determinant.

=================================== ============================== ==============================
constraint                          ``biject_to``                  ``transform_to``, if different
=================================== ============================== ==============================
``real``, ``square``                the identity
half-lines                          exponential, shifted
intervals                           logistic, between the bounds
``simplex``                         stick-breaking                 softmax
``corr_cholesky``                   stick-breaking of every row
``lower_triangular``                a vector as triangle
``symmetric``                       the same, mirrored             from a matrix
``lower_cholesky``                  the same, exponential diagonal from a matrix
``positive_(semi)definite``         that times its transpose       from a matrix
``independent``, ``cat``, ``stack`` those of the parts
=================================== ============================== ==============================

Discrete constraints have none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, overload

from ..constraints import (
    Constraint,
    MixtureSameFamilyConstraint,
    Range,
    cat,
    corr_cholesky,
    independent,
    lower_cholesky,
    lower_triangular,
    positive_definite,
    positive_semidefinite,
    simplex,
    square,
    stack,
    symmetric,
)
from ..constraints.numeric import is_exactly
from ..core.registry import Registry
from .base import Transform
from .bounded import IntervalTransform
from .compose import ComposeTransform, identity_transform
from .elementwise import AffineTransform, ExpTransform, SigmoidTransform
from .matrices import (
    CorrCholeskyTransform,
    LowerCholeskyTransform,
    LowerTriangularTransform,
    PositiveDefiniteTransform,
    SymmetricTransform,
)
from .shaping import CatTransform, IndependentTransform, StackTransform
from .simplex import SoftmaxTransform, StickBreakingTransform

Factory = Callable[[Any], Transform]
F = TypeVar("F", bound=Factory)


class ConstraintRegistry:
    """Rules that take a constraint to a transform onto it; the rule for the closest class wins.

    Args:
        name: what the rules are, for error messages.

    Example:
        >>> from reparam.constraints import Constraint, real
        >>> from reparam.transforms import AffineTransform
        >>> class Doubled(Constraint): ...
        >>> links = ConstraintRegistry("my links")
        >>> @links.register(Doubled)
        ... def _(constraint):
        ...     return AffineTransform(0.0, 2.0)
        >>> links(Doubled()).scale
        2.0
    """

    def __init__(self, name: str = "a constraint registry") -> None:
        self.name = name
        self._rules: Registry[Factory] = Registry(name)

    @overload
    def register(self, constraint: type[Constraint] | Constraint) -> Callable[[F], F]: ...
    @overload
    def register(self, constraint: type[Constraint] | Constraint, factory: F) -> F: ...
    def register(self, constraint: type[Constraint] | Constraint, factory: F | None = None) -> Callable[[F], F] | F:
        """Add a rule for a class of constraints.

        Args:
            constraint: the class, or one of its instances.
            factory: takes a constraint of that class to a transform; without it, a decorator for it
                is returned.

        Raises:
            TypeError: if ``constraint`` is neither a class of constraints nor a constraint.
        """
        kind = type(constraint) if isinstance(constraint, Constraint) else constraint
        if not (isinstance(kind, type) and issubclass(kind, Constraint)):
            raise TypeError(f"{self.name} takes rules for constraints, not for {constraint!r}")
        add: Callable[[Any], Any] = self._rules.register(kind)
        return add if factory is None else add(factory)

    def __call__(self, constraint: Constraint) -> Transform:
        """A transform onto ``constraint``.

        Raises:
            TypeError: if it is no constraint of this package.
            ValueError: if the constraint names parameters that are not resolved.
            NotImplementedError: if there is none.
        """
        if not isinstance(constraint, Constraint):
            raise TypeError(f"{self.name}: expected a constraint of reparam, got {constraint!r}")
        if constraint.parameters:
            raise ValueError(f"{self.name}: resolve {constraint!r} first")
        factory = self._rules.dispatch(type(constraint))
        if factory is None:
            raise NotImplementedError(f"{self.name} has no transform onto {constraint!r}")
        return factory(constraint)


biject_to = ConstraintRegistry("biject_to")
transform_to = ConstraintRegistry("transform_to")


@biject_to.register(Range)
@transform_to.register(Range)
def _onto_range(constraint: Range) -> Transform:
    lower, upper = constraint.limits
    if constraint.is_discrete:
        raise NotImplementedError(f"no transform of real numbers has the values {constraint!r}")
    if is_exactly(upper, math.inf):
        if is_exactly(lower, -math.inf):
            return identity_transform
        if is_exactly(lower, 0):
            return ExpTransform()
        return ComposeTransform([ExpTransform(), AffineTransform(lower, 1)])
    if is_exactly(lower, -math.inf):
        return ComposeTransform([ExpTransform(), AffineTransform(upper, -1)])
    if is_exactly(lower, 0) and is_exactly(upper, 1):
        return SigmoidTransform()
    return IntervalTransform(lower, upper)


@biject_to.register(simplex)
def _biject_to_simplex(constraint: Constraint) -> Transform:
    return StickBreakingTransform()


@transform_to.register(simplex)
def _transform_to_simplex(constraint: Constraint) -> Transform:
    return SoftmaxTransform()


@biject_to.register(square)
@transform_to.register(square)
def _onto_square(constraint: Constraint) -> Transform:
    return IndependentTransform(identity_transform, 2)


@biject_to.register(corr_cholesky)
@transform_to.register(corr_cholesky)
def _onto_corr_cholesky(constraint: Constraint) -> Transform:
    return CorrCholeskyTransform()


@biject_to.register(lower_triangular)
@transform_to.register(lower_triangular)
def _onto_lower_triangular(constraint: Constraint) -> Transform:
    return LowerTriangularTransform()


@transform_to.register(symmetric)
def _transform_to_symmetric(constraint: Constraint) -> Transform:
    return SymmetricTransform()


@transform_to.register(lower_cholesky)
def _transform_to_lower_cholesky(constraint: Constraint) -> Transform:
    return LowerCholeskyTransform()


@transform_to.register(positive_definite)
@transform_to.register(positive_semidefinite)
def _transform_to_positive_definite(constraint: Constraint) -> Transform:
    return PositiveDefiniteTransform()


@biject_to.register(symmetric)
@biject_to.register(lower_cholesky)
@biject_to.register(positive_definite)
@biject_to.register(positive_semidefinite)
def _biject_to_matrix(constraint: Constraint) -> Transform:
    return ComposeTransform([LowerTriangularTransform(), transform_to(constraint)])


def _register_composites(links: ConstraintRegistry) -> None:
    @links.register(independent)
    def _(constraint: independent) -> Transform:
        base = links(constraint.base_constraint)
        return IndependentTransform(base, constraint.reinterpreted_batch_ndims)

    @links.register(MixtureSameFamilyConstraint)
    def _(constraint: MixtureSameFamilyConstraint) -> Transform:
        return links(constraint.intersection())

    @links.register(cat)
    def _(constraint: cat) -> Transform:
        parts = [links(c) for c in constraint.cseq]
        pairs = zip(parts, constraint.lengths, strict=True)
        changes = constraint.dim == -1
        lengths = [t.inverse_shape((n,))[-1] if changes and t.event_dim == 1 else n for t, n in pairs]
        return CatTransform(parts, constraint.dim, lengths)

    @links.register(stack)
    def _(constraint: stack) -> Transform:
        return StackTransform([links(c) for c in constraint.cseq], constraint.dim)


_register_composites(biject_to)
_register_composites(transform_to)
