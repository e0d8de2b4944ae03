"""Distributions as trainable modules: unconstrained parameters, mapped to each declared constraint."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ..constraints import Constraint
from ..core.deferred import Deferred
from ..core.distribution import Distribution
from ..core.params import component, param
from ..core.pytree import tree_map
from ..transforms import biject_to
from .values import Live


class _Bounds:
    """Values for the parameters that a constraint names."""

    def __init__(self, names: tuple[str, ...], values: tuple[Any, ...]) -> None:
        self.__dict__.update(zip(names, values))


class _Onto:
    """The map from the unconstrained line onto a constraint whose bounds may be parameters."""

    def __init__(self, constraint: Constraint) -> None:
        self.constraint = constraint

    def transform(self, bounds: tuple[Any, ...]) -> Any:
        """The bijection, with values for the named bounds."""
        return biject_to(self.constraint.resolve(_Bounds(self.constraint.parameters, bounds)))

    def __call__(self, free: Tensor, *bounds: Tensor) -> Tensor:
        value: Tensor = self.transform(bounds)(free)
        return value

    def __repr__(self) -> str:
        return f"onto {self.constraint.describe()}"


def _free(transform: Any, value: Tensor) -> Tensor:
    """The unconstrained value; NaN where a matrix has no factor."""
    try:
        free: Tensor = transform.inv(value)
    except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
        return torch.full_like(value, math.nan)
    return free


class Learnable(nn.Module, Deferred):
    """A distribution that is an ``nn.Module``; made by :func:`learnable`.

    Every method and property of the distribution is available on it and reads the parameters of the moment. The
    free parameters are in ``unconstrained``, by name; tensors that cannot be learnt (counts, masks) are buffers.
    """

    def __init__(self, law: Distribution) -> None:
        super().__init__()
        law = law._resolved()
        self._kind = type(law)
        self._validate = law._validate_args
        self._kept: dict[str, Any] = {}
        self.unconstrained = nn.ParameterDict()
        for name in law._given:
            f, value = law._fields[name], law.__dict__[name]
            if isinstance(f, component):
                self.add_module(name, nn.ModuleList(map(Learnable, value)) if f.many else Learnable(value))
            elif not isinstance(f, param):
                self._kept[name] = value
            elif f.constraint.is_discrete:
                self.register_buffer(name, value.detach().clone())
            else:
                onto = _Onto(f.constraint)
                bounds = tuple(getattr(law, n) for n in f.constraint.parameters)
                for n, bound in zip(f.constraint.parameters, bounds):
                    if n not in law._fields:  # no parameter, but what the shapes say, as the lowest df of a Wishart law
                        self.register_buffer(n, bound.detach().clone())
                free = _free(onto.transform(bounds), value.detach())
                if not bool(free.isfinite().all()):
                    raise ValueError(
                        f"learnable {type(law).__name__}: {name} starts on the boundary of its constraint "
                        f"({f.constraint.describe()}), where it has no finite unconstrained value"
                    )
                self.unconstrained[name] = nn.Parameter(free.clone())
        self._ready = True

    @property
    def law(self) -> Any:
        """The live distribution over this module's parameters."""
        fields, values = self._kind._fields, dict(self._kept)
        for name in fields:
            if name in self.unconstrained:
                constraint = fields[name].constraint  # type: ignore[attr-defined]
                bounds = tuple(values[n] if n in values else self._buffers[n] for n in constraint.parameters)
                values[name] = Live(_Onto(constraint), (self.unconstrained[name], *bounds))
            elif name in self._modules:
                values[name] = fields[name].each(self._modules[name], lambda inner: inner.law)  # type: ignore[attr-defined]
            elif name in self._buffers:
                values[name] = self._buffers[name]
        return self._kind(**values, validate_args=self._validate)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Learnable:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._kept = tree_map(lambda v: fn(v) if isinstance(v, Tensor) else v, self._kept)
        return self

    def read(self) -> Any:
        """The distribution over the values of this moment."""
        return self.law._resolved()

    forward = read

    def freeze(self, *names: str) -> Learnable:
        """Stop learning these parameters (all without names): they keep their values and get no gradient."""
        return self._learn(names, False)

    def unfreeze(self, *names: str) -> Learnable:
        """Learn these parameters (all without names) again."""
        return self._learn(names, True)

    def _learn(self, names: tuple[str, ...], flag: bool) -> Learnable:
        for name in names:
            if name not in self.unconstrained:
                known = ", ".join(self.unconstrained) or "none"
                raise ValueError(f"{self._kind.__name__} learns no parameter {name!r}; it learns {known}")
        for name in names or tuple(self.unconstrained):
            free = self.unconstrained[name].requires_grad_(flag)
            if not flag:
                free.grad = None  # or the next step of an optimiser would move it once more
        for inner in () if names else self.modules():
            if isinstance(inner, Learnable) and inner is not self:
                inner._learn((), flag)
        return self

    def __getattr__(self, name: str) -> Any:
        of_the_law = "_ready" in self.__dict__ and name not in self._modules and name[:2] != "__"
        if of_the_law and hasattr(self._kind, name):
            return getattr(self.law, name)
        return super().__getattr__(name)

    def __getitem__(self, index: Any) -> Any:
        return self.law[index]

    def extra_repr(self) -> str:
        """The class and the current values."""
        return repr(self.read())


def learnable(law: Distribution | type[Distribution], **arguments: Any) -> Learnable:
    """A trainable distribution: an ``nn.Module`` whose free parameters are mapped onto each constraint.

    ``parameters()``, ``state_dict()``, ``load_state_dict()``, ``to()``, ``copy.deepcopy`` and use as a submodule
    work as for any module, and it is used like the distribution itself. Nested laws become submodules; tensors in the
    transforms of a :class:`~reparam.TransformedDistribution` are not learnt, but stay what they are.

    Where an end of the support is a parameter (``Uniform``, ``Pareto``, ``GeneralizedPareto``, ``Truncated``), the
    likelihood is largest with that end at the outermost value and zero beyond: freeze it before a fit.

    Args:
        law: a distribution that holds the initial values, or a class.
        arguments: the class's arguments.

    Raises:
        ValueError: if an initial value lies on the boundary of its constraint.

    Example:
        >>> import reparam
        >>> d = learnable(reparam.Gamma(2.0, 3.0))
        >>> sorted(name for name, _ in d.named_parameters())
        ['unconstrained.concentration', 'unconstrained.rate']
        >>> d.mean.requires_grad
        True
        >>> between = learnable(reparam.Truncated(reparam.Normal(0.0, 1.0), -1.0, 2.0)).freeze("low", "high")
        >>> [name for name, p in between.named_parameters() if p.requires_grad]
        ['base_distribution.unconstrained.loc', 'base_distribution.unconstrained.scale']
    """
    if isinstance(law, type):
        law = law(**arguments)
    elif arguments:
        raise TypeError("arguments go with a class; a distribution already has its values")
    if isinstance(law, Learnable):
        return law
    if not isinstance(law, Distribution):
        raise TypeError(f"learnable takes a reparam distribution, not {type(law).__name__}")
    return Learnable(law)
