"""Computes ``special/circle_coefficients.hpp``: run ``python fit_circle.py > special/circle_coefficients.hpp``."""

from __future__ import annotations

import mpmath as mp
from fit_coefficients import Fit, interpolate, legendre, listed


def arctangent(z: mp.mpf) -> mp.mpf:
    """The arctangent of x over x."""
    x = mp.sqrt(z)
    return mp.atan(x) / x if z else mp.mpf(1)


def gaps(tangent: bool) -> list[mp.mpf]:
    """The Taylor series of (y - sin y) / y^3, or of (sin y - y cos y) / y^3, in y^2."""
    return [(-1) ** k * mp.mpf(2 * k + 2 if tangent else 1) / mp.factorial(2 * k + 3) for k in range(15)]


def main() -> None:
    """Writes the header."""
    print("// Coefficients of the functions on the circle, constant term first; made by fit_circle.py.")
    print("#pragma once\n\nnamespace reparam {\n\nstruct circle {")
    fit = Fit("atan", "atan(x) / x with z = x^2, |x| <= tan(pi / 8)", arctangent, ("0", "0.17158"), (11,))
    print(f"  // {fit.text}")
    print("\n".join(listed("double", fit.name, interpolate(fit, fit.degrees[0]), 19, "")))
    print("  // (y - sin y) / y^3 and (sin y - y cos y) / y^3 with z = y^2, |y| <= pi")
    print("\n".join(listed("double", "sine_gap", gaps(False), 19, "")))
    print("\n".join(listed("double", "tangent_gap", gaps(True), 19, "")))
    nodes, weights = legendre(32)
    print(f"  // Gauss-Legendre on [0, 1], {len(nodes)} nodes")
    print("\n".join(listed("double", "nodes", nodes, 19, "")))
    print("\n".join(listed("double", "weights", weights, 19, "")))
    print("};\n\n}  // namespace reparam")


if __name__ == "__main__":
    main()
