// Poisson, geometric and negative binomial laws, in the saddle-point form that is exact at large counts.
#pragma once

#include "binomial.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

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

// log p = -softplus(-logits) - x softplus(logits)
template <class T>
struct geometric_logits_log_prob {
  static constexpr unsigned differentiable = 0b10;
  static REPARAM_INLINE T evaluate(T (&d)[2], T x, T logits) {
    const bool outside = no_count(x);
    const T small = exp(-absolute(logits)), fall = expm1(-absolute(logits)), rest = log1p(small);
    const T success = (logits < 0 ? logits : T(0)) - rest, failure = (logits > 0 ? -logits : T(0)) - rest;
    d[0] = 0;
    // q - x p is this over 1 + small
    const T rare = small < T(0.5) ? 1 - x * small : (1 - x) - x * fall;
    const T excess = logits < 0 ? rare : x > 0 ? (1 - x) + fall : small;
    d[1] = outside ? T(0) : excess / (1 + small);
    return outside ? -infinity<T> : success + (x > 0 ? x * failure : T(0)) + (x - x);
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
REPARAM_INLINE negative_binomial_result<T> negative_binomial_log_prob(T x, T r, chance<T> of) {
  const bool some = x > 0, possible = r > 0;
  const T k = some ? x : T(1), rest = possible ? r : T(1), n = k + rest;
  const T log_rest = log(rest);
  const stirling_pair<T> at_n = stirling_above_one(n), at_rest = stirling(rest, log_rest);
  const T excess = k * of.q - rest * of.p;
  const T errors = at_n.value - stirling_above_one(k).value - at_rest.value;
  const T spread = T(0.5) * (log_rest - log(n) - log(k)) - half_log_2pi<T>;
  const T distance =
      binomial_deviance(k, n, of.p, of.log_p, excess) + binomial_deviance(rest, n, of.q, of.log_q, -excess);
  const T inner = errors + spread - distance;
  const bool outside = no_count(x);
  const T slope = at_n.slope - at_rest.slope + T(0.5) * (1 / rest - 1 / n) + (log1p(k / rest) + of.log_q);
  const T value = some ? (possible ? inner : -infinity<T>) : (possible ? r * of.log_q : T(0));
  const bool flat = outside | (some & !(select(possible, of.log_p, -infinity<T>) > -infinity<T>));
  return {outside ? -infinity<T> : value + (x - x), some ? excess : -r * of.p, some ? slope : of.log_q, flat};
}

template <class T>
struct negative_binomial_probs_log_prob {
  static constexpr unsigned differentiable = 0b110;
  static REPARAM_INLINE T evaluate(T (&d)[3], T x, T total_count, T probs) {
    const chance<T> of = chance_of_probs(probs);
    const negative_binomial_result<T> result = negative_binomial_log_prob(x, total_count, of);
    d[0] = 0;
    d[1] = select(result.flat, T(0), result.slope);
    d[2] = select(result.flat, T(0), select(x > 0, result.excess / of.p, -total_count) / of.q);
    return result.value;
  }
};

template <class T>
struct negative_binomial_logits_log_prob {
  static constexpr unsigned differentiable = 0b110;
  static REPARAM_INLINE T evaluate(T (&d)[3], T x, T total_count, T logits) {
    const negative_binomial_result<T> result = negative_binomial_log_prob(x, total_count, chance_of_logits(logits));
    d[0] = 0;
    d[1] = result.flat ? T(0) : result.slope;
    d[2] = result.flat ? T(0) : result.excess;
    return result.value;
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
