// Standard draws of laws whose quantiles have a closed form, by inversion from both ends.
#pragma once

#include <algorithm>

#include "philox.hpp"

namespace reparam::REPARAM_LEVEL {

constexpr int noise_block = 256;

// Each law makes a draw of half a uniform number: of `part` in (0, 1/2), which has its full resolution down to 2^-66,
// and of the half that it was taken from.

// -log(1 - u) for the uniform number u.
REPARAM_INLINE double exponential_at(double part, bool upper) {
  const double most = -log(part), least = -log1p(-part);
  return upper ? most : least;
}

struct standard_exponential {
  static REPARAM_INLINE double at(double part, bool upper) { return exponential_at(part, upper); }
};

struct standard_gumbel {
  static REPARAM_INLINE double at(double part, bool upper) { return -log(exponential_at(part, upper)); }
};

struct standard_laplace {
  static REPARAM_INLINE double at(double part, bool upper) {
    const double size = -log(2 * part);
    return upper ? size : -size;
  }
};

struct standard_logistic {
  static REPARAM_INLINE double at(double part, bool upper) {
    const double size = log1p(-part) - log(part);
    return upper ? size : -size;
  }
};

// cot(pi part)
struct standard_cauchy {
  static REPARAM_INLINE double at(double part, bool upper) {
    const double size = sinpi(0.5 - part) / sinpi(part);
    return upper ? size : -size;
  }
};

// Draws begin <= i < end.
template <class Law, class T>
void noise(std::int64_t begin, std::int64_t end, std::uint64_t key, T* REPARAM_RESTRICT draws) {
  alignas(64) double part[noise_block], half[noise_block];
  for (std::int64_t at = begin; at < end; at += noise_block) {
    const int count = int(std::min<std::int64_t>(noise_block, end - at));
    for (int i = 0; i < count; ++i) {
      const philox_block random = philox(key, std::uint64_t(at) + std::uint64_t(i), 0);
      part[i] = 0.5 * uniform_open(random.first);
      half[i] = from_bits<double>((random.second & 1) << 62);
    }
    for (int i = 0; i < count; ++i) part[i] = Law::at(part[i], half[i] > 0);
    for (int i = 0; i < count; ++i) draws[at + i] = T(part[i]);
  }
}

template <class T>
inline constexpr noise_source<T> noise_sources[] = {
    noise<standard_exponential, T>, noise<standard_gumbel, T>, noise<standard_laplace, T>,
    noise<standard_logistic, T>,    noise<standard_cauchy, T>,
};

}  // namespace reparam::REPARAM_LEVEL
