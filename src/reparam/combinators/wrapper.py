"""The base of laws around one other law: what they do not define themselves is the inner law's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor

from ..constraints import Constraint
from ..core.distribution import Distribution


def _inner(name: str) -> Callable[..., Any]:
    def method(self: Wrapper, *args: Any) -> Any:
        return getattr(self.base_dist, name)(*args)

    return method


class Wrapper(Distribution):
    """A law around ``base_distribution``, which a subclass declares as a component."""

    base_distribution: Any

    @property
    def base_dist(self) -> Distribution:
        """The inner law."""
        base: Distribution = self.base_distribution
        return base

    @base_dist.setter
    def base_dist(self, law: Distribution) -> None:
        """For subclasses that set it on the way to ``super().__init__(self.base_dist, ...)``."""
        self.base_distribution = law

    @property
    def support(self) -> Constraint:  # type: ignore[override]
        """The support of the inner law."""
        support: Constraint = self.base_dist.support
        return support

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """Whether the inner law has pathwise gradients."""
        return bool(self.base_dist.has_rsample)

    @property
    def has_enumerate_support(self) -> bool:  # type: ignore[override]
        """Whether the inner law can be enumerated."""
        return bool(self.base_dist.has_enumerate_support)

    @property
    def sample_dtype(self) -> torch.dtype | None:  # type: ignore[override]
        """The dtype of draws where it is not the parameters'."""
        return self.base_dist.sample_dtype

    def _derive_event_shape(self) -> torch.Size:
        return self.base_dist.event_shape

    def _sample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        draw: Tensor = self.base_dist._sample(shape, generator)
        return draw

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        draw: Tensor = self.base_dist._rsample(shape, generator)
        return draw

    _mean = _inner("_mean")
    _mode = _inner("_mode")
    _median = _inner("_median")
    _variance = _inner("_variance")
    _stddev = _inner("_stddev")
    _skewness = _inner("_skewness")
    _kurtosis = _inner("_kurtosis")
    _covariance = _inner("_covariance")
    _cdf = _inner("_cdf")
    _log_cdf = _inner("_log_cdf")
    _sf = _inner("_sf")
    _log_sf = _inner("_log_sf")
    _icdf = _inner("_icdf")
    _isf = _inner("_isf")
    _enumerate_support = _inner("_enumerate_support")
