// Binomial by its probability or its logit, in the saddle-point form that is exact at large counts.
#pragma once

#include "../special/stirling.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// A number that is neither a count nor NaN; whole numbers of at most 2^(mantissa length) are what the sum leaves.
template <class T>
REPARAM_INLINE bool no_count(T x) {
  constexpr T magic = T(1) / std::numeric_limits<T>::epsilon();
  const bool whole = (((x + magic) - magic == x) | (x >= magic)) & (x <= std::numeric_limits<T>::max());
  return (x < 0) | ((!whole) & (x == x));
}

// The probabilities of success and failure, and their logarithms.
template <class T>
struct chance {
  T p, q, log_p, log_q;
};

template <class T>
REPARAM_INLINE chance<T> chance_of_probs(T probs) {
  return {probs, 1 - probs, log(probs), log1p(-probs)};
}

template <class T>
REPARAM_INLINE chance<T> chance_of_logits(T logits) {
  const T e = exp(-absolute(logits));
  const T larger = 1 / (1 + e), smaller = e * larger;
  const T log_larger = -log1p(e), log_smaller = log_larger - absolute(logits);
  const bool positive = logits > 0;
  return {positive ? larger : smaller, positive ? smaller : larger, positive ? log_larger : log_smaller,
          positive ? log_smaller : log_larger};
}

// k log(k / (n p)) + n p - k, given k - n p and log(p): p itself may have underflowed.
template <class T>
REPARAM_INLINE T binomial_deviance(T k, T n, T p, T log_p, T difference) {
  const T m = n * p;
  const T v = difference / (k + m);
  const T square = v * v;
  const bool near = square < T(0.029437251522859415);
  const T tail = atanh_tail(near ? square : T(0));
  const bool normal = m > std::numeric_limits<T>::min();
  const T log_ratio = log(k > 0 ? k / (normal ? m : n) : T(1)) - (normal ? T(0) : log_p);
  const T far = k * log_ratio - difference;
  return near ? difference * v + k * v * tail : (k > 0 ? far : m);
}

// With S the error of Stirling's formula, D the deviance, x successes of n and y = n - x failures:
// log p = S(n) - S(x) - S(y) + log(n / (2 pi x y)) / 2 - D(x, n p) - D(y, n q), the first four absent if x y = 0
template <class T>
struct binomial_result {
  T value, excess;  // excess = x - n p
  bool outside;
};

template <class T>
REPARAM_INLINE binomial_result<T> binomial_log_prob(T x, T n, chance<T> of) {
  const T y = n - x;
  const bool mixed = (x > 0) & (y > 0);
  const T x_safe = mixed ? x : T(1), y_safe = mixed ? y : T(1), n_safe = mixed ? n : T(2);
  const T choices = stirling_above_one(n_safe).value - stirling_above_one(x_safe).value -
                    stirling_above_one(y_safe).value + T(0.5) * log(n_safe / (x_safe * y_safe)) - half_log_2pi<T>;
  const T excess = x * of.q - y * of.p;  // x - n p = -(y - n q)
  const T distance = binomial_deviance(x, n, of.p, of.log_p, excess) + binomial_deviance(y, n, of.q, of.log_q, -excess);
  // x - x is zero, or NaN where x is
  const T value = (mixed ? choices : T(0)) - (n == 0 ? T(0) * of.p : distance) + (x - x);
  const bool outside = no_count(x) | (x > n);
  return {outside ? -infinity<T> : value, excess, outside};
}

template <class T>
struct binomial_probs_log_prob {
  static constexpr unsigned differentiable = 0b100;
  static REPARAM_INLINE T evaluate(T (&d)[3], T x, T total_count, T probs) {
    const chance<T> of = chance_of_probs(probs);
    const binomial_result<T> result = binomial_log_prob(x, total_count, of);
    d[0] = d[1] = 0;
    const T mixed = result.excess / (of.p * of.q);
    const T inside = x == 0 ? -total_count / of.q : x == total_count ? total_count / of.p : mixed;
    d[2] = result.outside | (total_count == 0) ? T(0) : inside;
    return result.value;
  }
};

template <class T>
struct binomial_logits_log_prob {
  static constexpr unsigned differentiable = 0b100;
  static REPARAM_INLINE T evaluate(T (&d)[3], T x, T total_count, T logits) {
    const binomial_result<T> result = binomial_log_prob(x, total_count, chance_of_logits(logits));
    d[0] = d[1] = 0;
    d[2] = result.outside ? T(0) : result.excess;
    return result.value;
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
