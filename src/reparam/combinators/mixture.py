"""Mixtures of any laws."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor

from ..constraints import Constraint, integer_interval, interval
from ..core.distribution import Distribution
from ..core.params import component
from ..core.ranges import ends
from .conditionals import Conditionals, Joined, conditionals
from .mixing import Mixing


class Mixture(Mixing):
    r"""The law of a draw from one of K laws, which may be of different families, chosen at random.

    .. math:: p(x) = \sum_{k=1}^K w_k\, p_k(x)

    Where none of the components has a density, the logarithm is -inf. Draws of a continuous mixture have the exact
    pathwise gradient in the weights and in every parameter of the components, by implicit differentiation of the cdf,
    or for vectors of one conditional cdf after another. Entropies of scalar mixtures are integrals or sums (right to
    1e-12, and 1e-8 where one component is a million times as wide as another), those of a few normal vectors of two or
    three coordinates integrals to 1e-6 or better. The mode is the highest of the maxima that are found uphill from
    quantiles and modes of all components, of normal vectors from the ridges between any two of them. For K laws of one
    family, :class:`MixtureSameFamily` is faster.

    Args:
        mixture_distribution: the law of the choice, a :class:`Categorical` over K.
        component_distributions: the K laws, all discrete or all continuous, with one event shape.

    Shapes:
        ``batch_shape`` is what those of the components broadcast to; ``event_shape`` is theirs. Support: the smallest
        interval that holds the supports of all, or the set that all share.

    Raises:
        TypeError: if ``mixture_distribution`` is no Categorical, or some of the laws are discrete and others are not.
        ValueError: if the numbers of choices and of components, or the event shapes differ.

    References:
        McLachlan and Peel, Finite Mixture Models, 2000.
        Figurnov, Mohamed and Mnih, Implicit reparameterization gradients, 2018.

    Example:
        >>> import reparam
        >>> weights = reparam.Categorical(torch.tensor([0.25, 0.75]))
        >>> d = Mixture(weights, [reparam.Normal(-1.0, 1.0), reparam.Gamma(2.0, 1.0)])
        >>> d.mean, d.log_prob(torch.tensor(0.0)).exp()
        (tensor(1.2500), tensor(0.0605))
    """

    mixture_distribution = component()
    component_distributions = component(many=True)

    @property
    def support(self) -> Constraint:  # type: ignore[override]
        """What holds the supports of all components."""
        supports = [law.support for law in self._laws()]
        if all(s == supports[0] for s in supports) or supports[0].event_dim:
            return supports[0]  # type: ignore[no-any-return]
        bounds = [ends(s, self._first_tensor()) for s in supports]
        lower, upper = (functools.reduce(f, side) for f, side in zip((torch.minimum, torch.maximum), zip(*bounds)))
        return (integer_interval if supports[0].is_discrete else interval)(lower, upper)

    def _check(self) -> None:
        laws = self._laws()
        self._check_choice(len(laws))
        if len({law.support.is_discrete for law in laws}) > 1:
            kinds = ", ".join(f"{type(law).__name__}" for law in laws)
            raise TypeError(f"Mixture: {kinds} are not all discrete or all continuous: no density serves them all")
        if len({law.event_shape for law in laws}) > 1:
            raise ValueError(f"Mixture: the event shapes differ: {[tuple(law.event_shape) for law in laws]}")

    def _laws(self) -> tuple[Distribution, ...]:
        laws: tuple[Distribution, ...] = self.component_distributions
        return laws

    def _each(self, function: Callable[[Distribution], Tensor], event_dims: int) -> Tensor:
        values: Any = torch.broadcast_tensors(*map(function, self._laws()))
        return torch.stack(values, -1 - event_dims)

    def _spread(self, x: Tensor) -> Tensor:
        return x

    def _at_values(self, f: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        return f

    def _knots(self) -> Tensor | None:
        like, jumps = self._first_tensor(), []
        for name in ("lower_bound", "upper_bound"):
            bounds = {getattr(law.support, name, math.inf) for law in self._laws()}
            if len(bounds) > 1:
                jumps += [torch.as_tensor(b, dtype=like.dtype, device=like.device) for b in bounds if not _infinite(b)]
        jumps = [bound.expand(self._batch_shape) for bound in jumps]
        return torch.stack(jumps).sort(0).values if jumps else None

    def _conditionals(self, x: Tensor) -> Conditionals:
        x = x.unsqueeze(-1 - len(self._event_shape))
        return Joined([conditionals(law._unchecked()[..., None], x) for law in self._laws()])

    def _sample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        draws = [law._sample(shape, generator) for law in self._laws()]
        return self._chosen(torch.stack(draws, -1 - len(self._event_shape)), shape, generator)


def _infinite(bound: float | Tensor) -> bool:
    return not isinstance(bound, Tensor) and math.isinf(bound)
