// log(1 + h) with its remainder, without care for the ends of the domain: for the inner loops of quadratures.
#pragma once

#include "elementary.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// log(1 + h) for h >= -1/2, and h - log(1 + h) where h is small enough that no power of 2 is taken off.
struct short_log1p {
  double value, excess;
  bool near;

  REPARAM_INLINE explicit short_log1p(double h) {
    using F = format<double>;
    using U = std::uint64_t;
    const double w = 1 + h;
    const U moved = to_bits(w) - F::sqrt_half + (F::bias << F::mantissa);
    const U e = moved >> F::mantissa;
    const double m = from_bits<double>((moved & ((U(1) << F::mantissa) - 1)) + F::sqrt_half);
    const double k = from_bits<double>(e | to_bits(0x1p52)) - (0x1p52 + F::bias);
    near = e == F::bias;
    const double f = near ? h : m - 1;
    const double s = f / (2 + f), half_square = 0.5 * f * f;
    excess = half_square - s * (half_square + atanh_tail(s * s));
    value = k * F::ln2_high + (f - (excess - k * F::ln2_low));
  }

  // h - log(1 + h) for the same h
  REPARAM_INLINE double gap(double h) const { return near ? excess : h - value; }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
