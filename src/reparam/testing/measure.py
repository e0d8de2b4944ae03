r"""Exact expectations under a law's own density: adaptive quadrature, grids, sums.

A scalar continuous support is cut into pieces that are measured by the distance :math:`\delta` from an end (zero,
for the line), with :math:`\delta = e^y`; each piece is integrated over y by Gauss-Legendre panels that are halved
until they agree. What lies nearer to an end than numbers resolve is added by the power law that the
density follows there, so that singular ends cost no accuracy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..constraints.numeric import Range
from .space import FAR, fixed_seed, grid
from .space import NoQuadratureError as NoQuadratureError

EPS = torch.finfo(torch.float64).eps
Function = Callable[[Tensor], Tensor]
ORDER = 20
TOLERANCE = 1e-11
LEVELS = 48
PANELS = 500


def expectation(law: Any, f: Function, knots: Iterable[float] = ()) -> Tensor:
    r"""E f(X) for one law in float64.

    Args:
        law: a distribution with empty ``batch_shape``.
        f: values ``[n, *event]`` -> ``[n]`` or ``[n, m]``; smooth but at ``knots``.
        knots: where f has kinks or jumps.

    Returns:
        The expectation, of shape ``[]`` or ``[m]``, right to about 1e-9 relative to E \|f\|.

    Raises:
        NoQuadratureError: for an event with more than three degrees of freedom, or beyond the range of float64.
    """
    support = law.support
    if support.is_discrete:
        values = enumerated(law)
        if support.event_dim == 0 and math.isinf(limits(law)[1]) and len(values) > 2**21:
            raise NoQuadratureError(f"no sum for {law}: its masses reach beyond {float(values[-1]):g}")
        return _weighted(law.log_prob(values).exp(), f(values)).sum(0)
    if support.event_dim == 0:
        return sum((_integrate(law, piece, f, knots) for piece in pieces(law)), torch.zeros(()))
    values, log_weights = grid(law)
    return _weighted((law.log_prob(values) + log_weights).exp(), f(values)).sum(0)


def mass_below(law: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    """The probabilities of draws up to each entry of x and of draws beyond it, for a scalar law.

    Args:
        law: a scalar distribution with empty ``batch_shape``, in float64.
        x: values ``[m]``.
    """

    def sides(t: Tensor) -> Tensor:
        below = t[:, None] <= x
        return torch.cat([below, ~below], 1).double()

    below, above = expectation(law, sides, knots=x.tolist()).split(len(x))
    return below, above


def one(x: Tensor) -> Tensor:
    """The constant function 1 of scalars or events, with one result per value along the first dimension."""
    return torch.ones(x.shape[:1], dtype=torch.float64)


# -- countable supports --------------------------------------------------------------------------------------


def enumerated(law: Any) -> Tensor:
    """All values of a countable support, or so many that what is left out has no weight in float64."""
    if law.support.event_dim:
        values: Tensor = law.enumerate_support(expand=False)
        return values
    lower, upper = limits(law)
    dtype = law.sample_dtype or torch.float64
    if upper - lower < 2**21:
        return torch.arange(int(lower), int(upper) + 1).to(dtype)
    last = max(1024, min(2**21, int(law.sample((24,), generator=fixed_seed()).max() - lower)))
    while float(law.log_prob(torch.tensor(lower + last, dtype=torch.float64))) > -80 and last < 2**21:
        last *= 2
    return (lower + torch.arange(2 * last, dtype=torch.float64)).to(dtype)


def limits(law: Any) -> tuple[float, float]:
    """The ends of a scalar support as numbers; the line's where it names none."""
    support = law.support
    if not isinstance(support, Range):
        return -math.inf, math.inf
    lower, upper = support.limits
    return float(lower), float(upper)


# -- the line, half-lines and intervals ----------------------------------------------------------------------


class Piece(NamedTuple):
    """The points ``end + side * exp(y)`` for y between ``low`` and ``high``."""

    end: float
    side: float
    low: float
    high: float

    def at(self, y: Tensor) -> Tensor:
        """The points."""
        return self.end + self.side * y.exp()


def pieces(law: Any) -> list[Piece]:
    """The pieces of a scalar support."""
    lower, upper = limits(law)
    far = math.log(FAR)
    if math.isinf(lower) and math.isinf(upper):
        return [Piece(0.0, 1.0, _nearest(0.0), far), Piece(0.0, -1.0, _nearest(0.0), far)]
    if math.isinf(upper):
        return [Piece(lower, 1.0, _nearest(lower), far)]
    if math.isinf(lower):
        return [Piece(upper, -1.0, _nearest(upper), far)]
    half = math.log((upper - lower) / 2)
    return [Piece(lower, 1.0, _nearest(lower), half), Piece(upper, -1.0, _nearest(upper), half)]


def _nearest(end: float) -> float:
    """The logarithm of the least distance from an end that is resolved to six digits."""
    return math.log(abs(end) * 1e-10) if end else -690.0


