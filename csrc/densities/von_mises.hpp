// The von Mises law on the circle.
#pragma once

#include <cmath>

#include "../special/bessel_zero.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// The sine of half an angle and, but for its sign, the cosine: whole turns are taken off, twice, as those of a far
// angle are themselves rounded.
struct half_angle {
  double sine, cosine;

  REPARAM_INLINE explicit half_angle(double angle) {
    constexpr double pi = 3.141592653589793, pi_rest = 1.2246467991473532e-16, magic = 0x1.8p52;
    double x = angle;
    for (int pass = 0; pass < 2; ++pass) {
      const double turns = (x * (0.5 / pi) + magic) - magic;
      x = (x - turns * (2 * pi)) - turns * (2 * pi_rest);
    }
    x = x > pi ? pi : x < -pi ? -pi : x;
    const double part = x * (0.5 / pi), rest = 0.5 - absolute(part);
    sine = part * polynomial(coefficients<double>::sinpi, part * part);
    cosine = rest * polynomial(coefficients<double>::sinpi, rest * rest);
  }
};

// log p = -2 kappa sin^2((x - loc) / 2) - log(2 pi) - log(exp(-kappa) I_0(kappa))
template <class Accuracy>
struct von_mises_log_prob {
  template <class>
  struct function {
    static constexpr unsigned differentiable = 0b111;
    static REPARAM_INLINE double evaluate(double (&d)[3], double x, double loc, double kappa) {
      const half_angle half(x - loc);
      const bessel_zero total = bessel_zero_at<Accuracy>(kappa);
      const double away = 2 * half.sine * half.sine;
      d[1] = 2 * kappa * half.sine * half.cosine;
      d[0] = -d[1];
      d[2] = total.decline - away;
      return (-kappa * away - 2 * half_log_2pi<double>) - total.log;
    }
  };
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
