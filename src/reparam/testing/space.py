"""Quadrature over supports of up to three degrees of freedom, through their map from unconstrained coordinates."""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor

from ..transforms import biject_to

FAR = 1e150
REACH = {1: 5.0, 2: 5.0, 3: 4.0}  #: of the grid, by its dimension: sinh(4) is 27 standard deviations
NODES = {1: 2001, 2: 241, 3: 51}  #: along each coordinate


class NoQuadratureError(NotImplementedError):
    """The expectation under a law cannot be computed here: its events are too large, or its draws out of range."""


def fixed_seed() -> Generator:
    """The generator of the draws that only tell where a law has its mass."""
    return Generator().manual_seed(20)


def grid(law: Any) -> tuple[Tensor, Tensor]:
    """Points of a support of vectors or matrices and the logarithm of the volume that each stands for.

    The unconstrained coordinates of the support are whitened by some draws, and a trapezoidal rule in t with
    sinh(t) as the white coordinate converges geometrically.

    Args:
        law: a distribution with empty ``batch_shape``, in float64.

    Raises:
        NoQuadratureError: for more than three degrees of freedom, or draws at the edge of the support.
    """
    support = law.support
    onto = biject_to(support)
    size = onto.inverse_shape(law.event_shape)
    if len(size) != 1 or size[0] not in NODES:
        raise NoQuadratureError(f"no quadrature for {law}: its events have too many degrees of freedom")
    n = size[0]
    draws = law.sample((500,), generator=fixed_seed())
    inside = bool(support.check(draws).all())
    free = onto.inv(draws) if inside else draws
    if not inside or not bool(free.isfinite().all()):
        raise NoQuadratureError(f"no quadrature for {law}: its draws reach the edge of the support")
    factor = torch.linalg.cholesky(torch.cov(free.T).reshape(n, n))
    t = torch.linspace(-REACH[n], REACH[n], NODES[n], dtype=torch.float64)
    white = _product(torch.sinh(t), n)
    log_volume = _product(torch.cosh(t).log(), n).sum(1) + n * (t[1] - t[0]).log() + factor.diagonal().log().sum()
    y = free.mean(0) + white @ factor.T
    values = onto(y)
    log_weights = log_volume + onto.log_abs_det_jacobian(y, values)
    # elsewhere values under- or overflow
    kept = log_weights.isfinite() & (values.abs().flatten(1).amax(1) < FAR) & support.check(values)
    if not bool(kept[(white.abs() < 3).all(1)].all()):
        raise NoQuadratureError(f"no quadrature for {law}: points amid its mass are rounded out of the support")
    return values[kept], log_weights[kept]


def _product(nodes: Tensor, n: int) -> Tensor:
    """All n-tuples of nodes, ``[len(nodes) ** n, n]``."""
    return torch.cartesian_prod(*[nodes] * n).reshape(-1, n)


def varying(law: Any) -> Tensor:
    """Which coordinates of an event, in its flattened order, vary without repeating others: a mask ``[numel]``.

    Args:
        law: a distribution with empty ``batch_shape``.
    """
    drawn = law.sample((24,), generator=fixed_seed())
    moves: Tensor = (drawn != drawn[0]).any(0)
    return (moves.tril() if moves.dim() == 2 else moves).flatten()
