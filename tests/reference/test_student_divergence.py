"""The divergence of t laws and its gradient against Gauss-Legendre panels in mpmath, at scales that are far apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from mpmath import mp, mpf
from numpy.polynomial.legendre import leggauss
from torch import Tensor
from torch.func import grad, vmap

from reparam import StudentT, kl_divergence

PANEL = 2.0
RULE = [tuple(map(float, pair)) for pair in zip(*leggauss(20), strict=True)]
# df, loc and scale of p, and of q
PAIRS = [
    ((3.0, 0.0, 1.0), (5.0, 0.5, 1e-2)),
    ((3.0, 0.0, 1.0), (5.0, 0.5, 1e-4)),
    ((5.0, 0.0, 1e-6), (2.0, 0.25, 1.0)),
    ((0.3, 1.0, 1.0), (0.5, 1.0, 1e6)),
    ((0.3, 0.0, 1e6), (30.0, 1e3, 1.0)),
    ((1e6, -1000.0, 1.0), (0.3, 0.0, 1e-6)),
    ((2.0, 0.0, 1.0), (1e6, 1e3, 1e3)),
    ((2.5, 0.0, 1.0), (1e12, 0.5, 2.0)),
    ((1.0, 0.0, 1e-3), (1.0, 1.0, 1e-3)),
    ((4.0, 2.0, 3.0), (4.0, 2.0, 3.0 * (1 + 2.0**-20))),
    ((4.0, 0.0, 1.0), (4.0 * (1 + 2.0**-20), 2.0**-20, 1.0)),
]


def _points(p: tuple[Any, ...], q: tuple[Any, ...]) -> Iterator[tuple[Any, Any]]:
    """Points and weights on the line, cut at both centres and half-way, even in logarithms of distances."""
    (a, b), middle = sorted([p[1], q[1]]), abs(p[1] - q[1]) / 2
    low = mp.log(min(p[2], q[2]) * min(1, mp.sqrt(p[0]), mp.sqrt(q[0]))) - 45
    end = max(mp.log(f * s * s) / 2 + 50 / f + 3 for f, _, s in (p, q))
    for centre, way, high in ((a, -1, end), (a, 1, middle), (b, -1, middle), (b, 1, end)):
        if high == 0:
            continue
        last = high if high is end else mp.log(high)
        panels = int(mp.ceil((last - low) / PANEL))
        width = (last - low) / panels
        for k in range(panels):
            for x, w in RULE:
                step = mp.exp(low + width * (k + (1 + x) / 2))
                yield centre + way * step, w * width / 2 * step


def _log_density(df: Any, loc: Any, scale: Any) -> Callable[[Any], list[Any]]:
    """The log-density at a point, and its derivatives in df, loc and scale."""
    upper, lower = (df + 1) / 2, df / 2
    peak = mp.loggamma(upper) - mp.loggamma(lower) - mp.log(df * mp.pi) / 2 - mp.log(scale)
    change = mp.digamma(upper) - mp.digamma(lower) - 1 / df

    def at(x: Any) -> list[Any]:
        z = (x - loc) / scale
        w = z * z / df
        log, pull = mp.log(1 + w), (df + 1) * w / (1 + w)
        of_loc = (df + 1) * z / (df * (1 + w) * scale)
        return [peak - upper * log, (change - log + pull / df) / 2, of_loc, (pull - 1) / scale]

    return at


def _truth(first: tuple[float, ...], second: tuple[float, ...]) -> list[float]:
    """The divergence and its derivatives in both laws' parameters."""
    with mp.workdps(30):
        p, q = tuple(map(mpf, first)), tuple(map(mpf, second))
        total = [mpf(0)] * 7
        first_law, second_law = _log_density(*p), _log_density(*q)
        for x, weight in _points(p, q):
            (log_p, *of_p), (log_q, *of_q) = first_law(x), second_law(x)
            mass, ratio = weight * mp.exp(log_p), log_p - log_q
            terms = [ratio, *(s * ratio for s in of_p), *(-s for s in of_q)]
            total = [t + mass * term for t, term in zip(total, terms, strict=True)]
        return [float(t) for t in total]


def _divergence(v: Tensor) -> Tensor:
    p, q = v.unbind(-1)[:3], v.unbind(-1)[3:]
    return kl_divergence(StudentT(*p, validate_args=False), StudentT(*q, validate_args=False))


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_divergence_and_gradient(first: tuple[float, ...], second: tuple[float, ...]) -> None:
    """To 1e-9 of the value; of a derivative times its parameter's unit, to 1e-8 of that or 1e-11 of the divergence."""
    expected = _truth(first, second)
    v = torch.tensor([*first, *second], dtype=torch.float64)
    assert _divergence(v).item() == pytest.approx(expected[0], rel=1e-9)
    unit = [first[0], first[2], first[2], second[0], second[2], second[2]]
    for found, truth, size in zip(grad(_divergence)(v).tolist(), expected[1:], unit, strict=True):
        assert found * size == pytest.approx(truth * size, rel=1e-8, abs=1e-11 * expected[0])


def test_second_derivatives() -> None:
    """At equal laws the Hessian in q is the Fisher information; rounding leaves 1e-9 of it."""
    df, scale = 5.0, 2.0
    law = torch.tensor([df, 1.0, scale], dtype=torch.float64)
    found = torch.func.hessian(lambda q: _divergence(torch.cat([law, q])))(law)
    with mp.workdps(30):
        nu = mpf(df)
        of_df = (mp.psi(1, nu / 2) - mp.psi(1, (nu + 1) / 2)) / 4 - (nu + 5) / (2 * nu * (nu + 1) * (nu + 3))
        of_loc, of_scale = (nu + 1) / (nu + 3) / scale**2, 2 * nu / (nu + 3) / scale**2
        cross = -2 / ((nu + 1) * (nu + 3) * scale)
    truth = torch.tensor([[of_df, 0, cross], [0, of_loc, 0], [cross, 0, of_scale]], dtype=torch.float64)
    torch.testing.assert_close(found, truth, rtol=1e-9, atol=1e-9)


def test_rows_are_alone() -> None:
    """A batch, and one law at a time: the same rule, so to 1e-13."""
    v = torch.tensor([[*p, *q] for p, q in PAIRS], dtype=torch.float64)
    batch = _divergence(v)
    torch.testing.assert_close(vmap(_divergence)(v), batch, rtol=1e-13, atol=0.0)
    torch.testing.assert_close(torch.stack([_divergence(row) for row in v]), batch, rtol=1e-13, atol=0.0)
