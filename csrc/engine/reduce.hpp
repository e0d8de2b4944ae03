// Sums and maxima of rows in eight interleaved parts: vector code, and the same result for any instruction set.
#pragma once

#include "../platform.hpp"

namespace reparam::REPARAM_LEVEL {

constexpr std::int64_t lanes = 8;

template <class Combine>
REPARAM_INLINE double reduce(const double* row, std::int64_t k, double start, Combine combine) {
  double part[lanes];
  for (double& each : part) each = start;
  std::int64_t j = 0;
  for (; j + lanes <= k; j += lanes) {
    for (std::int64_t l = 0; l < lanes; ++l) part[l] = combine(part[l], row[j + l]);
  }
  for (std::int64_t l = 0; j < k; ++l, ++j) part[l] = combine(part[l], row[j]);
  for (std::int64_t half = lanes / 2; half > 0; half /= 2) {
    for (std::int64_t l = 0; l < half; ++l) part[l] = combine(part[l], part[l + half]);
  }
  return part[0];
}

inline double sum_of(const double* row, std::int64_t k) {
  return reduce(row, k, 0.0, [](double a, double b) { return a + b; });
}

// NaN is passed over.
inline double maximum_of(const double* row, std::int64_t k) {
  return reduce(row, k, -std::numeric_limits<double>::infinity(), [](double a, double b) { return b > a ? b : a; });
}

}  // namespace reparam::REPARAM_LEVEL
