"""The transform to uniform numbers by a cumulative distribution function."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..constraints import Constraint, unit_interval
from ..core.pytree import tree_map
from .base import TensorMap, Transform


class CumulativeDistributionTransform(Transform):
    r"""The cumulative distribution function :math:`y = F(x)` of a law of numbers.

    The inverse is the quantile function and the log-determinant the log-density. With a base whose
    marginals are standard normal, the transform of ``Normal(0, 1)`` makes a Gaussian copula.

    Args:
        distribution: an object with ``support``, ``cdf``, ``icdf`` and ``log_prob``.
        cache_size: stored, without effect.

    Example:
        >>> import torch
        >>> from types import SimpleNamespace
        >>> from reparam.constraints import positive
        >>> exponential = SimpleNamespace(
        ...     support=positive,
        ...     cdf=lambda x: -torch.expm1(-x),
        ...     icdf=lambda y: -torch.log1p(-y),
        ...     log_prob=lambda x: -x,
        ... )
        >>> t = CumulativeDistributionTransform(exponential)
        >>> t.forward_and_ldj(torch.tensor(1.0))
        (tensor(0.6321), tensor(-1.))
    """

    codomain = unit_interval
    bijective = True
    sign = 1
    _fields = ("distribution",)

    def __init__(self, distribution: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.distribution = distribution

    @property
    def domain(self) -> Constraint:
        """The support of the law."""
        support: Constraint = self.distribution.support
        return support

    def _call(self, x: Tensor) -> Tensor:
        y: Tensor = self.distribution.cdf(x)
        return y

    def _inverse(self, y: Tensor) -> Tensor:
        x: Tensor = self.distribution.icdf(y)
        return x

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """The log-density at ``x``."""
        ldj: Tensor = self.distribution.log_prob(x)
        return ldj

    def _map(self, fn: TensorMap, event_dim: int) -> CumulativeDistributionTransform:
        def apply(leaf: Any) -> Any:
            return fn(leaf, event_dim) if isinstance(leaf, Tensor) else leaf

        return self._copy(distribution=tree_map(apply, self.distribution))
