// What large counts would cancel, as entries in the form of a density: Stirling's error and its differences.
#pragma once

#include "polygamma.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

template <class T>
struct stirling_error {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T a) {
    const stirling_pair<T> result = stirling(a, log(a));
    d[0] = a < 0 ? nan<T> : result.slope;
    return a < 0 ? nan<T> : result.value;
  }
};

// log(x / m), where that ratio is beyond the range of T = double, too.
template <class T>
REPARAM_INLINE T log_of_any_ratio(T x, T m) {
  const bool small = x < T(1e-290) * m, large = m < T(1e-290) * x;
  const T up = small ? T(0x1p500) : large ? T(0x1p-500) : T(1), down = small ? T(0x1p-500) : large ? T(0x1p500) : T(1);
  const T shift = small ? T(-1000) : large ? T(1000) : T(0);
  return log((x * up) / (m * down)) + shift * T(0.693147180559945309417232121458176568);
}

// The slopes at x = 0 are those of m - x, finite for all m: what is impossible under both of two laws moves nothing.
template <class T>
struct deviance_function {
  static constexpr unsigned differentiable = 0b11;
  static REPARAM_INLINE T evaluate(T (&d)[2], T x, T m) {
    const T ratio = x / m;
    const deviance_pair<T> result = deviance(x, m, x - m, log_of_any_ratio(x, m));
    d[0] = x == 0 ? T(-1) : result.log_ratio;
    d[1] = x == 0 ? T(1) : ratio < T(0.5) ? 1 - ratio : (m - x) / m;
    // one of them infinite, so that the gap is
    const bool endless = ((x < infinity<T>) != (m < infinity<T>)) & (x + m == infinity<T>);
    return endless ? infinity<T> : result.value;
  }
};

template <class T>
struct log_gamma_ratio {
  static constexpr unsigned differentiable = 0b11;
  static REPARAM_INLINE T evaluate(T (&d)[2], T a, T b) {
    // digamma(a + b) from the logarithm at the end of the rise
    const stretch s(a, b);
    const T end = s.z + b, at_end = log(end) + (stirling_above_one(end).slope - T(0.5) * s.v);
    d[0] = digamma_rise(a, b);
    d[1] = s.small ? at_end - 1 / (a + b) : at_end;
    return ((b == infinity<T>) & (a > 0)) ? infinity<T> : log_gamma_rise(a, b);
  }
};

// With p <= q and n = p + q: S(p) + S(q) - S(n) + log(2 pi (1 + p/q) / p) / 2 - p log(1 + q/p) - q log(1 + p/q).
template <class T>
struct lbeta {
  static constexpr unsigned differentiable = 0b11;
  static REPARAM_INLINE T evaluate(T (&d)[2], T a, T b) {
    d[0] = -digamma_rise(a, b);
    d[1] = -digamma_rise(b, a);
    const T p = a < b ? a : b, q = a < b ? b : a, n = p + q;
    const T log_p = log(p), log_q = log(q), step = log1p(p / q), ratio = q / p;
    const T log_ratio = ratio < T(1e300) ? log1p(ratio) : log_q - log_p;
    const T errors = stirling(p, log_p).value + (stirling(q, log_q).value - stirling(n, log_q + step).value);
    const T value = (half_log_2pi<T> + T(0.5) * (step - log_p) + errors) - (p * log_ratio + q * step);
    return ((p == 0) & (q < infinity<T>)) ? infinity<T> : value;
  }
};

// With j = min(k, n - k): differences of log Gamma for few, Stirling's formula for more.
template <class T>
struct log_binomial {
  static constexpr unsigned differentiable = 0b11;
  static REPARAM_INLINE T evaluate(T (&d)[2], T n, T k) {
    const T m = n - k, j = k < m ? k : m, rest = k < m ? m : k;
    d[0] = digamma_rise(m + 1, k);
    const T turn = digamma_rise(j + 1, rest - j);
    d[1] = k < m ? turn : -turn;
    const bool few = j < T(1.5);
    const T small = log_gamma_rise(rest + 1, few ? j : T(1)) - log_gamma_1p(few ? j : T(1));
    const T i = few ? T(2) : j, l = few ? T(2) : rest, total = i + l;
    const T up = log1p(l / i), down = log1p(i / l);
    const T errors = stirling_above_one(total).value - (stirling_above_one(i).value + stirling_above_one(l).value);
    const T large = (i * up + l * down) + (T(0.5) * (down - log(i)) - half_log_2pi<T> + errors);
    return few ? small : large;
  }
};

// x - log(1 + x) for x = (b - a) / a.
REPARAM_INLINE double log_bregman(double b, double a) { return deviance(a, b, a - b).value / a; }

// g(b) - g(a) - (b - a) g'(a) of g(a) = log Gamma(a) - a log a + a. From 1 on it is half of that of -log, and that of
// stirling_error, by a second divided difference in 1/a. Below 1 the recurrence adds that of (a + 1) log(1 + 1/a), and
// where the larger argument is 8 or more nothing cancels in the definition.
REPARAM_INLINE double stirling_bregman_of(double b, double a) {
  const bool small = (a < 1) | (b < 1);
  const double low = a < b ? a : b, high = a < b ? b : a;
  const double from = small ? a + 1 : a, to = small ? b + 1 : b;
  const double u = 1 / from, v = 1 / to;
  const second_difference core = divided_twice(coefficients<double>::stirling_core, u, v);
  const double move = (to - from) * u;
  const double body = 0.5 * log_bregman(to, from) + move * (move * v) * (core.slope + v * core.bend);
  const double moved = log_bregman(b, a) - deviance(b, a, b - a).value + deviance(b + 1, a + 1, b - a).value;
  const double a_log = log(a), b_log = log(b);
  const double errors = stirling(b, b_log).value - stirling(a, a_log).value;
  const double far = 0.5 * (a_log - b_log) + errors + (b - a) * slopes_of(a).lag;
  const double result = small ? (high < 8 ? body + moved : far) : body;
  return low < high ? result : (low == high ? 0.0 : nan<double>);
}

// g'(b) - g'(a) = log a - digamma(a) - (log b - digamma(b)), without cancellation.
REPARAM_INLINE double lag_difference(double b, double a) {
  const bool small = (a < 1) | (b < 1);
  const double from = small ? a + 1 : a, to = small ? b + 1 : b;
  const double u = 1 / from, v = 1 / to;
  const difference first = divided(core_first.c, u, v);
  const double body = ((b - a) * u) * v * (0.5 + (u + v) * first.value + v * v * first.slope);
  const double y = ((b - a) / to) / a;
  const double ratio = (b / to) * (from / a);  // 1 + y
  return small ? body + (deviance(1.0, ratio, -y).value + y / b) : body;
}

template <class T>
struct stirling_bregman {
  static constexpr unsigned differentiable = 0b11;
  static REPARAM_INLINE T evaluate(T (&d)[2], T b, T a) {
    // beyond, nothing is left of either
    d[0] = lag_difference(b > 1e300 ? 1e300 : b, a > 1e300 ? 1e300 : a);
    d[1] = (a - b) * slopes_of(a).excess;
    return stirling_bregman_of(b, a);
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
