// The normal law of a vector of small dimension whose covariance is W W' + diag(D), by orthogonal columns.
#pragma once

#include "../matrices/lanes.hpp"
#include "../special/elementary.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// Of eight elements: with s = sqrt(D), the orthonormal columns Q of s^-1 W above the identity, by the Gram-Schmidt
// process done twice. What stands below is upper triangular, the inverse of the triangle R of the factorisation.
// Columns of W from the last one on that is not zero need no place.
class low_rank {
 public:
  explicit low_rank(std::int64_t d)
      : d_(d), inverse(static_cast<std::size_t>(d)), columns_(static_cast<std::size_t>(2 * d * d)) {}

  template <class Storage>
  void load(const Storage* factor, const places& from_factor, const Storage* diagonal, const places& from_diagonal) {
    constant = each_lane([&](std::int64_t) { return -double(d_) * half_log_2pi<double>; });
    for (std::int64_t i = 0; i < d_; ++i) {
      const pack entry = gather(diagonal, from_diagonal, i);
      for (std::int64_t l = 0; l < lanes; ++l) constant.lane[l] -= 0.5 * log(entry.lane[l]);
      inverse[static_cast<std::size_t>(i)] = each_lane([&](std::int64_t l) { return 1 / std::sqrt(entry.lane[l]); });
    }
    rank = columns_in_use(factor, from_factor, d_);
    for (std::int64_t j = 0; j < rank; ++j) {
      pack* const own = column(j);
      for (std::int64_t i = 0; i < d_; ++i) {
        own[i] = product(gather(factor, from_factor, i * d_ + j), inverse[static_cast<std::size_t>(i)]);
      }
      normalise(j);
    }
  }

  // The entries of column j are those of the coordinates, and then j + 1 below.
  pack* column(std::int64_t j) { return columns_.data() + 2 * d_ * j; }
  std::int64_t height(std::int64_t j) const { return d_ + j + 1; }

  // Takes from v, of `rank` entries below, its part in the span of the columns.
  void project(pack* v) {
    for (std::int64_t j = 0; j < rank; ++j) remove(j, v);
  }

  // (W W' + D)^-1 W, and the diagonal of (W W' + D)^-1: s_i^-2 times the squared distance of the i-th unit vector
  // from the span, which does not cancel.
  void set_slopes() {
    by_factor.resize(static_cast<std::size_t>(d_ * d_));
    by_diagonal.resize(static_cast<std::size_t>(d_));
    packs rest(static_cast<std::size_t>(2 * d_));
    for (std::int64_t i = 0; i < d_; ++i) {
      for (std::int64_t j = 0; j < rank; ++j) {
        pack entry{};
        for (std::int64_t k = j; k < rank; ++k) add_product<1>(entry, column(k)[i], column(k)[d_ + j]);
        by_factor[static_cast<std::size_t>(i * d_ + j)] = product(entry, inverse[static_cast<std::size_t>(i)]);
      }
      std::fill(rest.begin(), rest.end(), pack{});
      rest[static_cast<std::size_t>(i)] = each_lane([](std::int64_t) { return 1.0; });
      project(rest.data());
      pack& square = by_diagonal[static_cast<std::size_t>(i)] = pack{};
      for (std::int64_t k = 0; k < d_ + rank; ++k) {
        const pack scaled = product(rest[static_cast<std::size_t>(k)], inverse[static_cast<std::size_t>(i)]);
        add_product<1>(square, scaled, scaled);
      }
    }
  }

 private:
  void remove(std::int64_t j, pack* v) {
    const pack* const own = column(j);
    pack share{};
    for (std::int64_t i = 0; i < height(j); ++i) add_product<1>(share, own[i], v[i]);
    for (std::int64_t i = 0; i < height(j); ++i) add_product<-1>(v[i], share, own[i]);
  }

  void normalise(std::int64_t j) {
    pack* const own = column(j);
    for (std::int64_t i = 0; i <= j; ++i) own[d_ + i] = each_lane([&](std::int64_t) { return i == j ? 1.0 : 0.0; });
    for (int pass = 0; pass < 2; ++pass) {
      for (std::int64_t k = 0; k < j; ++k) remove(k, own);
    }
    pack square{};
    for (std::int64_t i = 0; i < height(j); ++i) add_product<1>(square, own[i], own[i]);
    for (std::int64_t l = 0; l < lanes; ++l) constant.lane[l] -= 0.5 * log(square.lane[l]);
    const pack size = each_lane([&](std::int64_t l) { return 1 / std::sqrt(square.lane[l]); });
    for (std::int64_t i = 0; i < height(j); ++i) own[i] = product(own[i], size);
  }

