"""The maps from constraints to transforms, under the name that ``torch.distributions`` has for their module."""

from .transforms import ConstraintRegistry as ConstraintRegistry
from .transforms import biject_to as biject_to
from .transforms import transform_to as transform_to

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]
