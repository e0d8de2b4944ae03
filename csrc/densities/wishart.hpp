// The Wishart law of small matrices, by the Cholesky factor of its scale, and the LKJ law of Cholesky factors of
// correlation matrices.
#pragma once

#include "../special/logs.hpp"
#include "../special/stirling.hpp"
#include "multivariate_normal.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// With Bartlett's triangle A = L^-1 chol(X), f_i = (df - i) / 2, h_i = A_ii^2 / 2, the error S of Stirling's formula
// and the deviance D, for i from 0 to d - 1:
// log p = sum of [log(f_i) / 2 - S(f_i) - D(f_i, h_i) - (d + 1 - i) log A_ii] - sum of A_ij^2 below the diagonal / 2
//         - (d + 1) sum of log L_ii - d (d + 1) log(2 pi) / 4,
// whose derivatives are ((df - d - 1) X^-1 - (L L')^-1) / 2 in X and tril(L^-T A A') - df / diag(L) in L.
template <class Storage>
struct wishart_factor_log_prob {
  // The sum over the diagonal, and its derivative in the degrees of freedom.
  static void diagonal_terms(std::int64_t d, const pack& df, const packs& triangle, pack& value, pack& by_df) {
    for (std::int64_t i = 0; i < d; ++i) {
      const pack& entry = triangle[static_cast<std::size_t>(i * d + i)];
      for (std::int64_t l = 0; l < lanes; ++l) {
        const double f = 0.5 * (df.lane[l] - double(i)), log_f = log(f), log_entry = log(entry.lane[l]);
        const double h = 0.5 * entry.lane[l] * entry.lane[l];
        const stirling_pair<double> error = stirling(f, log_f);
        const deviance_pair<double> distance = deviance(f, h, f - h);
        // a square that is no normal number, by its logarithm
        const bool tiny = h < 1e-270;
        const double ratio = tiny ? log_f - 2 * log_entry + log_two<double> : distance.log_ratio;
        const double fit = tiny ? f * ratio + (h - f) : distance.value;
        value.lane[l] += 0.5 * log_f - error.value - fit - double(d + 1 - i) * log_entry;
        by_df.lane[l] += 0.5 * (0.5 / f - error.slope - ratio);
      }
    }
  }

  // A = L^-1 T, both triangular.
  static void divide(std::int64_t d, const spread& scale, const packs& triangle, packs& a) {
    for (std::int64_t j = 0; j < d; ++j) {
      for (std::int64_t i = j; i < d; ++i) {
        pack entry = triangle[scale.at(i, j)];
        for (std::int64_t k = j; k < i; ++k) add_product<-1>(entry, scale.lower[scale.at(i, k)], a[scale.at(k, j)]);
        a[scale.at(i, j)] = product(entry, scale.inverse[static_cast<std::size_t>(i)]);
      }
    }
  }

