// Relaxed Bernoulli by its temperature and logit, in logarithms that do not cancel towards 0 and 1.
#pragma once

#include "../special/elementary.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// With d = logits - T (log x - log(1 - x)): log p = log T - |d| - 2 log(1 + exp(-|d|)) - log x - log(1 - x). By the
// nearer end, n away, its slope there is ((T - 1) - 2 T e / (1 + e)) / n + ..., e = exp(-|d|), which is a number at the
// end itself where T = 1.
template <class T>
struct relaxed_bernoulli_log_prob {
  static constexpr unsigned differentiable = 0b111;
  static REPARAM_INLINE T evaluate(T (&grad)[3], T x, T temperature, T logits) {
    const T t = temperature, log_x = log(x), log_rest = log1p(-x);
    const bool outside = (x < 0) | (x > 1), certain = absolute(logits) == infinity<T>;
    const T d = logits - t * (log_x - log_rest);
    const bool low = d > 0, even = t == 1;
    const T sign = low ? T(1) : T(-1);
    const T near = low ? log_x : log_rest, far = low ? log_rest : log_x;
    const T gap = low ? x : 1 - x, rest = low ? 1 - x : x;
    const bool end = gap == 0;
    const T weight = exp(end ? -sign * logits : -absolute(d));  // e, or what is left of e / gap at an end for T = 1
    const T e = end ? T(0) : weight;
    // at the ends a factor of zero silences the infinite logarithm
    const T inner = (even ? T(0) : (t - 1) * near) - (t + 1) * far - sign * logits;
    const T value = log(t) + inner - 2 * log1p(e);
    const T h = (1 - e) / (1 + e);
    const T steep = end ? (even ? -2 * weight : (t - 1) / gap) : ((t - 1) - 2 * t * e / (1 + e)) / gap;
    const bool flat = outside | certain;
    grad[0] = flat ? T(0) : sign * (steep + (h * t + 1) / rest);
    grad[1] = flat ? T(0) : 1 / t + ((end & even) ? T(0) : h * (near - far));
    grad[2] = flat ? T(0) : -sign * h;
    return x == x ? (flat ? -infinity<T> : value) : x;
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
