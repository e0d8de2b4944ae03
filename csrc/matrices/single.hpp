// Linear algebra of one problem at a time, of any size, along the rows of a lower triangle: for matrices that serve few
// vectors each, where their reading is the work.
#pragma once

#include "../engine/reduce.hpp"
#include "../platform.hpp"
#include "../reparam.h"

namespace reparam::REPARAM_LEVEL {
namespace {

template <class Storage>
inline double dot(const Storage* row, const double* v, std::int64_t k) {
  constexpr std::int64_t wide = 2 * lanes;
  double part[wide] = {};
  std::int64_t j = 0;
  for (; j + wide <= k; j += wide) {
    for (std::int64_t l = 0; l < wide; ++l) part[l] += double(row[j + l]) * v[j + l];
  }
  double rest = 0;
  for (; j < k; ++j) rest += double(row[j]) * v[j];
  return sum_of(part, wide) + rest;
}

// to += factor * row
template <class Storage>
REPARAM_INLINE void add_row(double factor, const Storage* REPARAM_RESTRICT row, std::int64_t k,
                            double* REPARAM_RESTRICT to) {
  for (std::int64_t j = 0; j < k; ++j) to[j] += factor * double(row[j]);
}

// x = L^-1 x, and x = L^-T x.
template <class Storage>
void solve_lower(std::int64_t d, const Storage* lower, double* x) {
  for (std::int64_t i = 0; i < d; ++i) x[i] = (x[i] - dot(lower + i * d, x, i)) / double(lower[i * d + i]);
}

template <class Storage>
void solve_transposed(std::int64_t d, const Storage* lower, double* x) {
  for (std::int64_t i = d - 1; i >= 0; --i) {
    x[i] /= double(lower[i * d + i]);
    add_row(-x[i], lower + i * d, i, x);
  }
}

// One output, an element at a time: an array, or the sums over the repetitions of an input, or nothing.
template <class Storage>
class single_writer {
 public:
  single_writer(const reparam_call& call, double* const* sums, int j, std::int64_t size) : size_(size) {
    if (call.partial == nullptr || call.partial[j] == nullptr) return;
    if (call.reduced >> j & 1) {
      sums_ = sums[j], period_ = call.period[j];
    } else {
      data_ = static_cast<Storage*>(call.partial[j]);
    }
  }
  single_writer(void* data, std::int64_t size) : data_(static_cast<Storage*>(data)), size_(size) {}

  bool wanted() const { return data_ != nullptr || sums_ != nullptr; }

  // Sets numbers first <= e < first + count of an element.
  template <class Function>
  void write(std::int64_t element, std::int64_t first, std::int64_t count, Function value) {
    if (sums_ != nullptr) {
      double* const to = sums_ + element % period_ * size_ + first;
      for (std::int64_t e = 0; e < count; ++e) to[e] += value(e);
    } else if (data_ != nullptr) {
      Storage* const to = data_ + element * size_ + first;
      for (std::int64_t e = 0; e < count; ++e) to[e] = Storage(value(e));
    }
  }

 private:
  Storage* data_ = nullptr;
  double* sums_ = nullptr;
  std::int64_t size_, period_ = 1;
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
