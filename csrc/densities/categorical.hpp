// Categorical by its probabilities or its logits, neither of them normalised.
#pragma once

#include "../engine/rows.hpp"
#include "../special/elementary.hpp"

namespace reparam::REPARAM_LEVEL {

// By logits l: log p = (l_x - max) - log(sum), the sum being of the weights exp(l - max).
struct by_logits {
  static double offset(const double* row, std::int64_t k) { return *std::max_element(row, row + k); }
  static REPARAM_INLINE double weight(double shifted) { return exp(shifted); }
  static REPARAM_INLINE double log_weight(double shifted, double) { return shifted; }
  static REPARAM_INLINE double hit(double) { return 1; }
  static REPARAM_INLINE double share(double weight, double sum) { return weight / sum; }
};

// By probabilities: the weights are themselves.
struct by_probs {
  static double offset(const double*, std::int64_t) { return 0; }
  static REPARAM_INLINE double weight(double shifted) { return shifted; }
  static REPARAM_INLINE double log_weight(double shifted, double) { return log(shifted); }
  static REPARAM_INLINE double hit(double weight) { return 1 / weight; }
  static REPARAM_INLINE double share(double, double sum) { return 1 / sum; }
};

template <class Storage, class Parameter>
struct categorical_log_prob {
  // The logarithm of the sum of the weights, and the offset, of rows first <= i < first + count.
  static void normalise(const Storage* data, std::int64_t period, std::int64_t first, std::int64_t count,
                        std::int64_t k, double* weights, double* offset, double* sum) {
    load_rows(data, period, first, count, k, weights);
    for (std::int64_t i = 0; i < count; ++i) {
      double* row = weights + i * k;
      offset[i] = Parameter::offset(row, k);
      for (std::int64_t j = 0; j < k; ++j) row[j] -= offset[i];
    }
    for (std::int64_t j = 0; j < count * k; ++j) weights[j] = Parameter::weight(weights[j]);
    for (std::int64_t i = 0; i < count; ++i) {
      double total = 0;
      for (std::int64_t j = 0; j < k; ++j) total += weights[i * k + j];
      sum[i] = total;
    }
  }

  static double value(const Storage* row, std::int64_t index, std::int64_t k, double offset, double sum) {
    if (index < 0 || index >= k) return -infinity<double>;
    return Parameter::log_weight(double(row[index]) - offset, sum) - log(sum);
  }

  static void run(std::int64_t begin, std::int64_t end, std::int64_t k, const void* const* in,
                  const std::int64_t* period, void* const* out) {
    const auto* index = static_cast<const std::int64_t*>(in[0]);
    const auto* data = static_cast<const Storage*>(in[1]);
    auto* values = static_cast<Storage*>(out[0]);
    auto* partial = static_cast<Storage*>(out[2]);
    const std::int64_t together = rows_at_once(k);
    row_buffer weights(k);
    double offset[flat_size], sum[flat_size];
    if (period[1] <= together && partial == nullptr) {
      // few rows, many indices: the sums are made once
      normalise(data, period[1], 0, period[1], k, weights.data(), offset, sum);
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t row = i % period[1];
        values[i] = Storage(value(data + row * k, index[i % period[0]], k, offset[row], sum[row]));
      }
      return;
    }
    for (std::int64_t at = begin; at < end; at += together) {
      const std::int64_t count = std::min(together, end - at);
      normalise(data, period[1], at, count, k, weights.data(), offset, sum);
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t hit = index[(at + i) % period[0]];
        values[at + i] = Storage(value(data + (at + i) % period[1] * k, hit, k, offset[i], sum[i]));
        if (partial == nullptr) continue;
        Storage* to = partial + (at + i) * k;
        const double* row = weights.data() + i * k;
        const bool inside = hit >= 0 && hit < k;
        for (std::int64_t j = 0; j < k; ++j) to[j] = Storage(inside ? -Parameter::share(row[j], sum[i]) : 0);
        if (inside) to[hit] = Storage(Parameter::hit(row[hit]) - Parameter::share(row[hit], sum[i]));
      }
    }
  }
};

}  // namespace reparam::REPARAM_LEVEL
