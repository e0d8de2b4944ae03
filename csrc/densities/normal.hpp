// Normal, what the exponential and the hyperbolic tangent make of it, and Uniform.
#pragma once

#include "../special/elementary.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

template <class T>
struct normal_log_prob {
  static constexpr unsigned differentiable = 0b111;
  static REPARAM_INLINE T evaluate(T (&d)[3], T x, T loc, T scale) {
    const T z = (x - loc) / scale;
    const T precision = 1 / scale;
    d[0] = -z * precision;
    d[1] = z * precision;
    d[2] = (z - 1) * (z + 1) * precision;
    return T(-0.5) * z * z - log(scale) - half_log_2pi<T>;
  }
};

// Of e^X, X normal.
template <class T>
struct log_normal_log_prob {
  static constexpr unsigned differentiable = 0b111;
  static REPARAM_INLINE T evaluate(T (&d)[3], T y, T loc, T scale) {
    const bool outside = (y <= 0) | (y == infinity<T>);
    const T x = log(y);
    const T value = normal_log_prob<T>::evaluate(d, x, loc, scale) - x;
    d[0] = outside ? T(0) : (d[0] - 1) / y;
    d[1] = outside ? T(0) : d[1];
    d[2] = outside ? T(0) : d[2];
    return outside ? -infinity<T> : value;
  }
};

// Of tanh X, X normal.
template <class T>
struct tanh_normal_log_prob {
  static constexpr unsigned differentiable = 0b111;
  static REPARAM_INLINE T evaluate(T (&d)[3], T y, T loc, T scale) {
    const bool outside = (y <= -1) | (y >= 1);
    const T above = log1p(y), below = log1p(-y);
    const T value = normal_log_prob<T>::evaluate(d, T(0.5) * (above - below), loc, scale) - (above + below);
    d[0] = outside ? T(0) : (d[0] + 2 * y) / ((1 - y) * (1 + y));
    d[1] = outside ? T(0) : d[1];
    d[2] = outside ? T(0) : d[2];
    return outside ? -infinity<T> : value;
  }
};

template <class T>
struct uniform_log_prob {
  static constexpr unsigned differentiable = 0b111;
  static REPARAM_INLINE T evaluate(T (&d)[3], T x, T low, T high) {
    const bool wide = high - low == infinity<T>;  // then by half of each
    const T width = wide ? T(0.5) * high - T(0.5) * low : high - low;
    const bool outside = (x < low) | (x > high);
    d[0] = 0;
    d[1] = outside ? T(0) : (wide ? T(0.5) : T(1)) / width;
    d[2] = -d[1];
    const T value = -log(width) - (wide ? T(0.693147180559945309417232121458176568) : T(0)) + (x == x ? T(0) : x);
    return outside ? -infinity<T> : value;
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
