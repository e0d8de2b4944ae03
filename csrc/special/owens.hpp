// Owen's T function.
#pragma once

#include "legendre.hpp"
#include "normal.hpp"
#include "short_exp.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// T(h, a), the integral of exp(-h^2 (1 + x^2) / 2) / (2 pi (1 + x^2)) over 0 < x < a: Gauss-Legendre as far as the
// integrand counts. Beyond a = 1 by T(h, a) + T(a h, 1/a) = (Q(h) + Q(a h)) / 2 - Q(h) Q(a h), with Q the upper tail of
// the normal law.
constexpr double over_two_pi = 0.159154943091895335768883763372514362;

template <class Accuracy>
struct owens_rule;

// Beyond `depth` standard deviations nothing is left; `some` nodes are enough for three of them, and `few` for a short
// reach, 0.3 itself and in standard deviations.
template <>
struct owens_rule<double> {
  static constexpr double depth = 9;
  static constexpr int most = 22, some = 14, few = 8;
};

template <>
struct owens_rule<float> {
  static constexpr double depth = 6.5;
  static constexpr int most = 12, some = 8, few = 4;
};

template <class Accuracy>
struct owens_t {
  static constexpr unsigned differentiable = 0b11;
  static constexpr bool apart = true;

  // A block has as many nodes as its worst element needs.
  static void block(int count, const double* const* in, double* value, double* const* partial) {
    using rule = owens_rule<Accuracy>;
    const double *const h = in[0], *const a = in[1];
    if (partial != nullptr) return slopes(count, h, a, partial[0], partial[1]);
    alignas(64) double height[block_most], reach[block_most], sum[block_most] = {};
    unsigned deep = 0, wide = 0;
    for (int i = 0; i < count; ++i) prepare(h[i], a[i], height[i], reach[i]);
    for (int i = 0; i < count; ++i) {
      const double length = height[i] * reach[i];
      deep |= unsigned(length > 3);
      wide |= unsigned((length > 0.3) | (reach[i] > 0.3));
    }
    if (deep != 0) {
      add_nodes<rule::most>(count, height, reach, sum);
    } else if (wide != 0) {
      add_nodes<rule::some>(count, height, reach, sum);
    } else {
      add_nodes<rule::few>(count, height, reach, sum);
    }
    for (int i = 0; i < count; ++i) value[i] = finish(h[i], a[i], sum[i]);
  }

 private:
  static constexpr int block_most = 256;

  // 0 where either is 0, the other infinite.
  static REPARAM_INLINE double product(double h, double a) {
    const bool none = ((h == 0) & (absolute(a) == infinity<double>)) | ((a == 0) & (absolute(h) == infinity<double>));
    return none ? 0.0 : a * h;
  }

  static REPARAM_INLINE void prepare(double h, double a, double& height, double& reach) {
    const double size = absolute(a), k = absolute(size > 1 ? product(h, a) : h);
    height = k < 1e18 ? k : 1e18;
    const double ratio = size > 1 ? 1 / size : size, full = owens_rule<Accuracy>::depth / height;
    reach = ratio < full ? ratio : full;
  }

  // A node and its mirror image at a time, with one division.
  template <int Nodes>
  static void add_nodes(int count, const double* REPARAM_RESTRICT height, const double* REPARAM_RESTRICT reach,
                        double* REPARAM_RESTRICT sum) {
    for (int k = 0; k < Nodes / 2; ++k) {
      const double node = even<Nodes>.node[k], weight = even<Nodes>.weight[k];
      for (int i = 0; i < count; ++i) {
        const double x = reach[i] * node, y = reach[i] - x, z = height[i] * x, w = height[i] * y;
        const double over_x = 1 + x * x, over_y = 1 + y * y;
        const double at_x = short_exp<Accuracy>(-0.5 * z * z).value(), at_y = short_exp<Accuracy>(-0.5 * w * w).value();
        sum[i] += reach[i] * weight * ((at_x * over_y + at_y * over_x) / (over_x * over_y));
      }
    }
  }

  static REPARAM_INLINE double finish(double h, double a, double sum) {
    const double there = product(h, a);
    const bool steep = absolute(a) > 1;
    const normal_tail<double> at_h(h), at_there(there);
    const double body = (steep ? at_there.density : at_h.density) * over_two_pi * sum;
    const double corner = 0.5 * (at_h.tail + at_there.tail) - at_h.tail * at_there.tail;
    const double value = steep ? corner - body : body, with_sign = a < 0 ? -value : value;
    return ((h == h) & (a == a)) ? with_sign : nan<double>;
  }

  static void slopes(int count, const double* h, const double* a, double* REPARAM_RESTRICT by_h,
                     double* REPARAM_RESTRICT by_a) {
    for (int i = 0; i < count; ++i) {
      const double there = product(h[i], a[i]);
      const normal_tail<double> at_h(h[i]), at_there(there);
      by_h[i] = -0.5 * sqrt_2_over_pi<double> * at_h.density * beside_half(there, at_there);
      by_a[i] = over_two_pi * at_h.density * at_there.density / (1 + a[i] * a[i]);
    }
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
