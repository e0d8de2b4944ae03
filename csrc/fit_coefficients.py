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
    """A function on an interval, what it is, and the degrees for double and, where that is needed, for float.

    With ``start`` the function is a derivative of the one wanted: the fit is integrated as often as there are
    values in it, those of the derivatives before, that of lowest order last, at the lower end of the interval.
    """

    name: str
    text: str
    function: Function
    interval: tuple[str, str]
    degrees: tuple[int, ...]
    start: tuple[mp.mpf, ...] = ()


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


def stirling_core(t: mp.mpf) -> mp.mpf:
    """The third derivative in w = 1/a of the error of Stirling's formula, over 8: that in t."""
    a = 2 / (1 + t)
    with mp.extradps(60):
        first = mp.digamma(a) - mp.log(a) + 1 / (2 * a)
        second = mp.psi(1, a) - 1 / a - 1 / (2 * a**2)
        third = mp.psi(2, a) + 1 / a**2 + 1 / a**3
        return -(6 * a**4 * first + 6 * a**5 * second + a**6 * third) / 8


def log_gamma(t: mp.mpf) -> mp.mpf:
    """The logarithm of the gamma function without its zeros at 1 and 2."""
    a = mp.mpf("1.75") + t * mp.mpf("0.75")
    with mp.extradps(30):
        return mp.loggamma(a) / ((a - 1) * (a - 2))


def erf_series(z: mp.mpf) -> mp.mpf:
    """The error function over its argument."""
    x = mp.sqrt(z)
    return mp.erf(x) / x if z else 2 / mp.sqrt(mp.pi)


def erfcx_slope(t: mp.mpf) -> mp.mpf:
    """The derivative of the scaled complementary error function, made bounded."""
    y = mp.mpf("2.75") * (1 + t) / (1 - t)
    with mp.extradps(60):
        return (1 + 2 * y) ** 2 * (2 / mp.sqrt(mp.pi) - 2 * y * mp.exp(y * y) * mp.erfc(y))


def quantile_core(z: mp.mpf) -> mp.mpf:
    """The normal quantile of p over p - 1/2."""
    x = mp.sqrt(z)
    return mp.sqrt(2) * mp.erfinv(2 * x) / x if z else mp.sqrt(2 * mp.pi)


def quantile_tail(t: mp.mpf) -> mp.mpf:
    """What s^2 - 2 log s exceeds y^2 by, for the normal quantile -y of exp(-s^2 / 2)."""
    s = mp.mpf("3.5") / (1 + t)
    target = -s * s / 2
    y = mp.sqrt(s * s - mp.log(s * s * 2 * mp.pi)) if s > 3 else s - 1
    with mp.extradps(20):
        for _ in range(60):
            tail = mp.erfc(y / mp.sqrt(2)) / 2
            step = (mp.log(tail) - target) * tail / mp.npdf(y)
            y += step
            if abs(step) < mp.mpf(10) ** -50:
                break
        return s * s - 2 * mp.log(s) - y * y


def erfcx_mapped(t: mp.mpf) -> mp.mpf:
    """The scaled complementary error function, made bounded."""
    y = mp.mpf("2.75") * (1 + t) / (1 - t)
    return (1 + 2 * y) * mp.exp(y * y) * mp.erfc(y)


def log_gamma_above_one(t: mp.mpf) -> mp.mpf:
    """The logarithm of Gamma(1 + a) over a, a mapped to [-1, 1]."""
    a = (1 + t) / 2
    with mp.extradps(60):
        return mp.loggamma(1 + a) / a if a else -mp.euler


def sinpi_series(z: mp.mpf) -> mp.mpf:
    """The sine of pi x over x."""
    x = mp.sqrt(z)
    return mp.sin(mp.pi * x) / x if z else +mp.pi


def i0_near(t: mp.mpf) -> mp.mpf:
    """What (1 + k) exp(-k) I_0(k) has beyond 1, over k^2."""
    k = 4 * (1 + t)
    return ((1 + k) * mp.exp(-k) * mp.besseli(0, k) - 1) / k**2 if k else -mp.mpf(1) / 4


def decline_near(t: mp.mpf) -> mp.mpf:
    """exp(-k) (I_0(k) - I_1(k)), made even."""
    k = 4 * (1 + t)
    return (1 + k) * mp.exp(-k) * (mp.besseli(0, k) - mp.besseli(1, k))


def i0_far(t: mp.mpf) -> mp.mpf:
    """The scaled Bessel function of order zero over its leading term, but for a factor."""
    k = 16 / (1 + t)
    return mp.sqrt(k) * mp.exp(-k) * mp.besseli(0, k)


