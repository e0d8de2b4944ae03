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

constexpr double series_reach = 1.5;

REPARAM_INLINE bool slope_by_series(double a, double x) { return (x < series_reach) & (a < 4); }

REPARAM_INLINE double digamma_of(double a) {
  const double log_a = log(a);
  return log_a - 0.5 / a + stirling(a, log_a).slope;
}

// For x < series_reach.
template <int Terms>
REPARAM_INLINE double slope_series(double a, double y) {
  const double x = exp(y);
  double reciprocal = 1 / a;
  double coefficient = reciprocal;
  double digamma = digamma_of(a + 1);
  double sum = coefficient * (digamma - y);
  for (int n = 1; n < Terms; ++n) {
    reciprocal = 1 / (a + n);
    coefficient *= x * reciprocal;
    digamma += reciprocal;
    sum += coefficient * (digamma - y);
  }
  return sum;
}

// exp(w) - 1 - w, to full precision at every w.
REPARAM_INLINE double exp_excess(double w) {
  const bool small = absolute(w) < 0.3466;
  const double s = small ? w : 0.0;
  return small ? s * s * polynomial(coefficients<double>::exp_series, s) : exp(w) - 1 - w;
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
REPARAM_INLINE double slope_reach(double a, double x, double sign, double depth) {
  const double fall = sign * (x - a);
  // the quadratic model of the exponent, then two steps of Newton's method
  double u = 2 * depth / (fall + std::sqrt(fall * fall + 2 * depth * x));
  const double bound = log1p((depth + a * u) / x);
  u = ((sign > 0) & (bound < u)) ? bound : u;
  for (int step = 0; step < 2; ++step) {
    const double rest = exp_excess(sign * u);
    u -= (fall * u + x * rest - depth) / (fall + sign * x * (rest + sign * u));
  }
  return u;
}

template <class Accuracy>
inline void slopes_by_series(int count, const double* REPARAM_RESTRICT a, const double* REPARAM_RESTRICT y,
                             double* REPARAM_RESTRICT slope) {
  for (int i = 0; i < count; ++i) slope[i] = slope_series<slope_rule<Accuracy>::series_terms>(a[i], y[i]);
}

template <class Accuracy>
inline void slopes_by_quadrature(int count, const double* REPARAM_RESTRICT a, const double* REPARAM_RESTRICT y,
                                 double* REPARAM_RESTRICT slope) {
  using rule = coefficients<Accuracy>;
  constexpr int nodes = sizeof rule::legendre_nodes / sizeof rule::legendre_nodes[0];
  constexpr int width = 16;
  for (int begin = 0; begin < count; begin += width) {
    const int here = std::min(width, count - begin);
    alignas(64) double x[width], excess[width], offset[width], sign[width], reach[width], sum[width];
    for (int i = 0; i < here; ++i) {
      const double each_a = a[begin + i], each_y = y[begin + i];
      const double offset_below = digamma_of(each_a) - each_y;
      x[i] = exp(each_y);
      excess[i] = x[i] - each_a;
      sign[i] = offset_below < 0 ? 1.0 : -1.0;
      offset[i] = absolute(offset_below);
      reach[i] = slope_reach(each_a, x[i], sign[i], slope_rule<Accuracy>::depth);
      sum[i] = 0;
    }
    for (int i = here; i < width; ++i) x[i] = excess[i] = offset[i] = sign[i] = reach[i] = sum[i] = 0;
    for (int k = 0; k < nodes; ++k) {
      const double node = rule::legendre_nodes[k], weight = rule::legendre_weights[k];
      for (int i = 0; i < width; ++i) {
        const double u = reach[i] * node;
        const double w = sign[i] * u;
        sum[i] += weight * (offset[i] + u) * exp(-excess[i] * w - x[i] * exp_excess(w));
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
      if (slope_by_series(a[i], exp(y[i])) != (series == 1)) continue;
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