  // L^-T A A', of which the lower triangle is meant.
  static void turn(std::int64_t d, const spread& scale, const packs& a, packs& to) {
    for (std::int64_t i = 0; i < d; ++i) {
      for (std::int64_t j = 0; j <= i; ++j) {
        pack entry{};
        for (std::int64_t k = 0; k <= j; ++k) add_product<1>(entry, a[scale.at(i, k)], a[scale.at(j, k)]);
        to[scale.at(i, j)] = to[scale.at(j, i)] = entry;
      }
    }
    for (std::int64_t j = 0; j < d; ++j) {
      solve_transposed(d, scale.lower.data(), scale.inverse.data(), &to[scale.at(0, j)], d);
    }
  }

  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const* sums) {
    const auto* x = static_cast<const Storage*>(call->in[0]);
    const auto* freedom = static_cast<const Storage*>(call->in[1]);
    const auto* factor = static_cast<const Storage*>(call->in[2]);
    const auto* grad = static_cast<const Storage*>(call->grad);
    const std::int64_t d = call->k, size = d * d, *period = call->period;
    lane_writer<Storage> value(call->value, 1), by_x(*call, sums, 0, size), by_df(*call, sums, 1, 1),
        by_factor(*call, sums, 2, size);
    spread scale(d), given(d);
    packs a(static_cast<std::size_t>(size)), turned(static_cast<std::size_t>(by_factor.wanted() ? size : 0));
    for (std::int64_t at = begin; at < end; at += lanes) {
      const std::int64_t count = std::min(lanes, end - at);
      if (at == begin || period[2] != 1) {
        load_lower(factor, places(at, count, period[2], size), d, scale.lower.data());
        invert_diagonal(d, scale.lower.data(), scale.inverse.data());
        scale.set_constant();
        if (by_x.wanted()) scale.set_precision();
      }
      load_symmetric(x, places(at, count, period[0], size), d, given.lower.data());
      if (!factorise(d, given.lower.data(), given.inverse.data(), 0)) mark(call->undefined);
      divide(d, scale, given.lower, a);
      const pack df = gather(freedom, places(at, count, period[1], 1), 0);
      pack total{}, slope{};
      diagonal_terms(d, df, a, total, slope);
      if (value.wanted()) {
        pack below{};
        for (std::int64_t i = 0; i < d; ++i) {
          for (std::int64_t j = 0; j < i; ++j) add_product<1>(below, a[scale.at(i, j)], a[scale.at(i, j)]);
        }
        // the constant of a normal density of as many dimensions has the logarithms of the factor once
        value.move(at, count);
        value.write(0, each_lane([&](std::int64_t l) {
          const double logs = scale.constant.lane[l] + double(d) * half_log_2pi<double>;
          return total.lane[l] - 0.5 * below.lane[l] + double(d + 1) * (logs - 0.5 * double(d) * half_log_2pi<double>);
        }));
      }
      if (call->partial == nullptr) continue;
      const pack g = grad == nullptr ? each_lane([](std::int64_t) { return 1.0; })
                                     : gather(grad, places(at, count, call->grad_period, 1), 0);
      if (by_df.wanted()) {
        by_df.move(at, count);
        by_df.write(0, product(g, slope));
      }
      if (by_x.wanted()) {
        given.set_precision();
        by_x.move(at, count);
        for (std::int64_t i = 0; i < d; ++i) {
          for (std::int64_t j = 0; j < d; ++j) {
            const std::size_t e = i >= j ? scale.at(i, j) : scale.at(j, i);
            const pack &own = given.precision[e], &other = scale.precision[e];
            by_x.write(i * d + j, each_lane([&](std::int64_t l) {
              return 0.5 * g.lane[l] * ((df.lane[l] - double(d + 1)) * own.lane[l] - other.lane[l]);
            }));
          }
        }
      }
      if (by_factor.wanted()) {
        turn(d, scale, a, turned);
        by_factor.move(at, count);
        for (std::int64_t i = 0; i < d; ++i) {
          for (std::int64_t j = 0; j < d; ++j) {
            pack entry = j <= i ? turned[scale.at(i, j)] : pack{};
            if (i == j) add_product<-1>(entry, df, scale.inverse[static_cast<std::size_t>(i)]);
            by_factor.write(i * d + j, product(g, entry));
          }
        }
      }
    }
  }
};

