// Dirichlet draws: gamma draws over their sums, from their logarithms.
#pragma once

#include "../engine/rows.hpp"
#include "gamma.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// x = softmax(y), with dx_i = x_i (dy_i - sum of x_j dy_j).
template <class Storage>
struct dirichlet_draw {
  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const* sums) {
    const auto* concentrations = static_cast<const Storage*>(call->in[1]);
    const auto* grad = static_cast<const Storage*>(call->grad);
    auto* values = static_cast<Storage*>(call->value);
    auto* partial = call->partial == nullptr ? nullptr : static_cast<Storage*>(call->partial[1]);
    double* const total = call->reduced >> 1 & 1 ? sums[1] : nullptr;
    const std::int64_t k = call->k, period = call->period[1], together = rows_at_once(k);
    const std::uint64_t key = key_of(*call);
    const bool slopes = wants(*call, 1);
    const slope_table<Storage, gamma_law> table(slopes, concentrations, period * k, 1, call->n * k);
    row_buffer a_rows(k), x_rows(k), slope_rows(k), grad_rows(k);
    double *a = a_rows.data(), *x = x_rows.data(), *slope = slope_rows.data(), *g = grad_rows.data();
    for (std::int64_t at = begin; at < end; at += together) {
      const std::int64_t count = std::min(together, end - at), size = count * k;
      load_rows(concentrations, period, at, count, k, a);
      for (std::int64_t j = 0; j < size; j += sampler_block) {
        const int here = int(std::min<std::int64_t>(sampler_block, size - j));
        gamma_block({key, at * k + j, 0}, here, a + j).logarithms(here, x + j);
        if (slopes) table.slopes(at * k + j, here, a + j, x + j, slope + j);
      }
      for (std::int64_t i = 0; i < count; ++i) {
        double* const row = x + i * k;
        const double most = maximum_of(row, k);
        for (std::int64_t j = 0; j < k; ++j) row[j] -= most;
      }
      for (std::int64_t j = 0; j < size; ++j) x[j] = exp(x[j]);
      for (std::int64_t i = 0; i < count; ++i) {
        double* const row = x + i * k;
        const double whole = 1 / sum_of(row, k);
        for (std::int64_t j = 0; j < k; ++j) row[j] *= whole;
      }
      if (values != nullptr) store_flat(x, size, values + at * k);
      if (!slopes) continue;
      if (grad == nullptr) std::fill_n(g, size, 1.0);
      if (grad != nullptr) load_rows(grad, call->grad_period, at, count, k, g);
      for (std::int64_t i = 0; i < count; ++i) {
        const double *row = x + i * k, *each = g + i * k;
        double mean = 0;
        for (std::int64_t j = 0; j < k; ++j) mean += row[j] * each[j];
        for (std::int64_t j = i * k; j < (i + 1) * k; ++j) slope[j] *= x[j] * (g[j] - mean);
      }
      if (partial != nullptr && total == nullptr) store_flat(slope, size, partial + at * k);
      for (std::int64_t i = 0; i < count && total != nullptr; ++i) {
        double* const to = total + (at + i) % period * k;
        for (std::int64_t j = 0; j < k; ++j) to[j] += slope[i * k + j];
      }
    }
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
