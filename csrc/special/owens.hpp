// Owen's T function.
#pragma once

#include "normal.hpp"
#include "summed.hpp"

namespace reparam::REPARAM_LEVEL {

// T(h, a), the integral of exp(-h^2 (1 + x^2) / 2) / (2 pi (1 + x^2)) over 0 < x < a: Gauss-Legendre as far as the
// integrand counts. Beyond a = 1 by T(h, a) + T(a h, 1/a) = (Q(h) + Q(a h)) / 2 - Q(h) Q(a h), with Q the upper tail of
// the normal law.
struct owens_terms {
  using rule = coefficients<double>;
  static constexpr int terms = sizeof rule::legendre_nodes / sizeof rule::legendre_nodes[0], sums = 1;

  static REPARAM_INLINE double product(double h, double a) { return h == 0 ? 0.0 : a * h; }

  static REPARAM_INLINE void prepare(double h, double a, double& height, double& reach) {
    const double size = absolute(a), k = absolute(size > 1 ? product(h, a) : h);
    height = k < 1e18 ? k : 1e18;
    const double ratio = size > 1 ? 1 / size : size, full = 9 / height;
    reach = ratio < full ? ratio : full;
  }

  static REPARAM_INLINE void add(int k, double height, double reach, double& sum) {
    const double x = reach * rule::legendre_nodes[k], z = height * x;
    sum += reach * rule::legendre_weights[k] * exp(-0.5 * z * z) / (1 + x * x);
  }

  static REPARAM_INLINE double finish(double (&d)[2], double h, double a, double sum) {
    constexpr double over_two_pi = 0.159154943091895335768883763372514362;
    const double there = product(h, a);
    const bool steep = absolute(a) > 1;
    const normal_tail<double> at_h(h), at_there(there);
    const double body = (steep ? at_there.density : at_h.density) * over_two_pi * sum;
    const double corner = 0.5 * (at_h.tail + at_there.tail) - at_h.tail * at_there.tail;
    const double value = steep ? corner - body : body;
    d[0] = -0.5 * sqrt_2_over_pi<double> * at_h.density * beside_half(there, at_there);
    d[1] = over_two_pi * at_h.density * at_there.density / (1 + a * a);
    const double with_sign = a < 0 ? -value : value;
    return ((h == h) & (a == a)) ? with_sign : nan<double>;
  }
};

template <class Accuracy>
struct owens_t : summed<owens_terms> {};

}  // namespace reparam::REPARAM_LEVEL
