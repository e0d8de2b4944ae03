// The modified Bessel function for large arguments or orders: Debye's expansion, and Hankel's as its case of order 0.
#pragma once

#include "circle.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// With h = sqrt(v^2 + x^2), r = 1 / h and q = (v / h)^2,
//     I_v(x) = exp(h - v arsinh(v / x)) sqrt(r / (2 pi)) S,   S = sum of r^k u_k(q),
// where p^k u_k(p^2) are the polynomials of DLMF 10.41.9. From h = 30 on these many terms leave 1e-16, or 1e-10.
constexpr int debye_terms = 15;
constexpr double debye_from = 30;

template <class Accuracy>
inline constexpr int debye_terms_of = sizeof(Accuracy) == 8 ? debye_terms : 8;

// The coefficients of u_k, the highest power of q first.
struct debye_polynomials {
  double c[debye_terms][debye_terms] = {};
  constexpr debye_polynomials() {
    c[0][0] = 1;
    for (int k = 0; k + 1 < debye_terms; ++k) {
      for (int j = 0; j <= k; ++j) {
        const double power = k + 2 * j, here = c[k][k - j];
        c[k + 1][k + 1 - j] += here * (0.5 * power + 0.125 / (power + 1));
        c[k + 1][k - j] -= here * (0.5 * power + 0.625 / (power + 3));
      }
    }
  }
};
inline constexpr debye_polynomials debye = {};

REPARAM_INLINE double arsinh(double y) { return log1p(y + y * (y / (1 + std::sqrt(1 + y * y)))); }

// log(exp(-x) I_v(x)) and, if Slopes, its derivatives, that in x as it is.
template <class Accuracy, bool Slopes>
REPARAM_NOINLINE void bessel_by_debye(const double* v, const double* x, double* value, double* slope_v,
                                      double* slope_x) {
  alignas(64) double r[circle_lanes], q[circle_lanes], sum[circle_lanes] = {}, other[circle_lanes] = {},
      by_r[circle_lanes] = {}, by_q[circle_lanes] = {};
  for (int i = 0; i < circle_lanes; ++i) {
    r[i] = 1 / std::sqrt(v[i] * v[i] + x[i] * x[i]);
    q[i] = (v[i] * r[i]) * (v[i] * r[i]);
  }
  for (int k = debye_terms_of<Accuracy> - 1; k >= 0; --k) {
    alignas(64) double term[circle_lanes] = {}, rise[circle_lanes] = {};
    for (int j = 0; j <= k; ++j) {
      const double c = debye.c[k][j];
      for (int i = 0; i < circle_lanes; ++i) {
        if constexpr (Slopes) rise[i] = rise[i] * q[i] + term[i];
        term[i] = term[i] * q[i] + c;
      }
    }
    for (int i = 0; i < circle_lanes; ++i) {
      if constexpr (Slopes) {
        by_r[i] = by_r[i] * r[i] + sum[i];
        by_q[i] = by_q[i] * r[i] + rise[i];
        other[i] = term[i] - other[i] * r[i];
      }
      sum[i] = sum[i] * r[i] + term[i];
    }
  }
  for (int i = 0; i < circle_lanes; ++i) {
    const double h = std::sqrt(v[i] * v[i] + x[i] * x[i]), base = arsinh(v[i] / x[i]);
    const double excess = v[i] * (v[i] / (h + x[i]));
    value[i] = excess - v[i] * base + log(sum[i] * std::sqrt(r[i] * (0.5 / pi)));
    if constexpr (Slopes) {
      // the share of the second solution, which matters where the derivative in v vanishes without it
      const double second = v[i] < 1e-6 ? pi * exp(-2 * x[i]) * (other[i] / sum[i]) : 0.0;
      const double turn = by_q[i] / sum[i], shrink = 0.5 + r[i] * (by_r[i] / sum[i]), p = v[i] * r[i], y = x[i] * r[i];
      slope_v[i] = r[i] * p * (2 * (1 - q[i]) * turn - shrink) - base - second;
      slope_x[i] = excess / x[i] - r[i] * y * (2 * q[i] * turn + shrink);
    }
  }
}

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