// With a_i = c - i / 2, c = eta + (d - 1) / 2, for i from 1 to d - 1:
// log p = sum of [log Gamma(c) - log Gamma(a_i) + 2 (a_i - 1) log L_ii] - d (d - 1) log(pi) / 4.
// Outside the support, with room for the rounding of the rows, it is -inf.
template <class Storage>
struct lkj_log_prob {
  // Where the matrices are lower triangular with a positive diagonal and rows of length 1.
  static pack members(std::int64_t d, const Storage* x, const places& from) {
    constexpr double eps = std::numeric_limits<Storage>::epsilon(), single = std::numeric_limits<float>::epsilon();
    const double room = 10 * (eps + double(d) * single);
    pack good = each_lane([](std::int64_t) { return 1.0; });
    for (std::int64_t i = 0; i < d; ++i) {
      pack square{}, above{};
      for (std::int64_t j = 0; j < d; ++j) {
        const pack entry = gather(x, from, i * d + j);
        add_product<1>(j <= i ? square : above, entry, entry);
        if (i != j) continue;
        for (std::int64_t l = 0; l < lanes; ++l) good.lane[l] = entry.lane[l] > 0 ? good.lane[l] : 0.0;
      }
      for (std::int64_t l = 0; l < lanes; ++l) {
        const bool unit = (absolute(square.lane[l] - 1) <= room) & (above.lane[l] == 0);
        good.lane[l] = unit ? good.lane[l] : 0.0;
      }
    }
    return good;
  }

  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const* sums) {
    constexpr double log_pi = 1.144729885849400174143427351353058712;
    const auto* x = static_cast<const Storage*>(call->in[0]);
    const auto* concentration = static_cast<const Storage*>(call->in[1]);
    const auto* grad = static_cast<const Storage*>(call->grad);
    const std::int64_t d = call->k, size = d * d;
    lane_writer<Storage> value(call->value, 1), by_x(*call, sums, 0, size), by_concentration(*call, sums, 1, 1);
    for (std::int64_t at = begin; at < end; at += lanes) {
      const std::int64_t count = std::min(lanes, end - at);
      const places from_x(at, count, call->period[0], size);
      const pack eta = gather(concentration, places(at, count, call->period[1], 1), 0);
      const pack inside = members(d, x, from_x);
      const pack g = grad == nullptr ? inside : gather(grad, places(at, count, call->grad_period, 1), 0);
      pack total = each_lane([&](std::int64_t) { return -0.25 * double(d * (d - 1)) * log_pi; }), slope{};
      by_x.move(at, count);
      for (std::int64_t i = 1; i < d; ++i) {
        const pack entry = gather(x, from_x, i * d + i);
        const double rest = 0.5 * double(i);
        for (std::int64_t l = 0; l < lanes; ++l) {
          // with the error S of Stirling's formula, log Gamma(z) = S(z) + (z - 1/2) log z - z + log(2 pi) / 2
          const double whole = eta.lane[l] + 0.5 * double(d - 1), own = eta.lane[l] + 0.5 * double(d - 1 - i);
          const double log_whole = log(whole), gap = log1p(rest / own), log_entry = log(entry.lane[l]);
          const stirling_pair<double> all = stirling(whole, log_whole), part = stirling(own);
          const double power = own == 1 ? 0.0 : (own - 1) * log_entry;
          total.lane[l] += (all.value - part.value) + (own - 0.5) * gap + rest * (log_whole - 1) + 2 * power;
          slope.lane[l] += (all.slope - part.slope) + gap + 0.5 * rest / (own * whole) + 2 * log_entry;
        }
        if (by_x.wanted()) {
          by_x.write(i * d + i, each_lane([&](std::int64_t l) {
            const double power = eta.lane[l] + 0.5 * double(d - 3 - i);
            return inside.lane[l] > 0 ? 2 * g.lane[l] * power / entry.lane[l] : 0.0;
          }));
        }
      }
      for (std::int64_t e = 0; e < size && by_x.wanted(); ++e) {
        if (e % (d + 1) != 0 || e == 0) by_x.write(e, pack{});
      }
      if (value.wanted()) {
        value.move(at, count);
        value.write(
            0, each_lane([&](std::int64_t l) { return inside.lane[l] > 0 ? total.lane[l] : -infinity<double>; }));
      }
      if (by_concentration.wanted()) {
        by_concentration.move(at, count);
        by_concentration.write(
            0, each_lane([&](std::int64_t l) { return inside.lane[l] > 0 ? g.lane[l] * slope.lane[l] : 0.0; }));
      }
    }
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
