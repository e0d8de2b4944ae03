// The F law, in the saddle-point form that is exact at any degrees of freedom.
#pragma once

#include "binomial.hpp"
#include "closed_form.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// With a = df1 / 2, b = df2 / 2, n = a + b, the odds a x / b of the share u and its rest v, and S the error of
// Stirling's formula, D the deviance:
// log p = S(n) - S(a) - S(b) + log(a b / (2 pi n)) / 2 - D(a, n u) - D(b, n v) - log x
template <class T>
struct fisher_snedecor_log_prob {
  static constexpr unsigned differentiable = 0b111;
  static REPARAM_INLINE T evaluate(T (&d)[3], T x, T df1, T df2) {
    const T a = T(0.5) * df1, b = T(0.5) * df2, n = a + b;
    const T log_a = log(a), log_b = log(b), log_n = log(n), log_x = log(x);
    const stirling_pair<T> error_a = stirling(a, log_a), error_b = stirling(b, log_b), error_n = stirling(n, log_n);
    const T odds = x * (a / b), log_odds = log_x + (log_a - log_b);
    const bool low = log_odds < 0;
    const T e = low ? odds : 1 / odds;
    const T larger = 1 / (1 + e), smaller = e * larger;
    const T log_larger = -log1p(e), log_smaller = log_larger - absolute(log_odds);
    const T u = low ? smaller : larger, v = low ? larger : smaller;
    const T log_u = low ? log_smaller : log_larger, log_v = low ? log_larger : log_smaller;
    const T excess = low ? (a * v) * (1 - x) : (b * u) * (1 / x - 1);  // a - n u = -(b - n v)
    const T left = binomial_deviance(a, n, u, log_u, excess), right = binomial_deviance(b, n, v, log_v, -excess);
    const T errors = error_n.value - error_a.value - error_b.value;
    const T inner = errors + T(0.5) * log(a * (b / n)) - half_log_2pi<T> - (left + right) - log_x;
    const bool at_zero = x == 0;
    d[0] = at_zero & (a == 1) ? -n / b : (excess - 1) / x;
    d[1] = T(0.5) * ((error_n.slope - error_a.slope) + (T(0.5) * b / n - left) / a);
    d[2] = T(0.5) * ((error_n.slope - error_b.slope) + (T(0.5) * a / n - right) / b);
    const T value = at_zero ? power_limit(a, T(0)) : inner;
    return zero_where((x < 0) | (x == infinity<T>), value, d);
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
