"""The von Mises law on the circle."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from .. import kernels
from ..constraints import positive, real
from ..constraints.base import Bounds
from ..constraints.numeric import Real
from ..core import derived
from ..core.noise import fine_uniform
from ..core.params import param
from ..core.registry import register_kl
from ..implicit.scalar import reparameterise
from ..special import bessel_ratio, von_mises_icdf, von_mises_quantile_grad
from ..special.circular import circular_variance, log_i0e, von_mises_bregman
from ..special.von_mises_cut import log_von_mises_mass, von_mises_mass, von_mises_mass_quantile
from .exponential_family import ExponentialFamily

LOG_TWO_PI = math.log(2 * math.pi)


class Angle(Real):
    r"""Angles: every finite real number, of which those in :math:`[-\pi, \pi)` stand for the circle.

    Example:
        >>> angle.check(torch.tensor([0.0, 10.0, torch.inf]))
        tensor([ True,  True, False])
    """

    lower_bound = -math.pi
    upper_bound = math.pi
    circular = True
    _words = "an angle (finite)"

    def check(self, value: Tensor) -> Tensor:
        """Which entries of ``value`` are finite."""
        return value.isfinite()

    @property
    def bounds(self) -> Bounds | None:
        """The finite numbers."""
        return Bounds(-math.inf, math.inf, True, True, False)


angle = Angle()


class VonMises(ExponentialFamily):
    r"""The von Mises law: the normal law's counterpart on the circle.

    .. math:: p(x) = \frac{e^{\kappa \cos(x - \mu)}}{2 \pi I_0(\kappa)}

    The density is periodic, and ``log_prob`` takes any real number. Draws lie in :math:`[-\pi, \pi)` whatever
    ``loc`` is, and ``cdf(x)`` is the probability of a draw up to x: it rises from 0 at :math:`-\pi` to 1 at
    :math:`\pi`. ``mean`` and ``variance`` are the circular ones: the direction ``loc``, and
    :math:`1 - I_1(\kappa)/I_0(\kappa)`; ``stddev`` is the root of the latter.

    A differentiable draw moves around the circle with ``loc`` and to or from it with ``concentration``: its
    gradient is exact for functions of the angle, which do not jump between :math:`\pi` and :math:`-\pi`.

    Args:
        loc: direction :math:`\mu` of the largest density, real.
        concentration: :math:`\kappa > 0`.

    Shapes:
        ``loc`` and ``concentration`` broadcast to ``batch_shape``; ``event_shape`` is ``()``. Support: the real
        line, as angles; draws lie in ``[-pi, pi)``.

    Raises:
        ValueError: if ``concentration`` is not positive.

    References:
        Mardia and Jupp, Directional Statistics, 2000, section 3.5.4.
        Best and Fisher, Efficient simulation of the von Mises distribution, 1979.
        Figurnov, Mohamed and Mnih, Implicit reparameterization gradients, 2018.

    Example:
        >>> d = VonMises(0.0, 4.0)
        >>> d.log_prob(torch.tensor([0.0, 2 * torch.pi])), d.cdf(torch.tensor(0.0))
        (tensor([-0.2628, -0.2628]), tensor(0.5000))
    """

    loc = param(real, symbol=r"\mu", typical=(-3.1, 3.1))
    concentration = param(positive, symbol=r"\kappa", typical=(0.3, 10.0))
    support = angle

    @kernels.fused("von_mises_log_prob", "loc", "concentration")
    def _log_prob(self, x: Tensor) -> Tensor:
        sine = torch.sin(0.5 * (x - self.loc))
        return -2 * self.concentration * sine * sine - LOG_TWO_PI - log_i0e(self.concentration)

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return self.concentration * torch.cos(self.loc), self.concentration * torch.sin(self.loc)

    @staticmethod
    def _log_normalizer(a: Tensor, b: Tensor) -> Tensor:
        size = torch.hypot(a, b)
        return LOG_TWO_PI + log_i0e(size) + size

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        return torch.cos(x), torch.sin(x)

    @classmethod
    def _from_natural(cls, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        return {"loc": torch.atan2(b, a), "concentration": torch.hypot(a, b)}

    # -- draws: the angle from the mode, turned by loc ------------------------------------------------------

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        if kernels.usable(self.concentration):
            return _natively(kernels.key_of(shape, generator, self.loc), self.loc, self.concentration)
        return _turned(self.loc + standard_von_mises(self.concentration, shape, generator))

    def _rsample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        z = standard_von_mises(self.concentration, shape, generator)
        sine = torch.sin(0.5 * z)
        return _turned(self.loc + z), -2 * self.concentration * sine * sine - LOG_TWO_PI - log_i0e(self.concentration)

    # -- probabilities from the cut at -pi on --------------------------------------------------------------

    def _cdf(self, x: Tensor) -> Tensor:
        return von_mises_mass(x, self.loc, self.concentration)

    def _sf(self, x: Tensor) -> Tensor:
        return von_mises_mass(-x, -self.loc, self.concentration)

    def _log_cdf(self, x: Tensor) -> Tensor:
        return log_von_mises_mass(x, self.loc, self.concentration)

    def _log_sf(self, x: Tensor) -> Tensor:
        return log_von_mises_mass(-x, -self.loc, self.concentration)

    def _icdf(self, p: Tensor) -> Tensor:
        return von_mises_mass_quantile(p, (1 - p).detach(), self.loc, self.concentration)

    def _isf(self, p: Tensor) -> Tensor:
        return von_mises_mass_quantile(1 - p, p.detach(), self.loc, self.concentration)

    # -- summaries ---------------------------------------------------------------------------------------------

    def _entropy(self) -> Tensor:
        return LOG_TWO_PI + log_i0e(self.concentration) + self.concentration * circular_variance(self.concentration)

    def _mean(self) -> Tensor:
        return self.loc

    _mode = _mean

    def _variance(self) -> Tensor:
        return circular_variance(self.concentration)

    _skewness = derived.missing("skewness")
    _kurtosis = derived.missing("kurtosis")


def standard_von_mises(concentration: Tensor, shape: torch.Size, generator: Generator | None) -> Tensor:
    """Angles from the mode, with the exact gradient in the concentration."""
    if kernels.usable(concentration):
        return _natively(
            kernels.key_of(shape, generator, concentration), torch.zeros_like(concentration), concentration
        )
    kappa = concentration if concentration.shape == shape else concentration.expand(shape)
    with torch.no_grad():
        u = fine_uniform(shape, kappa, generator)
        z = von_mises_icdf(0.5 * (1 - u), kappa.detach().double())
        side = fine_uniform(shape, kappa, generator) < 0.5
        sample = torch.where(side, z, -z).to(kappa.dtype)
    return reparameterise(kappa, sample, _slope)


@kernels.sampler("von_mises_draw")
def _natively(key: Tensor, loc: Tensor, concentration: Tensor) -> Tensor:
    # By rejection, or by inversion where the law is nearly uniform.
    z = kernels.draw("von_mises_draw", key, torch.zeros_like(loc), concentration)
    return _turned(loc + reparameterise(concentration.expand(z.shape), z, _slope))


def _turned(x: Tensor) -> Tensor:
    inside = x - 2 * math.pi * ((x + math.pi) / (2 * math.pi)).detach().floor()
    return torch.where(inside < math.pi, inside, inside - 2 * math.pi)


def _slope(concentration: Tensor, sample: Tensor) -> Tensor:
    return von_mises_quantile_grad(sample, concentration)


@register_kl(VonMises, VonMises)
def _(p: VonMises, q: VonMises) -> Tensor:
    r"""With the mean resultant length A, :math:`B(\kappa_q, \kappa_p) + 2 \kappa_q A(\kappa_p) \sin^2(\Delta/2)`."""
    sine = torch.sin(0.5 * (p.loc - q.loc))
    turned = 2 * q.concentration * bessel_ratio(0.0, p.concentration) * sine * sine
    return (von_mises_bregman(q.concentration, p.concentration) + turned).clamp(min=0)
