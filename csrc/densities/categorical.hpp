// Categorical by its probabilities or its logits, neither of them normalised.
#pragma once

#include "../engine/reduce.hpp"
#include "../engine/rows.hpp"
#include "../reparam.h"
#include "../special/elementary.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// By logits l, the weights are w = exp(l - max), and log w = l - max where w underflows too.
struct by_logits {
  static REPARAM_INLINE double shift(double top) { return top; }
  static REPARAM_INLINE double weight(double shifted) { return exp(shifted); }
  static REPARAM_INLINE double base(double shifted) { return shifted; }
  static REPARAM_INLINE double divisor(double) { return 1; }
  static REPARAM_INLINE double slope(double weight) { return weight; }
};

// By probabilities, the weights are themselves.
struct by_probs {
  static REPARAM_INLINE double shift(double) { return 0; }
  static REPARAM_INLINE double weight(double shifted) { return shifted; }
  static REPARAM_INLINE double base(double) { return 0; }
  static REPARAM_INLINE double divisor(double weight) { return weight; }
  static REPARAM_INLINE double slope(double) { return 1; }
};

// The sums of each row of a block: one weight is set apart from the rest, so that a probability near one keeps its
// complement. It is the one whose probability is asked for or, where a row serves many indices, the largest.
struct row_summaries {
  double shift[flat_size], rest[flat_size], total[flat_size];
  std::int64_t apart[flat_size];
};

template <class Storage, class Parameter>
struct categorical_log_prob {
  // Turns the parameters of some rows into weights, and sums them up; without indices, the largest is set apart.
  static void summarise(double* weights, std::int64_t count, std::int64_t k, const std::int64_t* index,
                        std::int64_t period, std::int64_t at, row_summaries& rows) {
    for (std::int64_t i = 0; i < count; ++i) {
      double* row = weights + i * k;
      const double most = maximum_of(row, k);
      if (index == nullptr) {
        rows.apart[i] = std::min<std::int64_t>(k - 1, std::find(row, row + k, most) - row);
      } else {
        const std::int64_t hit = index[at];
        rows.apart[i] = hit >= 0 && hit < k ? hit : 0;
        at = at + 1 == period ? 0 : at + 1;
      }
      rows.shift[i] = Parameter::shift(most);
      for (std::int64_t j = 0; j < k; ++j) row[j] -= rows.shift[i];
    }
    for (std::int64_t j = 0; j < count * k; ++j) weights[j] = Parameter::weight(weights[j]);
    for (std::int64_t i = 0; i < count; ++i) {
      double& apart = weights[i * k + rows.apart[i]];
      const double kept = apart;
      apart = 0;
      rows.rest[i] = sum_of(weights + i * k, k);
      rows.total[i] = kept + rows.rest[i];
      apart = kept;
    }
  }

  // The derivative of log(w_hit / total) is slope(w) / w - slope(w) / total at the hit, -slope(w) / total elsewhere.
  static void store_partials(const double* weights, std::int64_t hit, std::int64_t k, const row_summaries& rows,
                             std::int64_t row, double grad, Storage* REPARAM_RESTRICT to) {
    const bool inside = hit >= 0 && hit < k;
    const double scale = inside ? -grad / rows.total[row] : 0;
    for (std::int64_t j = 0; j < k; ++j) to[j] = Storage(scale * Parameter::slope(weights[j]));
    if (!inside || grad == 0) return;  // nor does an impossible index move anything that nobody asks for
    const double w = weights[hit], others = hit == rows.apart[row] ? rows.rest[row] : rows.total[row] - w;
    to[hit] = Storage(grad * others / (rows.total[row] * Parameter::divisor(w)));
  }

  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const*) {
    const auto* index = static_cast<const std::int64_t*>(call->in[0]);
    const auto* data = static_cast<const Storage*>(call->in[1]);
    const auto* grad = static_cast<const Storage*>(call->grad);
    auto* values = static_cast<Storage*>(call->value);
    auto* partial = call->partial == nullptr ? nullptr : static_cast<Storage*>(call->partial[1]);
    const std::int64_t k = call->k, period = call->period[1];
    const std::int64_t together = rows_at_once(k);
    row_buffer buffer(k);
    double* weights = buffer.data();
    row_summaries rows;
    double base[flat_size], sum[flat_size], lost[flat_size];
    // few rows for many indices are summarised once
    const bool once = period <= together;
    if (once) {
      load_rows(data, period, 0, period, k, weights);
      summarise(weights, period, k, nullptr, 0, 0, rows);
    }
    std::int64_t hit_at = begin % call->period[0], row_at = begin % period;
    for (std::int64_t at = begin; at < end; at += together) {
      const std::int64_t count = std::min(together, end - at);
      if (!once) {
        load_rows(data, period, at, count, k, weights);
        summarise(weights, count, k, index, call->period[0], hit_at, rows);
      }
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t hit = index[hit_at], row = once ? row_at : i;
        const bool inside = hit >= 0 && hit < k;
        const double shifted = double(data[row_at * k + (inside ? hit : 0)]) - rows.shift[row];
        const double w = weights[row * k + (inside ? hit : 0)];
        // log(w / total) is base - log(sum + lost): where w dominates the rest, by 1 + rest / w
        const bool dominant = hit == rows.apart[row] && w > rows.rest[row];
        const double ratio = rows.rest[row] / w;
        const double whole = 1 + ratio;
        base[i] = dominant ? 0.0 : inside ? Parameter::base(shifted) : -infinity<double>;
        sum[i] = dominant ? whole : inside ? rows.total[row] / Parameter::divisor(w) : 1.0;
        lost[i] = dominant ? (1 - (whole - (whole - 1))) + (ratio - (whole - 1)) : 0.0;
        if (partial != nullptr) {
          const double factor = grad == nullptr ? 1 : double(grad[(at + i) % call->grad_period]);
          store_partials(weights + row * k, hit, k, rows, row, factor, partial + (at + i) * k);
        }
        hit_at = hit_at + 1 == call->period[0] ? 0 : hit_at + 1;
        row_at = row_at + 1 == period ? 0 : row_at + 1;
      }
      if (values == nullptr) continue;
      for (std::int64_t i = 0; i < count; ++i) base[i] -= log_any<true>(sum[i], lost[i]);
      store_flat(base, count, values + at);
    }
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
