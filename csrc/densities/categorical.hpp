// Categorical by its probabilities or its logits, neither of them normalised.
#pragma once

#include "../engine/reduce.hpp"
#include "../engine/rows.hpp"
#include "../reparam.h"
#include "../special/elementary.hpp"

namespace reparam::REPARAM_LEVEL {

// By logits l, the weights are w = exp(l - max); a weight may underflow where log w = l - max does not.
struct by_logits {
  static REPARAM_INLINE double shift(double top) { return top; }
  static REPARAM_INLINE double weight(double shifted) { return exp(shifted); }
  static REPARAM_INLINE double log_weight(double shifted) { return shifted; }
  static REPARAM_INLINE double slope(double weight) { return weight; }
  static REPARAM_INLINE double relative_slope(double) { return 1; }
};

// By probabilities, the weights are themselves.
struct by_probs {
  static REPARAM_INLINE double shift(double) { return 0; }
  static REPARAM_INLINE double weight(double shifted) { return shifted; }
  static REPARAM_INLINE double log_weight(double shifted) { return log(shifted); }
  static REPARAM_INLINE double slope(double) { return 1; }
  static REPARAM_INLINE double relative_slope(double weight) { return 1 / weight; }
};

// What a log-probability needs of a row: the largest weight apart from the rest, so that a probability near one
// keeps its complement.
struct row_summary {
  double shift, rest, total;
  std::int64_t top;
};

template <class Storage, class Parameter>
struct categorical_log_prob {
  static void summarise(double* weights, std::int64_t count, std::int64_t k, row_summary* summary) {
    for (std::int64_t i = 0; i < count; ++i) {
      double* row = weights + i * k;
      const double most = maximum_of(row, k);
      summary[i].top = std::min(k - 1, std::int64_t(std::find(row, row + k, most) - row));
      summary[i].shift = Parameter::shift(most);
      for (std::int64_t j = 0; j < k; ++j) row[j] -= summary[i].shift;
    }
    for (std::int64_t j = 0; j < count * k; ++j) weights[j] = Parameter::weight(weights[j]);
    for (std::int64_t i = 0; i < count; ++i) {
      double& largest = weights[i * k + summary[i].top];
      const double kept = largest;
      largest = 0;
      summary[i].rest = sum_of(weights + i * k, k);
      summary[i].total = kept + summary[i].rest;
      largest = kept;
    }
  }

  static double value(double parameter, bool is_top, const row_summary& row) {
    const double shifted = parameter - row.shift;
    return is_top ? -log1p(row.rest / Parameter::weight(shifted)) : Parameter::log_weight(shifted) - log(row.total);
  }

  // The derivative of log(w_hit / total) is slope(w) / w - slope(w) / total at the hit and -slope(w) / total elsewhere.
  static void store_partials(const double* weights, std::int64_t hit, std::int64_t k, const row_summary& row, double grad,
                             Storage* REPARAM_RESTRICT to) {
    const bool inside = hit >= 0 && hit < k;
    const double scale = inside ? -grad / row.total : 0;
    for (std::int64_t j = 0; j < k; ++j) to[j] = Storage(scale * Parameter::slope(weights[j]));
    if (!inside) return;
    const double w = weights[hit], others = hit == row.top ? row.rest : row.total - w;
    to[hit] = Storage(grad * Parameter::relative_slope(w) * others / row.total);
  }

  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const*) {
    const auto* index = static_cast<const std::int64_t*>(call->in[0]);
    const auto* data = static_cast<const Storage*>(call->in[1]);
    const auto* grad = static_cast<const Storage*>(call->grad);
    auto* values = static_cast<Storage*>(call->value);
    auto* partial = call->partial == nullptr ? nullptr : static_cast<Storage*>(call->partial[1]);
    const std::int64_t k = call->k, *period = call->period;
    const std::int64_t together = rows_at_once(k);
    row_buffer buffer(k);
    double* weights = buffer.data();
    row_summary summary[flat_size];
    // few rows for many indices are summarised once
    const bool once = period[1] <= together;
    for (std::int64_t at = begin; at < end; at += together) {
      const std::int64_t count = std::min(together, end - at);
      if (!once || at == begin) {
        const std::int64_t rows = once ? period[1] : count;
        load_rows(data, period[1], once ? 0 : at, rows, k, weights);
        summarise(weights, rows, k, summary);
      }
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t hit = index[(at + i) % period[0]], row = (at + i) % period[1], place = once ? row : i;
        const bool inside = hit >= 0 && hit < k;
        if (values != nullptr) {
          const double result = value(double(data[row * k + (inside ? hit : 0)]), hit == summary[place].top, summary[place]);
          values[at + i] = Storage(inside ? result : -infinity<double>);
        }
        if (partial == nullptr) continue;
        const double factor = grad == nullptr ? 1 : double(grad[(at + i) % call->grad_period]);
        store_partials(weights + place * k, hit, k, summary[place], factor, partial + (at + i) * k);
      }
    }
  }
};

}  // namespace reparam::REPARAM_LEVEL
