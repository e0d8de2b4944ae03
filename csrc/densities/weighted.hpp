// Laws over rows that are given by the weights of K categories: multinomial, and relaxed one-hot categorical.
#pragma once

#include "../special/polygamma.hpp"
#include "categorical.hpp"
#include "counts.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// A block of rows: values x, the weights and their logarithms up to a common factor, and what is left over.
struct weighted_rows {
  std::int64_t k, together;
  row_buffer x_rows, w_rows, log_rows, term_rows;
  double *x = x_rows.data(), *w = w_rows.data(), *log_w = log_rows.data(), *term = term_rows.data();
  double total[flat_size];

  explicit weighted_rows(std::int64_t size)
      : k(size), together(rows_at_once(size)), x_rows(size), w_rows(size), log_rows(size), term_rows(size) {}

  // Weights of logarithms are exponentials in proportion to the largest one of their row.
  template <class Storage, bool Logarithms>
  void load(const reparam_call& call, int weights, std::int64_t at, std::int64_t count) {
    load_rows(static_cast<const Storage*>(call.in[0]), call.period[0], at, count, k, x);
    double* const raw = Logarithms ? log_w : w;
    load_rows(static_cast<const Storage*>(call.in[weights]), call.period[weights], at, count, k, raw);
    if (Logarithms) {
      for (std::int64_t i = 0; i < count; ++i) {
        const double most = maximum_of(log_w + i * k, k);
        for (std::int64_t j = i * k; j < (i + 1) * k; ++j) log_w[j] -= most;
      }
      for (std::int64_t j = 0; j < count * k; ++j) w[j] = exp(log_w[j]);
    } else {
      for (std::int64_t j = 0; j < count * k; ++j) log_w[j] = log(w[j]);
    }
  }

  void sum(std::int64_t count, const double* of) {
    for (std::int64_t i = 0; i < count; ++i) total[i] = sum_of(of + i * k, k);
  }
};

// One number for each row, and where its partial derivative goes.
template <class Storage>
struct row_number {
  const Storage* data;
  Storage* to;
  double* sums;
  std::int64_t period;

  row_number(const reparam_call& call, double* const* all, int j)
      : data(static_cast<const Storage*>(call.in[j])), period(call.period[j]) {
    to = call.partial == nullptr ? nullptr : static_cast<Storage*>(call.partial[j]);
    sums = call.reduced >> j & 1 ? all[j] : nullptr;
  }
  double operator[](std::int64_t i) const { return double(data[i % period]); }
  void add(std::int64_t i, double slope) const {
    if (sums != nullptr) {
      sums[i % period] += slope;
    } else if (to != nullptr) {
      to[i] = Storage(slope);
    }
  }
};

// log n! - n log n + n
REPARAM_INLINE double arrangements(double n) {
  const double some = n > 0 ? n : 1;
  const double value = stirling_above_one(some).value + half_log_2pi<double> + 0.5 * log(some);
  return n > 0 ? value : 0;
}

// With D the deviance and A(n) = log n! - n log n + n: log p = A(n) - sum of A(x) + D(x, n p)
template <class Storage, bool Logarithms>
struct multinomial_log_prob {
  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const* sums) {
    const auto* grad = static_cast<const Storage*>(call->grad);
    auto* values = static_cast<Storage*>(call->value);
    auto* partial = call->partial == nullptr ? nullptr : static_cast<Storage*>(call->partial[2]);
    const row_number<Storage> trials(*call, sums, 1);
    const std::int64_t k = call->k;
    weighted_rows rows(k);
    row_buffer number_rows(k), share_rows(k);
    double *number = number_rows.data(), *share = share_rows.data();
    bool possible[flat_size];
    for (std::int64_t at = begin; at < end; at += rows.together) {
      const std::int64_t count = std::min(rows.together, end - at), size = count * k;
      rows.load<Storage, Logarithms>(*call, 2, at, count);
      rows.sum(count, rows.w);
      for (std::int64_t i = 0; i < count; ++i) {
        const double n = trials[at + i], log_total = log(rows.total[i]);
        // a sum of large counts in a short dtype is known to a rounding or two
        const double missing = absolute(sum_of(rows.x + i * k, k) - n);
        possible[i] = !(missing > 2 * double(std::numeric_limits<Storage>::epsilon()) * n);
        for (std::int64_t j = i * k; j < (i + 1) * k; ++j) {
          number[j] = n, share[j] = rows.w[j] / rows.total[i], rows.log_w[j] -= log_total;
        }
      }
      for (std::int64_t j = 0; j < size; ++j) {
        const double x = rows.x[j], m = number[j] * share[j];
        const double distance = binomial_deviance(x, number[j], share[j], rows.log_w[j], x - m);
        const double term = (x == number[j] ? 0 : arrangements(x)) + distance + (x - x);
        rows.term[j] = no_count(x) ? infinity<double> : term;
      }
      for (std::int64_t i = 0; i < count; ++i) {
        // all trials of one category have one arrangement
        const bool alone = maximum_of(rows.x + i * k, k) == trials[at + i];
        const double inner = (alone ? 0 : arrangements(trials[at + i])) - sum_of(rows.term + i * k, k);
        const double value = possible[i] ? inner : -infinity<double>;
        if (values != nullptr) values[at + i] = Storage(value);
        if (partial == nullptr) continue;
        const double factor = grad == nullptr ? 1 : double(grad[(at + i) % call->grad_period]);
        const double scale = value == -infinity<double> ? 0 : factor, rate = trials[at + i] / rows.total[i];
        for (std::int64_t j = i * k; j < (i + 1) * k; ++j) {
          const double hits = Logarithms ? rows.x[j] : rows.x[j] > 0 ? rows.x[j] / rows.w[j] : 0;
          rows.term[j] = scale == 0 ? 0 : scale * (hits - (Logarithms ? rate * rows.w[j] : rate));
        }
        if (alone && rate > 0 && scale != 0) {
          const std::int64_t only = std::find(rows.x + i * k, rows.x + (i + 1) * k, trials[at + i]) - rows.x;
          double others = 0;
          for (std::int64_t j = i * k; j < (i + 1) * k; ++j) others += j == only ? 0 : rows.w[j];
          rows.term[only] = scale * rate * (Logarithms ? others : others / rows.w[only]);
        }
      }
      if (partial != nullptr) store_flat(rows.term, size, partial + at * k);
    }
  }
};

