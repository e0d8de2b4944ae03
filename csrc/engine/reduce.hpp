// Sums and maxima of rows in eight interleaved parts: vector code, and the same result for any instruction set.
#pragma once

#include "../platform.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

constexpr std::int64_t lanes = 8;

template <class T, class Combine>
REPARAM_INLINE double reduce(const T* row, std::int64_t k, double start, Combine combine) {
  double part[lanes];
  for (double& each : part) each = start;
  std::int64_t j = 0;
  for (; j + lanes <= k; j += lanes) {
    for (std::int64_t l = 0; l < lanes; ++l) part[l] = combine(part[l], double(row[j + l]));
  }
  double rest = start;
  for (; j < k; ++j) rest = combine(rest, double(row[j]));
  const double left = combine(combine(part[0], part[4]), combine(part[1], part[5]));
  const double right = combine(combine(part[2], part[6]), combine(part[3], part[7]));
  return combine(combine(left, right), rest);
}

template <class T>
inline double sum_of(const T* row, std::int64_t k) {
  return reduce(row, k, 0.0, [](double a, double b) { return a + b; });
}

// NaN is passed over.
inline double maximum_of(const double* row, std::int64_t k) {
  return reduce(row, k, -std::numeric_limits<double>::infinity(), [](double a, double b) { return b > a ? b : a; });
}

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