def _integrate(law: Any, piece: Piece, f: Function, knots: Iterable[float]) -> Tensor:
    edges = _edges(law, piece, knots)
    total: Tensor = _beyond(law, piece, f, piece.low, 0.5)
    if piece.high == math.log(FAR):
        total = total + _beyond(law, piece, f, piece.high, -0.5)
    left, right = edges[:-1], edges[1:]
    whole = _panels(law, piece, f, left, right)
    rough = torch.ones_like(left, dtype=torch.bool)
    for _ in range(LEVELS):
        middle = (left + right) / 2
        halves = _panels(law, piece, f, torch.cat([left, middle]), torch.cat([middle, right]))
        first, second = halves.split(len(left))
        error = (first + second - whole).abs()
        scale = 1 + total.abs() + whole.abs().sum(0)
        noise = (EPS * abs(piece.end) * (-left).exp()).reshape(-1, *(1,) * (whole.dim() - 1))
        rough = ~((error <= TOLERANCE * scale + noise * whole.abs()) | (first + second == whole))
        rough = rough.flatten(1).any(1) if rough.dim() > 1 else rough
        total = total + (first + second)[~rough].sum(0)
        if not bool(rough.any()):
            return total
        if int(rough.sum()) > PANELS:
            break
        left, right = torch.cat([left, middle])[rough.repeat(2)], torch.cat([middle, right])[rough.repeat(2)]
        whole = torch.cat([first[rough], second[rough]])
    at = float(piece.at(left[rough][0]))
    raise AssertionError(f"{law}: the density, or a function of it, could not be integrated near {at!r}")


def _edges(law: Any, piece: Piece, knots: Iterable[float]) -> Tensor:
    """The edges of the first panels: none of them much wider than a peak at its ends."""
    marks = torch.cat([_anchors(law), torch.tensor(list(knots), dtype=torch.float64)])
    distance = (marks - piece.end) * piece.side
    inside = distance[distance > 0].log()
    inside = inside[(inside > piece.low) & (inside < piece.high)]
    grid = torch.linspace(piece.low, piece.high, 33, dtype=torch.float64)
    edges: Tensor = torch.cat([grid, inside]).unique()
    for _ in range(LEVELS):
        density = (law.log_prob(piece.at(edges)) + edges).exp()
        # the whole mass is 1: an end this dense in so wide a panel is the flank of a narrow peak
        wide = torch.maximum(density[:-1], density[1:]) * edges.diff() > 0.3
        if not bool(wide.any()):
            break
        edges = torch.cat([edges, (edges[:-1] + edges[1:])[wide] / 2]).unique()
    return edges


def _panels(law: Any, piece: Piece, f: Function, left: Tensor, right: Tensor) -> Tensor:
    """The integral over each panel, ``[panels]`` or ``[panels, m]``."""
    nodes, weights = _gauss_legendre()
    half = (right - left)[:, None] / 2
    y = ((left + right)[:, None] / 2 + half * nodes).flatten()
    density = (law.log_prob(piece.at(y)) + y).exp()
    terms = _weighted(density * (half * weights).flatten(), f(piece.at(y)))
    return terms.reshape(len(left), ORDER, *terms.shape[1:]).sum(1)


def _beyond(law: Any, piece: Piece, f: Function, y: float, step: float) -> Tensor:
    r"""The integral outside the first or last point of a piece, y; ``step`` leads back into it.

    Where the density in y is :math:`g e^{t (y' - y)}` and f is :math:`f_0 + f_1 (y' - y)`, as for powers and
    logarithms of the distance, it is :math:`|g/t| (f_0 - f_1/t)`.
    """
    at = torch.tensor([y, y + step], dtype=torch.float64)
    log_g, values = law.log_prob(piece.at(at)).detach() + at, f(piece.at(at))
    if float(log_g[0]) < -800:
        return torch.zeros(values.shape[1:], dtype=torch.float64)
    power = float(log_g[1] - log_g[0]) / step
    if not power * step > 0:
        raise AssertionError(f"{law}: the density has no finite integral beyond {float(piece.at(at[0])):.6g}")
    mass = math.exp(float(log_g[0])) / abs(power)
    return mass * (values[0] - (values[1] - values[0]) / step / power)


def _anchors(law: Any) -> Tensor:
    """Some draws, and points at growing distances around them: edges that keep a narrow peak from being missed."""
    drawn = law.sample((24,), generator=fixed_seed()).double()
    low, high = drawn.min(), drawn.max()
    if not bool(high < FAR) or not bool(low > -FAR):
        raise NoQuadratureError(f"no quadrature for {law}: its draws exceed {FAR:g}")
    if len(drawn.unique()) < 3:
        raise NoQuadratureError(f"no quadrature for {law}: its draws round to two values")
    steps = (high - low) * 2.0 ** torch.arange(-2, 12, dtype=torch.float64)
    return torch.cat([drawn, low - steps, high + steps])


def _gauss_legendre() -> tuple[Tensor, Tensor]:
    """Nodes and weights on (-1, 1), from the eigenvalues of the Jacobi matrix."""
    if not _RULE:
        k = torch.arange(1, ORDER, dtype=torch.float64)
        beta = k / (4 * k * k - 1).sqrt()
        nodes, vectors = torch.linalg.eigh(torch.diag(beta, 1) + torch.diag(beta, -1))
        _RULE.extend((nodes, 2 * vectors[0] ** 2))
    return _RULE[0], _RULE[1]


_RULE: list[Tensor] = []


def _weighted(weights: Tensor, values: Tensor) -> Tensor:
    """``weights * values`` with weight zero silencing infinite values."""
    weights = weights.reshape(weights.shape + (1,) * (values.dim() - weights.dim()))
    return torch.where(weights > 0, weights * torch.where(weights > 0, values, 0.0), weights)
