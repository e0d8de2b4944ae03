// Dirichlet, in the saddle-point form that is exact at large concentrations.
#pragma once

#include "../engine/reduce.hpp"
#include "../engine/rows.hpp"
#include "../reparam.h"
#include "../special/stirling.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// With A = sum a, S the error of Stirling's formula, D the deviance:
// log p = S(A) - log(A) / 2 - (k - 1) log(2 pi) / 2 + sum of terms,
// term = log(a) / 2 - S(a) - D(a, A x) - log x
// Where the sum of x differs from one by rounding, this is the density at x / sum x, to first order.
struct dirichlet_term {
  double value, by_x, by_a;

  REPARAM_INLINE dirichlet_term(double x, double a, double total) {
    constexpr double tiny = 1e-270, lift = 0x1p400, log_lift = 400 * 0.693147180559945309417232121458176568;
    const bool lifted = x < tiny;
    const double x_up = lifted ? x * lift : x;
    const double log_a = log(a);
    const stirling_pair<double> error = stirling(a, log_a);
    const double m_up = total * x_up;
    const double excess = a - total * x;
    const deviance_pair<double> scaled = deviance(a, m_up, a - m_up);
    const double log_ratio = lifted ? scaled.log_ratio + log_lift : scaled.log_ratio;
    const double distance = lifted ? a * log_ratio - excess : scaled.value;
    const double log_up = log(x == 0 ? total : x_up);
    const double log_x = lifted ? log_up - log_lift : log_up;
    // at x = 0 the density is its limit
    const double at_zero = a < 1 ? infinity<double> : a > 1 ? -infinity<double> : log_up + 1 - error.value;
    value = x == 0 ? at_zero : 0.5 * log_a - error.value - distance - log_x;
    value = x < 0 ? -infinity<double> : value;
    by_x = (a == 1 ? 0.0 : (a - 1) / x) - total;
    by_a = x == 0 ? -infinity<double> : 0.5 / a - error.slope - log_ratio;
  }
};

template <class Storage>
struct dirichlet_log_prob {
  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const*) {
    const auto* x_data = static_cast<const Storage*>(call->in[0]);
    const auto* a_data = static_cast<const Storage*>(call->in[1]);
    const auto* grad = static_cast<const Storage*>(call->grad);
    const bool partials = call->partial != nullptr;
    auto* values = static_cast<Storage*>(call->value);
    auto* x_partial = partials ? static_cast<Storage*>(call->partial[0]) : nullptr;
    auto* a_partial = partials ? static_cast<Storage*>(call->partial[1]) : nullptr;
    const std::int64_t k = call->k, *period = call->period;
    const std::int64_t together = rows_at_once(k);
    row_buffer x_rows(k), a_rows(k), totals(k), terms(k);
    double *x = x_rows.data(), *a = a_rows.data(), *total = totals.data(), *term = terms.data();
    double concentration[flat_size], mass[flat_size], slope[flat_size], rest[flat_size];
    for (std::int64_t at = begin; at < end; at += together) {
      const std::int64_t count = std::min(together, end - at), size = count * k;
      load_rows(x_data, period[0], at, count, k, x);
      load_rows(a_data, period[1], at, count, k, a);
      for (std::int64_t i = 0; i < count; ++i) {
        concentration[i] = sum_of(a + i * k, k), mass[i] = sum_of(x + i * k, k);
        for (std::int64_t j = 0; j < k; ++j) total[i * k + j] = concentration[i];
      }
      for (std::int64_t i = 0; i < count; ++i) {
        const double here = concentration[i], log_here = log(here);
        const stirling_pair<double> error = stirling(here, log_here);
        rest[i] = error.value - 0.5 * log_here - double(k - 1) * half_log_2pi<double>;
        slope[i] = error.slope - 0.5 / here + (1 - mass[i]);
      }
      if (partials) {
        // x and a make room for the partial derivatives
        for (std::int64_t j = 0; j < size; ++j) {
          const dirichlet_term each(x[j], a[j], total[j]);
          term[j] = each.value, x[j] = each.by_x, a[j] = each.by_a;
        }
      } else {
        for (std::int64_t j = 0; j < size; ++j) term[j] = dirichlet_term(x[j], a[j], total[j]).value;
      }
      for (std::int64_t i = 0; i < count; ++i) {
        if (values != nullptr) values[at + i] = Storage(rest[i] + sum_of(term + i * k, k));
        if (!partials) continue;
        const double factor = grad == nullptr ? 1 : double(grad[(at + i) % call->grad_period]);
        for (std::int64_t j = i * k; j < (i + 1) * k; ++j) x[j] *= factor, a[j] = factor * (a[j] + slope[i]);
      }
      if (x_partial != nullptr) store_flat(x, size, x_partial + at * k);
      if (a_partial != nullptr) store_flat(a, size, a_partial + at * k);
    }
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
