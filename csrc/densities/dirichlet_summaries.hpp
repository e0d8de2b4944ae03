// The entropy of a Dirichlet law and the divergence of two, row by row.
#pragma once

#include "../engine/reduce.hpp"
#include "../engine/rows.hpp"
#include "../reparam.h"
#include "../special/functions.hpp"
#include "entropies.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// With n = sum a and the entropies E of gamma laws: sum E(a) - E(n) - (k - 1) digamma(n), whose derivatives are
// (n - k) trigamma(n) - (a - 1) trigamma(a), where trigamma(a) is 1/a and an excess.
template <class Storage>
struct dirichlet_entropy {
  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const*) {
    const auto* a_data = static_cast<const Storage*>(call->in[0]);
    const auto* grad = static_cast<const Storage*>(call->grad);
    auto* values = static_cast<Storage*>(call->value);
    auto* partial = call->partial == nullptr ? nullptr : static_cast<Storage*>(call->partial[0]);
    const std::int64_t k = call->k, together = rows_at_once(k);
    row_buffer a_rows(k), terms(k);
    double *a = a_rows.data(), *term = terms.data(), total[flat_size], at_total[flat_size], slope[flat_size];
    for (std::int64_t at = begin; at < end; at += together) {
      const std::int64_t count = std::min(together, end - at), size = count * k;
      load_rows(a_data, call->period[0], at, count, k, a);
      for (std::int64_t i = 0; i < count; ++i) total[i] = sum_of(a + i * k, k);
      for (std::int64_t i = 0; i < count; ++i) {
        double at_one[1], bend[1];
        const double n = total[i], entropy = gamma_entropy<double>::evaluate(at_one, n);
        at_total[i] = entropy + double(k - 1) * digamma<double>::evaluate(bend, n);
        slope[i] = (n - double(k)) * slopes_of(n).excess - double(k) / n;
      }
      for (std::int64_t j = 0; j < size; ++j) {
        double own[1];
        term[j] = gamma_entropy<double>::evaluate(own, a[j]);
        a[j] = own[0];
      }
      for (std::int64_t i = 0; i < count; ++i) {
        if (values != nullptr) values[at + i] = Storage(sum_of(term + i * k, k) - at_total[i]);
        if (partial == nullptr) continue;
        const double factor = grad == nullptr ? 1 : double(grad[(at + i) % call->grad_period]);
        for (std::int64_t j = i * k; j < (i + 1) * k; ++j) a[j] = factor * (a[j] + slope[i]);
      }
      if (partial != nullptr) store_flat(a, size, partial + at * k);
    }
  }
};

// With n = sum a, m = sum b, the deviance D and the Bregman divergence B of log Gamma(x) - x log(x) + x:
// sum (D(b, m a / n) + B(b, a)) - B(m, n)
template <class Storage>
struct dirichlet_divergence {
  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const*) {
    const auto* a_data = static_cast<const Storage*>(call->in[0]);
    const auto* b_data = static_cast<const Storage*>(call->in[1]);
    const auto* grad = static_cast<const Storage*>(call->grad);
    const bool partials = call->partial != nullptr;
    auto* values = static_cast<Storage*>(call->value);
    auto* a_partial = partials ? static_cast<Storage*>(call->partial[0]) : nullptr;
    auto* b_partial = partials ? static_cast<Storage*>(call->partial[1]) : nullptr;
    const std::int64_t k = call->k, together = rows_at_once(k);
    row_buffer a_rows(k), b_rows(k), share_rows(k), terms(k);
    double *a = a_rows.data(), *b = b_rows.data(), *share = share_rows.data(), *term = terms.data();
    double joint[flat_size], by_a[flat_size], by_b[flat_size];
    for (std::int64_t at = begin; at < end; at += together) {
      const std::int64_t count = std::min(together, end - at), size = count * k;
      load_rows(a_data, call->period[0], at, count, k, a);
      load_rows(b_data, call->period[1], at, count, k, b);
      for (std::int64_t i = 0; i < count; ++i) {
        const double n = sum_of(a + i * k, k), m = sum_of(b + i * k, k);
        for (std::int64_t j = i * k; j < (i + 1) * k; ++j) share[j] = m * (a[j] / n);
        joint[i] = stirling_bregman_of(m, n);
        by_a[i] = partials ? (n - m) * slopes_of(n).excess - m / n : 0;
        by_b[i] = partials ? lag_difference(m, n) : 0;
      }
      for (std::int64_t j = 0; j < size; ++j) {
        term[j] = deviance(b[j], share[j], b[j] - share[j]).value + stirling_bregman_of(b[j], a[j]);
      }
      for (std::int64_t j = 0; partials && j < size; ++j) {
        const double own = (a[j] - b[j]) * slopes_of(a[j]).excess - b[j] / a[j];
        b[j] = deviance(b[j], share[j], b[j] - share[j]).log_ratio + lag_difference(b[j], a[j]);
        a[j] = own;
      }
      for (std::int64_t i = 0; i < count; ++i) {
        if (values != nullptr) values[at + i] = Storage(sum_of(term + i * k, k) - joint[i]);
        if (!partials) continue;
        const double factor = grad == nullptr ? 1 : double(grad[(at + i) % call->grad_period]);
        for (std::int64_t j = i * k; j < (i + 1) * k; ++j) {
          a[j] = factor * (a[j] - by_a[i]), b[j] = factor * (b[j] - by_b[i]);
        }
      }
      if (a_partial != nullptr) store_flat(a, size, a_partial + at * k);
      if (b_partial != nullptr) store_flat(b, size, b_partial + at * k);
    }
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
