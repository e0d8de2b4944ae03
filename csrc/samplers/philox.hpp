// Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011): a random function of a key and a counter.
#pragma once

#include "../special/elementary.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

struct philox_block {
  std::uint64_t first, second;
};

// 128 random bits at the 128-bit counter (element, stream). All words are held in 64-bit lanes.
REPARAM_INLINE philox_block philox(std::uint64_t key, std::uint64_t element, std::uint64_t stream) {
  constexpr std::uint64_t low = 0xffffffffu;
  std::uint64_t c0 = element & low, c1 = element >> 32, c2 = stream & low, c3 = stream >> 32;
  std::uint64_t k0 = key & low, k1 = key >> 32;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = 0xD2511F53u * c0, p1 = 0xCD9E8D57u * c2;
    c0 = (p1 >> 32) ^ c1 ^ k0;
    c1 = p1 & low;
    c2 = (p0 >> 32) ^ c3 ^ k1;
    c3 = p0 & low;
    k0 = (k0 + 0x9E3779B9u) & low;
    k1 = (k1 + 0xBB67AE85u) & low;
  }
  return {c0 | c1 << 32, c2 | c3 << 32};
}

// (bits + 1/2) / 2^64: a uniform number that is never 0 and keeps its full resolution down to 2^-65. The sum of a
// leading part of 52 bits and a trailing part of 12.
REPARAM_INLINE double uniform_open(std::uint64_t bits) {
  constexpr std::uint64_t exponent = 0x3ffull << 52, small = 0x3cbull << 52;
  const double leading = from_bits<double>(bits >> 12 | exponent) - 1;
  const double trailing = from_bits<double>((bits & 0xfff) << 40 | small) - 0x1p-52;
  return leading + (trailing + 0x1p-65);
}

// (word + 1/2) / 2^32 for a word of 32 bits, exactly.
REPARAM_INLINE double unit_word(std::uint64_t word) {
  return from_bits<double>(word << 20 | 0x3ffull << 52) - (1 - 0x1p-33);
}

// A uniform number in (-1/2, 1/2), a multiple of 2^-52 plus its half.
REPARAM_INLINE double centred_uniform(std::uint64_t bits) {
  return (from_bits<double>(bits >> 12 | 0x3ffull << 52) - 1.5) + 0x1p-53;
}

// sin(pi x) for |x| <= 1/2.
template <class T>
REPARAM_INLINE T sinpi(T x) {
  return x * polynomial(coefficients<T>::sinpi, x * x);
}

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
