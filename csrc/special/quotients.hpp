// Logarithms of quotients and remainders of exponentials, without cancellation and beyond the range of the quotient.
#pragma once

#include "elementary.hpp"

namespace reparam::REPARAM_LEVEL {

// log(x / y) for positive x and y: by their difference where they are close, by their roots where x / y may overflow.
template <class T>
REPARAM_INLINE T log_of_ratio(T x, T y) {
  const T gap = (x - y) / y;
  const bool near = absolute(gap) < T(0.5);
  const T roots = std::sqrt(x) / std::sqrt(y);
  const T w = near ? 1 + gap : roots, back = w - 1;
  const T lost = near ? (1 - (w - back)) + (gap - back) : T(0);
  return (near ? T(1) : T(2)) * log_any<true>(w, lost);
}

template <class T>
struct log_ratio {
  static constexpr unsigned differentiable = 0b11;
  static REPARAM_INLINE T evaluate(T (&d)[2], T x, T y) {
    d[0] = 1 / x;
    d[1] = -1 / y;
    return log_of_ratio(x, y);
  }
};

// (exp(x) - 1 - x) / x^2 for |x| <= 1/2.
template <class T>
REPARAM_INLINE T exp_remainder_series(T x) {
  constexpr double series[] = {1.0 / 2,       1.0 / 6,        1.0 / 24,        1.0 / 120,        1.0 / 720,
                               1.0 / 5040,    1.0 / 40320,    1.0 / 362880,    1.0 / 3628800,    1.0 / 39916800,
                               1.0 / 479001600, 1.0 / 6227020800, 1.0 / 87178291200};
  return polynomial(series, x);
}

// exp(x) - 1 - x, with exp(x) - 1 given.
template <class T>
REPARAM_INLINE T exp_remainder_of(T x, T growth) {
  const bool near = absolute(x) < T(0.5);
  const T small = near ? x : T(0);
  return near ? small * small * exp_remainder_series(small) : growth - x;
}

template <class T>
struct exp_remainder {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T x) {
    d[0] = expm1(x);
    return exp_remainder_of(x, d[0]);
  }
};

// exp(-|x|) - 1 + |x|
template <class T>
struct exp_remainder_of_size {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T x) {
    const T size = absolute(x), fall = expm1(-size);
    d[0] = x < 0 ? fall : -fall;
    return exp_remainder_of(-size, fall);
  }
};

}  // namespace reparam::REPARAM_LEVEL