// With scores s = log w - T log x: log p = log (k - 1)! + (k - 1) log T + sum of log softmax(s) - log x
template <class Storage, bool Logarithms>
struct relaxed_categorical_log_prob {
  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const* sums) {
    const auto* grad = static_cast<const Storage*>(call->grad);
    auto* values = static_cast<Storage*>(call->value);
    const bool partials = call->partial != nullptr;
    auto* x_partial = partials ? static_cast<Storage*>(call->partial[0]) : nullptr;
    auto* w_partial = partials ? static_cast<Storage*>(call->partial[2]) : nullptr;
    const row_number<Storage> temperature(*call, sums, 1);
    const std::int64_t k = call->k;
    const double free = double(k - 1), constant = log_factorial_of(free);
    weighted_rows rows(k);
    row_buffer logs(k), scores(k);
    double *log_x = logs.data(), *score = scores.data();
    for (std::int64_t at = begin; at < end; at += rows.together) {
      const std::int64_t count = std::min(rows.together, end - at), size = count * k;
      rows.load<Storage, Logarithms>(*call, 2, at, count);
      for (std::int64_t j = 0; j < size; ++j) log_x[j] = log(rows.x[j]);
      for (std::int64_t i = 0; i < count; ++i) {
        const double t = temperature[at + i];
        for (std::int64_t j = i * k; j < (i + 1) * k; ++j) score[j] = rows.log_w[j] - t * log_x[j];
        const double most = maximum_of(score + i * k, k);
        for (std::int64_t j = i * k; j < (i + 1) * k; ++j) score[j] -= most;
      }
      for (std::int64_t j = 0; j < size; ++j) rows.term[j] = exp(score[j]);
      rows.sum(count, rows.term);
      for (std::int64_t i = 0; i < count; ++i) {
        const double log_total = log(rows.total[i]);
        bool inside = true;
        for (std::int64_t j = i * k; j < (i + 1) * k; ++j) {
          inside &= !(rows.x[j] <= 0);
          rows.term[j] = 1 - double(k) * (rows.term[j] / rows.total[i]);
          score[j] = (score[j] - log_total) - log_x[j];
        }
        const double t = temperature[at + i];
        const double value = (constant + free * log(t)) + sum_of(score + i * k, k);
        if (values != nullptr) values[at + i] = Storage(inside ? value : -infinity<double>);
        if (!partials) continue;
        const double factor = !inside ? 0 : grad == nullptr ? 1 : double(grad[(at + i) % call->grad_period]);
        double by_temperature = free / t;
        for (std::int64_t j = i * k; j < (i + 1) * k; ++j) {
          const double slope = inside ? rows.term[j] : 0;
          by_temperature -= inside ? slope * log_x[j] : 0;
          rows.x[j] = inside ? factor * (-1 - t * slope) / rows.x[j] : 0;
          rows.w[j] = factor * (Logarithms ? slope : slope / rows.w[j]);
        }
        temperature.add(at + i, factor * by_temperature);
      }
      if (x_partial != nullptr) store_flat(rows.x, size, x_partial + at * k);
      if (w_partial != nullptr) store_flat(rows.w, size, w_partial + at * k);
    }
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
