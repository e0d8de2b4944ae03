// Small problems of linear algebra, eight of them side by side: every operation is one vector operation.
#pragma once

#include <cmath>
#include <vector>

#include "../engine/reduce.hpp"
#include "../platform.hpp"
#include "../reparam.h"

namespace reparam::REPARAM_LEVEL {
namespace {

constexpr std::int32_t largest_matrix = 32;  // beyond, LAPACK's blocks are faster

// One number of each of the eight problems.
struct alignas(64) pack {
  double lane[lanes];
};
using packs = std::vector<pack>;

template <class Function>
REPARAM_INLINE pack each_lane(Function function) {
  pack result;
  for (std::int64_t l = 0; l < lanes; ++l) result.lane[l] = function(l);
  return result;
}

// to += factor * a * b, lane by lane.
template <int Factor>
REPARAM_INLINE void add_product(pack& to, const pack& a, const pack& b) {
  for (std::int64_t l = 0; l < lanes; ++l) to.lane[l] += Factor * a.lane[l] * b.lane[l];
}

REPARAM_INLINE pack product(const pack& a, const pack& b) {
  return each_lane([&](std::int64_t l) { return a.lane[l] * b.lane[l]; });
}

// Where the values of the elements first <= i < first + count begin in an input; lanes without an element repeat
// the first one.
struct places {
  std::int64_t at[lanes];

  places(std::int64_t first, std::int64_t count, std::int64_t period, std::int64_t size) {
    const std::int64_t start = first % period;
    std::int64_t row = start;
    for (std::int64_t l = 0; l < lanes; ++l) {
      at[l] = (l < count ? row : start) * size;
      row = row + 1 == period ? 0 : row + 1;
    }
  }
};

template <class Storage>
REPARAM_INLINE pack gather(const Storage* data, const places& from, std::int64_t entry) {
  return each_lane([&](std::int64_t l) { return double(data[from.at[l] + entry]); });
}

template <class Storage>
REPARAM_NOINLINE void load_lower(const Storage* data, const places& from, std::int64_t d, pack* to) {
  for (std::int64_t i = 0; i < d; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) to[i * d + j] = gather(data, from, i * d + j);
  }
}

// How many columns there are up to the last one that is not zero in all of the matrices.
template <class Storage>
REPARAM_NOINLINE std::int64_t columns_in_use(const Storage* data, const places& from, std::int64_t d) {
  std::int64_t used = 0;
  for (std::int64_t l = 0; l < lanes; ++l) {
    if (l > 0 && from.at[l] == from.at[0]) continue;
    for (std::int64_t i = 0; i < d; ++i) {
      const Storage* const row = data + from.at[l] + i * d;
      std::int64_t j = d;
      while (j > used && row[j - 1] == 0) --j;
      used = j > used ? j : used;
    }
  }
  return used;
}

// The lower triangles of (A + A') / 2.
template <class Storage>
REPARAM_NOINLINE void load_symmetric(const Storage* data, const places& from, std::int64_t d, pack* to) {
  for (std::int64_t i = 0; i < d; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) {
      const pack below = gather(data, from, i * d + j), above = gather(data, from, j * d + i);
      to[i * d + j] = each_lane([&](std::int64_t l) { return 0.5 * (below.lane[l] + above.lane[l]); });
    }
  }
}

REPARAM_NOINLINE void invert_diagonal(std::int64_t d, const pack* lower, pack* inverse) {
  for (std::int64_t i = 0; i < d; ++i) {
    inverse[i] = each_lane([&](std::int64_t l) { return 1 / lower[i * d + i].lane[l]; });
  }
}

