// Entropies of gamma, beta, Bernoulli, geometric and continuous Bernoulli laws in one pass each.
#pragma once

#include "../special/logs.hpp"
#include "../special/polygamma.hpp"
#include "continuous_bernoulli.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// With S the error of Stirling's formula and L(a) = log(a) - digamma(a): log(2 pi a) / 2 + S(a) + (a - 1) L(a)
template <class T>
struct gamma_entropy {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T a) {
    const T log_a = log(a);
    const gamma_slopes s = slopes_of(a);
    d[0] = 1 / a + (1 - a) * s.excess;
    return half_log_2pi<T> + T(0.5) * log_a + stirling(a, log_a).value + (a - 1) * s.lag;
  }
};

// With n = a + b: log(2 pi) / 2 + S(a) + S(b) - S(n) + log(a b / n^3) / 2 + (a - 1) L(a) + (b - 1) L(b) - (n - 2) L(n)
template <class T>
struct beta_entropy {
  static constexpr unsigned differentiable = 0b11;
  static REPARAM_INLINE T evaluate(T (&d)[2], T a, T b) {
    const T n = a + b, log_a = log(a), log_b = log(b), log_n = log(n);
    const gamma_slopes at_a = slopes_of(a), at_b = slopes_of(b), at_n = slopes_of(n);
    const T errors = stirling(a, log_a).value + stirling(b, log_b).value - stirling(n, log_n).value;
    const T logs = T(0.5) * (log_a + log_b - 3 * log_n);
    const T gaps = (a - 1) * at_a.lag + (b - 1) * at_b.lag - (n - 2) * at_n.lag;
    // (n - 2) trigamma(n) - (a - 1) trigamma(a), trigamma(a) = 1/a + excess
    const T rest = (n - 2) * at_n.excess - 2 / n;
    d[0] = rest + (1 / a - (a - 1) * at_a.excess);
    d[1] = rest + (1 / b - (b - 1) * at_b.excess);
    return half_log_2pi<T> + errors + logs + gaps;
  }
};

// At certain outcomes, where the derivative is infinite, it is that of the other term.
template <class T>
struct binary_entropy_probs {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T probs) {
    const T rest = 1 - probs, log_p = log(probs), log_rest = log1p(-probs);
    d[0] = probs == 0 ? T(1) : rest == 0 ? T(-1) : log_rest - log_p;
    return -((probs == 0 ? T(0) : probs * log_p) + (rest == 0 ? T(0) : rest * log_rest));
  }
};

// softplus(-|l|) + |l| sigmoid(-|l|)
template <class T>
struct binary_entropy_logits {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T logits) {
    const bool certain = absolute(logits) == infinity<T>;
    const T size = certain ? T(0) : absolute(logits), e = certain ? T(0) : exp(-size), larger = 1 / (1 + e);
    const T smaller = e * larger;
    d[0] = certain ? T(0) : -logits * smaller * larger;
    return log1p(e) + size * smaller;
  }
};

// softplus(-l) + exp(-l) softplus(l), the last term of which tends to 1 where success is rare
template <class T>
struct geometric_entropy_logits {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T logits) {
    const bool rare = logits < -40;
    const T e = exp(-absolute(logits)), tail = log1p(e);
    const T failures = rare ? T(1) : logits < 0 ? tail / e : e * (logits + tail);
    d[0] = -failures;
    return (logits < 0 ? -logits : T(0)) + tail + failures;
  }
};

// Of the law with that slope of the log-density.
template <class T>
struct continuous_bernoulli_entropy {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T slope) {
    const tilt at(slope);
    d[0] = -slope * at.variance;
    return at.log_integral - slope * at.mean_gap;
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
