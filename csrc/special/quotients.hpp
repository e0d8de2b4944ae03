// Logarithms of quotients and remainders of exponentials, without cancellation and beyond the range of the quotient.
#pragma once

#include "elementary.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

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

// The series of ((w - 1) exp(w) + 1) / w^2, and of (w / (1 + w) - log(1 + w)) / w^2 for |w| < 1/8.
struct quotient_series {
  double growth[14] = {}, rest[18] = {};
  constexpr quotient_series() {
    double factorial = 1;
    for (int k = 0; k < 14; ++k) {
      factorial *= k + 2;
      growth[k] = (k + 1) / factorial;
    }
    for (int k = 0; k < 18; ++k) rest[k] = (k % 2 ? 1.0 : -1.0) * (k + 1) / (k + 2);
  }
};
inline constexpr quotient_series quotient_slopes = {};

// k x, and 0 where either is 0, the other infinite.
template <class T>
REPARAM_INLINE T bounded_product(T k, T x) {
  const bool none = ((k == 0) & (absolute(x) == infinity<T>)) | ((x == 0) & (absolute(k) == infinity<T>));
  return none ? T(0) : k * x;
}

// (exp(k x) - 1) / k, x for k = 0
template <class T>
struct expm1_quotient {
  static constexpr unsigned differentiable = 0b11;
  static REPARAM_INLINE T evaluate(T (&d)[2], T k, T x) {
    const T w = bounded_product(k, x);
    const bool flat = absolute(w) <= T(1e-20), near = flat | (absolute(w) < T(0.5));
    const T small = near & !flat ? w : T(0), inner = near ? x : T(0);
    const T large = w < T(-1e4) ? T(-1e4) : w;  // where the exponential is long lost
    const T grown = exp(flat ? T(0) : w);
    const T series = inner * inner * polynomial(quotient_slopes.growth, small);
    d[0] = near ? series : (exp(large) * (large - 1) + 1) / k / k;
    d[1] = grown;
    return flat ? x : expm1(w) / k;
  }
};

// log(1 + k x) / k, x for k = 0
template <class T>
struct log1p_quotient {
  static constexpr unsigned differentiable = 0b11;
  static REPARAM_INLINE T evaluate(T (&d)[2], T k, T x) {
    const T product = bounded_product(k, x), w = product < T(-1) ? T(-1) : product;
    const bool flat = absolute(w) <= T(1e-20), near = flat | (absolute(w) < T(0.125));
    const T small = near & !flat ? w : T(0), inner = near ? x : T(0), log_rest = log1p(flat ? T(0) : w);
    const T series = inner * inner * polynomial(quotient_slopes.rest, small);
    d[0] = near ? series : (w / (1 + w) - log_rest) / (k * k);
    d[1] = 1 / (1 + (flat ? T(0) : w));
    return flat ? x : log_rest / k;
  }
};

// log(1 - exp(-exp(x)))
template <class T>
struct log_inverse_cloglog {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T x) {
    // log((1 - exp(-t)) / t) + t / 2
    constexpr double series[] = {1.0 / 24, -1.0 / 2880, 1.0 / 181440, -1.0 / 9676800};
    const bool far = x < T(-3);
    const T t = exp(x), small = far ? t : T(0), bounded = t < T(2981) ? t : T(2981);
    const T shrunk = exp(-bounded), fall = bounded < T(0.5) ? -expm1(-bounded) : 1 - shrunk;
    const T near_one = log1p(-shrunk), body = bounded < T(0.7) ? log(fall) : near_one;
    const T slope = bounded * (shrunk / fall);
    d[0] = t < std::numeric_limits<T>::min() ? T(1) : slope;
    const T value = far ? x + small * (small * polynomial(series, small * small) - T(0.5)) : body;
    return x == x ? value : x;
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
