// The logarithm of a mean of exponentials, as a mixture's density is of its components'.
#pragma once

#include "../engine/rows.hpp"
#include "categorical.hpp"

namespace reparam::REPARAM_LEVEL {

// log of the mean of exp(v) under weights w in proportion to exp(l), or to given numbers. With W their sum and S that
// of w exp(v), the slope in v is w exp(v) / S, in l that less w / W, and in a given weight exp(v) / S - 1 / W, also
// where it is zero: what has no weight has no part in the value, but would have one.
template <class Storage, bool Logarithms>
struct log_mixture {
  // Exponentials in proportion to the largest one.
  static double divide(double* row, std::int64_t k) {
    const double top = maximum_of(row, k);
    for (std::int64_t j = 0; j < k; ++j) row[j] = row[j] == top ? 0 : row[j] - top;
    return top;
  }

  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const* sums) {
    const auto* grad = static_cast<const Storage*>(call->grad);
    auto* values = static_cast<Storage*>(call->value);
    const bool partials = call->partial != nullptr;
    auto* weight_partial = partials ? static_cast<Storage*>(call->partial[0]) : nullptr;
    auto* value_partial = partials ? static_cast<Storage*>(call->partial[1]) : nullptr;
    const std::int64_t k = call->k, together = rows_at_once(k);
    const double most_log = log(double(std::numeric_limits<Storage>::max()));
    row_buffer weight_rows(k), share_rows(k), ratio_rows(k);
    double *weight = weight_rows.data(), *share = share_rows.data(), *ratio = ratio_rows.data();
    double most[flat_size], total[flat_size];
    for (std::int64_t at = begin; at < end; at += together) {
      const std::int64_t count = std::min(together, end - at), size = count * k;
      load_rows(static_cast<const Storage*>(call->in[0]), call->period[0], at, count, k, weight);
      load_rows(static_cast<const Storage*>(call->in[1]), call->period[1], at, count, k, share);
      if (Logarithms) {
        for (std::int64_t i = 0; i < count; ++i) divide(weight + i * k, k);
        for (std::int64_t j = 0; j < size; ++j) {
          share[j] = weight[j] == -infinity<double> ? weight[j] : share[j] + weight[j];
        }
        for (std::int64_t j = 0; j < size; ++j) weight[j] = exp(weight[j]);
      } else {
        for (std::int64_t j = 0; j < size; ++j) {
          ratio[j] = share[j];
          share[j] = weight[j] == 0 ? -infinity<double> : share[j] + log(weight[j]);
        }
      }
      for (std::int64_t i = 0; i < count; ++i) most[i] = divide(share + i * k, k);
      for (std::int64_t j = 0; j < size; ++j) share[j] = exp(share[j]);
      for (std::int64_t i = 0; i < count; ++i) {
        const double whole = sum_of(weight + i * k, k), part = sum_of(share + i * k, k);
        const bool impossible = most[i] == -infinity<double>;
        total[i] = part / whole;
        if (!partials) continue;
        const double factor = impossible ? 0 : grad == nullptr ? 1 : double(grad[(at + i) % call->grad_period]);
        const double log_sum = impossible ? infinity<double> : most[i] + log(part);
        for (std::int64_t j = i * k; j < (i + 1) * k; ++j) share[j] /= part;
        if (!Logarithms) {
          // no more than the dtype can hold: of a gradient of zero it is to make none
          for (std::int64_t j = i * k; j < (i + 1) * k; ++j) ratio[j] = exp(std::min(most_log, ratio[j] - log_sum));
          for (std::int64_t j = i * k; j < (i + 1) * k; ++j) ratio[j] = weight[j] > 0 ? share[j] / weight[j] : ratio[j];
        }
        for (std::int64_t j = i * k; j < (i + 1) * k; ++j) {
          weight[j] = factor * (Logarithms ? share[j] - weight[j] / whole : ratio[j] - 1 / whole);
          share[j] *= factor;
        }
        if (call->reduced & 1) {
          double* const to = sums[0] + (at + i) % call->period[0] * k;
          for (std::int64_t j = 0; j < k; ++j) to[j] += weight[i * k + j];
        }
      }
      for (std::int64_t i = 0; values != nullptr && i < count; ++i) values[at + i] = Storage(most[i] + log(total[i]));
      if (weight_partial != nullptr && !(call->reduced & 1)) store_flat(weight, size, weight_partial + at * k);
      if (value_partial != nullptr) store_flat(share, size, value_partial + at * k);
    }
  }
};

}  // namespace reparam::REPARAM_LEVEL
