// The multivariate normal law of small dimension, by the Cholesky factor of its covariance or by the covariance.
#pragma once

#include "../matrices/lanes.hpp"
#include "../special/elementary.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// What eight elements need of their matrices: the factor L, the inverse of its diagonal, the constant of the density
// and, for derivatives in the covariance, its inverse.
class spread {
 public:
  explicit spread(std::int64_t d)
      : d_(d), lower(static_cast<std::size_t>(d * d)), inverse(static_cast<std::size_t>(d)) {}

  void set_constant() {
    constant = each_lane([&](std::int64_t) { return -double(d_) * half_log_2pi<double>; });
    for (std::int64_t i = 0; i < d_; ++i) {
      const pack& entry = lower[static_cast<std::size_t>(i * d_ + i)];
      for (std::int64_t l = 0; l < lanes; ++l) constant.lane[l] -= log(entry.lane[l]);
    }
  }

  // The lower triangle of (L L')^-1 = M' M, with M = L^-1.
  void set_precision() {
    const std::size_t size = lower.size();
    precision.resize(size);
    packs m(size);
    for (std::int64_t j = 0; j < d_; ++j) {
      m[at(j, j)] = inverse[static_cast<std::size_t>(j)];
      for (std::int64_t i = j + 1; i < d_; ++i) {
        pack entry{};
        for (std::int64_t k = j; k < i; ++k) add_product<-1>(entry, lower[at(i, k)], m[at(k, j)]);
        m[at(i, j)] = product(entry, inverse[static_cast<std::size_t>(i)]);
      }
    }
    for (std::int64_t i = 0; i < d_; ++i) {
      for (std::int64_t j = 0; j <= i; ++j) {
        pack entry{};
        for (std::int64_t k = i; k < d_; ++k) add_product<1>(entry, m[at(k, i)], m[at(k, j)]);
        precision[at(i, j)] = entry;
      }
    }
  }

  std::size_t at(std::int64_t i, std::int64_t j) const { return static_cast<std::size_t>(i * d_ + j); }

 private:
  std::int64_t d_;

 public:
  packs lower, inverse, precision;
  pack constant;
};

struct by_factor {
  template <class Storage>
  static void load(const reparam_call&, const Storage* data, const places& from, std::int64_t d, bool, spread& to) {
    load_lower(data, from, d, to.lower.data());
    invert_diagonal(d, to.lower.data(), to.inverse.data());
  }

  // tril(g w z') - g / diag(L), with g w and z as given
  template <class Storage>
  static void write(const spread& s, std::int64_t d, const pack* z, const pack*, const pack* gw, const pack& g,
                    lane_writer<Storage>& to) {
    for (std::int64_t i = 0; i < d; ++i) {
      for (std::int64_t j = 0; j < d; ++j) {
        pack entry = j <= i ? product(gw[i], z[j]) : pack{};
        if (i == j) add_product<-1>(entry, g, s.inverse[static_cast<std::size_t>(i)]);
        to.write(i * d + j, entry);
      }
    }
  }
};

struct by_covariance {
  template <class Storage>
  static void load(const reparam_call& call, const Storage* data, const places& from, std::int64_t d, bool slopes,
                   spread& to) {
    load_symmetric(data, from, d, to.lower.data());
    if (!factorise(d, to.lower.data(), to.inverse.data(), 0)) mark(call.undefined);
    if (slopes) to.set_precision();
  }

  // g (w w' - (L L')^-1) / 2
  template <class Storage>
  static void write(const spread& s, std::int64_t d, const pack*, const pack* w, const pack* gw, const pack& g,
                    lane_writer<Storage>& to) {
    for (std::int64_t i = 0; i < d; ++i) {
      for (std::int64_t j = 0; j < d; ++j) {
        pack entry = product(gw[i], w[j]);
        add_product<-1>(entry, g, s.precision[i >= j ? s.at(i, j) : s.at(j, i)]);
        to.write(i * d + j, each_lane([&](std::int64_t l) { return 0.5 * entry.lane[l]; }));
      }
    }
  }
};

