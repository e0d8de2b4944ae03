"""Mixtures of one family."""

from __future__ import annotations

import copy

import torch
from torch import Generator, Tensor

from ..constraints import Constraint
from ..core.distribution import Distribution
from ..core.params import component
from ..core.ranges import clamp
from ..families.categorical import Categorical
from ..implicit.law import reparameterised, smaller_tail
from ..implicit.standard import Diagonal, Jacobian, Triangular
from .conditionals import Conditionals, conditionals, has_conditionals, log_responsibilities


class MixtureSameFamily(Distribution):
    r"""The law of a draw from one of K laws of the same family, chosen at random.

    .. math:: p(x) = \sum_{k=1}^K w_k\, p_k(x)

    The components' supports may differ: where none has a density, the logarithm is -inf. Draws of a continuous
    mixture have the exact pathwise gradient in the weights and in every parameter of the components, by implicit
    differentiation of the cdf, or for vectors of one conditional cdf after another.

    Args:
        mixture_distribution: the law of the choice, a :class:`Categorical` over K.
        component_distribution: the K laws, in the rightmost dimension of its batch.

    Shapes:
        ``batch_shape`` is the components' without its last dimension; ``event_shape`` is theirs. Support: the
        smallest interval (or the set) that holds all of theirs.

    Raises:
        TypeError: if ``mixture_distribution`` is no Categorical.
        ValueError: if the numbers of choices and of components differ.

    References:
        McLachlan and Peel, Finite Mixture Models, 2000.
        Figurnov, Mohamed and Mnih, Implicit reparameterization gradients, 2018.

    Example:
        >>> import reparam
        >>> weights = Categorical(torch.tensor([0.25, 0.75]))
        >>> d = MixtureSameFamily(weights, reparam.Normal(torch.tensor([-1.0, 1.0]), 0.1))
        >>> d.mean, d.cdf(torch.tensor(0.0))
        (tensor(0.5000), tensor(0.2500))
    """

    mixture_distribution = component()
    component_distribution = component(batch_dims=1)

    @property
    def support(self) -> Constraint:  # type: ignore[override]
        """What holds the supports of all components."""
        support: Constraint = self.component_distribution.support
        bounds = {n: getattr(support, n, None) for n in ("lower_bound", "upper_bound")}
        if not any(isinstance(b, Tensor) and b.dim() for b in bounds.values()):
            return support
        hull = copy.copy(support)
        for name, bound in bounds.items():
            if isinstance(bound, Tensor) and bound.dim():
                setattr(hull, name, bound.amin(-1) if name == "lower_bound" else bound.amax(-1))
        return hull

    @property
    def sample_dtype(self) -> torch.dtype | None:  # type: ignore[override]
        """The dtype of draws where it is not the parameters'."""
        inner: Distribution = self.component_distribution
        return inner.sample_dtype

    def _derive_event_shape(self) -> torch.Size:
        shape: torch.Size = self.component_distribution.event_shape
        return shape

    def _check(self) -> None:
        mixture, inner = self.mixture_distribution, self.component_distribution
        if not isinstance(mixture, Categorical):
            raise TypeError(
                f"MixtureSameFamily: mixture_distribution must be a Categorical, not {type(mixture).__name__}"
            )
        if mixture.num_events != inner.batch_shape[-1]:
            raise ValueError(
                f"MixtureSameFamily: {mixture.num_events} weights for {inner.batch_shape[-1]} components (the "
                f"last dimension of batch_shape {tuple(inner.batch_shape)})"
            )

    def _components(self) -> Distribution:
        """The components, whose densities are -inf outside their own supports."""
        law: Distribution = self.component_distribution._unchecked()
        return law

    def _spread(self, x: Tensor) -> Tensor:
        return x.unsqueeze(-1 - len(self._event_shape))

    def _weights(self) -> Tensor:
        """The weights, with a dimension of one for each event dimension."""
        weights: Tensor = self.mixture_distribution.probs
        return weights.reshape(weights.shape + (1,) * len(self._event_shape))

    def _average(self, value: Tensor) -> Tensor:
        return (self._weights() * value).sum(-1 - len(self._event_shape))

    def _log_average(self, value: Tensor) -> Tensor:
        return torch.logsumexp(self.mixture_distribution.logits + value, -1)

    def _log_prob(self, x: Tensor) -> Tensor:
        return self._log_average(self._components()._log_prob(self._spread(x)))

    def _cdf(self, x: Tensor) -> Tensor:
        return self._average(self._inner("_cdf", x))

    def _log_cdf(self, x: Tensor) -> Tensor:
        return self._log_average(self._inner("_log_cdf", x))

    def _sf(self, x: Tensor) -> Tensor:
        return self._average(self._inner("_sf", x))

    def _log_sf(self, x: Tensor) -> Tensor:
        return self._log_average(self._inner("_log_sf", x))

    def _inner(self, name: str, x: Tensor) -> Tensor:
        law = self._components()
        value: Tensor = getattr(law, name)(clamp(law.support, self._spread(x)))
        return value

    def _sample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        event = len(self._event_shape)
        outer = shape[: len(shape) - event]
        k = self.mixture_distribution._sample(outer, generator)
        law = self.component_distribution
        draws: Tensor = law._sample(outer + law.batch_shape[-1:] + shape[len(outer) :], generator)
        index = k.reshape(k.shape + (1,) * (event + 1)).expand((*outer, 1, *shape[len(outer) :]))
        return draws.gather(len(outer), index).squeeze(len(outer))

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """Whether the components are continuous, and scalar or known one coordinate after another."""
        law = self.component_distribution
        return not law.support.is_discrete and (not self._event_shape or has_conditionals(law))

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        if not self.has_rsample:
            law = type(self.component_distribution).__name__
            raise NotImplementedError(
                f"MixtureSameFamily of {law} has no rsample: its samples have no pathwise gradient"
            )
        with torch.no_grad():
            sample = self._sample(shape, generator)
        return reparameterised(self, sample)

    def _coordinates(self, x: Tensor) -> tuple[Conditionals, Tensor, Tensor, Tensor]:
        """The components' conditional laws, their log-responsibilities, and the logarithms of the mixture's tails."""
        parts = conditionals(self._components(), self._spread(x))
        log_share = log_responsibilities(self.mixture_distribution.logits, parts.log_prob)
        return parts, log_share, (log_share + parts.log_cdf).logsumexp(-2), (log_share + parts.log_sf).logsumexp(-2)

    def _standardize(self, x: Tensor) -> Tensor:
        if not self._event_shape:
            return smaller_tail(self._log_cdf(x), self._log_sf(x))
        _, _, log_cdf, log_sf = self._coordinates(x)
        return smaller_tail(log_cdf, log_sf).reshape(x.shape)

    def _standardize_jacobian(self, x: Tensor) -> Jacobian:
        if not self._event_shape:
            return Diagonal(torch.exp(self._log_prob(x) - torch.minimum(self._log_cdf(x), self._log_sf(x))))
        parts, log_share, log_cdf, log_sf = self._coordinates(x)
        upper = log_cdf >= log_sf
        log_tail = torch.where(upper.unsqueeze(-2), parts.log_sf, parts.log_cdf)
        total = torch.where(upper, log_sf, log_cdf).unsqueeze(-2)
        tail = torch.exp(log_share + log_tail - total)
        sign = 1 - 2 * upper.to(x.dtype).unsqueeze(-2)
        return Triangular(parts.slopes(upper, sign * tail, sign * (tail - log_share.exp())), len(self._event_shape))

    def _mean(self) -> Tensor:
        return self._average(self.component_distribution._mean())

    def _moments(self) -> tuple[Tensor, Tensor]:
        """The shifts of the components' means from the mixture's, and the components' variances."""
        law = self.component_distribution
        mean: Tensor = law._mean()
        shift = mean - self._average(mean).unsqueeze(-1 - len(self._event_shape))
        return shift, law._variance()

    def _variance(self) -> Tensor:
        shift, variance = self._moments()
        return self._average(variance + shift**2)

    def _skewness(self) -> Tensor:
        shift, variance = self._moments()
        third = self.component_distribution._skewness() * variance**1.5
        return self._average(third + 3 * shift * variance + shift**3) / self._variance() ** 1.5

    def _kurtosis(self) -> Tensor:
        law = self.component_distribution
        shift, variance = self._moments()
        third, fourth = law._skewness() * variance**1.5, (law._kurtosis() + 3) * variance**2
        total = fourth + 4 * shift * third + 6 * shift**2 * variance + shift**4
        return self._average(total) / self._variance() ** 2 - 3
