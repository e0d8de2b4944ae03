// The second differences log E X^2 - 2 log E X of Weibull and Kumaraswamy laws, which nearly cancel for narrow ones.
#pragma once

#include "../special/legendre.hpp"
#include "../special/polygamma.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// log Gamma(1 + 2t) - 2 log Gamma(1 + t); below t = 3/4 by log Gamma(1 + a) = a (a - 1) P(a) and P[2t, t].
template <class T>
struct weibull_log_spread {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T t) {
    const bool near = t < 0.75;
    const double s = near ? t : 0.5;
    const difference p = divided(coefficients<double>::log_gamma, (4.0 / 3) * s, (2.0 / 3) * s);
    const double body = 2 * s * (s * (p.value - (1 - s) * ((2.0 / 3) * p.slope)));
    d[0] = 2 * digamma_rise(1 + t, t);
    return near ? body : log_factorial_of(2 * t) - 2 * log_factorial_of(t);
  }
};

// Of f(t) = log Gamma(1 + b) Gamma(1 + t) / Gamma(1 + t + b): below t = 1 the integral of f'' against a triangle, as the
// derivative in b is one below t = 1 + b.
template <class T>
struct kumaraswamy_log_spread {
  static constexpr unsigned differentiable = 0b11;
  static constexpr bool singly = true;
  static REPARAM_INLINE T evaluate(T (&d)[2], T t, T b) {
    constexpr auto& rule = even<12>;
    const bool near = t < 1, even_in_b = t < 1 + b;
    const double s = near ? t : 0.5, r = even_in_b ? t : 0.5;
    double total = 0, upper = 0, bend = 0;
    for (int i = 0; i < rule.size; ++i) {
      const double x = rule.node[i], w = rule.weight[i], below = 1 + s * x, above = 1 + s * (1 + x);
      double low, high, end;
      trigamma_fall(below, b, low, end);
      trigamma_fall(above, b, high, end);
      total += w * (x * low + (1 - x) * high);
      upper += w * high;
      bend += w * (x * tetragamma(1 + b + r * x) + (1 - x) * tetragamma(1 + b + r * (1 + x)));
    }
    d[0] = 2 * (near ? s * upper : digamma_rise(1 + t, b) - digamma_rise(1 + 2 * t, b));
    d[1] = even_in_b ? -r * (r * bend) : 2 * digamma_rise(1 + b, t) - digamma_rise(1 + b, 2 * t);
    return near ? s * (s * total) : curve(2 * t, b) - 2 * curve(t, b);
  }

 private:
  static REPARAM_INLINE double tetragamma(double a) { return slopes_of(a).bend - (1 / a) / a; }

  // f, which is symmetric in t and b.
  static REPARAM_INLINE double curve(double t, double b) {
    const double less = t < b ? t : b, more = t < b ? b : t;
    return log_gamma_rise(1.0, less) - log_gamma_rise(1 + more, less);
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