def decline_far(t: mp.mpf) -> mp.mpf:
    """1 - I_1(k) / I_0(k) over its leading term, but for a factor."""
    k = 16 / (1 + t)
    return k * (1 - mp.besseli(1, k) / mp.besseli(0, k))


FITS = (
    Fit("atanh_series", "(2 atanh(s) / s - 2) / z with z = s^2, |s| <= 3 - 2 sqrt 2", atanh_series,
        ("0", "0.02944"), (6, 3)),
    Fit("exp_series", "(exp(r) - 1 - r) / r^2 for |r| <= log(2) / 2", exp_series,
        ("-0.3467", "0.3467"), (10, 5)),
    Fit("stirling", "12 a stirling_error(a) with t = 2 / a - 1, a >= 1", stirling, ("-1", "1"), (23, 9)),
    Fit("stirling_slope", "-12 a^2 stirling_error'(a) with t = 2 / a - 1, a >= 1", stirling_slope,
        ("-1", "1"), (25, 9)),
    Fit("stirling_core", "stirling_error(a) with t = 2 / a - 1, a >= 1, good to the third derivative", stirling_core,
        ("-1", "1"), (30,), (mp.mpf(0), mp.mpf(1) / 24, mp.mpf(0))),
    Fit("log_gamma", "lgamma(a) / ((a - 1) (a - 2)) with t = (a - 1.75) / 0.75, 1 <= a <= 2.5", log_gamma,
        ("-1", "1"), (25,)),
    Fit("erfcx", "(1 + 2 y) erfcx(y) with t = (y - 2.75) / (y + 2.75), y >= 0", erfcx_mapped,
        ("-1", "1"), (25, 11)),
    Fit("erfcx_slope", "-(1 + 2 y)^2 erfcx'(y) likewise", erfcx_slope, ("-1", "1"), (26,)),
    Fit("erf", "erf(x) / x with z = x^2, |x| <= 1", erf_series, ("0", "1"), (13,)),
    Fit("quantile_core", "the normal quantile of 1/2 + x over x, with z = x^2, |x| <= 0.3", quantile_core,
        ("0", "0.09"), (17,)),
    Fit("quantile_tail", "s^2 - 2 log s - y^2 with t = 3.5 / s - 1, -y the normal quantile of exp(-s^2 / 2), s >= 1.75",
        quantile_tail, ("-1", "1"), (13,)),
    Fit("log_gamma_above_one", "log Gamma(1 + a) / a with t = 2 a - 1, 0 <= a <= 1", log_gamma_above_one,
        ("-1", "1"), (20, 9)),
    Fit("sinpi", "sin(pi x) / x with z = x^2, |x| <= 1/2", sinpi_series, ("0", "0.25"), (8, 5)),
    Fit("i0_near", "((1 + k) exp(-k) I_0(k) - 1) / k^2 with t = k / 4 - 1, 0 <= k <= 8", i0_near, ("-1", "1"), (29,)),
    Fit("i0_near_brief", "likewise, for single precision", i0_near, ("-1", "1"), (20,)),
    Fit("decline_near", "(1 + k) exp(-k) (I_0(k) - I_1(k)) likewise", decline_near, ("-1", "1"), (32,)),
    Fit("decline_near_brief", "likewise, for single precision", decline_near, ("-1", "1"), (23,)),
    Fit("i0_far", "sqrt(k) exp(-k) I_0(k) with t = 16 / k - 1, k >= 8", i0_far, ("-1", "1"), (23,)),
    Fit("i0_far_brief", "likewise, for single precision", i0_far, ("-1", "1"), (7,)),
    Fit("decline_far", "k (1 - I_1(k) / I_0(k)) likewise", decline_far, ("-1", "1"), (27,)),
    Fit("decline_far_brief", "likewise, for single precision", decline_far, ("-1", "1"), (9,)),
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


def integrated(fit: Fit, coefficients: list[mp.mpf]) -> list[mp.mpf]:
    """The polynomial whose derivative of the order of ``fit.start`` has the coefficients."""
    low = mp.mpf(fit.interval[0])
    for value in fit.start:
        coefficients = [mp.mpf(0), *(c / (k + 1) for k, c in enumerate(coefficients))]
        coefficients[0] = value - mp.polyval(coefficients[::-1], low)
    return coefficients


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
        if index >= len(fit.degrees):
            continue
        found = interpolate(fit, fit.degrees[index])
        error = mp.nstr(truncation(fit, found), 2)
        print(f"{type_name:6} {fit.name:15} degree {fit.degrees[index]:2}  error {error}", file=sys.stderr)
        lines.append(f"  // {fit.text}")
        lines += listed(type_name, fit.name, integrated(fit, found), digits, suffix)
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