// With z = L^-1 (x - loc) and w = L^-T z: log p = -z' z / 2 - sum log diag(L) - d log(2 pi) / 2, whose derivatives are
// -w in x and w in loc.
template <class Storage, class Form>
struct multivariate_normal_log_prob {
  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const* sums) {
    const auto* x = static_cast<const Storage*>(call->in[0]);
    const auto* loc = static_cast<const Storage*>(call->in[1]);
    const auto* matrix = static_cast<const Storage*>(call->in[2]);
    const auto* grad = static_cast<const Storage*>(call->grad);
    const std::int64_t d = call->k, *period = call->period;
    lane_writer<Storage> value(call->value, 1), by_x(*call, sums, 0, d), by_loc(*call, sums, 1, d),
        by_matrix(*call, sums, 2, d * d);
    spread matrices(d);
    packs vectors(static_cast<std::size_t>(3 * d));
    pack *z = vectors.data(), *w = z + d, *gw = w + d;
    for (std::int64_t at = begin; at < end; at += lanes) {
      const std::int64_t count = std::min(lanes, end - at);
      if (at == begin || period[2] != 1) {
        Form::load(*call, matrix, places(at, count, period[2], d * d), d, by_matrix.wanted(), matrices);
        if (value.wanted()) matrices.set_constant();
      }
      const places from_x(at, count, period[0], d), from_loc(at, count, period[1], d);
      for (std::int64_t i = 0; i < d; ++i) {
        const pack left = gather(x, from_x, i), right = gather(loc, from_loc, i);
        z[i] = each_lane([&](std::int64_t l) { return left.lane[l] - right.lane[l]; });
      }
      solve_lower(d, matrices.lower.data(), matrices.inverse.data(), z);
      if (value.wanted()) {
        pack square{};
        for (std::int64_t i = 0; i < d; ++i) add_product<1>(square, z[i], z[i]);
        value.move(at, count);
        value.write(0, each_lane([&](std::int64_t l) { return matrices.constant.lane[l] - 0.5 * square.lane[l]; }));
      }
      if (call->partial == nullptr) continue;
      std::copy(z, z + d, w);
      solve_transposed(d, matrices.lower.data(), matrices.inverse.data(), w);
      const pack g = grad == nullptr ? each_lane([](std::int64_t) { return 1.0; })
                                     : gather(grad, places(at, count, call->grad_period, 1), 0);
      for (std::int64_t i = 0; i < d; ++i) gw[i] = product(g, w[i]);
      if (by_x.wanted()) {
        by_x.move(at, count);
        for (std::int64_t i = 0; i < d; ++i) by_x.write(i, each_lane([&](std::int64_t l) { return -gw[i].lane[l]; }));
      }
      if (by_loc.wanted()) {
        by_loc.move(at, count);
        for (std::int64_t i = 0; i < d; ++i) by_loc.write(i, gw[i]);
      }
      if (by_matrix.wanted()) {
        by_matrix.move(at, count);
        Form::write(matrices, d, z, w, gw, g, by_matrix);
      }
    }
  }
};

// loc + L z, for draws z of the standard normal law.
template <class Storage>
struct multivariate_normal_draw {
  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const* sums) {
    const auto* noise = static_cast<const Storage*>(call->in[0]);
    const auto* loc = static_cast<const Storage*>(call->in[1]);
    const auto* matrix = static_cast<const Storage*>(call->in[2]);
    const auto* grad = static_cast<const Storage*>(call->grad);
    const std::int64_t d = call->k, *period = call->period;
    lane_writer<Storage> value(call->value, d), by_noise(*call, sums, 0, d), by_loc(*call, sums, 1, d),
        by_matrix(*call, sums, 2, d * d);
    packs lower(static_cast<std::size_t>(d * d)), vectors(static_cast<std::size_t>(2 * d));
    pack *z = vectors.data(), *g = z + d;
    for (std::int64_t at = begin; at < end; at += lanes) {
      const std::int64_t count = std::min(lanes, end - at);
      if (at == begin || period[2] != 1) load_lower(matrix, places(at, count, period[2], d * d), d, lower.data());
      const places from_noise(at, count, period[0], d), from_loc(at, count, period[1], d);
      for (std::int64_t i = 0; i < d; ++i) z[i] = gather(noise, from_noise, i);
      if (value.wanted()) {
        value.move(at, count);
        for (std::int64_t i = 0; i < d; ++i) {
          pack entry = gather(loc, from_loc, i);
          for (std::int64_t j = 0; j <= i; ++j) add_product<1>(entry, lower[static_cast<std::size_t>(i * d + j)], z[j]);
          value.write(i, entry);
        }
      }
      if (call->partial == nullptr) continue;
      const places from_grad(at, count, call->grad_period, d);
      for (std::int64_t i = 0; i < d; ++i) g[i] = gather(grad, from_grad, i);
      by_noise.move(at, count), by_loc.move(at, count), by_matrix.move(at, count);
      for (std::int64_t i = 0; i < d; ++i) {
        if (by_loc.wanted()) by_loc.write(i, g[i]);
        if (by_noise.wanted()) {
          pack entry{};
          for (std::int64_t j = i; j < d; ++j) add_product<1>(entry, lower[static_cast<std::size_t>(j * d + i)], g[j]);
          by_noise.write(i, entry);
        }
        for (std::int64_t j = 0; j < d && by_matrix.wanted(); ++j) {
          by_matrix.write(i * d + j, j <= i ? product(g[i], z[j]) : pack{});
        }
      }
    }
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
