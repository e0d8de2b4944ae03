// Owen's T function.
#pragma once

#include "normal.hpp"
#include "short_exp.hpp"
#include "summed.hpp"

namespace reparam::REPARAM_LEVEL {

// T(h, a), the integral of exp(-h^2 (1 + x^2) / 2) / (2 pi (1 + x^2)) over 0 < x < a: Gauss-Legendre as far as the
// integrand counts. Beyond a = 1 by T(h, a) + T(a h, 1/a) = (Q(h) + Q(a h)) / 2 - Q(h) Q(a h), with Q the upper tail of
// the normal law.
template <class Accuracy>
struct owens_terms {
  using rule = coefficients<Accuracy>;
  static constexpr int nodes = sizeof rule::legendre_nodes / sizeof rule::legendre_nodes[0];
  static constexpr int terms = nodes / 2, sums = 1, value_sums = 1;
  static constexpr double depth = sizeof(Accuracy) == 8 ? 9 : 6.5;  // beyond so many deviations nothing is left

  static REPARAM_INLINE double product(double h, double a) { return h == 0 ? 0.0 : a * h; }

  static REPARAM_INLINE void prepare(double h, double a, double& height, double& reach) {
    const double size = absolute(a), k = absolute(size > 1 ? product(h, a) : h);
    height = k < 1e18 ? k : 1e18;
    const double ratio = size > 1 ? 1 / size : size, full = depth / height;
    reach = ratio < full ? ratio : full;
  }

  // A node and its mirror image, with one division.
  static REPARAM_INLINE void add(int k, double height, double reach, double& sum) {
    const double x = reach * rule::legendre_nodes[k], y = reach - x, z = height * x, w = height * y;
    const double over_x = 1 + x * x, over_y = 1 + y * y;
    const double at_x = short_exp<Accuracy>(-0.5 * z * z).value(), at_y = short_exp<Accuracy>(-0.5 * w * w).value();
    sum += reach * rule::legendre_weights[k] * ((at_x * over_y + at_y * over_x) / (over_x * over_y));
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
struct owens_t : summed<owens_terms<Accuracy>> {};

}  // namespace reparam::REPARAM_LEVEL
