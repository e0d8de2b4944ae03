// The logistic function, the logarithm of its slope, the hyperbolic tangent and the logarithm of the hyperbolic cosine.
#pragma once

#include "logs.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

template <class T>
struct sigmoid {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T x) {
    const T small = exp(-absolute(x)), share = 1 / (1 + small);
    d[0] = small * share * share;
    return x < 0 ? small * share : share;
  }
};

// The log-density of the standard logistic law.
template <class T>
struct log_logistic {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T x) {
    const T size = absolute(x), fall = expm1(-size), small = 1 + fall;
    d[0] = (x < 0 ? -fall : fall) / (1 + small);
    return -size - 2 * log1p(small);
  }
};

template <class T>
struct hyperbolic_tangent {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T x) {
    const T twice = -2 * absolute(x), fall = expm1(twice), small = exp(twice), over = 1 / (2 + fall);
    d[0] = 4 * small * over * over;
    return (x < 0 ? fall : -fall) * over;
  }
};

// log(1 + sinh(x)^2) / 2 near 0, beyond |x| - log(2) + log(1 + exp(-2 |x|)).
template <class T>
struct log_cosh {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T x) {
    const T size = absolute(x), fall = expm1(-2 * size), small = 1 + fall;
    d[0] = (x < 0 ? fall : -fall) / (2 + fall);
    const bool near = size < 1;
    const T square = fall * fall / (4 * small), logarithm = log1p(near ? square : small);
    return near ? T(0.5) * logarithm : size + (logarithm - log_two<T>);
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