// Turns lower triangles of symmetric matrices into their Cholesky factors, with the inverses of the diagonals. False
// unless every pivot is more than `margin` of its diagonal entry.
REPARAM_NOINLINE bool factorise(std::int64_t d, pack* a, pack* inverse, double margin) {
  bool good = true;
  for (std::int64_t j = 0; j < d; ++j) {
    const pack* row = a + j * d;
    pack pivot = row[j];
    for (std::int64_t k = 0; k < j; ++k) add_product<-1>(pivot, row[k], row[k]);
    for (std::int64_t l = 0; l < lanes; ++l) good &= pivot.lane[l] > margin * row[j].lane[l];
    a[j * d + j] = each_lane([&](std::int64_t l) { return std::sqrt(pivot.lane[l]); });
    inverse[j] = each_lane([&](std::int64_t l) { return 1 / row[j].lane[l]; });
    for (std::int64_t i = j + 1; i < d; ++i) {
      pack entry = a[i * d + j];
      for (std::int64_t k = 0; k < j; ++k) add_product<-1>(entry, a[i * d + k], row[k]);
      a[i * d + j] = product(entry, inverse[j]);
    }
  }
  return good;
}

// x = L^-1 x, and x = L^-T x.
REPARAM_NOINLINE void solve_lower(std::int64_t d, const pack* lower, const pack* inverse, pack* x) {
  for (std::int64_t i = 0; i < d; ++i) {
    pack entry = x[i];
    for (std::int64_t j = 0; j < i; ++j) add_product<-1>(entry, lower[i * d + j], x[j]);
    x[i] = product(entry, inverse[i]);
  }
}

REPARAM_NOINLINE void solve_transposed(std::int64_t d, const pack* lower, const pack* inverse, pack* x,
                             std::int64_t stride = 1) {
  for (std::int64_t i = d - 1; i >= 0; --i) {
    pack entry = x[i * stride];
    for (std::int64_t j = i + 1; j < d; ++j) add_product<-1>(entry, lower[j * d + i], x[j * stride]);
    x[i * stride] = product(entry, inverse[i]);
  }
}

// One output of eight elements at a time: an array, or the sums over the repetitions of an input, or nothing.
template <class Storage>
class lane_writer {
 public:
  lane_writer(const reparam_call& call, double* const* sums, int j, std::int64_t size) : size_(size) {
    if (call.partial == nullptr || call.partial[j] == nullptr) return;
    if (call.reduced >> j & 1) {
      sums_ = sums[j], period_ = call.period[j];
      if (period_ == 1) total_.resize(static_cast<std::size_t>(size));
    } else {
      data_ = static_cast<Storage*>(call.partial[j]);
    }
  }
  lane_writer(void* data, std::int64_t size) : data_(static_cast<Storage*>(data)), size_(size) {}
  lane_writer(const lane_writer&) = delete;
  lane_writer& operator=(const lane_writer&) = delete;

  // A single sum is kept lane by lane, and added up at the end.
  ~lane_writer() {
    for (std::size_t entry = 0; entry < total_.size(); ++entry) sums_[entry] += sum_of(total_[entry].lane, lanes);
  }

  bool wanted() const { return data_ != nullptr || sums_ != nullptr; }

  // Sets the elements first <= i < first + count for what `write` is given next.
  void move(std::int64_t first, std::int64_t count) {
    count_ = count;
    for (std::int64_t l = 0; l < count; ++l) at_[l] = (sums_ != nullptr ? (first + l) % period_ : first + l) * size_;
  }

  void write(std::int64_t entry, const pack& values) {
    if (!total_.empty()) {
      double* to = total_[static_cast<std::size_t>(entry)].lane;
      for (std::int64_t l = 0; l < lanes; ++l) to[l] += l < count_ ? values.lane[l] : 0;
    } else if (sums_ != nullptr) {
      for (std::int64_t l = 0; l < count_; ++l) sums_[at_[l] + entry] += values.lane[l];
    } else {
      for (std::int64_t l = 0; l < count_; ++l) data_[at_[l] + entry] = Storage(values.lane[l]);
    }
  }

 private:
  Storage* data_ = nullptr;
  double* sums_ = nullptr;
  packs total_;
  std::int64_t size_, period_ = 1, count_ = 0, at_[lanes];
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
