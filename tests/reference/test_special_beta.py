"""The incomplete beta functions and Student's t beyond their tables: the ends, second derivatives, returns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest
import torch
from mpmath import mp, mpf
from torch import Tensor

from reparam import special
from truths.beta import beta_derivatives, student_derivatives

INF = math.inf
EPS = torch.finfo(torch.float64).eps
Function = Callable[..., Tensor]

# Each function with points, its values there and its derivatives, in all arguments.
ENDS: list[tuple[Function, list[tuple[float, ...]], list[float], list[tuple[float, ...]]]] = [
    (
        special.betainc,
        [(2, 3, 0), (1, 3, 0), (0.5, 3, 0), (2, 3, 1), (2, 1, 1), (2, 0.5, 1)],
        [0, 0, 0, 1, 1, 1],
        [(0, 0, 0), (0, 0, 3), (0, 0, INF), (0, 0, 0), (0, 0, 2), (0, 0, INF)],
    ),
    (special.log_betainc, [(2, 3, 0), (2, 1, 1)], [-INF, 0], [(-INF, 0, INF), (0, 0, 2)]),
    (special.log_betaincc, [(2, 3, 1), (1, 2, 0)], [-INF, 0], [(0, -INF, -INF), (0, 0, -2)]),
    (
        special.log_betainc_odds,
        [(2, 3, 0, 4), (2, 3, 4, INF), (2, 3, 4, 0)],
        [-INF, -INF, 0],
        [(-INF, 0, INF, -0.5), (-INF, 0, 0.5, 0), (0, 0, 0, 0)],
    ),
    (special.betainc_odds, [(2, 3, 0, 4), (2, 3, 4, 0)], [0, 1], [(0, 0, 0, 0), (0, 0, 0, 0)]),
    (
        special.betaincinv,
        [(2, 3, 0), (1, 3, 0), (0.5, 3, 0), (2, 3, 1), (2, 1, 1), (2, 0.5, 1)],
        [0, 0, 0, 1, 1, 1],
        [(0, 0, INF), (0, 0, 1 / 3), (0, 0, 0), (0, 0, INF), (0, 0, 0.5), (0, 0, 0)],
    ),
    (special.stdtr, [(2, -INF), (2, INF)], [0, 1], [(0, 0), (0, 0)]),
    (special.log_stdtr, [(2, -INF), (2, INF)], [-INF, 0], [(-INF, 0), (0, 0)]),
    (special.stdtrit, [(2, 0), (2, 1), (2, 0.5)], [-INF, INF, 0], [(0, INF), (0, INF), (0, 2 * math.sqrt(2))]),
]
VALUES = [
    (special.betainccinv, (2.0, 3.0), [0.0, 1.0], [1.0, 0.0]),
    (special.betaincinv_exp, (2.0, 3.0), [-INF, 0.0], [0.0, 1.0]),
    (special.betainccinv_exp, (2.0, 3.0), [-INF, 0.0], [1.0, 0.0]),
    (special.betaincinv_odds, (2.0, 3.0), [0.0, 1.0], [0.0, INF]),
    (special.stdtrit_exp, (2.0,), [-INF, 0.0], [-INF, INF]),
]


def _leaves(points: Sequence[tuple[float, ...]]) -> list[Tensor]:
    return [torch.tensor(c, dtype=torch.float64, requires_grad=True) for c in zip(*points, strict=True)]


@pytest.mark.parametrize("case", ENDS, ids=lambda case: case[0].__name__)
@pytest.mark.parametrize("native", [True, False])
def test_ends(
    case: tuple[Function, list[tuple[float, ...]], list[float], list[tuple[float, ...]]], native: bool
) -> None:
    function, points, values, slopes = case
    x = _leaves(points)
    got = (function if native else function.formula)(*x)
    assert got.tolist() == values
    columns = [g.tolist() for g in torch.autograd.grad(got.sum(), x)]
    for point, found, expected in zip(points, zip(*columns, strict=True), slopes, strict=True):
        # of a few roundings
        assert found == pytest.approx(expected, rel=8 * EPS), point


@pytest.mark.parametrize(("function", "shape", "given", "values"), VALUES, ids=lambda v: getattr(v, "__name__", None))
def test_values_at_the_ends_and_outside(
    function: Function, shape: tuple[float, ...], given: list[float], values: list[float]
) -> None:
    for f in (function, function.formula):
        assert f(*shape, torch.tensor(given)).tolist() == values
        assert f(*shape, torch.tensor(max(given) + 0.5)).isnan()


# -- second derivatives ----------------------------------------------------------------------------------------

SHAPES = [(0.3, 0.7), (0.6, 4.0), (1.5, 2.5), (8.0, 0.8), (40.0, 25.0), (300.0, 2000.0)]
BETA_POINTS = [(a, b, a / (a + b) * f) for a, b in SHAPES for f in (0.5, 0.97, 1.05)]
STUDENT_POINTS = [(df, t) for df in (0.4, 1.5, 3.0, 30.0, 1000.0) for t in (-4.0, -1.1, -0.3, 0.8, 3.0)]


def _second(f: Function, points: Sequence[tuple[float, ...]]) -> list[list[Tensor]]:
    """The matrix of second derivatives at each point."""
    x = _leaves(points)
    first = torch.autograd.grad(f(*x).sum(), x, create_graph=True)
    return [list(torch.autograd.grad(g.sum(), x, retain_graph=True)) for g in first]


def _compare(found: list[list[Tensor]], exact: list[tuple[list[list[mpf]], list[list[mpf]]]]) -> None:
    """Each second derivative against its value and the size of the terms that it is a sum of."""
    for i, row in enumerate(found):
        for j, column in enumerate(row):
            for got, (value, size) in zip(column.tolist(), exact, strict=True):
                # Terms of three factors that are each good to 1000 eps.
                assert abs(got - value[i][j]) <= 3000 * EPS * (size[i][j] + abs(value[i][j])), (i, j)


def test_second_derivatives_of_the_beta_function() -> None:
    exact = []
    for a, b, x in BETA_POINTS:
        with mp.workdps(40):
            above, tail, slopes, second = beta_derivatives(mpf(a), mpf(b), mpf(x), 1 - mpf(x))
        value = [[-h if above else h for h in row] for row in second]
        # the squares of the first derivatives over the tail are of the order of what cancels
        exact.append((value, [[abs(p * q) / tail for q in slopes] for p in slopes]))
    _compare(_second(special.betainc, BETA_POINTS), exact)
    reflected = [(b, a, (1 - x) * 2, x * 2) for a, b, x in BETA_POINTS]
    first = _second(special.betainc_odds, reflected)[0][0]
    # 1 - x is rounded: the condition in it is below 100
    torch.testing.assert_close(first, -_second(special.betainc, BETA_POINTS)[1][1], rtol=1e5 * EPS, atol=1e3 * EPS)


def test_second_derivatives_of_student_t() -> None:
    exact = []
    for df, t in STUDENT_POINTS:
        with mp.workdps(40):
            slopes, second = student_derivatives(mpf(df), mpf(t))
            tail = special.stdtr(torch.tensor(df, dtype=torch.float64), -abs(t)).item()
        exact.append((second, [[abs(p * q) / tail for q in slopes] for p in slopes]))
    _compare(_second(special.stdtr, STUDENT_POINTS), exact)


def test_second_derivatives_of_the_inverses() -> None:
    r"""F(theta, x) = p, so :math:`F_{xx} x_i x_j + F_{ix} x_j + F_{jx} x_i + F_{ij} + F_x x_{ij} = 0`."""
    points = [(a, b, p) for a, b in SHAPES for p in (1e-3, 0.3, 0.8)]
    _check_inverse(special.betaincinv, special.betainc, points)
    _check_inverse(special.stdtrit, special.stdtr, [(df, p) for df in (0.4, 1.5, 3.0, 1e3) for p in (1e-3, 0.4, 0.8)])


def _check_inverse(inverse: Function, function: Function, points: Sequence[tuple[float, ...]]) -> None:
    arguments = _leaves(points)
    *theta, _ = arguments
    x = inverse(*arguments)
    slopes = [s.detach() for s in torch.autograd.grad(x.sum(), arguments)]
    found = _second(inverse, points)
    at = list(zip(*(t.tolist() for t in (*theta, x)), strict=True))
    density = torch.autograd.grad(function(*(leaves := _leaves(at))).sum(), leaves[-1])[0]
    second = _second(function, at)
    last = len(theta)
    for i in range(last + 1):
        for j in range(last + 1):
            terms = [second[last][last] * slopes[i] * slopes[j], density * found[i][j]]
            terms += [second[i][last] * slopes[j]] if i < last else []
            terms += [second[j][last] * slopes[i]] if j < last else []
            terms += [second[i][j]] if max(i, j) < last else []
            # Each term is good to 3000 eps, and to the condition of x: below 1000.
            assert (sum(terms).abs() <= 1e6 * EPS * sum(t.abs() for t in terms)).all(), (i, j)


# -- returns and pairs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("upper", [False, True])
def test_beta_quantiles_return_in_the_deep_tails(upper: bool) -> None:
    sizes = torch.tensor([1e-3, 0.4, 1.0, 7.0, 300.0, 1e7], dtype=torch.float64)
    levels = -torch.logspace(-14, 5, 60, dtype=torch.float64)
    a, b, log_p = torch.meshgrid(sizes, sizes, levels, indexing="ij")
    inverse = special.betainccinv_exp if upper else special.betaincinv_exp
    function = special.log_betaincc if upper else special.log_betainc
    x = inverse(a, b, log_p)
    sign = 1 if upper else -1
    assert (sign * x.diff() >= 0).all(), "not monotone"
    leaves = [v.clone().requires_grad_() for v in (a, b, x)]
    back = function(*leaves)
    slopes = torch.autograd.grad(back.sum(), leaves)
    # x is right to 100 eps and rounded, also near 1; log p adds the error of the function itself
    move = sum((v * s).abs() for v, s in zip((a, b, x), slopes, strict=True))
    inside = (x > 1e-290) & (x < 1)
    bound = 200 * EPS * (move + log_p.abs())
    assert ((back - log_p).abs() <= bound)[inside].all()


def test_student_quantiles_return_in_the_deep_tails() -> None:
    freedoms = torch.tensor([1e-3, 0.3, 1.0, 2.5, 30.0, 1e4, 1e12], dtype=torch.float64)
    df, log_p = torch.meshgrid(freedoms, -torch.logspace(-14, 4, 60, dtype=torch.float64), indexing="ij")
    t = special.stdtrit_exp(df, log_p)
    assert (t.diff() <= 0).all(), "not monotone"
    leaves = [v.clone().requires_grad_() for v in (df, t)]
    back = special.log_stdtr(*leaves)
    slopes = torch.autograd.grad(back.sum(), leaves)
    move = sum((v * s).abs() for v, s in zip((df, t), slopes, strict=True))
    inside = t.abs() < 1e300
    assert ((back - log_p).abs() <= 200 * EPS * (move + log_p.abs()))[inside].all()


def test_complementary_pairs() -> None:
    a, b, p = torch.meshgrid(
        *[torch.tensor([0.2, 1.0, 30.0, 1e5], dtype=torch.float64)] * 2,
        torch.linspace(0.05, 0.95, 7).double(),
        indexing="ij",
    )
    total = special.betainc(a, b, p) + special.betaincc(a, b, p)
    torch.testing.assert_close(total, torch.ones_like(p), rtol=100 * EPS, atol=0.0)  # each is good to 100 eps
    close = {"rtol": 500 * EPS, "atol": 0.0}  # two results, each good to 100 eps and to its condition
    odds = special.betaincinv_odds(a, b, p)
    inside = (odds > 1e-290) & (odds < 1e290)
    torch.testing.assert_close(special.betaincinv(a, b, p)[inside], (odds / (1 + odds))[inside], **close)
    torch.testing.assert_close(special.betainccinv(b, a, p)[inside], (1 / (1 + odds))[inside], **close)
    torch.testing.assert_close(
        special.betainc_odds(a, b, odds, torch.ones_like(odds))[inside], p[inside], rtol=1e-9, atol=0.0
    )
    df = torch.tensor([0.5, 3.0, 1e6], dtype=torch.float64)[:, None]
    q = torch.tensor([2.0**-40, 0.125, 0.375], dtype=torch.float64)
    assert torch.equal(special.stdtrit(df, q), -special.stdtrit(df, 1 - q))


@pytest.mark.parametrize("function", [special.log_betainc, special.log_betainc.formula], ids=["kernel", "formula"])
@pytest.mark.parametrize("size", [1e14, 1e20, 1e30, 1e60, 1e100, 1e200])
def test_narrow_laws(function: Callable[..., Tensor], size: float) -> None:
    """Half of a symmetric law lies below its mean; far below it the tail is a power, to the logarithm of the size."""
    a = torch.tensor(size, dtype=torch.float64)
    assert function(a, a, torch.tensor(0.5, dtype=torch.float64)).item() == pytest.approx(-math.log(2), rel=1e-13)
    exact = size * (math.log(0.2 / 0.25) + 3 * math.log(0.8 / 0.75))
    assert function(a, 3 * a, torch.tensor(0.2, dtype=torch.float64)).item() == pytest.approx(exact, rel=1e-11)
