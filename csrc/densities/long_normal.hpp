// The multivariate normal law of any dimension by the Cholesky factor of its covariance, for few vectors a factor.
#pragma once

#include <vector>

#include "../matrices/single.hpp"
#include "../special/elementary.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// What the functions of a value or of noise, the mean and a factor have in common.
template <class Storage>
struct factor_call {
  const reparam_call* call;
  std::int64_t d = call->k;

  const Storage* row(int j, std::int64_t at) const {
    return static_cast<const Storage*>(call->in[j]) + at % call->period[j] * d;
  }
  const Storage* matrix(std::int64_t at) const {
    return static_cast<const Storage*>(call->in[2]) + at % call->period[2] * d * d;
  }
};

// As multivariate_normal_log_prob.
template <class Storage>
struct long_normal_log_prob {
  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const* sums) {
    const factor_call<Storage> in{call};
    const std::int64_t d = in.d;
    single_writer<Storage> value(call->value, 1), by_x(*call, sums, 0, d), by_loc(*call, sums, 1, d),
        by_matrix(*call, sums, 2, d * d);
    std::vector<double> room(static_cast<std::size_t>(2 * d));
    double *const z = room.data(), *const w = z + d;
    for (std::int64_t at = begin; at < end; ++at) {
      const Storage *const x = in.row(0, at), *const loc = in.row(1, at), *const lower = in.matrix(at);
      for (std::int64_t i = 0; i < d; ++i) z[i] = double(x[i]) - double(loc[i]);
      solve_lower(d, lower, z);
      if (value.wanted()) {
        double total = double(d) * half_log_2pi<double> + 0.5 * dot(z, z, d);
        for (std::int64_t i = 0; i < d; ++i) total += log(double(lower[i * d + i]));
        value.write(at, 0, 1, [&](std::int64_t) { return -total; });
      }
      if (call->partial == nullptr) continue;
      const auto* const grad = static_cast<const Storage*>(call->grad);
      const double g = grad == nullptr ? 1.0 : double(grad[at % call->grad_period]);
      std::copy(z, z + d, w);
      solve_transposed(d, lower, w);
      by_x.write(at, 0, d, [&](std::int64_t i) { return -g * w[i]; });
      by_loc.write(at, 0, d, [&](std::int64_t i) { return g * w[i]; });
      for (std::int64_t i = 0; i < d && by_matrix.wanted(); ++i) {
        const double corner = 1 / double(lower[i * d + i]);
        by_matrix.write(at, i * d, i, [&](std::int64_t j) { return g * w[i] * z[j]; });
        by_matrix.write(at, i * d + i, 1, [&](std::int64_t) { return g * (w[i] * z[i] - corner); });
        by_matrix.write(at, i * d + i + 1, d - i - 1, [](std::int64_t) { return 0.0; });
      }
    }
  }
};

// As multivariate_normal_draw.
template <class Storage>
struct long_normal_draw {
  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const* sums) {
    const factor_call<Storage> in{call};
    const std::int64_t d = in.d;
    single_writer<Storage> value(call->value, d), by_noise(*call, sums, 0, d), by_loc(*call, sums, 1, d),
        by_matrix(*call, sums, 2, d * d);
    std::vector<double> room(static_cast<std::size_t>(3 * d));
    double *const z = room.data(), *const g = z + d, *const pulled = g + d;
    for (std::int64_t at = begin; at < end; ++at) {
      const Storage *const noise = in.row(0, at), *const loc = in.row(1, at), *const lower = in.matrix(at);
      std::copy(noise, noise + d, z);
      value.write(at, 0, value.wanted() ? d : 0,
                  [&](std::int64_t i) { return double(loc[i]) + dot(lower + i * d, z, i + 1); });
      if (call->partial == nullptr) continue;
      const Storage* const grad = static_cast<const Storage*>(call->grad) + at % call->grad_period * d;
      std::copy(grad, grad + d, g);
      by_loc.write(at, 0, d, [&](std::int64_t i) { return g[i]; });
      if (by_noise.wanted()) {
        std::fill(pulled, pulled + d, 0.0);
        for (std::int64_t i = 0; i < d; ++i) add_row(g[i], lower + i * d, i + 1, pulled);
        by_noise.write(at, 0, d, [&](std::int64_t i) { return pulled[i]; });
      }
      for (std::int64_t i = 0; i < d && by_matrix.wanted(); ++i) {
        by_matrix.write(at, i * d, i + 1, [&](std::int64_t j) { return g[i] * z[j]; });
        by_matrix.write(at, i * d + i + 1, d - i - 1, [](std::int64_t) { return 0.0; });
      }
    }
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
