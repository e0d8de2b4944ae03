r"""Means of smooth functions of a logistic or normal variable, by quadrature with exponential convergence.

Functions like :math:`\log(1+e^x)` are analytic up to :math:`\pm i\pi` and approach a limit, like
:math:`\max(x, 0)`, at the rate :math:`e^{-|x|}`. A narrow law takes the trapezoidal rule in its standard variable, a
wide one the mean of the limit plus Gauss-Legendre panels over the rest: right to about 1e-15 of the function's size.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ...special._quadrature import gauss_legendre, on_unit

Function = Callable[[Tensor], Tensor]
RULE = gauss_legendre(16)
PANELS, WIDTH = 16, 4.0
STEP = 0.5


def mean_of(
    function: Function, rest: Function, limit: Tensor, law: tuple[Function, float], location: Tensor, scale: Tensor
) -> Tensor:
    """E f(location + scale Z).

    Args:
        function: f.
        rest: f less its limits at both infinities.
        limit: the mean of those limits.
        law: the density of Z, even and analytic up to i pi, and the reach beyond which it is negligible.
        location: the location of the law.
        scale: its scale.
    """
    density, reach = law
    wide = scale >= 1
    spread, middle = torch.where(wide, scale, 1.0).unsqueeze(-1), location.unsqueeze(-1)
    x, weight = _half_line(location)
    sides = [rest(y) * density((y - middle) / spread) for y in (x, -x)]
    by_rest = limit + (weight * (sides[0] + sides[1]) / spread).sum(-1)
    spread = torch.where(wide, 0.5, scale).unsqueeze(-1)
    count = int(reach / STEP)
    z = STEP * torch.arange(-count, count + 1, dtype=scale.dtype, device=scale.device)
    by_steps = STEP * (density(z) * function(middle + spread * z)).sum(-1)
    return torch.where(wide, by_rest, by_steps)


def mean_of_share(
    order: int,
    centre: Tensor,
    law: tuple[Function, float],
    sides: tuple[Tensor, Tensor],
    location: Tensor,
    scale: Tensor,
) -> Tensor:
    """The moment of sigmoid(X) about a centre.

    Args:
        order: of the moment.
        centre: of the law's shape.
        law: as for :func:`mean_of`.
        sides: the probabilities of X < 0 and of X > 0.
        location: the location of the law of X.
        scale: its scale.
    """
    about = centre.unsqueeze(-1)

    def at(x: Tensor) -> Tensor:
        return (torch.sigmoid(x) - about) ** order

    def rest(x: Tensor) -> Tensor:
        return at(x) - ((x > 0).to(x.dtype) - about) ** order

    limit = sides[0] * (-centre) ** order + sides[1] * (1 - centre) ** order
    return mean_of(at, rest, limit, law, location, scale)


def moments_of_share(
    orders: tuple[int, ...],
    law: tuple[Function, float],
    sides: tuple[Tensor, Tensor],
    location: Tensor,
    scale: Tensor,
) -> tuple[Tensor, list[Tensor]]:
    """The mean of sigmoid(X) and moments about it; of narrow laws by deviations from sigmoid(location), without loss.

    Args:
        orders: of the moments.
        law: as for :func:`mean_of`.
        sides: the probabilities of X < 0 and of X > 0.
        location: the location of the law of X.
        scale: its scale.
    """
    density, reach = law
    wide = scale >= 2
    count = int(2 * (reach + 2 * max(orders)) / STEP)  # powers of small shares shift the density by order times scale
    z = STEP / 2 * torch.arange(-count, count + 1, dtype=scale.dtype, device=scale.device)
    step, middle = torch.where(wide, 0.5, scale).unsqueeze(-1) * z, location.unsqueeze(-1)
    weight = STEP / 2 * density(z)
    shift = torch.sigmoid(middle + step) * torch.sigmoid(-middle) * -torch.expm1(-step)
    drift = (weight * shift).sum(-1, keepdim=True)
    shift = shift - drift
    spread = torch.where(wide, scale, 2.0)
    far_mean = mean_of_share(1, torch.zeros_like(location), law, sides, location, spread)
    mean = torch.where(wide, far_mean, torch.sigmoid(location) + drift.squeeze(-1))

    def moment(order: int) -> Tensor:
        far = mean_of_share(order, mean, law, sides, location, spread)
        return torch.where(wide, far, (weight * shift**order).sum(-1))

    return mean, [moment(order) for order in orders]


def _half_line(like: Tensor) -> tuple[Tensor, Tensor]:
    """Nodes and weights on (0, 64), in panels."""
    nodes, weights = on_unit(RULE, like)
    first = torch.arange(PANELS, dtype=like.dtype, device=like.device)
    return (WIDTH * (first[:, None] + nodes)).flatten(), (WIDTH * weights).repeat(PANELS)


def _logistic_density(z: Tensor) -> Tensor:
    return torch.sigmoid(z) * torch.sigmoid(-z)


def _normal_density(z: Tensor) -> Tensor:
    return torch.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)


LOGISTIC: tuple[Function, float] = (_logistic_density, 64.0)
NORMAL: tuple[Function, float] = (_normal_density, 9.0)
