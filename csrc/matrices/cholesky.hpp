// The Cholesky factors L of small symmetric matrices A, read as (A + A') / 2.
#pragma once

#include "lanes.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

template <class Storage>
struct cholesky_factor {
  // The gradient in A for a gradient G in L: the symmetric part of L^-T P L^-1, P the lower triangle of L' G with its
  // diagonal halved. G arrives in `p`, as does the result in place of it.
  static void pull_back(std::int64_t d, const pack* lower, const pack* inverse, pack* p) {
    for (std::int64_t j = 0; j < d; ++j) {
      for (std::int64_t i = 0; i < j; ++i) p[i * d + j] = pack{};
      for (std::int64_t i = j; i < d; ++i) {
        pack entry{};
        for (std::int64_t k = i; k < d; ++k) add_product<1>(entry, lower[k * d + i], p[k * d + j]);
        p[i * d + j] = i > j ? entry : each_lane([&](std::int64_t l) { return 0.5 * entry.lane[l]; });
      }
      solve_transposed(d, lower, inverse, p + j, d);
    }
    for (std::int64_t i = 0; i < d; ++i) solve_transposed(d, lower, inverse, p + i * d);
    for (std::int64_t i = 0; i < d; ++i) {
      for (std::int64_t j = 0; j < i; ++j) {
        const pack &below = p[i * d + j], &above = p[j * d + i];
        p[i * d + j] = p[j * d + i] =
            each_lane([&](std::int64_t l) { return 0.5 * (below.lane[l] + above.lane[l]); });
      }
    }
  }

  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const* sums) {
    const auto* data = static_cast<const Storage*>(call->in[0]);
    const auto* grad = static_cast<const Storage*>(call->grad);
    const std::int64_t d = call->k, size = d * d;
    packs lower(static_cast<std::size_t>(size)), inverse(static_cast<std::size_t>(d));
    lane_writer<Storage> value(call->value, size), partial(*call, sums, 0, size);
    for (std::int64_t at = begin; at < end; at += lanes) {
      const std::int64_t count = std::min(lanes, end - at);
      load_symmetric(data, places(at, count, call->period[0], size), d, lower.data());
      if (!factorise(d, lower.data(), inverse.data(), 0)) mark(call->undefined);
      if (partial.wanted()) {
        packs p(static_cast<std::size_t>(size));
        load_lower(grad, places(at, count, call->grad_period, size), d, p.data());
        pull_back(d, lower.data(), inverse.data(), p.data());
        partial.move(at, count);
        for (std::int64_t e = 0; e < size; ++e) partial.write(e, p[static_cast<std::size_t>(e)]);
      }
      if (!value.wanted()) continue;
      value.move(at, count);
      for (std::int64_t i = 0, e = 0; i < d; ++i) {
        for (std::int64_t j = 0; j < d; ++j, ++e) value.write(e, j <= i ? lower[static_cast<std::size_t>(e)] : pack{});
      }
    }
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
