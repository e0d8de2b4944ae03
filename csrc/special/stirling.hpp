// The error of Stirling's formula and the deviance: the two parts that stay exact at large counts.
#pragma once

#include "elementary.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// stirling_error(a) = log Gamma(a + 1) - [(a + 1/2) log a - a + log(2 pi) / 2], and its derivative.
template <class T>
struct stirling_pair {
  T value, slope;
};

template <class T>
REPARAM_INLINE stirling_pair<T> stirling_above_one(T a) {
  const T w = 1 / a;
  const T t = 2 * w - 1;
  return {polynomial(coefficients<T>::stirling, t) * w * T(1.0 / 12),
          polynomial(coefficients<T>::stirling_slope, t) * w * w * T(-1.0 / 12)};
}

// For all a > 0; the caller gives log(a), which it mostly needs itself.
template <class T>
REPARAM_INLINE stirling_pair<T> stirling(T a, T log_a) {
  // Below 1, one step of the recurrence: stirling_error(a) = stirling_error(a + 1) + (a + 1/2) log(1 + 1/a) - 1.
  const bool small = a < 1;
  const stirling_pair<T> above = stirling_above_one(small ? a + 1 : a);
  const T step = log1p(small ? a : T(1)) - log_a;
  const T half = a + T(0.5);
  return {small ? above.value + (half * step - 1) : above.value,
          small ? above.slope + (step - half / (a * (a + 1))) : above.slope};
}

template <class T>
REPARAM_INLINE stirling_pair<T> stirling(T a) {
  return stirling(a, log(a));
}

// x log(x / m) + m - x without cancellation near x = m, and log(x / m).
template <class T>
struct deviance_pair {
  T value, log_ratio;
};

// The caller gives the difference x - m, which it may know better than its two terms, and log(x / m), which counts where
// that is far from 0.
template <class T>
REPARAM_INLINE deviance_pair<T> deviance(T x, T m, T difference, T far_log) {
  const T v = difference / (x + m);
  const T square = v * v;
  const bool near = square < T(0.029437251522859415);
  const T tail = atanh_tail(near ? square : T(0));
  deviance_pair<T> result;
  result.value = near ? difference * v + x * v * tail : (x == 0 ? m : x * far_log - difference);
  result.log_ratio = near ? 2 * v + v * tail : far_log;
  return result;
}

template <class T>
REPARAM_INLINE deviance_pair<T> deviance(T x, T m, T difference) {
  return deviance(x, m, difference, log(x / m));
}

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
