"""Implicit reparameterisation: exact gradients through samples whose standardisation can be differentiated.

For laws of your own: :class:`~reparam.ImplicitReparam` wraps one that has a cdf or says how it standardises, and
:func:`reparameterised` is what a ``_rsample`` may return itself.
"""

from .law import reparameterised
from .standard import Diagonal, Jacobian, Triangular

__all__ = ["Diagonal", "Jacobian", "Triangular", "reparameterised"]
