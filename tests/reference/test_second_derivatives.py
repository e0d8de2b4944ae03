"""Second derivatives of log-densities, from the least to the largest points, against mpmath.

An error counts in units of eps, of the derivative and of what the rounding of the inputs moves it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from mpmath import mp

import reparam

from .oracle import truth

ULPS = 64
POINTS = [1e-20, 1e-10, 1e-5, 0.3, 3.0, 1e3, 1e10, 1e20]
SHARES = [1e-20, 1e-10, 1e-5, 0.3, 0.9999]


def gamma(x: Any, a: Any, b: Any) -> Any:
    return a * mp.log(b) - mp.loggamma(a) + (a - 1) * mp.log(x) - b * x


def chi2(x: Any, df: Any) -> Any:
    return gamma(x, df / 2, mp.mpf(1) / 2)


def inverse_gamma(x: Any, a: Any, b: Any) -> Any:
    return gamma(1 / x, a, b) - 2 * mp.log(x)


def beta(x: Any, a: Any, b: Any) -> Any:
    constant = mp.loggamma(a + b) - mp.loggamma(a) - mp.loggamma(b)
    return constant + (a - 1) * mp.log(x) + (b - 1) * mp.log1p(-x)


def fisher_snedecor(x: Any, first: Any, second: Any) -> Any:
    a, b = first / 2, second / 2
    constant = mp.loggamma(a + b) - mp.loggamma(a) - mp.loggamma(b) + a * mp.log(a / b)
    return constant + (a - 1) * mp.log(x) - (a + b) * mp.log1p(a * x / b)


def weibull(x: Any, scale: Any, k: Any) -> Any:
    return mp.log(k / scale) + (k - 1) * mp.log(x / scale) - (x / scale) ** k


def student_t(x: Any, df: Any, loc: Any, scale: Any) -> Any:
    constant = mp.loggamma((df + 1) / 2) - mp.loggamma(df / 2) - mp.log(df) / 2 - mp.log(scale)
    return constant - (df + 1) / 2 * mp.log1p(((x - loc) / scale) ** 2 / df)


def gumbel(x: Any, loc: Any, scale: Any) -> Any:
    z = (x - loc) / scale
    return -mp.log(scale) - z - mp.exp(-z)


CASES = [
    (reparam.Gamma, gamma, (0.1, 1.0), POINTS),
    (reparam.Gamma, gamma, (1.0, 2.0), POINTS),
    (reparam.Gamma, gamma, (3.0, 1e-5), POINTS),
    (reparam.Gamma, gamma, (1e5, 10.0), POINTS),
    (reparam.Chi2, chi2, (0.2,), POINTS),
    (reparam.Chi2, chi2, (1e4,), POINTS),
    (reparam.InverseGamma, inverse_gamma, (0.1, 1.0), [1e-30, *POINTS]),
    (reparam.InverseGamma, inverse_gamma, (3.0, 1e-5), [1e-30, *POINTS]),
    (reparam.Beta, beta, (0.1, 0.2), SHARES),
    (reparam.Beta, beta, (50.0, 1e4), SHARES),
    (reparam.FisherSnedecor, fisher_snedecor, (0.3, 2.0), POINTS),
    (reparam.Weibull, weibull, (1.0, 0.3), POINTS),
    (reparam.StudentT, student_t, (1.5, 0.0, 1.0), [-1e8, -1e3, -3.0, 0.3, 3.0, 1e3, 1e4, 1e8]),
    (reparam.StudentT, student_t, (1e-3, 0.0, 2.0), [0.3, 3.0, 1e3, 1e4, 1e8]),
    (reparam.StudentT, student_t, (30.0, 0.5, 1.0), [-1e8, -3.0, 0.3, 1.7, 5.0, 1e3]),
    (reparam.StudentT, student_t, (1e6, 0.5, 2.0), [-1e8, -1e3, -3.0, 0.3, 2.4, 3.0, 1e3, 1e4]),
    (reparam.Gumbel, gumbel, (0.0, 1.0), [x for x in POINTS if x < 1e10]),
]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize(("cls", "density", "parameters", "points"), CASES)
def test_second_derivatives(
    cls: Any, density: Callable[..., Any], parameters: tuple[float, ...], points: list[float], dtype: torch.dtype
) -> None:
    info = torch.finfo(dtype)
    for x in points:
        inputs = tuple(torch.tensor(v, dtype=dtype, requires_grad=True) for v in (x, *parameters))
        value = cls(*inputs[1:], validate_args=False).log_prob(inputs[0])
        slopes = torch.autograd.grad(value, inputs, create_graph=True)
        exact = tuple(v.item() for v in inputs)
        for i, j in itertools.combinations_with_replacement(range(len(inputs)), 2):
            expected, moved = truth(density, (i, j), exact)
            if abs(expected) > info.max:
                continue
            (found,) = torch.autograd.grad(slopes[i], inputs[j], retain_graph=True, materialize_grads=True)
            allowed = ULPS * info.eps * (abs(expected) + moved) + 16 * info.tiny * info.eps
            assert abs(found.item() - expected) <= allowed, (x, i, j, found.item(), float(expected))


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize(("loc", "kappa"), [(0.0, 1.0), (1e-8, 30.0), (-1e-8, 2.0), (3.0, 0.2), (-2.0, 200.0)])
def test_log_probabilities_of_angles(loc: float, kappa: float, upper: bool) -> None:
    """With P the mass from the cut, f the density and F' = f(x) - f(-pi): also with the cut opposite the mode.

    Densities are in units of that at x.
    """
    for point in (-3.0, 0.0, 0.5, 2.9):
        x, m, k = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (point, loc, kappa))
        law = reparam.VonMises(m, k)
        slopes = torch.autograd.grad((law.log_sf if upper else law.log_cdf)(x), (x, m), create_graph=True)
        found = [torch.autograd.grad(slopes[i], v, retain_graph=True)[0].item() for i, v in ((0, x), (0, m), (1, m))]

        def density(s: Any, centre: float = point) -> Any:
            return mp.exp(kappa * (mp.cos(s - mp.mpf(loc)) - mp.cos(mp.mpf(centre) - mp.mpf(loc))))

        def steep(s: Any, density: Any = density) -> Any:
            return -kappa * mp.sin(s - mp.mpf(loc)) * density(s)

        with mp.workdps(30):
            low, high = (mp.mpf(point), mp.pi) if upper else (-mp.pi, mp.mpf(point))
            bends = [loc + j / mp.sqrt(kappa) for j in (-9, -3, -1, 1, 3, 9)]
            bends += [side * (mp.pi - j / mp.mpf(kappa)) for side in (-1, 1) for j in (1, 4, 16, 64)]
            mass = mp.quad(density, [low, *sorted(s for s in bends if low < s < high), high])
            sign = -1 if upper else 1
            along, turned = sign * density(low if upper else high), -sign * (density(point) - density(-mp.pi))
            expected = [
                sign * steep(point) / mass - (along / mass) ** 2,
                -sign * steep(point) / mass - along * turned / mass**2,
                sign * (steep(point) - steep(-mp.pi)) / mass - (turned / mass) ** 2,
            ]
            # each is a difference of terms of this size, whose exponents have roundings of the size of kappa
            size = (abs(steep(point)) + abs(steep(-mp.pi))) / mass + ((along / mass) ** 2 + (turned / mass) ** 2)
        for got, exact in zip(found, expected, strict=True):
            assert abs(got - exact) <= ULPS * torch.finfo(torch.float64).eps * (1 + kappa) * size, (point, got, exact)
