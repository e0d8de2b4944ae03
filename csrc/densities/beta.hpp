// Beta, in the saddle-point form that is exact at large concentrations.
#pragma once

#include "../special/stirling.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// With n = a + b and y = 1 - x, and S the error of Stirling's formula, D the deviance:
// log p = S(n) - S(a) - S(b) - D(a, n x) - D(b, n y) + log(a b / (2 pi n)) / 2 - log x - log y
template <class T>
struct beta_log_prob {
  static constexpr unsigned differentiable = 0b111;
  static REPARAM_INLINE T evaluate(T (&d)[3], T x, T concentration1, T concentration0) {
    const T a = concentration1, b = concentration0, n = a + b, y = 1 - x;
    constexpr T tiny = sizeof(T) == 8 ? T(1e-270) : T(1e-28f);
    constexpr T lift = sizeof(T) == 8 ? T(0x1p400) : T(0x1p48f);
    constexpr T log_lift = (sizeof(T) == 8 ? 400 : 48) * T(0.693147180559945309417232121458176568);
    const bool lifted = x < tiny;
    const T x_up = lifted ? x * lift : x;
    const T log_a = log(a), log_b = log(b), log_n = log(n);
    const stirling_pair<T> error_a = stirling(a, log_a), error_b = stirling(b, log_b), error_n = stirling(n, log_n);
    // a - n x = -(b - n y), from the small ones of the four numbers
    const T excess = a * y - b * x;
    const deviance_pair<T> left = deviance(a, n * x_up, excess), right = deviance(b, n * y, -excess);
    const T left_log = lifted ? left.log_ratio + log_lift : left.log_ratio;
    const T distance = lifted ? a * left_log - excess : left.value;
    const T log_up = log(x_up);
    const T log_x = lifted ? log_up - log_lift : log_up;
    const T log_y = log1p(-x);
    T value = (error_n.value - error_a.value - error_b.value) + T(0.5) * (log_a + log_b - log_n) - half_log_2pi<T> -
              distance - right.value - log_x - log_y;
    d[0] = (excess - (y - x)) / (x * y);
    d[1] = (error_n.slope - error_a.slope) + T(0.5) * b / (a * n) - left_log;
    d[2] = (error_n.slope - error_b.slope) + T(0.5) * a / (b * n) - right.log_ratio;
    // at the ends the density is its limit
    const bool at_zero = x == 0, at_one = x == 1;
    const T end = at_zero ? a : b;
    const T level = at_zero ? log_b : log_a;
    const T limit = end < 1 ? infinity<T> : end > 1 ? -infinity<T> : level;
    value = (at_zero | at_one) ? limit : value;
    d[0] = (at_zero & (a == 1)) ? 1 - b : (at_one & (b == 1)) ? a - 1 : d[0];
    d[1] = at_zero ? -infinity<T> : d[1];
    d[2] = at_one ? -infinity<T> : d[2];
    const bool outside = (x < 0) | (x > 1);
    d[0] = outside ? T(0) : d[0];
    d[1] = outside ? T(0) : d[1];
    d[2] = outside ? T(0) : d[2];
    return outside ? -infinity<T> : value;
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
