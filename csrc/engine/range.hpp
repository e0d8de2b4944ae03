// Do all values lie in a closed range, and are they whole? One pass, stopping at the first bad block.
#pragma once

#include <algorithm>

#include "../platform.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// |x| + 2^p - 2^p rounds |x| to a whole number below 2^p, p the mantissa's length; above, every finite x is whole.
template <class T>
REPARAM_INLINE bool is_whole(T x) {
  constexpr T magic = T(1) / std::numeric_limits<T>::epsilon();
  const T size = x < 0 ? -x : x;
  return (size <= std::numeric_limits<T>::max()) & ((size >= magic) | ((size + magic) - magic == size));
}

template <class T>
bool all_within(std::int64_t n, const T* values, T lower, T upper, bool integer) {
  constexpr std::int64_t stride = 1024;
  for (std::int64_t at = 0; at < n; at += stride) {
    const std::int64_t end = std::min(n, at + stride);
    unsigned good = 1;
    for (std::int64_t i = at; i < end; ++i) good &= unsigned((values[i] >= lower) & (values[i] <= upper));
    if (integer) {
      if constexpr (std::numeric_limits<T>::has_infinity) {
        for (std::int64_t i = at; i < end; ++i) good &= unsigned(is_whole(values[i]));
      }
    }
    if (!good) return false;
  }
  return true;
}

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
