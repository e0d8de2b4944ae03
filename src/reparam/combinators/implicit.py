"""Pathwise gradients for any law with a cdf."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor

from ..core.derived import has_probabilities
from ..core.params import component
from ..implicit.law import reparameterised, standardisation
from ..implicit.standard import Jacobian
from .wrapper import Wrapper


class ImplicitReparam(Wrapper):
    r"""The same law with ``rsample``, by implicit differentiation of its cdf.

    .. math:: \frac{dx}{d\theta} = -\frac{\partial F_\theta(x) / \partial\theta}{p_\theta(x)}

    It works for every continuous scalar law that defines one of ``_cdf``, ``_sf``, ``_log_cdf`` and ``_log_sf``; a
    density and a sampler follow from these; the gradient at quantiles far up is as good as ``_sf`` or ``_log_sf``, if
    there is one. A law of vectors takes part by ``_sample`` and ``_standardize(x)``: noise of the shape of x whose law
    is free of the parameters, each entry a function of the entries of x up to its own, and increasing in that one
    (conditional cdfs, for example). It may offer the derivative in x as ``_standardize_jacobian(x)``, a
    :class:`~reparam.implicit.Diagonal` or :class:`~reparam.implicit.Triangular`, which saves a differentiation for
    each entry.

    Args:
        base_distribution: the law; also read as ``base_dist``.

    Shapes:
        As the base. Support: that of the base.

    Raises:
        TypeError: if the law is discrete, or has neither a cdf nor ``_standardize``.

    References:
        Figurnov, Mohamed and Mnih, Implicit reparameterization gradients, 2018.

    Example:
        >>> import reparam
        >>> from reparam.constraints import positive
        >>> class Logistic(reparam.Distribution):
        ...     scale = reparam.param(positive)
        ...     support = reparam.constraints.real
        ...     def _cdf(self, x):
        ...         return torch.sigmoid(x / self.scale)
        >>> scale = torch.tensor(2.0, requires_grad=True)
        >>> x = ImplicitReparam(Logistic(scale)).rsample()
        >>> bool(torch.autograd.grad(x, scale)[0].isclose(x / scale))
        True

        A law of vectors, by the conditional cdfs of its entries:

        >>> class Walk(reparam.Distribution):
        ...     scale = reparam.param(positive)
        ...     support = reparam.constraints.real_vector
        ...     def _derive_event_shape(self):
        ...         return torch.Size([2])
        ...     def _sample(self, shape, generator):
        ...         return self.scale * torch.rand(shape, generator=generator).logit().cumsum(-1)
        ...     def _standardize(self, x):
        ...         first, second = x.unbind(-1)
        ...         return torch.sigmoid(torch.stack([first, second - first], -1) / self.scale)
        >>> x = ImplicitReparam(Walk(scale)).rsample()
        >>> bool(torch.autograd.grad(x[1], scale)[0].isclose(x[1] / scale))
        True
    """

    base_distribution = component()
    has_rsample = True

    def _check(self) -> None:
        base = self.base_dist
        if base.support.is_discrete:
            raise TypeError(
                f"ImplicitReparam: {type(base).__name__} is discrete: its samples have no pathwise gradient"
            )
        if not _standardises(base) and (base.event_shape or not has_probabilities(base)):
            raise TypeError(f"ImplicitReparam: {type(base).__name__} has neither a scalar cdf nor _standardize")

    def _log_prob(self, x: Tensor) -> Tensor:
        return self.base_dist._log_prob(x)

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        with torch.no_grad():
            sample = self._sample(shape, generator)
        return reparameterised(self.base_dist, sample)

    def _standardization(self, x: Tensor) -> tuple[Tensor, Callable[[], Jacobian]]:
        return standardisation(self.base_dist, x)

    def _entropy(self) -> Tensor:
        return self.base_dist._entropy()


def _standardises(law: Any) -> bool:
    return hasattr(law, "_standardize") or hasattr(law, "_standardization")


def pathwise(law: Any) -> Any:
    """The law itself where it has pathwise gradients, or can have none, for it is discrete; or with implicit ones."""
    return law if law.has_rsample or law.support.is_discrete else ImplicitReparam(law, validate_args=law._validate_args)
