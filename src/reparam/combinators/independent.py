"""Batch dimensions that belong to one event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor

from .. import constraints
from ..core import derived
from ..core.params import component, static
from ..core.views import combinator
from ..implicit.law import standardisation
from ..implicit.standard import Jacobian
from .wrapper import Wrapper


@combinator
class Independent(Wrapper):
    r"""The law of an event whose entries are independent: rightmost batch dimensions become event dimensions.

    .. math:: \log p(x) = \sum_{i} \log p_i(x_i)

    Args:
        base_distribution: the law of the entries; also read as ``base_dist``.
        reinterpreted_batch_ndims: how many of its rightmost batch dimensions form the event.

    Shapes:
        ``batch_shape + event_shape`` is that of the base, divided further to the left. Support: that of the
        base in every entry.

    Raises:
        ValueError: if the base has fewer batch dimensions.

    References:
        Dillon and others, TensorFlow Distributions, 2017, section 3.

    Example:
        >>> import reparam
        >>> d = Independent(reparam.Normal(torch.zeros(4, 3), 1.0), 1)
        >>> d.batch_shape, d.event_shape, d.log_prob(torch.zeros(3)).shape
        (torch.Size([4]), torch.Size([3]), torch.Size([4]))
    """

    base_distribution = component(batch_dims=lambda self: self.reinterpreted_batch_ndims)
    reinterpreted_batch_ndims = static()

    def _prepare(self, values: dict[str, Any]) -> dict[str, Any]:
        n = values["reinterpreted_batch_ndims"]
        if not isinstance(n, int) or n < 0:
            raise ValueError(
                f"{type(self).__name__}: reinterpreted_batch_ndims must be an int of at least 0; got {n!r}"
            )
        return values

    @property
    def support(self) -> constraints.Constraint:  # type: ignore[override]
        """The support of the base in every entry."""
        support: constraints.Constraint = self.base_dist.support
        n = self.reinterpreted_batch_ndims
        return constraints.independent(support, n) if n else support

    @property
    def has_enumerate_support(self) -> bool:  # type: ignore[override]
        """Whether the base can be enumerated and nothing is joined to an event."""
        return not self.reinterpreted_batch_ndims and bool(self.base_dist.has_enumerate_support)

    def _derive_event_shape(self) -> torch.Size:
        base = self.base_dist
        shape: torch.Size = base.batch_shape
        return shape[len(shape) - self.reinterpreted_batch_ndims :] + base.event_shape

    def _surely_inside(self, value: Tensor) -> bool:
        return self.base_dist._surely_inside(value)

    @staticmethod
    def _value_ok(law: Independent, value: Tensor) -> bool:
        return law._surely_inside(value) or derived.in_support(law, value)

    def _sum(self, value: Tensor) -> Tensor:
        n = self.reinterpreted_batch_ndims
        if n == 1:
            return value.sum(-1)
        return value.sum(tuple(range(-n, 0))) if n else value

    def _log_prob(self, x: Tensor) -> Tensor:
        return self._sum(self.base_dist._log_prob(x))

    def _sample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        x, log_prob = self.base_dist._sample_and_log_prob(shape, generator)
        return x, self._sum(log_prob)

    def _rsample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        x, log_prob = self.base_dist._rsample_and_log_prob(shape, generator)
        return x, self._sum(log_prob)

    def _entropy(self) -> Tensor:
        return self._sum(self.base_dist._entropy())

    def _covariance(self) -> Tensor:
        if len(self._event_shape) != 1:
            raise NotImplementedError(
                f"Independent has no covariance: its event {tuple(self._event_shape)} is no vector"
            )
        return torch.diag_embed(self._variance())

    def _log_cdf(self, x: Tensor) -> Tensor:
        return self._sum(self.base_dist._log_cdf(x))

    def _cdf(self, x: Tensor) -> Tensor:
        n = self.reinterpreted_batch_ndims
        value: Tensor = self.base_dist._cdf(x)
        return value.flatten(-n).prod(-1) if n else value

    def _scalar(self, name: str, value: Tensor) -> Tensor:
        if self.reinterpreted_batch_ndims:
            raise NotImplementedError(f"Independent has no {name}: its events are not scalars")
        result: Tensor = getattr(self.base_dist, "_" + name)(value)
        return result

    def _sf(self, x: Tensor) -> Tensor:
        return self._scalar("sf", x)

    def _log_sf(self, x: Tensor) -> Tensor:
        return self._scalar("log_sf", x)

    def _icdf(self, p: Tensor) -> Tensor:
        return self._scalar("icdf", p)

    def _isf(self, p: Tensor) -> Tensor:
        return self._scalar("isf", p)

    def _standardization(self, x: Tensor) -> tuple[Tensor, Callable[[], Jacobian]]:
        return standardisation(self.base_dist, x)
