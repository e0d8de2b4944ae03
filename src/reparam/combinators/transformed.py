"""The law of a transformed variable."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from typing import Any

import torch
from torch import Generator, Tensor

from .. import _torch, constraints
from ..core import derived
from ..core.params import component, static
from ..core.quadrature import expectation_by_quantiles
from ..core.ranges import LIMITS, is_everything, member
from ..families.normal import Normal
from ..kernels.checks import all_finite
from ..kernels.dispatch import evaluate
from ..kernels.library import ENTRIES
from ..transforms import ComposeTransform, TanhTransform, Transform
from .affine import Factor, stretch
from .image import image
from .independent import Independent
from .wrapper import Wrapper

# The native log-density of a base under one transform, as a function of the value and the base's parameters.
FUSED: dict[tuple[type, type], str] = {(Normal, TanhTransform): "tanh_normal_log_prob"}


class TransformedDistribution(Wrapper):
    r"""The law of :math:`Y = T(X)` for X from a base law and an invertible T.

    .. math:: \log p_Y(y) = \log p_X(x) - \log\left|\det \frac{dT}{dx}\right|, \qquad x = T^{-1}(y)

    Densities of own samples come from :meth:`rsample_and_log_prob`, which goes forward only: it never inverts T,
    so that nothing is lost where T saturates. So does :meth:`sample_and_log_prob`, save for transforms whose own
    parameters are learnt.

    Args:
        base_distribution: the law of X; also read as ``base_dist``. Rightmost batch dimensions become event
            dimensions where the first transform acts on larger events.
        transforms: one transform or a list of them, applied in order.

    Shapes:
        The base's shape, carried through the transforms. Support: the image of the base's support.

    Raises:
        TypeError: if ``transforms`` holds anything but transforms.
        ValueError: if the base has too few dimensions for them.

    References:
        Papamakarios and others, Normalizing flows for probabilistic modeling and inference, 2021.

    Example:
        >>> import reparam
        >>> d = TransformedDistribution(reparam.Normal(10.0, 1.0), reparam.transforms.TanhTransform())
        >>> x, log_prob = d.rsample_and_log_prob((1000,))
        >>> bool(log_prob.isfinite().all())
        True
    """

    base_distribution = component()
    transforms = static()

    def _prepare(self, values: dict[str, Any]) -> dict[str, Any]:
        if "transforms" not in values:
            return values
        base, transforms = values["base_distribution"], values["transforms"]
        transforms = list(transforms) if isinstance(transforms, Iterable) else [transforms]
        for t in transforms:
            if not isinstance(t, Transform):
                kind = f"{type(t).__module__}.{type(t).__qualname__}"
                raise TypeError(f"{type(self).__name__}: transforms must be transforms of reparam, not {kind}")
        whole = ComposeTransform(transforms)
        shape = base.batch_shape + base.event_shape
        needed = whole.domain.event_dim
        if len(shape) < needed:
            raise ValueError(
                f"{type(self).__name__}: the transforms act on events of {needed} dimension(s), but the base has "
                f"shape {tuple(shape)}"
            )
        expanded = whole.inverse_shape(whole.forward_shape(shape))
        if shape != expanded:
            base = base.expand(expanded[: len(expanded) - len(base.event_shape)])
        joined = needed - len(base.event_shape)
        if joined > 0:
            base = Independent(base, joined)
        return {**values, "base_distribution": base, "transforms": transforms}

    @property
    def support(self) -> constraints.Constraint:  # type: ignore[override]
        """The image of the base's support."""
        return image(self.base_dist.support, self.transforms, self.dtype)

    has_rsample = Wrapper.has_rsample

    @property
    def has_enumerate_support(self) -> bool:  # type: ignore[override]
        """False: a transformed support is not listed."""
        return False

    def _derive_event_shape(self) -> torch.Size:
        base = self.base_dist
        shape = ComposeTransform(self.transforms).forward_shape(base.batch_shape + base.event_shape)
        return shape[len(base.batch_shape) :]

    @classmethod
    def _zip(cls, many: Sequence[Any], fn: Callable[[list[Tensor], int], Tensor]) -> Any:
        if "transforms" not in cls._fields:
            return super()._zip(many, fn)
        plain = [d._with_parameters({"transforms": ()}) for d in many]
        base = type(many[0].base_dist)._zip([d.base_dist for d in many], fn)
        new = plain[0]._with_parameters({"base_distribution": base})
        stages = list(zip(*(_stages(d) for d in many)))
        new.__dict__["transforms"] = [_zip_transform(stage, fn) for stage in stages]
        new._batch_shape = new._derive_batch_shape()
        new._set_event_shape()
        new._set_plain(base._plain)
        return new

    # -- densities ---------------------------------------------------------------------------------------

    def _pull_back(self, y: Tensor) -> tuple[Tensor, Tensor | float]:
        """X and the log-determinant of the inverse map, of the base's batch shape."""
        total: Tensor | float | None = None
        event_dim = len(self._event_shape)
        for t in reversed(self.transforms):
            y, ldj = t.inverse_and_ldj(y)
            ldj = _sum_right(ldj, event_dim - t.codomain.event_dim)
            total = ldj if total is None else total + ldj
            event_dim += t.domain.event_dim - t.codomain.event_dim
        return y, 0.0 if total is None else total

    def _origin(self, y: Tensor) -> Tensor:
        """Where a value comes from."""
        for t in reversed(self.transforms):
            y = t._inverse(y)
        return y

    def _log_prob(self, x: Tensor) -> Tensor:
        value = self._natively(x) if _torch.is_ordinary_mode() else None
        return self._by_parts(x) if value is None else value

    def _natively(self, x: Tensor) -> Tensor | None:
        """The log-density by one native function, where there is one for this base and transform."""
        base, stages = self.base_dist, self.transforms
        name = FUSED.get((type(base), type(stages[0]))) if len(stages) == 1 else None
        if name not in ENTRIES:
            return None
        names, given = base._given, base.__dict__

        def formula(x: Tensor, *values: Tensor) -> Tensor:
            inner: Any = base._with_parameters(dict(zip(names, values, strict=True)))
            return self._with_parameters({"base_distribution": inner})._by_parts(x)

        return evaluate(ENTRIES[name], formula, [x, *[given[name] for name in names]])

    def _by_parts(self, x: Tensor) -> Tensor:
        """The log-density of the base where x comes from, and the log-determinant."""
        x, ldj = self._pull_back(x)
        base = self.base_dist
        if all_finite(x) or len(base.event_shape) > 1 or not (base.event_shape == () or is_everything(base.support)):
            return base._log_prob(x) + ldj
        # a value that rounded to an end comes from infinity: no density there, and no part in the gradient
        inside = x.isfinite()
        x = torch.where(inside, x, 0.0 if is_everything(base.support) else member(base.support, x))
        value = base._log_prob(x) + ldj
        return torch.where(inside.all(-1) if base.event_shape else inside, value, -torch.inf)

    def _forward(self, x: Tensor) -> Tensor:
        for t in self.transforms:
            x = t(x)
        return x

    def _sample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return self._forward(self.base_dist._sample(self._base_shape(shape), generator))

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return self._forward(self.base_dist._rsample(self._base_shape(shape), generator))

    def _base_shape(self, shape: torch.Size) -> torch.Size:
        return shape[: len(shape) - len(self._event_shape)] + self.base_dist.event_shape

    def _sample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        """Forward only, but for gradients in parameters of transforms, which need the way back from their values."""
        if _torch.is_transforming() or _torch.has_dual_numbers():
            return derived.sample_and_log_prob(self, shape, generator)
        base = self.base_dist
        x, log_prob = base._sample_and_log_prob(self._base_shape(shape), generator)
        event_dim = len(base.event_shape)
        for i, t in enumerate(self.transforms, 1):
            x, ldj = t.forward_and_ldj(x)
            log_prob = log_prob - _sum_right(ldj, event_dim - t.domain.event_dim)
            event_dim += t.codomain.event_dim - t.domain.event_dim
            if x.requires_grad or ldj.requires_grad:
                x = x.detach()
                log_prob = TransformedDistribution(base, self.transforms[:i], validate_args=False)._log_prob(x)
        return x, log_prob

    def _rsample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        base = self.base_dist
        x, log_prob = base._rsample_and_log_prob(self._base_shape(shape), generator)
        event_dim = len(base.event_shape)
        for t in self.transforms:
            x, ldj = t.forward_and_ldj(x)
            log_prob = log_prob - _sum_right(ldj, event_dim - t.domain.event_dim)
            event_dim += t.codomain.event_dim - t.domain.event_dim
        return x, log_prob

    # -- probabilities of a monotone map -----------------------------------------------------------------

    def _sign(self) -> Tensor | int:
        signs = [t.sign for t in self.transforms if self._monotone(t)]
        return reduce(operator.mul, signs, 1)

    def _monotone(self, t: Transform) -> bool:
        if not t.bijective or t.domain.event_dim or self._event_shape:
            raise NotImplementedError(f"{type(self).__name__} has no cdf: {t} is not a monotone map of scalars")
        return True

    def _either(self, rising: str, falling: str, argument: Tensor) -> Tensor:
        sign, base = self._sign(), self.base_dist
        if isinstance(sign, Tensor):
            up, down = getattr(base, rising)(argument), getattr(base, falling)(argument)
            return torch.where(sign > 0, up, down)
        return getattr(base, rising if sign > 0 else falling)(argument)  # type: ignore[no-any-return]

    def _at(self, rising: str, falling: str, y: Tensor) -> Tensor:
        """A probability at a value; one that comes from infinity is an end, where nothing moves it."""
        x = self._origin(y)
        if all_finite(x):
            return self._either(rising, falling, x)
        end, high = x.isinf(), x > 0
        inner = self._either(rising, falling, self._origin(torch.where(end, member(self.support, y), y)))
        (up_low, up_high), (down_low, down_high) = LIMITS[rising], LIMITS[falling]
        up, down = torch.where(high, up_high, up_low), torch.where(high, down_high, down_low)
        sign = torch.as_tensor(self._sign(), device=y.device)
        return torch.where(end, torch.where(sign > 0, up, down).to(inner.dtype), inner)

    def _quantile(self, rising: str, falling: str, p: Tensor) -> Tensor:
        """The value at a probability; an end of the support that comes from infinity does not move."""
        x = self._either(rising, falling, p)
        if all_finite(x):
            return self._forward(x)
        end = x.isinf()
        inner = self._forward(self._either(rising, falling, torch.where(end, 0.5, p)))
        return torch.where(end, self._forward(x).detach(), inner)

    def _cdf(self, x: Tensor) -> Tensor:
        return self._at("_cdf", "_sf", x)

    def _log_cdf(self, x: Tensor) -> Tensor:
        return self._at("_log_cdf", "_log_sf", x)

    def _sf(self, x: Tensor) -> Tensor:
        return self._at("_sf", "_cdf", x)

    def _log_sf(self, x: Tensor) -> Tensor:
        return self._at("_log_sf", "_log_cdf", x)

    def _icdf(self, p: Tensor) -> Tensor:
        return self._quantile("_icdf", "_isf", p)

    def _isf(self, p: Tensor) -> Tensor:
        return self._quantile("_isf", "_icdf", p)

    # -- summaries of affine maps; others follow by quadrature -------------------------------------------

    def _stretch(self) -> Factor | None:
        return stretch(self.transforms)

    def _affine(self) -> bool:
        return self._stretch() is not None

    def _mean(self) -> Tensor:
        return self._forward(self.base_dist._mean()) if self._affine() else derived.mean(self)

    def _mode(self) -> Tensor:
        if not self._affine():
            raise NotImplementedError(f"{type(self).__name__} has no mode: the transforms are not affine")
        return self._forward(self.base_dist._mode())

    def _variance(self) -> Tensor:
        factor = self._stretch()
        return derived.variance(self) if factor is None else self.base_dist._variance() * (factor * factor)

    def _stddev(self) -> Tensor:
        return derived.stddev(self)

    def _skewness(self) -> Tensor:
        factor = self._stretch()
        if factor is None:
            return derived.skewness(self)
        skewness: Tensor = self.base_dist._skewness()
        return torch.where(torch.as_tensor(factor, device=self.device) > 0, skewness, -skewness)

    def _kurtosis(self) -> Tensor:
        return self.base_dist._kurtosis() if self._affine() else derived.kurtosis(self)

    def _median(self) -> Tensor:
        if self._event_shape and self._affine():
            return self._forward(self.base_dist._median())
        return derived.median(self)

    def _covariance(self) -> Tensor:
        factor = self._stretch()
        if factor is None or len(self._event_shape) != 1:
            raise NotImplementedError(f"{type(self).__name__} has no covariance")
        each = torch.as_tensor(factor, device=self.device).expand(self._batch_shape + self._event_shape)
        return self.base_dist._covariance() * each.unsqueeze(-1) * each.unsqueeze(-2)

    def _enumerate_support(self) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no enumerate_support")

    def _entropy(self) -> Tensor:
        whole, base = ComposeTransform(self.transforms), self.base_dist
        if self._affine():
            x = torch.zeros(base.batch_shape + base.event_shape, dtype=base.dtype, device=base.device)
            _, ldj = whole.forward_and_ldj(x)
            return base._entropy() + _sum_right(ldj, ldj.dim() - len(base.batch_shape))
        entries = base.base_dist if isinstance(base, Independent) else base
        if whole.domain.event_dim or entries.event_shape or entries.support.is_discrete:
            raise NotImplementedError(
                f"{type(self).__name__} has no entropy: the transforms mix the entries of an event"
            )
        return base._entropy() + _sum_right(_mean_ldj(self), len(self._event_shape))


