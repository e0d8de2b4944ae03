// The logarithm of a mean of exponentials, as a mixture's density is of its components'.
#pragma once

#include "../engine/rows.hpp"
#include "categorical.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// log of the mean of exp(v) under weights w in proportion to exp(l), or to given numbers. With W their sum and S that
// of w exp(v), the slope in v is w exp(v) / S, in l that less w / W, and in a given weight exp(v) / S - 1 / W, also
// where it is zero: what has no weight has no part in the value, but would have one. A value m next to zero is that of
// log1p at the mean of expm1(v), and the two slopes are w expm1(v - m) / W and expm1(v - m) / W.
template <class Storage, bool Logarithms>
struct log_mixture {
  // Exponentials in proportion to the largest one.
  static double divide(double* row, std::int64_t k) {
    const double top = maximum_of(row, k);
    for (std::int64_t j = 0; j < k; ++j) row[j] = row[j] == top ? 0 : row[j] - top;
    return top;
  }

  // Where the logarithm of a sum has lost more than a few roundings of itself.
  static bool near_zero(double value) { return absolute(value) < 0.0625; }

  // The mean of expm1(v), which is next to zero; a value without weight may be anything.
  static double excess(const double* weight, const double* value, double whole, std::int64_t k) {
    double sum = 0;
    for (std::int64_t j = 0; j < k; ++j) sum += weight[j] == 0 ? 0 : weight[j] * expm1(value[j]);
    return sum / whole;
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
    double most[flat_size], whole[flat_size], part[flat_size], result[flat_size];
    for (std::int64_t at = begin; at < end; at += together) {
      const std::int64_t count = std::min(together, end - at), size = count * k;
      load_rows(static_cast<const Storage*>(call->in[0]), call->period[0], at, count, k, weight);
      load_rows(static_cast<const Storage*>(call->in[1]), call->period[1], at, count, k, share);
      for (std::int64_t j = 0; j < size; ++j) ratio[j] = share[j];
      if (Logarithms) {
        for (std::int64_t i = 0; i < count; ++i) divide(weight + i * k, k);
        for (std::int64_t j = 0; j < size; ++j) {
          share[j] = weight[j] == -infinity<double> ? weight[j] : share[j] + weight[j];
        }
        for (std::int64_t j = 0; j < size; ++j) weight[j] = exp(weight[j]);
      } else {
        for (std::int64_t j = 0; j < size; ++j) {
          share[j] = weight[j] == 0 ? -infinity<double> : share[j] + log(weight[j]);
        }
      }
      for (std::int64_t i = 0; i < count; ++i) most[i] = divide(share + i * k, k);
      for (std::int64_t j = 0; j < size; ++j) share[j] = exp(share[j]);
      for (std::int64_t i = 0; i < count; ++i) {
        whole[i] = sum_of(weight + i * k, k), part[i] = sum_of(share + i * k, k);
      }
      for (std::int64_t i = 0; i < count; ++i) result[i] = most[i] + log(part[i] / whole[i]);
      for (std::int64_t i = 0; i < count; ++i) {
        const bool near = near_zero(result[i]);
        if (near) result[i] = log1p(excess(weight + i * k, ratio + i * k, whole[i], k));
        if (!partials) continue;
        const bool impossible = most[i] == -infinity<double>;
        const double factor = impossible ? 0 : grad == nullptr ? 1 : double(grad[(at + i) % call->grad_period]);
        const double log_sum = impossible ? infinity<double> : most[i] + log(part[i]);
        for (std::int64_t j = i * k; j < (i + 1) * k; ++j) share[j] /= part[i];
        if (near) {
          for (std::int64_t j = i * k; j < (i + 1) * k; ++j) {
            const double change = expm1(std::min(most_log, ratio[j] - result[i])) / whole[i];
            ratio[j] = !Logarithms ? change : weight[j] == 0 ? 0 : weight[j] * change;
          }
        } else {
          // no more than the dtype can hold: of a gradient of zero it is to make none
          for (std::int64_t j = i * k; j < (i + 1) * k && !Logarithms; ++j) {
            ratio[j] = exp(std::min(most_log, ratio[j] - log_sum));
          }
          for (std::int64_t j = i * k; j < (i + 1) * k; ++j) {
            ratio[j] = Logarithms      ? share[j] - weight[j] / whole[i]
                       : weight[j] > 0 ? share[j] / weight[j] - 1 / whole[i]
                                       : ratio[j] - 1 / whole[i];
          }
        }
        for (std::int64_t j = i * k; j < (i + 1) * k; ++j) weight[j] = factor * ratio[j], share[j] *= factor;
        if (call->reduced & 1) {
          double* const to = sums[0] + (at + i) % call->period[0] * k;
          for (std::int64_t j = 0; j < k; ++j) to[j] += weight[i * k + j];
        }
      }
      for (std::int64_t i = 0; values != nullptr && i < count; ++i) values[at + i] = Storage(result[i]);
      if (weight_partial != nullptr && !(call->reduced & 1)) store_flat(weight, size, weight_partial + at * k);
      if (value_partial != nullptr) store_flat(share, size, value_partial + at * k);
    }
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
