// Relaxed Bernoulli by its temperature and logit, in logarithms that do not cancel towards 0 and 1.
#pragma once

#include "../special/elementary.hpp"

namespace reparam::REPARAM_LEVEL {

// With d = logits - T (log x - log(1 - x)): log p = log T - |d| - 2 log(1 + exp(-|d|)) - log x - log(1 - x)
template <class T>
struct relaxed_bernoulli_log_prob {
  static constexpr unsigned differentiable = 0b111;
  static REPARAM_INLINE T evaluate(T (&grad)[3], T x, T temperature, T logits) {
    const T t = temperature, log_x = log(x), log_rest = log1p(-x);
    const bool outside = (x < 0) | (x > 1), certain = absolute(logits) == infinity<T>;
    const T d = logits - t * (log_x - log_rest);
    const T e = exp(-absolute(d));
    const bool low = d > 0;
    // at the ends a factor of zero silences the infinite logarithm
    const T near = low ? log_x : log_rest, far = low ? log_rest : log_x;
    const T inner = (t == 1 ? T(0) : (t - 1) * near) - (t + 1) * far - (low ? logits : -logits);
    const T value = log(t) + inner - 2 * log1p(e);
    const T h = (low ? T(1) : T(-1)) * (1 - e) / (1 + e);
    const bool flat = outside | certain;
    grad[0] = flat ? T(0) : (h * t - 1) / x + (h * t + 1) / (1 - x);
    grad[1] = flat ? T(0) : 1 / t + h * (log_x - log_rest);
    grad[2] = flat ? T(0) : -h;
    return x == x ? (flat ? -infinity<T> : value) : x;
  }
};

}  // namespace reparam::REPARAM_LEVEL