@derived.in_double
def _mean_ldj(law: TransformedDistribution) -> Tensor:
    """The mean log-determinant of each entry, by quadrature over the base's quantiles."""
    whole, base = ComposeTransform(law.transforms), law.base_dist
    entries = base.base_dist if isinstance(base, Independent) else base
    return expectation_by_quantiles(entries, lambda x: whole.forward_and_ldj(x)[1])


def _sum_right(value: Tensor | float, dims: int) -> Tensor | float:
    if dims > 0 and isinstance(value, Tensor):
        return value.sum(tuple(range(-dims, 0)))
    return value


def _stages(d: TransformedDistribution) -> Iterator[tuple[Transform, torch.Size, int]]:
    """Each transform with the batch shape and the number of event dimensions of what it maps."""
    base = d.base_dist
    shape, batch = base.batch_shape + base.event_shape, len(base.batch_shape)
    for t in d.transforms:
        yield t, base.batch_shape, len(shape) - batch
        shape = t.forward_shape(shape)


def _zip_transform(
    stage: Sequence[tuple[Transform, torch.Size, int]],
    fn: Callable[[list[Tensor], int], Tensor],
) -> Transform:
    """One transform whose tensors are ``fn`` of the corresponding tensors of many."""
    columns: list[list[Tensor]] = []
    inner = 0
    for transform, batch, event_dim in stage:
        column: list[Tensor] = []

        def collect(t: Tensor, column=column, batch=batch, event_dim=event_dim) -> Tensor:  # type: ignore[no-untyped-def]
            own = t.shape[t.dim() - min(event_dim, t.dim()) :]
            column.append(t.expand(batch + own))
            return t

        transform._map_tensors(collect)
        columns.append(column)
        inner = event_dim
    together = iter([list(tensors) for tensors in zip(*columns)])
    batch_dims = len(stage[0][1])

    def combine(_: Tensor) -> Tensor:
        tensors = next(together)
        return fn(tensors, min(inner, tensors[0].dim() - batch_dims))

    return stage[0][0]._map_tensors(combine)
