"""Truth by mpmath, and the error of a float against it beyond what the rounding of the inputs explains.

A function of float inputs cannot be better than its condition: an input that is off by half a unit in the last
place moves the result by ``|x f'(x)|`` times that. So an error counts in units of eps relative to the truth, after
``condition * eps`` has been taken off, with ``condition = sum |x_i f_i(x)| / |f(x)|``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache

import torch
from mpmath import mp, mpf
from torch import Tensor

Reference = Callable[..., mpf]
DIGITS = 120
# The relative step of central differences. Its square bounds their error, and three of them, one in another, leave
# 120 - 75 = 45 digits.
STEP = mpf(10) ** -25


def slope(f: Reference, i: int) -> Reference:
    """The partial derivative of f in argument i, by a central difference in high precision."""

    def partial(*x: mpf) -> mpf:
        h = _step(x[i])
        up, down = (f(*x[:i], x[i] + s, *x[i + 1 :]) for s in (h, -h))
        return (up - down) / (2 * h)

    return partial


@cache
def truth(f: Reference, order: tuple[int, ...], x: tuple[float, ...]) -> tuple[mpf, mpf]:
    """The derivative of f in the arguments ``order`` (none: f itself) at x, and ``sum |x_i f_i(x)|``.

    To the latter is added what the rounding of f alone, divided by the steps, could make of the derivative.
    """
    with mp.workdps(DIGITS):
        derivative = _differences(f, x)
        moved = sum(abs(mpf(v) * derivative((*order, i))) for i, v in enumerate(x) if v)
        rounding = abs(derivative(())) * mpf(10) ** (2 - DIGITS) / mp.fprod(_step(mpf(x[i])) for i in order)
        return derivative(order), moved + rounding * 2**52 if order else moved


def _step(x: mpf) -> mpf:
    return abs(x) * STEP or STEP


@cache
def _differences(f: Reference, x: tuple[float, ...]) -> Callable[[tuple[int, ...]], mpf]:
    """The derivatives of f at x in given arguments: differences of its values at whole steps, each computed once."""
    exact = [mpf(v) for v in x]
    steps = [_step(v) for v in exact]

    @cache
    def at(*moves: int) -> mpf:
        return f(*(v + n * step for v, n, step in zip(exact, moves, steps, strict=True)))

    def difference(order: tuple[int, ...], moves: tuple[int, ...] = (0,) * len(x)) -> mpf:
        if not order:
            return at(*moves)
        i = order[0]
        up, down = (difference(order[1:], (*moves[:i], moves[i] + n, *moves[i + 1 :])) for n in (1, -1))
        return (up - down) / (2 * steps[i])

    return difference


def jet(f: Reference) -> Callable[..., tuple[mpf, list[mpf], list[mpf]]]:
    """The value of f, its partial derivatives, and for each of them ``sum_j |x_j f_ij|``, by central differences.

    All come from the values of f at x, one step from it, and one step in each of two arguments.
    """

    def derivatives(*x: mpf) -> tuple[mpf, list[mpf], list[mpf]]:
        with mp.workdps(DIGITS):
            steps = [_step(v) for v in x]

            def at(*moves: tuple[int, int]) -> mpf:
                moved = list(x)
                for i, sign in moves:
                    moved[i] += sign * steps[i]
                return f(*moved)

            value = f(*x)
            beside = [(at((i, 1)), at((i, -1))) for i in range(len(x))]
            bends = {(i, i): (up - 2 * value + down) / steps[i] ** 2 for i, (up, down) in enumerate(beside)}
            for i, j in itertools.combinations(range(len(x)), 2):
                across = at((i, 1), (j, 1)) - at((i, 1), (j, -1)) - at((i, -1), (j, 1)) + at((i, -1), (j, -1))
                bends[i, j] = bends[j, i] = across / (4 * steps[i] * steps[j])
            slopes = [(up - down) / (2 * step) for (up, down), step in zip(beside, steps, strict=True)]
            moved = [sum(abs(v * bends[i, j]) for j, v in enumerate(x) if v) for i in range(len(x))]
            return value, slopes, moved

    return derivatives


def excess(value: float, exact: mpf, moved: mpf, dtype: torch.dtype) -> float:
    """The error of ``value`` in eps relative to ``exact``, after what the inputs' rounding moves, ``moved * eps``.

    Truths beyond the largest float may be infinite or close to it; at 0 and below the normal range the absolute error
    counts.
    """
    info = torch.finfo(dtype)
    if abs(exact) > info.max:
        return 0.0 if abs(value) > info.max / 4 else math.inf
    if not abs(value) <= info.max:
        return math.inf
    miss = abs(mpf(value) - exact) - (moved + 2 * info.smallest_normal) * info.eps
    return float(max(miss, 0) / info.eps / (abs(exact) or 1))


def largest_error(
    got: Tensor, truths: Iterable[tuple[mpf, mpf]], points: Sequence[tuple[float, ...]]
) -> tuple[float, tuple[float, ...]]:
    """The largest excess of a table of values, and the point where it is."""
    rows = zip(got.tolist(), truths, points, strict=True)
    return max((excess(value, *pair, got.dtype), point) for value, pair, point in rows)


def rounded(points: Sequence[tuple[float, ...]], dtype: torch.dtype) -> list[tuple[float, ...]]:
    """The points as the dtype holds them; those that overflow or underflow there are left out."""
    table = torch.tensor(points, dtype=torch.float64)
    cast = table.to(dtype)
    keep = (cast.isfinite() & ((cast.abs() >= torch.finfo(dtype).smallest_normal) | (table == 0))).all(-1)
    return [tuple(row) for row in cast[keep].double().tolist()]


def derivatives(f: Callable[..., Tensor], points: Sequence[tuple[float, ...]], dtype: torch.dtype):
    """The values of f at the points and its first and second derivatives, by the arguments differentiated in."""
    inputs = [torch.tensor(column, dtype=dtype, requires_grad=True) for column in zip(*points, strict=True)]
    value = f(*inputs)
    table = {(): value.detach()}
    for i, x in enumerate(inputs):
        (first,) = torch.autograd.grad(value.sum(), x, create_graph=True)
        table[(i,)] = first.detach()
        for j in range(i, len(inputs)):
            (second,) = torch.autograd.grad(first.sum(), inputs[j], retain_graph=True, allow_unused=True)
            table[i, j] = torch.zeros_like(first) if second is None else second
    return table


@lru_cache
def _gauss_legendre(count: int) -> list[tuple[mpf, mpf]]:
    """Nodes and weights on [0, 1], by Newton steps."""
    table = []
    for i in range(count):
        x = mp.cos(mp.pi * (i + mpf(3) / 4) / (count + mpf(1) / 2))
        for _ in range(8):
            before, now = mpf(1), x
            for k in range(2, count + 1):
                before, now = now, ((2 * k - 1) * x * now - (k - 1) * before) / k
            derivative = count * (before - x * now) / (1 - x * x)
            x -= now / derivative
        table.append(((1 - x) / 2, 1 / ((1 - x * x) * derivative**2)))
    return table


@cache
def gamma_tail(a: float, y: mpf) -> tuple[bool, list[mpf]]:
    r"""Whether the smaller tail of gamma(a) at y = log x is the upper one, and its first log-moments.

    These are the integrals of :math:`(\log s - \psi(a))^k` over it, for k = 0 to 3. By definition: the density of
    u = log s, :math:`\exp(a u - e^u) / \Gamma(a)`, is integrated from y to where it has fallen by 35 decimal
    places, piecewise with 32 Gauss-Legendre nodes.
    """
    with mp.workdps(50):
        a = mpf(a)
        psi, log_gamma = mp.digamma(a), mp.loggamma(a)
        upper = y > psi
        sign = 1 if upper else -1
        reach, floor = mpf(10) ** -18, a * y - mp.exp(y) - 80
        while a * (y + sign * reach) - mp.exp(y + sign * reach) > floor:
            reach *= 1.2
        cuts = {y + sign * reach * t for t in (0, 0.003, 0.02, 0.06, 0.15, 0.3, 0.5, 0.75, 1)}
        cuts |= {mpf(c) for c in (-40, -10, -3, 0, 1, 2, 3, 4) if 0 < sign * (c - y) < reach}
        cuts, total = sorted(cuts), [mpf(0)] * 4
        for left, right in itertools.pairwise(cuts):
            for node, weight in _gauss_legendre(32):
                u = left + (right - left) * node
                mass = weight * (right - left) * mp.exp(a * u - mp.exp(u) - log_gamma)
                for k in range(4):
                    total[k] += mass
                    mass *= u - psi
        return upper, total
