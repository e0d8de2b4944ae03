// Bernoulli by its probability or its logit, without clamping either.
#pragma once

#include "../engine/elementwise.hpp"
#include "../special/elementary.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

template <class T>
struct bernoulli_probs_log_prob {
  static constexpr unsigned differentiable = 0b10;
  static REPARAM_INLINE T evaluate(T (&d)[2], T x, T probs) {
    const bool one = x == 1;
    const bool outside = !one & (x != 0) & (x == x);
    // 1 - probs and what its rounding lost
    const T rest = 1 - probs;
    const T value = log_any<true>(one ? probs : rest, one ? T(0) : (1 - rest) - probs) + (x - x);
    d[0] = 0;
    d[1] = outside ? T(0) : one ? 1 / probs : -1 / (1 - probs);
    return outside ? -infinity<T> : value;
  }
};

// log p = -softplus(t), t = (1 - 2 x) logits
template <class T>
struct bernoulli_logits_log_prob {
  static constexpr unsigned differentiable = 0b10;
  static REPARAM_INLINE T evaluate(T (&d)[2], T x, T logits) {
    const T sign = 1 - 2 * x;
    const bool outside = (x != 1) & (x != 0) & (x == x);
    const T t = sign * logits;
    const T e = exp(-absolute(t));
    const T value = -((t > 0 ? t : T(0)) + log1p(e)) + (x - x);
    d[0] = 0;
    d[1] = outside ? T(0) : -sign * ((t < 0 ? e : T(1)) / (1 + e));
    return outside ? -infinity<T> : value;
  }
};

// A draw, from a uniform number in units of 2^-53: u < 1 / (1 + exp(-logits)).
template <class Storage>
struct bernoulli_logits_draw {
  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const*) {
    constexpr double units = 9007199254740992;  // 2^53
    block_reader<std::int64_t, double> uniforms(call->in[0], call->period[0]);
    block_reader<Storage, double> logits(call->in[1], call->period[1]);
    for (std::int64_t at = begin; at < end; at += block_size) {
      const std::int64_t count = std::min(block_size, end - at);
      const double* REPARAM_RESTRICT u = uniforms.read(at, count);
      const double* REPARAM_RESTRICT t = logits.read(at, count);
      Storage* REPARAM_RESTRICT value = static_cast<Storage*>(call->value) + at;
      for (std::int64_t i = 0; i < count; ++i) {
        value[i] = u[i] * (1 + exp(-t[i])) < units ? Storage(1) : Storage(0);
      }
    }
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
