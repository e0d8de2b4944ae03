// Logarithms and exponentials put together so that nothing cancels, overflows or turns into NaN.
#pragma once

#include "elementary.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

template <class T>
inline constexpr T log_two = T(0.693147180559945309417232121458176568);

template <class T>
struct xlogy {
  static constexpr unsigned differentiable = 0b11;
  static REPARAM_INLINE T evaluate(T (&d)[2], T x, T y) {
    const bool none = (x == 0) & ((y <= 0) | (y == infinity<T>));
    d[0] = log(none ? T(1) : y);
    d[1] = none ? T(0) : x / y;
    return x * d[0];
  }
};

template <class T>
struct xlog1py {
  static constexpr unsigned differentiable = 0b11;
  static REPARAM_INLINE T evaluate(T (&d)[2], T x, T y) {
    const bool none = (x == 0) & ((y <= -1) | (y == infinity<T>));
    d[0] = log1p(none ? T(0) : y);
    d[1] = none ? T(0) : x / (1 + y);
    return x * d[0];
  }
};

// log(1 - exp(x)) for x <= 0.
template <class T>
REPARAM_INLINE T log_complement(T x) {
  const bool near = x > -log_two<T>;
  const T away = exp(x), rest = 1 - away;
  return log_any<true>(near ? -expm1(x) : rest, near ? T(0) : (1 - rest) - away);
}

template <class T>
struct log1mexp {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T x) {
    d[0] = -exp(x) / absolute(expm1(x));
    return log_complement(x);
  }
};

template <class T>
struct log_expm1 {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T x) {
    d[0] = 1 / absolute(expm1(-x));
    return x + log_complement(-x);
  }
};

template <class T>
struct logsubexp {
  static constexpr unsigned differentiable = 0b11;
  static REPARAM_INLINE T evaluate(T (&d)[2], T x, T y) {
    const bool plain = (y == -infinity<T>) | (x == infinity<T>);
    const T gap = plain ? -infinity<T> : y - x;
    const T rest = absolute(expm1(gap));
    d[0] = 1 / rest;
    d[1] = -exp(gap) / rest;
    return x + log_complement(gap);
  }
};

template <class T>
struct logit {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T x) {
    d[0] = (1 / x) / (1 - x);
    return log(x) - log1p(-x);
  }
};

template <class T>
struct logit_exp {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T q) {
    d[0] = 1 / absolute(expm1(q));
    return q - log_complement(q);
  }
};

template <class T>
struct log_sigmoid {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T x) {
    const T small = exp(-absolute(x));
    d[0] = (x < 0 ? T(1) : small) / (1 + small);
    return (x < 0 ? x : T(0)) - log1p(small);
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