  std::int64_t d_;

 public:
  std::int64_t rank = 0;
  packs inverse, by_factor, by_diagonal;  // inverse: of s
  pack constant;                          // of the log-density

 private:
  packs columns_;
};

// The factor comes with columns of zeros that make it square. The residual (s w, -z) of s^-1 (x - loc) above zeros has
// w = (W W' + D)^-1 (x - loc) and z = W' w: log p = constant - |residual|^2 / 2, with the derivatives -w in x, w in
// loc, w z' - (W W' + D)^-1 W in W, and (w^2 - diag (W W' + D)^-1) / 2 in D.
template <class Storage>
struct low_rank_normal_log_prob {
  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const* sums) {
    const auto* x = static_cast<const Storage*>(call->in[0]);
    const auto* loc = static_cast<const Storage*>(call->in[1]);
    const auto* factor = static_cast<const Storage*>(call->in[2]);
    const auto* diagonal = static_cast<const Storage*>(call->in[3]);
    const auto* grad = static_cast<const Storage*>(call->grad);
    const std::int64_t d = call->k, *period = call->period;
    lane_writer<Storage> value(call->value, 1), by_x(*call, sums, 0, d), by_loc(*call, sums, 1, d),
        by_factor(*call, sums, 2, d * d), by_diagonal(*call, sums, 3, d);
    const bool slopes = by_factor.wanted() || by_diagonal.wanted();
    low_rank columns(d);
    packs rest(static_cast<std::size_t>(2 * d));
    for (std::int64_t at = begin; at < end; at += lanes) {
      const std::int64_t count = std::min(lanes, end - at);
      if (at == begin || period[2] != 1 || period[3] != 1) {
        columns.load(factor, places(at, count, period[2], d * d), diagonal, places(at, count, period[3], d));
        if (slopes) columns.set_slopes();
      }
      const places from_x(at, count, period[0], d), from_loc(at, count, period[1], d);
      for (std::int64_t i = 0; i < d; ++i) {
        const pack left = gather(x, from_x, i), right = gather(loc, from_loc, i);
        const pack& scale = columns.inverse[static_cast<std::size_t>(i)];
        rest[static_cast<std::size_t>(i)] =
            each_lane([&](std::int64_t l) { return (left.lane[l] - right.lane[l]) * scale.lane[l]; });
      }
      std::fill(rest.begin() + d, rest.end(), pack{});
      columns.project(rest.data());
      if (value.wanted()) {
        pack square{};
        for (std::int64_t i = 0; i < d + columns.rank; ++i) {
          add_product<1>(square, rest[static_cast<std::size_t>(i)], rest[static_cast<std::size_t>(i)]);
        }
        value.move(at, count);
        value.write(0, each_lane([&](std::int64_t l) { return columns.constant.lane[l] - 0.5 * square.lane[l]; }));
      }
      if (call->partial == nullptr) continue;
      const pack g = grad == nullptr ? each_lane([](std::int64_t) { return 1.0; })
                                     : gather(grad, places(at, count, call->grad_period, 1), 0);
      by_x.move(at, count), by_loc.move(at, count), by_factor.move(at, count), by_diagonal.move(at, count);
      for (std::int64_t i = 0; i < d; ++i) {
        const auto here = static_cast<std::size_t>(i);
        const pack w = product(rest[here], columns.inverse[here]), gw = product(g, w);
        if (by_x.wanted()) by_x.write(i, each_lane([&](std::int64_t l) { return -gw.lane[l]; }));
        if (by_loc.wanted()) by_loc.write(i, gw);
        if (by_diagonal.wanted()) {
          pack entry = product(gw, w);
          add_product<-1>(entry, g, columns.by_diagonal[here]);
          by_diagonal.write(i, each_lane([&](std::int64_t l) { return 0.5 * entry.lane[l]; }));
        }
        for (std::int64_t j = 0; j < d && by_factor.wanted(); ++j) {
          pack entry{};
          if (j < columns.rank) {
            add_product<-1>(entry, gw, rest[static_cast<std::size_t>(d + j)]);
            add_product<-1>(entry, g, columns.by_factor[static_cast<std::size_t>(i * d + j)]);
          }
          by_factor.write(i * d + j, entry);
        }
      }
    }
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
