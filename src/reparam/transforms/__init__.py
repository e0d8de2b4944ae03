"""Transforms: differentiable maps with inverses and log-determinants.

They have the names and call forms of ``torch.distributions.transforms``. See :class:`Transform` for
what each can do, and :data:`biject_to` and :data:`transform_to` for the way from a constraint to a
transform onto it.
"""

from .base import InverseTransform, Transform
from .bounded import IntervalTransform
from .cdf import CumulativeDistributionTransform
from .compose import ComposeTransform, identity_transform
from .elementwise import (
    AbsTransform,
    AffineTransform,
    ExpTransform,
    PowerTransform,
    SigmoidTransform,
    SoftplusTransform,
    TanhTransform,
)
from .links import ConstraintRegistry, biject_to, transform_to
from .matrices import (
    CorrCholeskyTransform,
    LowerCholeskyTransform,
    LowerTriangularTransform,
    PositiveDefiniteTransform,
    SymmetricTransform,
)
from .shaping import CatTransform, IndependentTransform, ReshapeTransform, StackTransform
from .simplex import SoftmaxTransform, StickBreakingTransform

__all__ = [
    "AbsTransform",
    "AffineTransform",
    "CatTransform",
    "ComposeTransform",
    "ConstraintRegistry",
    "CorrCholeskyTransform",
    "CumulativeDistributionTransform",
    "ExpTransform",
    "IndependentTransform",
    "IntervalTransform",
    "InverseTransform",
    "LowerCholeskyTransform",
    "LowerTriangularTransform",
    "PositiveDefiniteTransform",
    "PowerTransform",
    "ReshapeTransform",
    "SigmoidTransform",
    "SoftmaxTransform",
    "SoftplusTransform",
    "StackTransform",
    "StickBreakingTransform",
    "SymmetricTransform",
    "TanhTransform",
    "Transform",
    "biject_to",
    "identity_transform",
    "transform_to",
]

_InverseTransform = InverseTransform  # the name that programs reach for
