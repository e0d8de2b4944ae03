// The scaled complementary error function and the logarithm of the normal distribution function.
#pragma once

#include "elementary.hpp"

namespace reparam::REPARAM_LEVEL {

// exp(y^2) erfc(y) for y >= 0.
template <class T>
REPARAM_INLINE T erfcx(T y) {
  const T bounded = y < infinity<T> ? y : std::numeric_limits<T>::max() / 4;
  const T t = 1 - T(5.5) / (bounded + T(2.75));
  return polynomial(coefficients<T>::erfcx, t) / (1 + 2 * bounded);
}

// log of the normal distribution function; its derivative is the inverse Mills ratio.
template <class T>
struct log_ndtr {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T x) {
    constexpr T sqrt_half = T(0.707106781186547524400844362104849039);
    constexpr T sqrt_2_over_pi = T(0.797884560802865355879892119868763737);
    const T size = absolute(x);
    const T scaled = erfcx(size * sqrt_half);
    // exp(-x^2 / 2) from the square of a short head, which is exact, and the rest
    constexpr auto rest = (typename format<T>::integer(1) << (format<T>::mantissa / 2 + 1)) - 1;
    const T head = from_bits<T>(to_bits(size) & ~rest);
    const T density = exp_corrected(T(-0.5) * head * head, T(-0.5) * (size - head) * (size + head));
    const T tail = T(0.5) * density * scaled;
    const bool left = x < 0;
    const T far_left = log(scaled * T(0.5)) - T(0.5) * x * x;
    const T near = log1p(left ? T(0) : -tail);
    const T upper = 1 - tail;
    d[0] = left ? sqrt_2_over_pi / scaled : T(0.5) * sqrt_2_over_pi * density / upper;
    d[0] = x == -infinity<T> ? infinity<T> : d[0];
    return left ? far_left : near;
  }
};

}  // namespace reparam::REPARAM_LEVEL
