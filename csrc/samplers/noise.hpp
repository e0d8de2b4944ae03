// Standard draws of laws whose quantiles have a closed form, by inversion from both ends.
#pragma once

#include <algorithm>

#include "../engine/elementwise.hpp"
#include "philox.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

constexpr int noise_block = 256;

// Each law makes a draw of half a uniform number: of `part` in (0, 1/2), which has its full resolution down to 2^-66,
// and of the half that it was taken from.

// -log(1 - u) for the uniform number u, with what the rounding of 1 - part lost.
template <class T>
REPARAM_INLINE T exponential_at(T part, bool upper) {
  const T rest = 1 - part;
  return -log_any<true>(upper ? part : rest, upper ? T(0) : (1 - rest) - part);
}

struct standard_exponential {
  template <class T>
  static REPARAM_INLINE T at(T part, bool upper) {
    return exponential_at(part, upper);
  }
};

struct standard_gumbel {
  template <class T>
  static REPARAM_INLINE T at(T part, bool upper) {
    return -log(exponential_at(part, upper));
  }
};

struct standard_laplace {
  template <class T>
  static REPARAM_INLINE T at(T part, bool upper) {
    const T size = -log(2 * part);
    return upper ? size : -size;
  }
};

struct standard_logistic {
  template <class T>
  static REPARAM_INLINE T at(T part, bool upper) {
    const T size = log1p(-part) - log(part);
    return upper ? size : -size;
  }
};

// cot(pi part)
struct standard_cauchy {
  template <class T>
  static REPARAM_INLINE T at(T part, bool upper) {
    const T size = sinpi(T(0.5) - part) / sinpi(part);
    return upper ? size : -size;
  }
};

// Such a part of an element's own, positive in the upper half and negative in the lower.
REPARAM_INLINE double signed_half(std::uint64_t key, std::uint64_t element) {
  const philox_block random = philox(key, element, 0);
  return from_bits<double>(to_bits(0.5 * uniform_open(random.first)) | (~random.second & 1) << 63);
}

// Draws begin <= i < end. Only the uniform number needs double precision: its rounding to T moves a draw by no more
// than one of its own.
template <class Law, class T>
void noise(std::int64_t begin, std::int64_t end, std::uint64_t key, T* draws) {
  alignas(64) T part[noise_block];
  for (std::int64_t at = begin; at < end; at += noise_block) {
    const int count = int(std::min<std::int64_t>(noise_block, end - at)), whole = int(whole_groups<T>(count));
    for (int i = 0; i < whole; ++i) part[i] = T(signed_half(key, std::uint64_t(at) + std::uint64_t(i)));
    for (int i = 0; i < whole; ++i) part[i] = Law::at(absolute(part[i]), part[i] > 0);
    convert(count, part, draws + at);
  }
}

template <class T>
inline constexpr noise_source<T> noise_sources[] = {
    noise<standard_exponential, T>, noise<standard_gumbel, T>, noise<standard_laplace, T>,
    noise<standard_logistic, T>,    noise<standard_cauchy, T>,
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
