// Divergences of normal laws of vectors by triangular roots of their covariances, and the roots of those of low rank.
#pragma once

#include "../matrices/lanes.hpp"
#include "../special/stirling.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

constexpr std::int32_t largest_root = 64;

// |M^-1 v|^2 less the square of entry j of M^-1 v, for a vector that begins with entry j.
REPARAM_NOINLINE pack solved_below(std::int64_t d, std::int64_t j, const pack* lower, const pack* inverse,
                                   pack* v) {
  pack square{};
  for (std::int64_t i = j; i < d; ++i) {
    pack entry = v[i];
    for (std::int64_t k = j; k < i; ++k) add_product<-1>(entry, lower[i * d + k], v[k]);
    v[i] = product(entry, inverse[i]);
    if (i > j) add_product<1>(square, v[i], v[i]);
  }
  return square;
}

// The sums over R of what follows.
REPARAM_NOINLINE pack root_trace(std::int64_t d, const pack* ours, const pack* theirs, const pack* inverse,
                                 pack* v) {
  pack total{};
  for (std::int64_t j = 0; j < d; ++j) {
    for (std::int64_t i = j; i < d; ++i) v[i] = ours[i * d + j];
    const pack rest = solved_below(d, j, theirs, inverse, v);
    for (std::int64_t l = 0; l < lanes; ++l) {
      const double m = v[j].lane[l] * v[j].lane[l];
      const double a = std::fabs(ours[j * d + j].lane[l]), b = std::fabs(theirs[j * d + j].lane[l]);
      const double difference = (b - a) * inverse[j].lane[l] * ((b + a) * inverse[j].lane[l]);
      total.lane[l] += rest.lane[l] + deviance(1.0, m, difference).value;
    }
  }
  return total;
}

// With R = M^-1 L: |M^-1 s|^2 + sum (R_ii^2 - 1 - log R_ii^2) + sum_{i>j} R_ij^2, halved, for the means' difference s
// and the roots L and M.
template <class Storage>
struct root_divergence {
  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const*) {
    const auto* shift = static_cast<const Storage*>(call->in[0]);
    const std::int64_t d = call->k, size = d * d, *period = call->period;
    packs ours(static_cast<std::size_t>(size)), theirs(ours.size()), room(static_cast<std::size_t>(2 * d));
    pack *const inverse = room.data(), *const v = inverse + d;
    pack spread{};
    lane_writer<Storage> value(call->value, 1);
    for (std::int64_t at = begin; at < end; at += lanes) {
      const std::int64_t count = std::min(lanes, end - at);
      if (at == begin || period[1] != 1 || period[2] != 1) {
        load_lower(static_cast<const Storage*>(call->in[1]), places(at, count, period[1], size), d, ours.data());
        load_lower(static_cast<const Storage*>(call->in[2]), places(at, count, period[2], size), d, theirs.data());
        invert_diagonal(d, theirs.data(), inverse);
        spread = root_trace(d, ours.data(), theirs.data(), inverse, v);
      }
      const places from(at, count, period[0], d);
      for (std::int64_t i = 0; i < d; ++i) v[i] = gather(shift, from, i);
      pack square = solved_below(d, 0, theirs.data(), inverse, v);
      add_product<1>(square, v[0], v[0]);
      value.move(at, count);
      value.write(0, each_lane([&](std::int64_t l) { return 0.5 * (square.lane[l] + spread.lane[l]); }));
    }
  }
};

// Turns a lower Cholesky factor of A, column after column, into that of A + w w' by plane rotations.
REPARAM_NOINLINE void add_column(std::int64_t d, pack* columns, pack* w) {
  for (std::int64_t j = 0; j < d; ++j) {
    pack* const own = columns + j * d;
    const pack a = own[j], b = w[j];
    pack square = product(a, a);
    add_product<1>(square, b, b);
    const pack length = each_lane([&](std::int64_t l) { return std::sqrt(square.lane[l]); });
    const pack c = each_lane([&](std::int64_t l) { return a.lane[l] / length.lane[l]; });
    const pack s = each_lane([&](std::int64_t l) { return b.lane[l] / length.lane[l]; });
    own[j] = length;
    for (std::int64_t i = j + 1; i < d; ++i) {
      pack turned = product(c, own[i]), rest = product(c, w[i]);
      add_product<1>(turned, s, w[i]);
      add_product<-1>(rest, s, own[i]);
      own[i] = turned, w[i] = rest;
    }
  }
}

// The lower Cholesky factor of W W' + diag(D): a column of W at a time is added to that of diag(D). The factor W comes
// with columns of zeros that make it square.
template <class Storage>
struct low_rank_root {
  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const*) {
    const auto* factor = static_cast<const Storage*>(call->in[0]);
    const auto* variance = static_cast<const Storage*>(call->in[1]);
    const std::int64_t d = call->k, size = d * d, *period = call->period;
    packs columns(static_cast<std::size_t>(size)), w(static_cast<std::size_t>(d));
    lane_writer<Storage> value(call->value, size);
    for (std::int64_t at = begin; at < end; at += lanes) {
      const std::int64_t count = std::min(lanes, end - at);
      const places from_factor(at, count, period[0], size), from_variance(at, count, period[1], d);
      std::fill(columns.begin(), columns.end(), pack{});
      for (std::int64_t i = 0; i < d; ++i) {
        const pack entry = gather(variance, from_variance, i);
        columns[static_cast<std::size_t>(i * d + i)] =
            each_lane([&](std::int64_t l) { return std::sqrt(entry.lane[l]); });
      }
      const std::int64_t used = columns_in_use(factor, from_factor, d);
      for (std::int64_t j = 0; j < used; ++j) {
        for (std::int64_t i = 0; i < d; ++i) w[static_cast<std::size_t>(i)] = gather(factor, from_factor, i * d + j);
        add_column(d, columns.data(), w.data());
      }
      value.move(at, count);
      for (std::int64_t e = 0; e < size; ++e) value.write(e, columns[static_cast<std::size_t>(e % d * d + e / d)]);
    }
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
