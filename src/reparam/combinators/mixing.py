"""What all mixtures share: averages of what the components say, and draws with their implicit gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Generator, Tensor

from ..core import derived
from ..core.distribution import Distribution
from ..core.quadrature import quantile_terms
from ..core.ranges import probability
from ..families.categorical import Categorical
from ..implicit.law import reparameterised, scalar_standardisation
from ..implicit.standard import Jacobian
from .conditionals import Conditionals, Terms, has_conditionals
from .mixed_conditionals import ENTRIES, MixedConditionals, gradient_terms
from .mixture_entropy import entropy_of_counts, entropy_of_densities
from .mixture_search import count_quantile, mode_of_counts, mode_of_densities, mode_of_list
from .mixture_vector_entropy import entropy_of_vectors
from .mixture_vectors import mode_of_vectors
from .weights import log_mean


class Mixing(Distribution):
    """The law of a draw from one of K laws, chosen at random; a subclass says how it holds the K laws."""

    mixture_distribution: Any

    def _laws(self) -> tuple[Distribution, ...]:
        """The objects that hold the K laws."""
        raise NotImplementedError

    def _each(self, function: Callable[[Distribution], Tensor], event_dims: int) -> Tensor:
        """``function`` of every component, along a dimension before the last ``event_dims``."""
        raise NotImplementedError

    def _spread(self, x: Tensor) -> Tensor:
        """Values that broadcast with what one object of :meth:`_laws` holds."""
        raise NotImplementedError

    def _at_values(self, f: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """A function of values of the mixture, as one of values of one object of :meth:`_laws`."""
        raise NotImplementedError

    def _knots(self) -> Tensor | None:
        """Where densities of components may jump, in rising order along a first dimension before those of a law."""
        raise NotImplementedError

    def _conditionals(self, x: Tensor) -> Conditionals:
        """The conditional laws of the coordinates under each component."""
        raise NotImplementedError

    def _choice(self) -> Categorical:
        """The law of the choice."""
        mixture: Categorical = self.mixture_distribution
        return mixture

    def _derive_event_shape(self) -> torch.Size:
        return self._laws()[0].event_shape

    @property
    def sample_dtype(self) -> torch.dtype | None:  # type: ignore[override]
        """The dtype of draws where it is not the parameters'."""
        return self._laws()[0].sample_dtype

    def _check_choice(self, components: int, where: str = "") -> None:
        """Refuse a law of the choice that is no Categorical over the components."""
        mixture, name = self.mixture_distribution, type(self).__name__
        if not isinstance(mixture, Categorical):
            raise TypeError(f"{name}: mixture_distribution must be a Categorical, not {type(mixture).__name__}")
        if mixture.num_events != components:
            raise ValueError(f"{name}: {mixture.num_events} weights for {components} components{where}")

    # -- averages ----------------------------------------------------------------------------------------

    def _average(self, value: Tensor, event: int | None = None) -> Tensor:
        """The mean over the components of values with event dimensions; infinite ones count where they have weight."""
        event = len(self._event_shape) if event is None else event
        weights = self._choice().probs
        weights = weights.reshape(weights.shape + (1,) * event)
        finite = value.isfinite()
        beyond = torch.where(finite | (weights == 0), 0.0, value.detach()).sum(-1 - event)
        return (weights * torch.where(finite, value, 0.0)).sum(-1 - event) + beyond

    def _mean_of(self, name: str, x: Tensor) -> Tensor:
        """The mean of a probability."""
        values = self._each(lambda law: probability(law._unchecked(), name, self._spread(x)), 0)
        mean = (self._choice().probs * values).sum(-1)
        return mean - (mean.detach() - 1).clamp(min=0)  # weights that were rounded may exceed one together

    def _log_mean_of(self, method: Callable[[Distribution, Tensor], Tensor], x: Tensor) -> Tensor:
        """The logarithm of the mean of what a method gives the logarithm of."""
        values = self._each(lambda law: method(law._unchecked(), self._spread(x)), 0)
        return log_mean(self._choice(), values)

    def _log_prob(self, x: Tensor) -> Tensor:
        return self._log_mean_of(lambda law, x: law._log_prob(x), x)

    def _cdf(self, x: Tensor) -> Tensor:
        return self._mean_of("_cdf", x)

    def _log_cdf(self, x: Tensor) -> Tensor:
        return self._log_mean_of(lambda law, x: probability(law, "_log_cdf", x), x)

    def _sf(self, x: Tensor) -> Tensor:
        return self._mean_of("_sf", x)

    def _log_sf(self, x: Tensor) -> Tensor:
        return self._log_mean_of(lambda law, x: probability(law, "_log_sf", x), x)

    def _icdf(self, p: Tensor) -> Tensor:
        if self._event_shape or not self._laws()[0].support.is_discrete:
            return derived.icdf(self, p)
        return count_quantile(self, p, upper=False)

    def _isf(self, p: Tensor) -> Tensor:
        if self._event_shape or not self._laws()[0].support.is_discrete:
            return derived.inverse_sf(self, p)
        return count_quantile(self, p, upper=True)

    # -- draws -------------------------------------------------------------------------------------------

    @property
    def has_enumerate_support(self) -> bool:  # type: ignore[override]
        """Whether the components can be enumerated."""
        return all(law.has_enumerate_support for law in self._laws())

    def _listed(self) -> Tensor:
        """The values of the component that has most: supports that can be listed begin alike."""
        lists = [law._listed() for law in self._laws()]
        most = max(len(values) for values in lists)
        return next(values for values in lists if len(values) == most)

    _enumerate_support = _listed

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """Whether the components are continuous, and scalar or known one coordinate after another."""
        if any(law.support.is_discrete for law in self._laws()):
            return False
        return not self._event_shape or all(map(has_conditionals, self._laws()))

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        if not self.has_rsample:
            kinds = ", ".join(dict.fromkeys(type(law).__name__ for law in self._laws()))
            raise NotImplementedError(
                f"{type(self).__name__} of {kinds} has no rsample: its samples have no pathwise gradient"
            )
        with torch.no_grad():
            sample = self._sample(shape, generator)
        return reparameterised(self, sample)

    def _chosen(self, draws: Tensor, shape: torch.Size, generator: Generator | None) -> Tensor:
        """Of draws from every component, those of the component that is chosen at random."""
        event = len(self._event_shape)
        outer = shape[: len(shape) - event]
        k = self._choice()._sample(outer, generator)
        index = k.reshape(k.shape + (1,) * (event + 1)).expand((*outer, 1, *shape[len(outer) :]))
        return draws.gather(len(outer), index).squeeze(len(outer))

    def _standardization(self, x: Tensor) -> tuple[Tensor, Callable[[], Jacobian]]:
        if not self._event_shape:
            return scalar_standardisation(self, x)
        parts = self._conditionals(x)
        mixed = MixedConditionals(self._choice(), parts, len(self._event_shape))
        return mixed.noise().reshape(x.shape), lambda: mixed

    def _gradient_terms(self, x: Tensor, v: Tensor) -> Iterator[Terms]:
        """What has the gradient of the samples x weighted by v, for a few of them after the other."""
        own, event = len(self._batch_shape), len(self._event_shape)
        pieces: Iterable[tuple[Tensor, Tensor]] = [(x, v)]
        if x.dim() > own + event:
            many = self._choice().num_events * x.shape[x.dim() - own - event :].numel()
            x, v = (t.flatten(0, t.dim() - own - event - 1) for t in (x, v))
            pieces = zip(*(t.split(max(1, ENTRIES // max(1, many))) for t in (x, v)), strict=True)
        for some, weights in pieces:
            flat = weights.flatten(weights.dim() - event) if event else weights.unsqueeze(-1)
            yield gradient_terms(self._choice(), self._conditionals(some), flat)

    # -- summaries ---------------------------------------------------------------------------------------

    def _summary(self, name: str) -> Tensor:
        """A moment of every component."""
        return self._each(lambda law: getattr(law, name)(), len(self._event_shape))

    def _circular(self) -> bool:
        """Whether the draws are angles, whose means are directions."""
        kinds = {all(getattr(e, "circular", False) for e in law.support.entries) for law in self._laws()}
        if len(kinds) > 1:
            raise derived.refuse_missing(self, "moments", "some components are laws of angles, others of numbers")
        return kinds.pop()

    def _mean(self) -> Tensor:
        mean = self._summary("_mean")
        if not self._circular():
            return self._average(mean)
        length = 1 - self._summary("_variance")
        return torch.atan2(self._average(length * mean.sin()), self._average(length * mean.cos()))

    def _moments(self) -> tuple[Tensor, Tensor]:
        """The shifts of the components' means from the mixture's, and the components' variances.

        A mean that is infinite shifts nothing: the variance then has no need of it.
        """
        shift = self._summary("_mean") - self._mean().unsqueeze(-1 - len(self._event_shape))
        return torch.where(shift.isfinite(), shift, 0.0), self._summary("_variance")

    def _variance(self) -> Tensor:
        shift, variance = self._moments()
        if self._circular():
            # 1 - length * cos(shift), a sum of terms that are never negative
            return self._average(variance + 2 * (1 - variance) * torch.sin(0.5 * shift) ** 2)
        return self._average(variance + shift**2)

    def _skewness(self) -> Tensor:
        shift, variance = self._moments()
        third = self._summary("_skewness") * variance**1.5
        return self._average(third + 3 * shift * variance + shift**3) / self._variance() ** 1.5

    def _kurtosis(self) -> Tensor:
        shift, variance = self._moments()
        fourth = (self._summary("_kurtosis") + 3) * variance**2
        third = torch.where(fourth < torch.inf, self._summary("_skewness") * variance**1.5, 0.0)
        total = fourth + 4 * shift * third + 6 * shift**2 * variance + shift**4
        return self._average(total) / self._variance() ** 2 - 3

    def _covariance(self) -> Tensor:
        if len(self._event_shape) != 1 or self._circular():
            raise derived.refuse_missing(self, "covariance", "its events are no vectors of numbers")
        shift, _ = self._moments()
        spread = self._each(lambda law: law._covariance(), 2) + shift[..., :, None] * shift[..., None, :]
        return self._average(spread, 2)

    def _mode(self) -> Tensor:
        if self.has_enumerate_support:
            return mode_of_list(self)
        if self._event_shape:
            return mode_of_vectors(self)
        return (mode_of_counts if self._laws()[0].support.is_discrete else mode_of_densities)(self)

    def _quantile_terms(self, f: Callable[[Tensor], Tensor], nodes: int) -> Tensor:
        """Over the quantiles of each component, as those of the mixture jump between its modes."""
        terms = self._each(lambda law: quantile_terms(law, self._at_values(f), nodes), 0)
        return (self._choice().probs * terms).sum(-1)

    def _entropy(self) -> Tensor:
        if self.has_enumerate_support:
            return derived.entropy(self)
        if self._event_shape:
            return entropy_of_vectors(self)
        return (entropy_of_counts if self._laws()[0].support.is_discrete else entropy_of_densities)(self)
