// Poisson, geometric and negative binomial laws, in the saddle-point form that is exact at large counts.
#pragma once

#include "binomial.hpp"

namespace reparam::REPARAM_LEVEL {

// A number that is neither a count nor NaN; whole numbers of at most 2^(mantissa length) are what the sum leaves.
template <class T>
REPARAM_INLINE bool no_count(T x) {
  constexpr T magic = T(1) / std::numeric_limits<T>::epsilon();
  const bool whole = ((x + magic) - magic == x) | (x >= magic);
  return (x < 0) | ((!whole) & (x == x));
}

template <class T>
struct poisson_log_prob {
  static constexpr unsigned differentiable = 0b10;
  static REPARAM_INLINE T evaluate(T (&d)[2], T x, T rate) {
    const bool some = x > 0, outside = no_count(x);
    const T k = some ? x : T(1), m = some ? rate : T(1);
    const T core = -stirling_above_one(k).value - deviance(k, m, k - m).value - T(0.5) * log(k) - half_log_2pi<T>;
    d[0] = 0;
    const bool flat = outside | (some & !(rate > 0));
    d[1] = flat ? T(0) : (some ? x / rate : T(0)) - 1;
    return outside ? -infinity<T> : (some ? core : -rate) + (x - x);
  }
};

template <class T>
struct geometric_probs_log_prob {
  static constexpr unsigned differentiable = 0b10;
  static REPARAM_INLINE T evaluate(T (&d)[2], T x, T probs) {
    const bool some = x > 0, outside = no_count(x);
    const T failures = some ? x * log1p(some ? -probs : T(0)) : T(0);
    d[0] = 0;
    const bool flat = outside | (some & !(probs < 1));
    d[1] = flat ? T(0) : 1 / probs - (some ? x / (1 - probs) : T(0));
    return outside ? -infinity<T> : log(probs) + failures + (x - x);
  }
};

template <class T>
struct negative_binomial_result {
  T value, excess, slope;  // excess = x - (x + r) p, slope = d value / dr
  bool flat;               // where the mass is zero
};

// With n = x + r, S the error of Stirling's formula and D the deviance:
// log p = S(n) - S(x) - S(r) + log(r / (2 pi n x)) / 2 - D(x, n p) - D(r, n q), or r log(q) where x = 0
template <class T>
REPARAM_INLINE negative_binomial_result<T> negative_binomial_log_prob(T x, T r, T p, T q, T log_p, T log_q) {
  const bool some = x > 0, possible = r > 0;
  const T k = some ? x : T(1), rest = possible ? r : T(1), n = k + rest;
  const T log_rest = log(rest);
  const stirling_pair<T> at_n = stirling_above_one(n), at_rest = stirling(rest, log_rest);
  const T excess = k * q - rest * p;
  const T errors = at_n.value - stirling_above_one(k).value - at_rest.value;
  const T spread = T(0.5) * (log_rest - log(n) - log(k)) - half_log_2pi<T>;
  const T distance = binomial_deviance(k, n, p, log_p, excess) + binomial_deviance(rest, n, q, log_q, -excess);
  const T inner = errors + spread - distance;
  const bool outside = no_count(x);
  const T slope = at_n.slope - at_rest.slope + T(0.5) * (1 / rest - 1 / n) - (log(rest / n) - log_q);
  const T value = some ? (possible ? inner : -infinity<T>) : (possible ? r * log_q : T(0));
  const bool flat = outside | (some & !(possible & (log_p > -infinity<T>)));
  return {outside ? -infinity<T> : value + (x - x), some ? excess : -r * p, some ? slope : log_q, flat};
}

template <class T>
struct negative_binomial_probs_log_prob {
  static constexpr unsigned differentiable = 0b110;
  static REPARAM_INLINE T evaluate(T (&d)[3], T x, T total_count, T probs) {
    const T p = probs, q = 1 - p;
    const negative_binomial_result<T> result = negative_binomial_log_prob(x, total_count, p, q, log(p), log1p(-p));
    d[0] = 0;
    d[1] = result.flat ? T(0) : result.slope;
    d[2] = result.flat ? T(0) : (x > 0 ? result.excess / (p * q) : -total_count / q);
    return result.value;
  }
};

template <class T>
struct negative_binomial_logits_log_prob {
  static constexpr unsigned differentiable = 0b110;
  static REPARAM_INLINE T evaluate(T (&d)[3], T x, T total_count, T logits) {
    const T e = exp(-absolute(logits));
    const T larger = 1 / (1 + e), smaller = e * larger;
    const T log_larger = -log1p(e), log_smaller = log_larger - absolute(logits);
    const bool positive = logits > 0;
    const negative_binomial_result<T> result = negative_binomial_log_prob(
        x, total_count, positive ? larger : smaller, positive ? smaller : larger,
        positive ? log_larger : log_smaller, positive ? log_smaller : log_larger);
    d[0] = 0;
    d[1] = result.flat ? T(0) : result.slope;
    d[2] = result.flat ? T(0) : result.excess;
    return result.value;
  }
};

}  // namespace reparam::REPARAM_LEVEL
