// The continuous Bernoulli law by its probability or its logit: an exponential law cut off at 1, rising or falling.
#pragma once

#include "closed_form.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

constexpr double steepest = 1e30;  // the log-odds that stand for those of a point mass

// The logarithm of the integral of exp(slope (t - centre)) over [0, 1], and its two derivatives. For |slope| < 1 the centre
// is 1/2, and the integral sinh(h) / h with h = slope / 2; else the centre is the end where the density is largest.
struct tilt {
  double centre, log_integral, mean_gap, variance;

  REPARAM_INLINE explicit tilt(double slope) {
    constexpr double sinhc[] = {1.0 / 6,        1.0 / 120,         1.0 / 5040,           1.0 / 362880,
                                1.0 / 39916800, 1.0 / 6227020800.0, 1.0 / 1307674368000.0};
    constexpr double langevin[] = {2.0 / 6,         4.0 / 120,           6.0 / 5040,             8.0 / 362880,
                                   10.0 / 39916800, 12.0 / 6227020800.0, 14.0 / 1307674368000.0};
    const double size = absolute(slope);
    const bool near = size < 1, rising = slope > 0;
    const double h = near ? 0.5 * slope : 0.0, square = h * h, large = near ? 1.0 : size;
    const double rest = polynomial(sinhc, square);
    const double excess = square * rest;
    const double fall = expm1(-large);
    const double far_gap = -(1 + fall) / fall - 1 / large;
    const double end = exp(-0.5 * large) / fall, width = 1 / large;
    centre = near ? 0.5 : rising ? 1.0 : 0.0;
    log_integral = near ? log1p(excess) : log(-fall / large);
    variance = near ? 0.25 * rest * (2 + square * rest) / ((1 + excess) * (1 + excess)) : width * width - end * end;
    mean_gap = near ? 0.5 * h * polynomial(langevin, square) / (1 + excess) : rising ? far_gap : -far_gap;
  }
};

// The derivative of a point in the slope of the log-density at fixed probability. With y the distance from an end and m
// the slope towards that, it is (y - (e^(m y) - 1) / (e^m - 1)) / m, or for small m, with e^w = 1 + w + w^2 r(w),
// y (r(m) - y r(m y)) / (1 + m r(m)).
REPARAM_INLINE double tilted_distance_slope(double m, double y) {
  constexpr double r[] = {1.0 / 2,     1.0 / 6,      1.0 / 24,      1.0 / 120,      1.0 / 720,      1.0 / 5040,
                          1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600};
  const bool near = absolute(m) < 0.25;
  const double small = near ? m : 0.0, large = near ? 1.0 : m, capped = large < 80 ? large : 80.0;
  const double whole = polynomial(r, small), part = polynomial(r, small * y);
  const double share = expm1(capped * y) / expm1(capped);  // beyond, it is lost beside y
  return near ? y * (whole - y * part) / (1 + small * whole) : (y - share) / large;
}

// By the nearer end.
REPARAM_INLINE double tilted_quantile_slope(double slope, double x) {
  const bool low = x < 0.5;
  return tilted_distance_slope(low ? -slope : slope, low ? x : 1 - x);
}

// The third cumulant of the law with that slope of the log-density, the derivative of its variance.
REPARAM_INLINE double tilted_third_cumulant(double slope) {
  constexpr double series[] = {-1.0 / 60,
                               1.0 / 189,
                               -1.0 / 900,
                               2.0 / 10395,
                               -691.0 / 23218650,
                               2.0 / 467775,
                               -3617.0 / 6202696500,
                               175468.0 / 2292899734125,
                               -174611.0 / 17910286143750,
                               155366.0 / 128074828006125};
  const double size = absolute(slope);
  const bool near = size < 1;
  const double h = near ? 0.5 * slope : 0.0, large = near ? 1.0 : size, width = 1 / large;
  const double fall = expm1(-large), end = exp(-0.5 * large) / fall;
  const double far = 2 * width * width * width + end * end * ((2 + fall) / fall);
  return near ? h * polynomial(series, h * h) : slope > 0 ? -far : far;
}

template <class T>
struct continuous_bernoulli_mean {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T slope) {
    const tilt at(slope);
    d[0] = at.variance;
    return at.centre + at.mean_gap;
  }
};

template <class T>
struct continuous_bernoulli_variance {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T slope) {
    d[0] = tilted_third_cumulant(slope);
    return tilt(slope).variance;
  }
};

template <class T>
REPARAM_INLINE T continuous_bernoulli_log_prob(T (&d)[2], T x, T slope) {
  const tilt at(slope);
  const T gap = x - at.centre;
  d[0] = slope;
  d[1] = gap - at.mean_gap;
  return zero_where((x < 0) | (x > 1), slope * gap - at.log_integral, d);
}

template <class T>
struct continuous_bernoulli_logits_log_prob {
  static constexpr unsigned differentiable = 0b11;
  static REPARAM_INLINE T evaluate(T (&d)[2], T x, T logits) {
    const bool certain = absolute(logits) > steepest;
    const T value = continuous_bernoulli_log_prob(d, x, certain ? (logits > 0 ? steepest : -steepest) : logits);
    d[1] = certain ? T(0) : d[1];
    return value;
  }
};

template <class T>
struct continuous_bernoulli_probs_log_prob {
  static constexpr unsigned differentiable = 0b11;
  static REPARAM_INLINE T evaluate(T (&d)[2], T x, T probs) {
    const bool certain = (probs == 0) | (probs == 1);
    const T slope = probs == 0 ? -steepest : probs == 1 ? steepest : log(probs) - log1p(-probs);
    const T value = continuous_bernoulli_log_prob(d, x, slope);
    d[1] = certain ? T(0) : d[1] / (probs * (1 - probs));
    return value;
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
