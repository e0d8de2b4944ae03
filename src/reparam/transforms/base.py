"""The base of all transforms, and the inverse of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from ..constraints import Constraint
from ..constraints.base import required
from ..constraints.record import Record
from ..utils import assignable_property

if TYPE_CHECKING:
    _Nominal = object
else:
    from torch.distributions.transforms import Transform as _Nominal

T = TypeVar("T", bound="Transform")
TensorMap = Callable[[Tensor, int], Tensor]


class Transform(Record, _Nominal):
    r"""A differentiable map :math:`y = t(x)` with an inverse and a log-determinant.

    It is a nominal subclass of PyTorch's class of the same name, so that ``isinstance`` checks
    hold; nothing is inherited from it. A subclass defines ``domain``, ``codomain``, ``_call`` and
    ``_inverse``; a bijection also ``bijective = True`` and :meth:`log_abs_det_jacobian`. It names
    in ``_fields`` its attributes that are tensors, transforms or sequences of transforms: they are
    the children of its pytree node and follow :meth:`_map_tensors`. All others are static.

    Args:
        cache_size: 0 or 1, accepted and stored for compatibility. Nothing is cached, so neither
            values nor gradients depend on it.

    Raises:
        ValueError: if ``cache_size`` is neither 0 nor 1.

    Attributes:
        domain: the set of valid inputs.
        codomain: the set of outputs.
        bijective: whether ``t.inv(t(x)) == x`` on the domain and ``t(t.inv(y)) == y`` on the
            codomain. Other transforms have a pseudo-inverse: ``t(t.inv(t(x))) == t(x)``.
        sign: for monotone maps of numbers, +1 where they increase and -1 where they decrease.

    Example:
        >>> import torch
        >>> from reparam.constraints import real
        >>> class Cube(Transform):
        ...     domain = codomain = real
        ...     bijective, sign = True, 1
        ...     def _call(self, x):
        ...         return x**3
        ...     def _inverse(self, y):
        ...         return y.sign() * y.abs() ** (1 / 3)
        ...     def log_abs_det_jacobian(self, x, y):
        ...         return torch.log(3 * x**2)
        >>> y, ldj = Cube().forward_and_ldj(torch.tensor(2.0))
        >>> y, ldj.exp().round()
        (tensor(8.), tensor(12.))
    """

    _uncompared = ("_cache_size",)
    _cache_size: int = 0

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in ("domain", "codomain"):
            if isinstance(own := vars(cls).get(name), torch.distributions.constraints.Constraint):
                required(own)

    def __init__(self, cache_size: int = 0) -> None:
        if cache_size not in (0, 1):
            raise ValueError(f"cache_size must be 0 or 1, got {cache_size!r}")
        self._cache_size = cache_size
        super(_Nominal, self).__init__()  # type: ignore[misc]  # what comes after both, as a module

    @assignable_property
    def domain(self) -> Constraint:
        """The set of valid inputs."""
        raise NotImplementedError(f"{type(self).__name__} does not define its domain")

    @assignable_property
    def codomain(self) -> Constraint:
        """The set of outputs."""
        raise NotImplementedError(f"{type(self).__name__} does not define its codomain")

    @assignable_property
    def bijective(self) -> bool:
        """Whether the map has an inverse."""
        return False

    @property
    def sign(self) -> int | Tensor:
        """The sign of the derivative of a monotone map of numbers."""
        raise NotImplementedError(f"{type(self).__name__} is no monotone map of numbers")

    @property
    def event_dim(self) -> int:
        """The event dimensions of both domain and codomain.

        Raises:
            ValueError: if these differ.
        """
        if self.domain.event_dim != self.codomain.event_dim:
            raise ValueError(
                f"{self!r} maps events of {self.domain.event_dim} dimensions to events of "
                f"{self.codomain.event_dim}: use domain.event_dim or codomain.event_dim"
            )
        return self.domain.event_dim

    @property
    def inv(self) -> Transform:
        """The inverse, for which ``t.inv.inv is t``."""
        return InverseTransform(self)

    def with_cache(self: T, cache_size: int = 1) -> T:
        """The same transform with another stored ``cache_size``, which has no effect."""
        if cache_size == self._cache_size:
            return self
        Transform.__init__(same := self._copy(), cache_size)
        return same

    def __call__(self, x: Tensor) -> Tensor:
        """The value :math:`y = t(x)`."""
        return self._call(x)

    def _inv_call(self, y: Tensor) -> Tensor:
        return self._inverse(y)

    def _call(self, x: Tensor) -> Tensor:
        """The value at ``x``."""
        raise NotImplementedError(f"{type(self).__name__} does not define _call")

    def _inverse(self, y: Tensor) -> Tensor:
        """The point with value ``y``."""
        raise NotImplementedError(f"{type(self).__name__} has no inverse")

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        r"""The log-determinant :math:`\log |\det \partial y / \partial x|`.

        Args:
            x: a point.
            y: its value.

        Returns:
            One number for each event, of the batch shape that ``x`` and ``y`` have in common.

        Raises:
            NotImplementedError: if the map has no determinant.
        """
        raise NotImplementedError(f"{type(self).__name__} has no Jacobian determinant")

    def forward_and_ldj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The value and the log-determinant at ``x``, computed together and without an inverse."""
        y = self(x)
        return y, self.log_abs_det_jacobian(x, y)

    def inverse_and_ldj(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """The inverse and *its* log-determinant at ``y``, computed together."""
        x = self._inv_call(y)
        return x, -self.log_abs_det_jacobian(x, y)

    def forward_shape(self, shape: Sequence[int]) -> torch.Size:
        """The shape of ``t(x)`` for ``x`` of this shape."""
        return torch.Size(shape)

    def inverse_shape(self, shape: Sequence[int]) -> torch.Size:
        """The shape of ``t.inv(y)`` for ``y`` of this shape."""
        return torch.Size(shape)

    def _map_tensors(self: T, fn: Callable[[Tensor], Tensor]) -> T:
        """A copy with ``fn`` applied to every tensor in it, through all transforms inside."""
        return self._map(lambda tensor, _: fn(tensor), 0)

    def _map(self: T, fn: TensorMap, event_dim: int) -> T:
        """A copy with ``fn(tensor, n)`` in the place of every tensor in it.

        For ``x`` with ``event_dim`` event dimensions, ``n`` is the number of event dimensions of
        the value that the tensor meets; so many of the tensor's own rightmost ones belong to it.
        """
        changes: dict[str, Any] = {}
        for name in self._fields:
            value = getattr(self, name)
            if isinstance(value, Tensor):
                changes[name] = fn(value, event_dim)
            elif isinstance(value, Transform):
                changes[name] = value._map(fn, event_dim)
            elif isinstance(value, (list, tuple)):
                changes[name] = type(value)(v._map(fn, event_dim) for v in value)
        return self._copy(**changes)


class InverseTransform(Transform):
    """The inverse of a transform, as ``t.inv`` returns it.

    Its log-determinant is that of the transform at the point ``t.inv(y)``, with the other sign.

    Args:
        base: the transform to invert.

    Example:
        >>> import torch
        >>> from reparam.transforms import ExpTransform
        >>> ExpTransform().inv(torch.tensor(1.0))
        tensor(0.)
    """

    _fields = ("base",)

    def __init__(self, base: Transform) -> None:
        super().__init__(base._cache_size)
        self.base = base

    @property
    def domain(self) -> Constraint:
        """The codomain of the transform."""
        return self.base.codomain

    @property
    def codomain(self) -> Constraint:
        """The domain of the transform."""
        return self.base.domain

    @property
    def bijective(self) -> bool:
        """Whether the transform is."""
        return self.base.bijective

    @property
    def sign(self) -> int | Tensor:
        """The sign of the transform."""
        return self.base.sign

    @property
    def inv(self) -> Transform:
        """The transform itself."""
        return self.base

    _inv = inv  # the name that programs reach for

    def _call(self, x: Tensor) -> Tensor:
        return self.base._inv_call(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return self.base(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """The transform's log-determinant at ``y``, with the other sign."""
        return -self.base.log_abs_det_jacobian(y, x)

    def forward_and_ldj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The inverse of the transform at ``x`` and its log-determinant."""
        return self.base.inverse_and_ldj(x)

    def inverse_and_ldj(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """The transform's value at ``y`` and its log-determinant."""
        return self.base.forward_and_ldj(y)

    def forward_shape(self, shape: Sequence[int]) -> torch.Size:
        """The shape of the transform's inverse."""
        return self.base.inverse_shape(shape)

    def inverse_shape(self, shape: Sequence[int]) -> torch.Size:
        """The shape of the transform's value."""
        return self.base.forward_shape(shape)

    def _map(self, fn: TensorMap, event_dim: int) -> InverseTransform:
        inner = event_dim + self.codomain.event_dim - self.domain.event_dim
        return self._copy(base=self.base._map(fn, inner))

    def __repr__(self) -> str:
        return f"{self.base!r}.inv"
