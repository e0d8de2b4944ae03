"""The base of every distribution: its public doors, and the methods of families behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
import torch.distributions
from torch import Generator, Tensor

from .._torch import constant
from ..kernels.checks import all_within
from ..kernels.dispatch import densities_of
from ..utils import assignable_property
from . import derived
from .checks import Checker, refuse
from .construct import FULL
from .declaration import Declared
from .doors import door, draw_door, line_door, native_door, value_door
from .overrides import connect, initialise
from .params import Undeclared, param
from .shapes import EMPTY, as_size, broadcasts_to
from .views import Views

Shape = int | Sequence[int]
Method = Callable[..., Tensor]


class Distribution(Views, Declared, torch.distributions.Distribution):
    """The base of every distribution: declare parameters and support, define ``_log_prob`` and a sampler.

    Subclassing torch's class is nominal, so that ``isinstance`` holds across libraries; every attribute is our
    own. See :mod:`reparam.core.params` for the declarations.

    Shapes:
        A sample has shape ``sample_shape + batch_shape + event_shape``; densities have ``sample_shape +
        batch_shape``.

    Example:
        >>> import reparam
        >>> d = reparam.Normal(torch.zeros(3), 1.0)
        >>> d.batch_shape, d.sample(2).shape, d.log_prob(torch.tensor(0.0)).shape
        (torch.Size([3]), torch.Size([2, 3]), torch.Size([3]))
    """

    support: Any = Undeclared()
    has_rsample: Any = False
    has_enumerate_support: Any = False
    arg_constraints: ClassVar[Any] = {}
    sample_dtype: ClassVar[torch.dtype | None] = None  #: of samples, where it is not the parameters'
    _value_ok: ClassVar[Any] = staticmethod(derived.in_support)
    _support_range: ClassVar[tuple[Any, ...]] = ()
    _densities: ClassVar[tuple[Any, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = vars(cls)
        if "arg_constraints" not in own and cls._fields:
            cls.arg_constraints = {n: f.constraint for n, f in cls._fields.items() if isinstance(f, param)}
        if "has_rsample" not in own and "_rsample" in own:
            cls.has_rsample = True
        if "has_enumerate_support" not in own and "_enumerate_support" in own:
            cls.has_enumerate_support = True
        connect(cls)
        if "support" in own and "_value_ok" not in own:
            support = cls.support
            ready = hasattr(support, "resolve")
            cls._value_ok = Checker(support) if ready else staticmethod(derived.in_support)
            cls._support_range = cls._value_ok.range if ready else ()
        if "support" in own and "_surely_inside" not in own:  # not by what a base class knows of another support
            cls._surely_inside = Distribution._surely_inside  # type: ignore[method-assign]
        if "_log_prob" in own:
            cls._densities = densities_of(cls._log_prob)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Of a law written by hand: ``batch_shape=(), event_shape=(), validate_args=None``, as in torch."""
        if type(self).__init__ is Distribution.__init__ and not self._overrides:
            raise TypeError(f"{type(self).__name__} is abstract: it declares no parameters")
        initialise(self, *args, **kwargs)
        super(torch.distributions.Distribution, self).__init__()  # what comes after both, as a module

    # -- shapes and values -------------------------------------------------------------------------------

    def _extended_shape(self, sample_shape: Shape = EMPTY) -> torch.Size:
        event, shape = self._event_shape, self._batch_shape
        if event is not EMPTY:
            shape = shape + event
        if sample_shape is EMPTY:
            return shape  # type: ignore[no-any-return]
        size = as_size(sample_shape)
        if [n for n in size if type(n) is int and n < 0]:
            raise ValueError(f"{type(self).__name__}: a sample shape must have sizes >= 0, not {tuple(size)}")
        return size + shape  # type: ignore[no-any-return]

    def _value(self, value: Any, anywhere: bool = False) -> Tensor:
        """``value`` as a tensor whose shape fits and, when validating, that lies in the support or ``anywhere``."""
        if not isinstance(value, Tensor):
            value = self._as_tensor(value)
        if value.dtype in FULL:
            return self._checked(value, anywhere)
        if value.dtype.is_complex:
            raise TypeError(f"{type(self).__name__}: a value is complex, but must be real")
        if not value.dtype.is_floating_point:
            return self._checked(value if self.sample_dtype is not None else value.to(self.dtype), anywhere)
        checked = self._checked(value, anywhere)  # to its own precision
        if not self._plain or self.sample_dtype is not None:
            return checked
        return checked.to(self.dtype) if anywhere else self.support.cast(checked, self.dtype)

    def _checked(self, value: Tensor, anywhere: bool) -> Tensor:
        self._fit(value)
        if self._validate_args and not anywhere and not self._value_ok(self, value):
            refuse(self, "value", self.support, value)
        return value

    def _as_tensor(self, value: Any) -> Tensor:
        try:
            return torch.as_tensor(value, dtype=self.sample_dtype or self.dtype, device=self.device)
        except (TypeError, ValueError, RuntimeError):
            raise TypeError(
                f"{type(self).__name__}: a value must be a tensor, a number or a sequence of numbers, not "
                f"{type(value).__name__} {value!r:.60}"
            ) from None

    def _surely_inside(self, value: Tensor) -> bool:
        """Whether a native pass shows that every value lies in the support."""
        check = type(self)._value_ok
        if not isinstance(check, Checker):
            bounds = self.support.bounds
            return bounds is not None and all_within(value, *bounds) is True
        return check.natively(self, value) is True

    def _fit(self, value: Tensor) -> None:
        batch, event, shape = self._batch_shape, self._event_shape, value.shape
        if shape == (batch + event if event else batch):
            return
        split = len(shape) - len(event)
        if split < 0 or shape[split:] != event or not broadcasts_to(shape[:split], batch):
            hint = ""
            if len(shape) and len(batch) and not event:
                hint = "; if dimensions of the batch belong to one event, use .to_event(n)"
            raise ValueError(
                f"{type(self).__name__}: a value of shape {tuple(shape)} does not fit batch_shape {tuple(batch)} "
                f"and event_shape {tuple(event)}{hint}"
            )

    def _probability(self, p: Any) -> Tensor:
        tensor = p if isinstance(p, Tensor) else torch.as_tensor(p, dtype=self.dtype, device=self.device)
        if self._validate_args and not derived.is_probability(self, tensor):
            refuse(self, "probability", derived.UNIT, tensor)
        return tensor

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Turn validation of parameters and values on or off for laws built from now on.

        Raises:
            ValueError: if ``value`` is not a bool.
        """
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args takes True or False, not {value!r}")
        Distribution._validate_args = bool(value)

    # -- densities and probabilities ---------------------------------------------------------------------

    @native_door
    @value_door
    def log_prob(self, value: Any) -> Tensor:
        """Log-density (or log-mass) at ``value``: ``[*sample, *batch, *event] -> [*sample, *batch]``.

        Raises:
            ValueError: if the shape does not fit or, when validating, a value is outside the support.
                When not validating, the density there is zero and its logarithm -inf.
        """
        return self._log_prob(value)

    @value_door
    def prob(self, value: Any) -> Tensor:
        """Density (or mass) at ``value``."""
        return self._log_prob(value).exp()

    @line_door
    def cdf(self, value: Any) -> Tensor:
        r""":math:`P(X \le x)`, for every number x: 0 or 1 beyond the support.

        Raises:
            ValueError: if the shape does not fit or, when validating, a value is NaN.
        """
        return derived.probability(self, "_cdf", value)

    @line_door
    def log_cdf(self, value: Any) -> Tensor:
        r""":math:`\log P(X \le x)`, finite far below the smallest representable probability."""
        return derived.probability(self, "_log_cdf", value)

    @line_door
    def sf(self, value: Any) -> Tensor:
        """:math:`P(X > x)`, the survival function, without the cancellation of ``1 - cdf``."""
        return derived.probability(self, "_sf", value)

    @line_door
    def log_sf(self, value: Any) -> Tensor:
        r""":math:`\log P(X > x)`."""
        return derived.probability(self, "_log_sf", value)

    @door
    def icdf(self, value: Any) -> Tensor:
        """The quantile: the smallest x whose cdf is at least the probability ``value``."""
        return derived.quantile(self, self._icdf, self._probability(value))

    @door
    def isf(self, value: Any) -> Tensor:
        """The upper quantile: ``icdf(1 - value)`` without the rounding of ``1 - value``."""
        return derived.quantile(self, self._isf, self._probability(value))

    @door
    def interval(self, level: Any) -> tuple[Tensor, Tensor]:
        """The central interval that holds probability ``level``."""
        tail = (1 - self._probability(level)) / 2
        return derived.quantile(self, self._icdf, tail), derived.quantile(self, self._isf, tail)

    # -- samples -----------------------------------------------------------------------------------------

    @draw_door
    def sample(self, sample_shape: Shape = EMPTY, *, generator: Generator | None = None) -> Tensor:
        """Draws without a gradient: ``[*sample_shape, *batch, *event]``.

        Args:
            sample_shape: an int or a sequence of ints.
            generator: draws from it instead of torch's default one.
        """
        return constant(self._sample, self._extended_shape(sample_shape), generator)

    @draw_door
    def rsample(self, sample_shape: Shape = EMPTY, *, generator: Generator | None = None) -> Tensor:
        """Draws whose gradient in the parameters is the pathwise one."""
        return self._rsample(self._extended_shape(sample_shape), generator)

    @draw_door
    def sample_and_log_prob(
        self, sample_shape: Shape = EMPTY, *, generator: Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draws without a gradient, and their log-density with its gradient in the parameters."""
        return self._sample_and_log_prob(self._extended_shape(sample_shape), generator)

    @draw_door
    def rsample_and_log_prob(
        self, sample_shape: Shape = EMPTY, *, generator: Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Differentiable draws and their log-density, computed together where that is more accurate."""
        return self._rsample_and_log_prob(self._extended_shape(sample_shape), generator)

    def sample_n(self, n: int) -> Tensor:
        """``sample((n,))``, kept for programs that use it."""
        return self.sample(n)

    @door
    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of a finite support: ``[n, *batch, *event]``, or ``[n, 1..., *event]`` without ``expand``."""
        if not self.has_enumerate_support:
            derived.missing("enumerate_support")(self)
        values = self._enumerate_support()
        event = self._event_shape
        ones = (1,) * len(self._batch_shape)
        values = values.reshape(values.shape[:1] + ones + event)
        return values.expand(values.shape[:1] + self._batch_shape + event) if expand else values

    # -- summaries ---------------------------------------------------------------------------------------

    @door
    def entropy(self) -> Tensor:
        """The (differential) entropy in nats, of shape ``batch_shape``."""
        return self._entropy()

    @door
    def perplexity(self) -> Tensor:
        """The exponential of the entropy."""
        return self._entropy().exp()

    @property
    @door
    def mean(self) -> Tensor:
        """The mean; NaN or infinite where it does not exist."""
        return self._mean()

    @property
    @door
    def mode(self) -> Tensor:
        """A value of largest density."""
        return self._mode()

    @assignable_property
    @door
    def median(self) -> Tensor:
        """The quantile of 1/2."""
        return self._median()

    @property
    @door
    def variance(self) -> Tensor:
        """The variance of each coordinate."""
        return self._variance()

    @property
    @door
    def stddev(self) -> Tensor:
        """The square root of the variance."""
        return self._stddev()

    @assignable_property
    @door
    def skewness(self) -> Tensor:
        """The third standardised moment."""
        return self._skewness()

    @assignable_property
    @door
    def kurtosis(self) -> Tensor:
        """The excess kurtosis: the fourth standardised moment, less 3."""
        return self._kurtosis()

    @assignable_property
    @door
    def covariance(self) -> Tensor:
        """The covariance matrix of a vector-valued law, ``[*batch, n, n]``."""
        return self._covariance()

    # -- what a family defines, and what follows where it does not ---------------------------------------

    def _has(self, method: str) -> bool:
        return getattr(type(self), method) is not getattr(Distribution, method)

    _log_prob: Method = derived.log_prob
    _rsample: Method = derived.missing("rsample")
    _sample: Method = derived.sample
    _sample_and_log_prob: Callable[..., tuple[Tensor, Tensor]] = derived.sample_and_log_prob
    _rsample_and_log_prob: Callable[..., tuple[Tensor, Tensor]] = derived.rsample_and_log_prob
    _enumerate_support: Method = derived.missing("enumerate_support")
    _listed: Method = derived.listed
    _cdf: Method = derived.cdf
    _log_cdf: Method = derived.log_cdf
    _sf: Method = derived.sf
    _log_sf: Method = derived.log_sf
    _icdf: Method = derived.icdf
    _isf: Method = derived.isf
    _entropy: Method = derived.entropy
    _mean: Method = derived.mean
    _mode: Method = derived.missing("mode")
    _median: Method = derived.median
    _variance: Method = derived.variance
    _stddev: Method = derived.stddev
    _skewness: Method = derived.skewness
    _kurtosis: Method = derived.kurtosis
    _covariance: Method = derived.missing("covariance")

    # -- names that programs written for torch may reach for ---------------------------------------------

    def _validate_sample(self, value: Tensor) -> None:
        self._fit(value)
        if not self._value_ok(self, value):
            refuse(self, "value", self.support, value)

    def _get_checked_instance(self, cls: type, _instance: Any = None) -> Any:
        return self._bare() if _instance is None else _instance
