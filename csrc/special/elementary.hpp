// log, log1p and exp without branches or calls, so that a loop over them becomes vector code.
#pragma once

#include "../platform.hpp"
#include "coefficients.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

template <class T>
struct format;

template <>
struct format<double> {
  using integer = std::uint64_t;
  static constexpr int mantissa = 52;
  static constexpr integer bias = 1023;
  static constexpr integer sqrt_half = 0x3fe6a09e667f3bcdu;
  static constexpr double ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33;  // 32 bits, and the rest
  static constexpr double exp_high = 709.782712893384, exp_low = -745.1332191019412, exp_safe = 700;
  static constexpr int exp_shift = 100;
  static constexpr double shift_up = 0x1p100, shift_down = 0x1p-100;
};

template <>
struct format<float> {
  using integer = std::uint32_t;
  static constexpr int mantissa = 23;
  static constexpr integer bias = 127;
  static constexpr integer sqrt_half = 0x3f3504f3u;
  static constexpr float ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;
  static constexpr float exp_high = 88.72284f, exp_low = -103.97208f, exp_safe = 80;
  static constexpr int exp_shift = 40;
  static constexpr float shift_up = 0x1p40f, shift_down = 0x1p-40f;
};

template <class T>
inline constexpr T infinity = std::numeric_limits<T>::infinity();
template <class T>
inline constexpr T nan = std::numeric_limits<T>::quiet_NaN();
template <class T>
inline constexpr T half_log_2pi = T(0.918938533204672741780329736405617640);

template <class T>
REPARAM_INLINE typename format<T>::integer to_bits(T x) {
  typename format<T>::integer bits;
  std::memcpy(&bits, &x, sizeof x);
  return bits;
}

