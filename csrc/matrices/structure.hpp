// Do all rows lie in the simplex, are all matrices lower Cholesky factors, or positive definite?
#pragma once

#include <cmath>

#include "lanes.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// Entries >= 0 with |sum - 1| <= tolerance; NaN never passes.
template <class T>
bool all_simplex(std::int64_t n, std::int64_t k, const T* data, double tolerance) {
  for (std::int64_t i = 0; i < n; ++i, data += k) {
    double total = 0;
    unsigned good = 1;
    for (std::int64_t j = 0; j < k; ++j) {
      total += double(data[j]);
      good &= unsigned(data[j] >= 0);
    }
    if (!good || !(std::fabs(total - 1) <= tolerance)) return false;
  }
  return true;
}

template <class T>
bool all_lower_cholesky(std::int64_t n, std::int64_t d, const T* data, double) {
  for (std::int64_t i = 0; i < n * d; ++i, data += d) {
    const std::int64_t diagonal = i % d;
    unsigned good = data[diagonal] > 0;
    for (std::int64_t j = 0; j < diagonal; ++j) good &= unsigned(data[j] == data[j]);
    for (std::int64_t j = diagonal + 1; j < d; ++j) good &= unsigned(data[j] == 0);
    if (!good) return false;
  }
  return true;
}

template <class T>
bool is_symmetric(std::int64_t d, const T* a, double tolerance) {
  double largest = 0;
  for (std::int64_t e = 0; e < d * d; ++e) largest = std::fabs(a[e]) > largest ? std::fabs(double(a[e])) : largest;
  unsigned good = 1;
  for (std::int64_t i = 0; i < d; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) {
      good &= unsigned(std::fabs(double(a[i * d + j]) - double(a[j * d + i])) <= tolerance * largest);
    }
  }
  return good;
}

// Symmetric up to a tolerance relative to the largest entry, and with a Cholesky factor that rounding in T cannot
// miss.
template <class T>
bool all_positive_definite(std::int64_t n, std::int64_t d, const T* data, double tolerance) {
  const double margin = 4 * double(d) * double(std::numeric_limits<T>::epsilon());
  packs lower(static_cast<std::size_t>(d * d)), inverse(static_cast<std::size_t>(d));
  for (std::int64_t at = 0; at < n; at += lanes) {
    const std::int64_t count = std::min(lanes, n - at);
    for (std::int64_t i = at; i < at + count; ++i) {
      if (!is_symmetric(d, data + i * d * d, tolerance)) return false;
    }
    load_lower(data, places(at, count, n, d * d), d, lower.data());
    if (!factorise(d, lower.data(), inverse.data(), margin)) return false;
  }
  return true;
}

template <class T>
inline constexpr structure_check<T> structures[] = {all_simplex<T>, all_lower_cholesky<T>, all_positive_definite<T>};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
