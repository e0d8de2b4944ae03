// How the logarithm of a standard gamma variate moves with the concentration at fixed probability.
#pragma once

#include "stirling.hpp"

namespace reparam::REPARAM_LEVEL {

// With y = log x, dy/da = -(dP/da)(a, x) / (x p(x; a)). Substituting t = x exp(w) in dP/da, or in -dQ/da,
//     dy/da = integral of |y + w - digamma(a)| exp(a w - x (exp(w) - 1)) dw
// over w < 0, or over w > 0. The tail where the first factor keeps its sign has nothing to cancel, and there the
// exponent falls from 0, ever steeper or never flatter: Gauss-Legendre as far as exp(-34), for double, has an error of
// 1e-13. At small x and a the lower integral has two scales and its series serves instead:
//     dy/da = sum of x^n / (a (a + 1) ... (a + n)) (digamma(a + n + 1) - y).

REPARAM_INLINE bool slope_by_series(double a, double y) { return (y < 0.405) & (a < 4); }

REPARAM_INLINE double digamma_of(double a) {
  const double log_a = log(a);
  return log_a - 0.5 / a + stirling(a, log_a).slope;
}

// exp(w) = scale (1 + r + tail), without care for overflow: |w| < 700. The polynomial is only as long as the wanted
// accuracy asks for.
template <class Accuracy>
struct short_exp {
  double scale, r, tail;

  REPARAM_INLINE explicit short_exp(double w) {
    using F = format<double>;
    constexpr double magic = 3 * 0x1p51;
    const double rounded = w * 1.44269504088896340735992468100189214 + magic;
    const double k = rounded - magic;
    r = (w - k * F::ln2_high) - k * F::ln2_low;
    tail = r * r * polynomial(coefficients<Accuracy>::exp_series, r);
    scale = from_bits<double>((to_bits(rounded) + F::bias) << F::mantissa);
  }

  REPARAM_INLINE double value() const { return scale + scale * (r + tail); }
};

// exp(w) - 1 - w.
template <class Accuracy>
REPARAM_INLINE double exp_excess(double w) {
  const short_exp<Accuracy> e(w);
  return e.scale == 1 ? e.tail : (e.value() - 1) - w;
}

template <class Accuracy>
struct slope_rule;

template <>
struct slope_rule<double> {
  static constexpr int series_terms = 21;
  static constexpr double depth = 34;
};

template <>
struct slope_rule<float> {
  static constexpr int series_terms = 12;
  static constexpr double depth = 18;
};

// Where, on the side that `sign` points to, the exponent of the integral is about -depth, or a little further.
template <class Accuracy>
REPARAM_INLINE double slope_reach(double a, double x, double sign) {
  constexpr double depth = slope_rule<Accuracy>::depth;
  const double fall = sign * (x - a);
  // the quadratic model of the exponent, then two steps of Newton's method
  double u = 2 * depth / (fall + std::sqrt(fall * fall + 2 * depth * x));
  const double bound = log1p((depth + a * u) / x);
  u = ((sign > 0) & (bound < u)) ? bound : u;
  for (int step = 0; step < 2; ++step) {
    const double rest = exp_excess<Accuracy>(sign * u);
    u -= (fall * u + x * rest - depth) / (fall + sign * x * (rest + sign * u));
  }
  return u;
}

// Both methods run over groups of lanes, each step for a whole group: one vector loop after the other.
constexpr int slope_lanes = 16;

template <class Accuracy>
inline void slopes_by_series(int count, const double* a, const double* y, double* slope) {
  for (int begin = 0; begin < count; begin += slope_lanes) {
    const int here = std::min(slope_lanes, count - begin);
    alignas(64) double x[slope_lanes] = {}, shape[slope_lanes] = {}, rise[slope_lanes] = {};
    alignas(64) double term[slope_lanes] = {}, sum[slope_lanes] = {};
    for (int i = 0; i < here; ++i) {
      shape[i] = a[begin + i];
      x[i] = exp(y[begin + i]);
      rise[i] = digamma_of(shape[i] + 1) - y[begin + i];
      term[i] = 1 / shape[i];
      sum[i] = term[i] * rise[i];
    }
    for (int n = 1; n < slope_rule<Accuracy>::series_terms; ++n) {
      const double step = n;
      for (int i = 0; i < slope_lanes; ++i) {
        const double reciprocal = 1 / (shape[i] + step);
        term[i] *= x[i] * reciprocal;
        rise[i] += reciprocal;
        sum[i] += term[i] * rise[i];
      }
    }
    for (int i = 0; i < here; ++i) slope[begin + i] = sum[i];
  }
}

template <class Accuracy>
inline void slopes_by_quadrature(int count, const double* a, const double* y, double* slope) {
  using rule = coefficients<Accuracy>;
  constexpr int nodes = sizeof rule::legendre_nodes / sizeof rule::legendre_nodes[0];
  for (int begin = 0; begin < count; begin += slope_lanes) {
    const int here = std::min(slope_lanes, count - begin);
    alignas(64) double x[slope_lanes] = {}, excess[slope_lanes] = {}, offset[slope_lanes] = {};
    alignas(64) double sign[slope_lanes] = {}, reach[slope_lanes] = {}, sum[slope_lanes] = {};
    for (int i = 0; i < here; ++i) {
      const double each_a = a[begin + i], each_y = y[begin + i];
      const double offset_below = digamma_of(each_a) - each_y;
      x[i] = exp(each_y);
      excess[i] = x[i] - each_a;
      sign[i] = offset_below < 0 ? 1.0 : -1.0;
      offset[i] = absolute(offset_below);
      reach[i] = slope_reach<Accuracy>(each_a, x[i], sign[i]);
    }
    for (int k = 0; k < nodes; ++k) {
      const double node = rule::legendre_nodes[k], weight = rule::legendre_weights[k];
      for (int i = 0; i < slope_lanes; ++i) {
        const double u = reach[i] * node;
        const double w = sign[i] * u;
        const double exponent = -excess[i] * w - x[i] * exp_excess<Accuracy>(w);
        sum[i] += weight * (offset[i] + u) * short_exp<Accuracy>(exponent).value();
      }
    }
    for (int i = 0; i < here; ++i) slope[begin + i] = reach[i] * sum[i];
  }
}

// dy/da for up to 256 pairs (a, y); Accuracy says for which type the result must be right.
template <class Accuracy>
inline void log_gamma_quantile_slopes(int count, const double* a, const double* y, double* slope) {
  alignas(64) double group_a[256], group_y[256], group_slope[256];
  int place[256];
  for (int series = 0; series < 2; ++series) {
    int size = 0;
    for (int i = 0; i < count; ++i) {
      if (slope_by_series(a[i], y[i]) != (series == 1)) continue;
      group_a[size] = a[i];
      group_y[size] = y[i];
      place[size++] = i;
    }
    if (series == 1) {
      slopes_by_series<Accuracy>(size, group_a, group_y, group_slope);
    } else {
      slopes_by_quadrature<Accuracy>(size, group_a, group_y, group_slope);
    }
    for (int i = 0; i < size; ++i) slope[place[i]] = group_slope[i];
  }
}

}  // namespace reparam::REPARAM_LEVEL
