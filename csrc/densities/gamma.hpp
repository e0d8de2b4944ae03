// Gamma: its density, in the saddle-point form that is exact at large concentrations.
#pragma once

#include "../special/stirling.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// log p = -stirling_error(a) - deviance(a, r x) - log(2 pi) / 2 + log(a) / 2 - log x
template <class T>
struct gamma_log_prob {
  static constexpr unsigned differentiable = 0b111;
  static REPARAM_INLINE T evaluate(T (&d)[3], T x, T concentration, T rate) {
    const T a = concentration;
    // A tiny x is lifted, so that rate * x does not leave the range of normal numbers.
    constexpr T tiny = sizeof(T) == 8 ? T(1e-270) : T(1e-28f);
    constexpr T lift = sizeof(T) == 8 ? T(0x1p400) : T(0x1p48f);
    constexpr T log_lift = (sizeof(T) == 8 ? 400 : 48) * T(0.693147180559945309417232121458176568);
    const bool lifted = x < tiny;
    const T x_up = lifted ? x * lift : x;
    const T m_up = rate * x_up;
    const T m = lifted ? m_up * (1 / lift) : m_up;
    const T log_a = log(a);
    const stirling_pair<T> error = stirling(a, log_a);
    const deviance_pair<T> scaled = deviance(a, m_up, a - m_up);
    const T log_ratio = lifted ? scaled.log_ratio + log_lift : scaled.log_ratio;
    const T distance = lifted ? a * log_ratio + (m - a) : scaled.value;
    const T log_up = log(x == 0 ? rate : x_up);
    const T log_x = lifted ? log_up - log_lift : log_up;
    T value = T(0.5) * log_a - error.value - distance - half_log_2pi<T> - log_x;
    d[0] = ((a - m) - 1) / x;
    d[1] = T(0.5) / a - error.slope - log_ratio;
    d[2] = (a - m) / rate;
    // at zero the density is its limit
    const T at_zero = a < 1 ? infinity<T> : a > 1 ? -infinity<T> : log_up;
    value = x == 0 ? at_zero : value;
    d[0] = ((x == 0) & (a == 1)) ? -rate : d[0];
    d[1] = x == 0 ? -infinity<T> : d[1];
    const bool outside = x < 0;
    d[0] = outside ? T(0) : d[0];
    d[1] = outside ? T(0) : d[1];
    d[2] = outside ? T(0) : d[2];
    return (outside | (x == infinity<T>)) ? -infinity<T> : value;
  }
};

// The gamma law with concentration df / 2 and rate 1/2.
template <class T>
struct chi2_log_prob {
  static constexpr unsigned differentiable = 0b11;
  static REPARAM_INLINE T evaluate(T (&d)[2], T x, T df) {
    T slopes[3];
    const T value = gamma_log_prob<T>::evaluate(slopes, x, T(0.5) * df, T(0.5));
    d[0] = slopes[0];
    d[1] = T(0.5) * slopes[1];
    return value;
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