template <class T>
REPARAM_INLINE T from_bits(typename format<T>::integer bits) {
  T x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

template <class T>
REPARAM_INLINE T absolute(T x) {
  return from_bits<T>(to_bits(x) & ~(typename format<T>::integer(1) << (8 * sizeof(T) - 1)));
}

// `chosen ? a : b` that stays one operation: a chain of conditionals that the compiler joins into one branch of many
// ends keeps a loop from becoming vector code.
template <class T>
REPARAM_INLINE T select(bool chosen, T a, T b) {
  using U = typename format<T>::integer;
  const U mask = U(0) - U(chosen);
  return from_bits<T>((to_bits(a) & mask) | (to_bits(b) & ~mask));
}

// A polynomial, constant term first, as its even and odd halves in x^2: half the latency of Horner's rule.
template <int First, int N, class C, class T>
REPARAM_INLINE T every_second(const C (&c)[N], T square) {
  if constexpr (First + 2 < N) {
    return T(c[First]) + square * every_second<First + 2>(c, square);
  } else {
    return T(c[First]);
  }
}

template <int N, class C, class T>
REPARAM_INLINE T polynomial(const C (&c)[N], T x) {
  const T square = x * x;
  return every_second<0>(c, square) + x * every_second<1>(c, square);
}

// 2 atanh(s) / s - 2 as a function of z = s^2, |s| <= 3 - 2 sqrt(2).
template <class T>
REPARAM_INLINE T atanh_tail(T z) {
  return z * polynomial(coefficients<T>::atanh_series, z);
}

// log(w) + shift log(2) for a normal w > 0, in two parts of which the first is exact and a whole multiple of log(2), or
// its head; if Corrected, of w + c instead, |c| below an ulp of w.
template <class T>
struct log_parts {
  T head, rest;
};

template <bool Corrected, class T>
REPARAM_INLINE log_parts<T> log_in_parts(T w, T c, T shift) {
  using F = format<T>;
  using U = typename F::integer;
  constexpr U one_bits = F::bias << F::mantissa;
  // w = 2^(e - bias) m with sqrt(1/2) <= m < sqrt(2)
  const U moved = to_bits(w) - F::sqrt_half + one_bits;
  const U e = moved >> F::mantissa;
  const T m = from_bits<T>((moved & ((U(1) << F::mantissa) - 1)) + F::sqrt_half);
  const T two_power = T(U(1) << F::mantissa);
  const T k = from_bits<T>(e | to_bits(two_power)) - (two_power + T(F::bias)) + shift;
  T f = m - 1;
  if constexpr (Corrected) f += c * from_bits<T>((2 * F::bias - e) << F::mantissa);
  const T s = f / (2 + f);
  const T half_square = T(0.5) * f * f;
  return {k * F::ln2_high, f - (half_square - (s * (half_square + atanh_tail(s * s)) + k * F::ln2_low))};
}

template <bool Corrected, class T>
REPARAM_INLINE T log_normal(T w, T c, T shift) {
  const log_parts<T> parts = log_in_parts<Corrected>(w, c, shift);
  return parts.head + parts.rest;
}

// log(x) or, if Corrected, log(x + c), |c| below an ulp of x; -inf at 0, NaN below.
template <bool Corrected, class T>
REPARAM_INLINE T log_any(T x, T c) {
  constexpr int lift = format<T>::mantissa + 2;
  const bool subnormal = x < std::numeric_limits<T>::min();
  T y = log_normal<Corrected>(subnormal ? x * T(std::uint64_t(1) << lift) : x, c, subnormal ? T(-lift) : T(0));
  y = x < infinity<T> ? y : x;
  y = x == 0 ? -infinity<T> : y;
  return x < 0 ? nan<T> : y;
}

template <class T>
REPARAM_INLINE T log(T x) {
  return log_any<false>(x, T(0));
}

template <class T>
REPARAM_INLINE T log1p(T x) {
  const T w = 1 + x;
  const T back = w - 1;
  return log_any<true>(w, (1 - (w - back)) + (x - back));
}

// exp(x + c) for a small correction c; if Falling, for x <= 0.
template <bool Falling = false, class T>
REPARAM_INLINE T exp_corrected(T x, T c) {
  using F = format<T>;
  constexpr T magic = T(3) * T(typename F::integer(1) << (F::mantissa - 1));
  T y = x < F::exp_low ? F::exp_low : x;
  if constexpr (!Falling) y = y > F::exp_high ? F::exp_high : y;
  const T rounded = y * T(1.44269504088896340735992468100189214) + magic;
  const T k = rounded - magic;
  const T r = ((y - k * F::ln2_high) - k * F::ln2_low) + c;
  const T p = 1 + (r + r * r * polynomial(coefficients<T>::exp_series, r));
  // 2^k in two factors, so that subnormal results are rounded once and large ones do not overflow early
  const bool low = y < -F::exp_safe, high = !Falling & (y > F::exp_safe);
  const T exponent = rounded + (low ? T(F::exp_shift) : high ? T(-F::exp_shift) : T(0));
  const T scale = from_bits<T>((to_bits(exponent) + F::bias) << F::mantissa);
  const T value = (p * scale) * (low ? F::shift_down : high ? F::shift_up : T(1));
  const T bounded = !Falling & (x > F::exp_high) ? infinity<T> : value;
  return x < F::exp_low ? T(0) : (x == x ? bounded : x);
}

template <class T>
REPARAM_INLINE T exp(T x) {
  return exp_corrected(x, T(0));
}

// exp(x) - 1, without cancellation.
template <class T>
REPARAM_INLINE T expm1(T x) {
  using F = format<T>;
  constexpr T magic = T(3) * T(typename F::integer(1) << (F::mantissa - 1));
  constexpr T low = T(-2) * F::mantissa;  // there exp(x) is lost against 1
  T y = x < low ? low : x;
  y = y > F::exp_high ? F::exp_high : y;
  const T rounded = y * T(1.44269504088896340735992468100189214) + magic;
  const T k = rounded - magic;
  const T r = (y - k * F::ln2_high) - k * F::ln2_low;
  const T rest = r + r * r * polynomial(coefficients<T>::exp_series, r);
  const T half = from_bits<T>((to_bits(rounded) + (F::bias - 1)) << F::mantissa);
  const T value = 2 * ((half - T(0.5)) + half * rest);
  const T bounded = x > F::exp_high ? infinity<T> : value;
  return x == x ? bounded : x;
}

// exp(-x^2 / 2), from the square of a short head of x, which is exact, and the rest.
template <class T>
REPARAM_INLINE T exp_half_square(T x) {
  constexpr auto rest = (typename format<T>::integer(1) << (format<T>::mantissa / 2 + 1)) - 1;
  const T size = absolute(x) < T(1e18) ? absolute(x) : T(1e18);
  const T head = from_bits<T>(to_bits(size) & ~rest);
  const T value = exp_corrected<true>(T(-0.5) * head * head, T(-0.5) * (size - head) * (size + head));
  return x == x ? value : x;
}

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
