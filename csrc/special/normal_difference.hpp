// The logarithm of the normal law's probability of an interval.
#pragma once

#include "normal.hpp"
#include "summed.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// log(Phi(b) - Phi(a)), mirrored so that b is the end closer to 0. On one side of 0 it is -b^2/2 + log K - log(2 pi)/2,
// K the integral of exp(-s |b| - s^2/2) over 0 < s < b - a: by Gauss-Legendre where the exponent stays short, else from
// the scaled tails.
struct interval_terms {
  using rule = coefficients<float>;
  static constexpr int terms = sizeof rule::legendre_nodes / sizeof rule::legendre_nodes[0], sums = 1,
                       value_sums = 1;

  static REPARAM_INLINE double fall(double a, double b) { return 0.5 * (b - a) * (absolute(a) + absolute(b)); }

  static REPARAM_INLINE void prepare(double a, double b, double& near, double& length) {
    const bool close = fall(a, b) < 1;
    const double left = absolute(a), right = absolute(b);
    near = close ? (left < right ? left : right) : 0.0;
    length = close ? b - a : 0.0;
  }

  static REPARAM_INLINE void add(int k, double near, double length, double& sum) {
    const double s = length * rule::legendre_nodes[k];
    sum += length * rule::legendre_weights[k] * exp(-s * (near + 0.5 * s));
  }

  static REPARAM_INLINE double finish(double (&d)[2], double first, double second, double sum) {
    constexpr double density_scale = 0.5 * sqrt_2_over_pi<double>;
    const bool mirrored = first + second > 0;
    const double a = mirrored ? -second : first, b = mirrored ? -first : second;
    const scaled_tail<double> at_a(a), at_b(b);
    const double drop = fall(a, b), away = exp(-drop);
    const double apart = (at_b.scaled - away * at_a.scaled) / sqrt_2_over_pi<double>;
    const double kernel = drop < 1 ? sum : apart;
    const bool both = b > 0;
    const double outside = at_a.tail + at_b.tail, inside = 1 - outside;
    const bool centre = outside > 0.75;
    const double reach_a = centre ? a * sqrt_half<double> : 0.0, reach_b = centre ? b * sqrt_half<double> : 0.0;
    const double mass = centre ? 0.5 * (erf_near(reach_b) - erf_near(reach_a)) : inside;
    const double lost = centre ? 0.0 : (1 - inside) - outside;
    const double logarithm = log_any<true>(both ? mass : kernel, both ? lost : 0.0);
    const double at_near = both ? density_scale * at_b.density / mass : 1 / kernel;
    const double at_far = both ? density_scale * at_a.density / mass : away / kernel;
    d[0] = mirrored ? -at_near : -at_far;
    d[1] = mirrored ? at_far : at_near;
    const double value = both ? logarithm : (logarithm - half_log_2pi<double>) - 0.5 * b * b;
    return first == second ? -infinity<double> : value;
  }
};

template <class Accuracy>
struct log_ndtr_difference : summed<interval_terms> {};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
