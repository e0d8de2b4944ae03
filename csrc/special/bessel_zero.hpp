// The modified Bessel function of order zero, scaled, and how far the ratio of orders one and zero is from 1.
#pragma once

#include "elementary.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// log(exp(-kappa) I_0(kappa)), whose derivative is -decline: decline = 1 - I_1(kappa) / I_0(kappa).
struct bessel_zero {
  double log, decline;
};

// For kappa >= 0: below 8 in powers of kappa, beyond in those of 1 / kappa.
template <class Accuracy>
REPARAM_INLINE bessel_zero bessel_zero_at(double kappa) {
  using c = coefficients<double>;
  const bool near = kappa < 8;
  const double inner = near ? kappa : 8.0, outer = near ? 8.0 : kappa, share = 1 / outer;
  const double s = 0.25 * inner - 1, t = 16 * share - 1;
  double change, fall, level, gap;
  if constexpr (sizeof(Accuracy) == 8) {
    change = polynomial(c::i0_near, s), fall = polynomial(c::decline_near, s);
    level = polynomial(c::i0_far, t), gap = polynomial(c::decline_far, t);
  } else {
    change = polynomial(c::i0_near_brief, s), fall = polynomial(c::decline_near_brief, s);
    level = polynomial(c::i0_far_brief, t), gap = polynomial(c::decline_far_brief, t);
  }
  // 1 + inner * change is (1 + kappa) exp(-kappa) I_0(kappa); near 0 the logarithm is taken by its distance from 1
  change *= inner;
  const double raised = 1 + inner * change, lift = 1 / (1 + inner);
  const bool small = kappa < 1;
  const double drop = small ? inner * (change - 1) * lift : 0.0, whole = 1 + drop;
  const double away = near ? raised * lift : level * std::sqrt(share);
  const double value = log_any<true>(small ? whole : away, small ? drop - (whole - 1) : 0.0);
  return {kappa == 0 ? 0.0 : value, near ? fall / raised : gap * share};
}

template <class Accuracy>
struct log_i0e {
  template <class>
  struct function {
    static constexpr unsigned differentiable = 0b1;
    static REPARAM_INLINE double evaluate(double (&d)[1], double kappa) {
      const bessel_zero at = bessel_zero_at<Accuracy>(kappa);
      d[0] = -at.decline;
      return at.log;
    }
  };
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
