// The entropy of a categorical law by its logits, in one pass over rows of any length.
#pragma once

#include <algorithm>

#include "../engine/reduce.hpp"
#include "../engine/rows.hpp"
#include "../reparam.h"
#include "../special/elementary.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

inline double product_of(const double* a, const double* b, std::int64_t k) {
  double part[lanes] = {}, rest = 0;
  std::int64_t j = 0;
  for (; j + lanes <= k; j += lanes) {
    for (std::int64_t l = 0; l < lanes; ++l) part[l] += a[j + l] * b[j + l];
  }
  for (; j < k; ++j) rest += a[j] * b[j];
  return sum_of(part, lanes) + rest;
}

// With the largest logit m, s = l - m, the weights w = exp(s) and their sum W, it is log W + E for the mean energy
// E = -sum w s / W, two numbers that are never negative; its derivatives are -(w / W) (s + E).
template <class Storage>
struct categorical_logits_entropy {
  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const*) {
    const auto* data = static_cast<const Storage*>(call->in[0]);
    const auto* grad = static_cast<const Storage*>(call->grad);
    auto* values = static_cast<Storage*>(call->value);
    auto* partial = call->partial == nullptr ? nullptr : static_cast<Storage*>(call->partial[0]);
    const std::int64_t k = call->k, together = rows_at_once(k);
    row_buffer shifted_rows(k), weight_rows(k);
    double *shifted = shifted_rows.data(), *weight = weight_rows.data();
    double total[flat_size], energy[flat_size], value[flat_size];
    for (std::int64_t at = begin; at < end; at += together) {
      const std::int64_t count = std::min(together, end - at), size = count * k;
      load_rows(data, call->period[0], at, count, k, shifted);
      for (std::int64_t i = 0; i < count; ++i) {
        double* const row = shifted + i * k;
        const double most = maximum_of(row, k);
        for (std::int64_t j = 0; j < k; ++j) row[j] -= most;
      }
      for (std::int64_t j = 0; j < size; ++j) {
        weight[j] = exp(shifted[j]);
        shifted[j] = weight[j] == 0 ? 0.0 : shifted[j];
      }
      for (std::int64_t i = 0; i < count; ++i) {
        const double *row = shifted + i * k, *w = weight + i * k;
        // one weight of 1 is left out, so that small others are not lost beside it
        const std::int64_t apart = std::find(w, w + k, 1.0) - w;
        const double rest = sum_of(w, apart) + (apart < k ? sum_of(w + apart + 1, k - apart - 1) : nan<double>);
        total[i] = 1 + rest, energy[i] = -product_of(w, row, k) / total[i], value[i] = rest;
      }
      for (std::int64_t i = 0; i < count; ++i) value[i] = log1p(value[i]) + energy[i];
      if (values != nullptr) store_flat(value, count, values + at);
      if (partial == nullptr) continue;
      for (std::int64_t i = 0; i < count; ++i) {
        const double factor = (grad == nullptr ? 1 : double(grad[(at + i) % call->grad_period])) / total[i];
        for (std::int64_t j = i * k; j < (i + 1) * k; ++j) weight[j] *= -factor * (shifted[j] + energy[i]);
      }
      store_flat(weight, size, partial + at * k);
    }
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
