// Distribution functions and quantiles of standard laws in closed form, and the inverse hyperbolic sine.
#pragma once

#include "../special/logs.hpp"
#include "continuous_bernoulli.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// log(s + sqrt(1 + s^2)) for the size s, with the sign of x
template <class T>
struct asinh_function {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T x) {
    const T size = absolute(x), most = size < T(1e150) ? size : T(1e150), square = most * most;
    const T length = std::sqrt(1 + square), far = log(size) + T(0.693147180559945309417232121458176568);
    const T value = size < T(1e150) ? log1p(most + square / (1 + length)) : far;
    d[0] = 1 / (size < T(1e150) ? length : size);
    return x < 0 ? -value : x == 0 ? x : value;
  }
};

template <class T>
struct laplace_cdf {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T z) {
    d[0] = T(0.5) * exp(-absolute(z));
    return z < 0 ? d[0] : 1 - d[0];
  }
};

template <class T>
struct laplace_icdf {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T p) {
    const bool low = p < T(0.5);
    const T part = low ? p : 1 - p, size = log(2 * part);
    d[0] = 1 / part;
    return low ? size : -size;
  }
};

// -cot(pi p), by the distances from the nearest end and from 1/2
template <class T>
struct cauchy_icdf {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T p) {
    constexpr T pi = T(3.14159265358979323846264338327950288);
    const T part = p < T(0.5) ? p : 1 - p, rest = T(0.5) - p;
    const T sine = part * polynomial(coefficients<T>::sinpi, part * part);
    const bool beyond = part < 0;
    d[0] = pi / (sine * sine);
    return beyond ? nan<T> : -(rest * polynomial(coefficients<T>::sinpi, rest * rest)) / sine;
  }
};

// The probability p up to x, or from x on, whichever is smaller, as `part`: towards that end the density falls with
// `slope` where that is above 1. Else x, or 1 - x, is log(1 + part (e^slope - 1)) / slope.
template <class T>
struct continuous_bernoulli_icdf {
  static constexpr unsigned differentiable = 0b11;
  static REPARAM_INLINE T evaluate(T (&d)[2], T p, T slope) {
    const bool low = p < T(0.5), outside = !((p >= 0) & (p <= 1));
    const T part = low ? p : 1 - p, k = low ? slope : -slope;
    const bool flat = absolute(k) < T(1e-20), steep = k > 1, huge = k > 700;
    const T bounded = huge ? T(700) : flat ? T(1) : k, growth = expm1(bounded), rise = part * growth;
    const T direct = flat ? part : log1p(rise) / bounded;
    // the logarithm of part (e^k - 1), where the exponential is too large
    const T size = log(part) + (huge ? k : T(700)), excess = log1p(exp(-absolute(size)));
    const T far = ((size > 0 ? size : T(0)) + excess) / (huge ? k : T(700));
    // 1 - x of a steep law is -log(e^-k + part (1 - e^-k)) / k itself
    const T fall = expm1(-(steep ? k : T(1))), end = 1 + fall;
    const T distance = part == 0 ? T(1) : -log(end - part * fall) / (steep ? k : T(1));
    const T from_low = huge ? far : direct;
    const T x = low ? from_low : steep ? distance : 1 - direct;
    const T rest = low ? (steep ? distance : 1 - from_low) : steep ? 1 - distance : direct;
    // the density at the quantile is k / (e^k - 1) + k part
    const T least = flat ? T(1) : huge ? k * exp(-k) : bounded / growth * (k < 0 ? 1 + growth : T(1));
    const bool nearer = x < T(0.5);
    d[0] = 1 / (least + absolute(k) * (k < 0 ? 1 - part : part));
    d[1] = tilted_distance_slope(nearer ? -slope : slope, nearer ? x : rest);
    return outside ? nan<T> : x;
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
