"""Computes the polynomial coefficients of ``special/coefficients.hpp`` with mpmath.

Each function is interpolated at Chebyshev nodes in high precision, which is near the best polynomial of its
degree, and rewritten in powers of the mapped argument. Run ``python fit_coefficients.py > special/coefficients.hpp``
to make the header anew; the truncation error of each fit is printed to stderr.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import mpmath as mp

mp.mp.dps = 60
Function = Callable[[mp.mpf], mp.mpf]


@dataclass(frozen=True)
class Fit:
    """A function on an interval, what it is, and the degrees for double and for float."""

    name: str
    text: str
    function: Function
    interval: tuple[str, str]
    degrees: tuple[int, int]


def atanh_series(z: mp.mpf) -> mp.mpf:
    """What 2 atanh(s) / s has beyond 2, over s^2."""
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) / s - 2) / z if z else mp.mpf(2) / 3


def exp_series(r: mp.mpf) -> mp.mpf:
    """What exp(r) has beyond 1 + r, over r^2."""
    return mp.nsum(lambda j: r**j / mp.factorial(j + 2), [0, 40])


def stirling(t: mp.mpf) -> mp.mpf:
    """The error of Stirling's formula over its leading term."""
    a = 2 / (1 + t)
    with mp.extradps(60):
        return 12 * a * (mp.loggamma(a) - (a - mp.mpf(1) / 2) * mp.log(a) + a - mp.log(2 * mp.pi) / 2)


def stirling_slope(t: mp.mpf) -> mp.mpf:
    """Its derivative over the leading term."""
    a = 2 / (1 + t)
    with mp.extradps(60):
        return 12 * a**2 * (mp.log(a) - 1 / (2 * a) - mp.digamma(a))


def erfcx_mapped(t: mp.mpf) -> mp.mpf:
    """The scaled complementary error function, made bounded."""
    y = mp.mpf("2.75") * (1 + t) / (1 - t)
    return (1 + 2 * y) * mp.exp(y * y) * mp.erfc(y)


def sinpi_series(z: mp.mpf) -> mp.mpf:
    """The sine of pi x over x."""
    x = mp.sqrt(z)
    return mp.sin(mp.pi * x) / x if z else +mp.pi


FITS = (
    Fit("atanh_series", "(2 atanh(s) / s - 2) / z with z = s^2, |s| <= 3 - 2 sqrt 2", atanh_series,
        ("0", "0.02944"), (6, 3)),
    Fit("exp_series", "(exp(r) - 1 - r) / r^2 for |r| <= log(2) / 2", exp_series,
        ("-0.3467", "0.3467"), (10, 5)),
    Fit("stirling", "12 a stirling_error(a) with t = 2 / a - 1, a >= 1", stirling, ("-1", "1"), (23, 9)),
    Fit("stirling_slope", "-12 a^2 stirling_error'(a) with t = 2 / a - 1, a >= 1", stirling_slope,
        ("-1", "1"), (25, 9)),
    Fit("erfcx", "(1 + 2 y) erfcx(y) with t = (y - 2.75) / (y + 2.75), y >= 0", erfcx_mapped,
        ("-1", "1"), (25, 11)),
    Fit("sinpi", "sin(pi x) / x with z = x^2, |x| <= 1/2", sinpi_series, ("0", "0.25"), (8, 5)),
)  # fmt: skip

QUADRATURE = (22, 12)


def interpolate(fit: Fit, degree: int) -> list[mp.mpf]:
    """Coefficients, constant term first, of the interpolant at the Chebyshev nodes of the interval."""
    low, high = (mp.mpf(end) for end in fit.interval)
    count = degree + 1
    nodes = [mp.cos(mp.pi * (2 * k + 1) / (2 * count)) for k in range(count)]
    nodes = [(low + high) / 2 + (high - low) / 2 * node for node in nodes]
    values = [fit.function(node) for node in nodes]
    return list(mp.lu_solve(mp.matrix([[node**j for j in range(count)] for node in nodes]), values))


def truncation(fit: Fit, coefficients: list[mp.mpf]) -> mp.mpf:
    """The largest relative error of the polynomial on a grid that avoids the nodes."""
    low, high = (mp.mpf(end) for end in fit.interval)
    points = [low + (high - low) * (k + mp.mpf("0.37")) / 97 for k in range(97)]
    polynomial = coefficients[::-1]
    return max(abs(mp.polyval(polynomial, x) / fit.function(x) - 1) for x in points)


def legendre(count: int) -> tuple[list[mp.mpf], list[mp.mpf]]:
    """Nodes and weights of the Gauss-Legendre rule on [0, 1]."""
    polynomial = mp.taylor(lambda x: mp.legendre(count, x), 0, count)[::-1]
    roots = mp.polyroots(polynomial, maxsteps=500, extraprec=400)
    slopes = [mp.diff(lambda x: mp.legendre(count, x), root) for root in roots]
    weights = [1 / ((1 - x**2) * slope**2) for x, slope in zip(roots, slopes, strict=True)]
    return [(1 + root) / 2 for root in roots], weights


def listed(type_name: str, name: str, values: list[mp.mpf], digits: int, suffix: str) -> list[str]:
    """One array of the header."""
    written = [mp.nstr(c, digits, min_fixed=0, max_fixed=0) + suffix for c in values]
    lines = ["      " + ", ".join(written[k : k + 3]) + "," for k in range(0, len(written), 3)]
    lines[-1] = lines[-1][:-1] + "};"
    return [f"  static constexpr {type_name} {name}[] = {{", *lines]


def table(index: int, type_name: str, digits: int, suffix: str) -> list[str]:
    """The struct of all coefficients for one floating-point type."""
    lines = ["template <>", f"struct coefficients<{type_name}> {{"]
    for fit in FITS:
        found = interpolate(fit, fit.degrees[index])
        error = mp.nstr(truncation(fit, found), 2)
        print(f"{type_name:6} {fit.name:15} degree {fit.degrees[index]:2}  error {error}", file=sys.stderr)
        lines.append(f"  // {fit.text}")
        lines += listed(type_name, fit.name, found, digits, suffix)
    nodes, weights = legendre(QUADRATURE[index])
    lines.append(f"  // Gauss-Legendre on [0, 1], {len(nodes)} nodes")
    lines += listed("double", "legendre_nodes", nodes, 19, "")
    lines += listed("double", "legendre_weights", weights, 19, "")
    return [*lines, "};", ""]


def main() -> None:
    """Writes the header."""
    print("// Polynomial coefficients, constant term first; made by fit_coefficients.py.")
    print("#pragma once\n\nnamespace reparam {\n\ntemplate <class T>\nstruct coefficients;\n")
    print("\n".join(table(0, "double", 19, "")))
    print("\n".join(table(1, "float", 10, "f")))
    print("}  // namespace reparam")


if __name__ == "__main__":
    main()
