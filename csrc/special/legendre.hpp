// Gauss-Legendre rules of any length, made by the compiler.
#pragma once

#include "../platform.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// cos(x) for 0 <= x <= pi.
constexpr double rough_cosine(double x) {
  double term = 1, sum = 1;
  for (int k = 1; k < 20; ++k) {
    term *= -x * x / ((2 * k - 1) * (2 * k));
    sum += term;
  }
  return sum;
}

// The integral of f over [0, 1] as the sum of weight * f(node). If Dense, the rule in s with u = s^2, which resolves
// integrands that are large and curved near 0 and decay slowly.
template <int N, bool Dense>
struct legendre_rule {
  static constexpr int size = N;
  double node[N] = {}, weight[N] = {};

  constexpr legendre_rule() {
    for (int i = 0; i < N; ++i) {
      double x = rough_cosine(3.14159265358979323846 * (i + 0.75) / (N + 0.5)), slope = 1;
      for (int step = 0; step < 6; ++step) {
        double previous = 1, current = x;
        for (int k = 2; k <= N; ++k) {
          const double next = ((2 * k - 1) * x * current - (k - 1) * previous) / k;
          previous = current;
          current = next;
        }
        slope = N * (previous - x * current) / (1 - x * x);
        x -= current / slope;
      }
      const double s = (1 - x) / 2, w = 1 / ((1 - x * x) * slope * slope);
      node[i] = Dense ? s * s : s;
      weight[i] = Dense ? 2 * s * w : w;
    }
  }
};

template <int N>
inline constexpr legendre_rule<N, true> dense = {};
template <int N>
inline constexpr legendre_rule<N, false> even = {};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
