r"""Exponential families: natural, mean and standard parameters, entropies and divergences by the log-normaliser.

.. math:: p(x) = h(x) \exp\left(\langle \eta, T(x) \rangle - A(\eta)\right)

A family declares four things: its natural parameters, A, T, and the way back from natural parameters. The rest
follows by derivatives of A.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor

from .._torch import is_ordinary_mode, untracked
from ..core import derived
from ..core.deferred import read
from ..core.distribution import Distribution
from ..core.doors import door, value_door
from ..core.registry import kl_rules
from .shared.exponential_newton import arguments_of_mean

E = TypeVar("E", bound="ExponentialFamily")
Parameters = tuple[Tensor, ...]
Arguments = Callable[..., dict[str, Any]]
_vjp: Callable[..., tuple[Tensor, Callable[[Tensor], Parameters]]] = torch.func.vjp  # type: ignore[assignment]


def _unknown(cls: Any, /, *_: Tensor, **__: Any) -> dict[str, Any]:
    raise NotImplementedError(f"{cls.__name__} cannot be built from natural parameters")


class ExponentialFamily(Distribution):
    r"""The base of laws whose densities are :math:`h(x) \exp(\langle \eta, T(x) \rangle - A(\eta))`.

    A subclass declares its parameters and defines

    - ``_natural_params``, a property: :math:`\eta`, a tuple of tensors;
    - ``_log_normalizer(*natural)``: A, with two derivatives (a static method unless it needs what is known);
    - ``_sufficient_statistics(x)``: T, a tuple of the same length;
    - ``_from_natural(*natural, **known)``, a class method: the arguments of the constructor; and, where there is
      a closed form, ``_from_mean(*mean, **known)``;
    - ``_mean_carrier_measure``: :math:`E \log h(X)`, where h is not one.

    Entropy and the divergence within the family follow where the subclass does not define them.

    References:
        Wainwright and Jordan, Graphical models, exponential families, and variational inference, 2008, chapter 3.

    Example:
        >>> import reparam
        >>> d = reparam.Gamma(2.0, 3.0)
        >>> d.natural_parameters
        (tensor(1.), tensor(-3.))
        >>> reparam.Normal.from_mean_parameters(torch.tensor(1.0), torch.tensor(5.0))
        Normal(loc: 1.0, scale: 2.0)
    """

    support: Any
    _mean_carrier_measure: Any = 0

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "_log_normalizer" in vars(cls) and kl_rules.dispatch(cls, cls) is None:
            kl_rules.register(cls, cls)(lambda p, q: p.bregman_divergence(q))

    # -- what a family defines ---------------------------------------------------------------------------

    _natural_params: Any = property(derived.missing("natural parameters"))
    _log_normalizer: Callable[..., Tensor] = derived.missing("log-normaliser")
    _sufficient_statistics: Callable[..., Parameters] = derived.missing("sufficient statistics")
    _from_natural: Arguments = classmethod(_unknown)  # type: ignore[assignment]
    _from_mean: Arguments = classmethod(arguments_of_mean)  # type: ignore[assignment]

    # -- what follows ------------------------------------------------------------------------------------

    @property
    @door
    def natural_parameters(self) -> Parameters:
        r"""The natural parameters :math:`\eta`."""
        natural: Parameters = self._natural_params
        return natural

    @property
    @door
    def mean_parameters(self) -> Parameters:
        r"""The mean parameters :math:`E\,T(X) = \nabla A(\eta)`, of the natural parameters' shapes."""
        return self._mean_params()

    @property
    @door
    def log_normalizer(self) -> Tensor:
        r""":math:`A(\eta)`, of shape ``batch_shape``."""
        return self._log_normalizer(*self._natural_params)

    @value_door
    def sufficient_statistics(self, value: Any) -> Parameters:
        """T(x): one tensor for each natural parameter."""
        return self._sufficient_statistics(value)

    @classmethod
    def from_natural_parameters(cls: type[E], *natural: Tensor, **known: Any) -> E:
        """The law with these natural parameters.

        Args:
            *natural: in the order of :attr:`natural_parameters`.
            **known: what is no parameter of the exponential family, such as ``total_count``; and
                ``validate_args``.
        """
        flag = known.pop("validate_args", None)
        return cls(**cls._from_natural(*natural, **known), validate_args=flag)

    @classmethod
    def from_mean_parameters(cls: type[E], *mean: Tensor, **known: Any) -> E:
        """The law with these mean parameters: that of largest likelihood, if they are averages of T over data.

        Without a closed form they are found by Newton's method in float64.

        Args:
            *mean: in the order of :attr:`mean_parameters`.
            **known: as for :meth:`from_natural_parameters`.
        """
        flag = known.pop("validate_args", None)
        return cls(**cls._from_mean(*mean, **known), validate_args=flag)

    @door
    def bregman_entropy(self) -> Tensor:
        r""":math:`A(\eta) - \langle \eta, \nabla A(\eta) \rangle - E \log h(X)`."""
        natural = self._natural_params
        inner = _inner(self, natural, self._mean_params())
        entropy: Tensor = self._log_normalizer(*natural) - inner - self._mean_carrier_measure
        return entropy

    @door
    def bregman_divergence(self, other: Any) -> Tensor:
        r"""The divergence from this law to another of its family, by the log-normaliser.

        .. math:: KL(p\,\|\,q) = A(\eta_q) - A(\eta_p) - \langle \eta_q - \eta_p, \nabla A(\eta_p) \rangle

        It is the rule of :func:`reparam.kl_divergence` for families that have no other; the closed forms of the
        package's own laws lose nothing between neighbours, where this difference cancels.

        Args:
            other: a law of this class, with the same known parameters.

        Raises:
            TypeError: if it is of another class.

        Example:
            >>> import reparam
            >>> reparam.Normal(0.0, 1.0).bregman_divergence(reparam.Normal(1.0, 1.0))
            tensor(0.5000)
        """
        other = read(other)
        if type(other) is not type(self):
            raise TypeError(f"no exponential family has both {type(self).__name__} and {type(other).__name__}")
        ours, theirs = self._natural_params, other._natural_params
        change = tuple(b - a for a, b in zip(ours, theirs))
        growth: Tensor = other._log_normalizer(*theirs) - self._log_normalizer(*ours)
        return growth - _inner(self, change, self._mean_params())

    def _entropy(self) -> Tensor:
        value: Tensor = ExponentialFamily.bregman_entropy.__wrapped__(self)  # type: ignore[attr-defined]
        return value

    def _mean_params(self) -> Parameters:
        natural = tuple(t.expand_as(t) for t in self._natural_params)
        value, pullback = _vjp(self._log_normalizer, *natural)
        ones = torch.ones_like(value)
        # of constants torch would track it all the same
        return pullback(ones) if value.requires_grad or not is_ordinary_mode() else untracked(pullback, ones)


def _inner(law: ExponentialFamily, left: Parameters, right: Parameters) -> Tensor:
    """The sum of products over all that is no batch dimension; what has weight zero does not count."""
    batch, total = len(law._batch_shape), torch.zeros((), device=law.device)
    for a, b in zip(left, right):
        product = torch.where(b == 0, 0.0, a) * b
        own = b.dim() - batch
        total = total + (product.flatten(-own).sum(-1) if own else product)
    return total
