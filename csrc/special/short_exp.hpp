// exp with its remainder, without care for overflow: for the inner loops of quadratures.
#pragma once

#include "elementary.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// exp(w) = scale (1 + r + tail), without care for overflow: |w| < 700. The polynomial is only as long as the wanted
// accuracy asks for.
template <class Accuracy>
struct short_exp {
  double scale, r, tail;

  REPARAM_INLINE explicit short_exp(double w) {
    using F = format<double>;
    constexpr double magic = 3 * 0x1p51;
    const double rounded = w * 1.44269504088896340735992468100189214 + magic;
    const double k = rounded - magic;
    r = (w - k * F::ln2_high) - k * F::ln2_low;
    tail = r * r * polynomial(coefficients<Accuracy>::exp_series, r);
    scale = from_bits<double>((to_bits(rounded) + F::bias) << F::mantissa);
  }

  REPARAM_INLINE double value() const { return scale + scale * (r + tail); }
};

// exp(w) - 1 - w.
template <class Accuracy>
REPARAM_INLINE double exp_excess(double w) {
  const short_exp<Accuracy> e(w);
  return e.scale == 1 ? e.tail : (e.value() - 1) - w;
}

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
