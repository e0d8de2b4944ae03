// The normal distribution function and the error functions: tails, logarithms, inverses.
#pragma once

#include "logs.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

template <class T>
inline constexpr T sqrt_half = T(0.707106781186547524400844362104849039);
template <class T>
inline constexpr T sqrt_2_over_pi = T(0.797884560802865355879892119868763737);
template <class T>
inline constexpr T two_over_sqrt_pi = T(1.128379167095512573896158903121545172);

// exp(y^2) erfc(y) for y >= 0.
template <class T>
REPARAM_INLINE T erfcx(T y) {
  const T bounded = y == infinity<T> ? std::numeric_limits<T>::max() / 4 : y;
  const T t = 1 - T(5.5) / (bounded + T(2.75));
  return polynomial(coefficients<T>::erfcx, t) / (1 + 2 * bounded);
}

// erf(x) for |x| <= 1.
template <class T>
REPARAM_INLINE T erf_near(T x) {
  return x * polynomial(coefficients<T>::erf, x * x);
}

// At |x|: exp(-x^2 / 2) and the upper tail 1 - Phi(|x|), which is 0 long before the bound of erfcx, here with a single
// division, counts.
template <class T>
struct normal_tail {
  T density, tail;

  REPARAM_INLINE normal_tail(T height, T upper) : density(height), tail(upper) {}

  REPARAM_INLINE explicit normal_tail(T x) : density(exp_half_square(x)) {
    const T y = absolute(x) * sqrt_half<T>, bounded = y < T(1e3) ? y : T(1e3);
    const T up = bounded + T(2.75), down = 1 + 2 * bounded, over = 1 / (up * down);
    tail = T(0.5) * density * (polynomial(coefficients<T>::erfcx, 1 - T(5.5) * (down * over)) * (up * over));
  }
};

// Likewise with the scaled tail erfcx(|x| / sqrt(2)), for all x.
template <class T>
struct scaled_tail : normal_tail<T> {
  T scaled;

  REPARAM_INLINE explicit scaled_tail(T x) : scaled_tail(exp_half_square(x), erfcx(absolute(x) * sqrt_half<T>)) {}

 private:
  REPARAM_INLINE scaled_tail(T height, T share) : normal_tail<T>(height, T(0.5) * height * share), scaled(share) {}
};

// Phi(x) - 1/2, given the tail at x.
template <class T>
REPARAM_INLINE T beside_half(T x, const normal_tail<T>& at) {
  const bool near = absolute(x) < 1;
  const T far = x < 0 ? at.tail - T(0.5) : T(0.5) - at.tail;
  return near ? T(0.5) * erf_near(near ? x * sqrt_half<T> : T(0)) : far;
}

template <class T>
struct ndtr {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T x) {
    const normal_tail<T> at(x);
    d[0] = T(0.5) * sqrt_2_over_pi<T> * at.density;
    return x < 0 ? at.tail : 1 - at.tail;
  }
};

// log of the normal distribution function, of a scaled tail or of 1 - T; its derivative is the inverse Mills ratio.
template <class T>
struct log_ndtr {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T x) {
    const scaled_tail<T> at(x);
    const bool left = x < 0;
    const T upper = 1 - at.tail, lost = (1 - upper) - at.tail;
    d[0] = left ? sqrt_2_over_pi<T> / at.scaled : T(0.5) * sqrt_2_over_pi<T> * at.density / upper;
    d[0] = x == -infinity<T> ? infinity<T> : d[0];
    const T logarithm = log_any<true>(left ? at.scaled * T(0.5) : upper, left ? T(0) : lost);
    return logarithm - (left ? T(0.5) * x * x : T(0));
  }
};

template <class T>
struct erfcx_function {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T x) {
    const bool left = x < 0;
    const T size = absolute(x), right = size == infinity<T> ? T(0) : erfcx(size);
    const T value = left ? 2 * exp(x * x) - right : right;
    const T scale = 1 / (1 + 2 * size);
    const T slope = polynomial(coefficients<T>::erfcx_slope, 1 - T(5.5) / (size + T(2.75))) * scale * scale;
    d[0] = left ? 2 * x * value - two_over_sqrt_pi<T> : -slope;
    return value;
  }
};

template <class T>
struct log_erfc {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T x) {
    const bool far = x >= 1, near = absolute(x) < 1;
    const T scaled = erfcx(absolute(x)), density = exp(-x * x);
    const T missing = near ? -erf_near(near ? x : T(0)) : 1 - density * scaled;
    const T w = 1 + missing, back = w - 1;
    const T rest = (1 - (w - back)) + (missing - back);
    d[0] = -two_over_sqrt_pi<T> * (x < 0 ? density / (2 - density * scaled) : 1 / scaled);
    d[0] = x == infinity<T> ? -infinity<T> : d[0];
    return log_any<true>(far ? scaled : w, far ? T(0) : rest) - (far ? x * x : T(0));
  }
};

// y > 0 with log Phi(-y) = q for q <= log(1/5): a fit, then one of Halley's steps on log Phi.
template <class T>
REPARAM_INLINE T tail_quantile(T q) {
  const T lowest = -std::numeric_limits<T>::max() / 8;
  const T bounded = q < lowest ? lowest : q;
  const T square = -2 * bounded, s = std::sqrt(square);
  const T y = std::sqrt(square - log(square) - polynomial(coefficients<T>::quantile_tail, T(3.5) / s - 1));
  const T scaled = erfcx(y * sqrt_half<T>), ratio = sqrt_2_over_pi<T> / scaled;
  const T miss = (log(T(0.5) * scaled) - T(0.5) * y * y) - bounded;
  const T step = (miss / ratio) / (1 + miss * (ratio - y) / (2 * ratio));
  return q == -infinity<T> ? infinity<T> : y + step;
}

// Phi^-1(1/2 + x) for |x| <= 0.3.
template <class T>
REPARAM_INLINE T central_quantile(T x) {
  return x * polynomial(coefficients<T>::quantile_core, x * x);
}

// The numbers in the tails, which take longer, together.
template <class Accuracy>
struct ndtri {
  static constexpr unsigned differentiable = 0b1;
  static constexpr int most = 256;

  static void block(int count, const double* const* in, double* value, double* const* partial) {
    const double* const p = in[0];
    alignas(64) double tail[most], away[most];
    int place[most], far = 0;
    for (int i = 0; i < count; ++i) {
      place[far] = i;
      far += !(absolute(p[i] - 0.5) < 0.3);
    }
    for (int k = 0; k < far; ++k) tail[k] = p[place[k]] < 0.5 ? p[place[k]] : 1 - p[place[k]];
    for (int k = 0; k < far; ++k) away[k] = tail_quantile(log(tail[k]));
    if (partial == nullptr) {
      for (int i = 0; i < count; ++i) value[i] = central_quantile(p[i] - 0.5);
    } else {
      double* const slope = partial[0];
      for (int i = 0; i < count; ++i) {
        const double y = central_quantile(p[i] - 0.5);
        slope[i] = (2 / sqrt_2_over_pi<double>) * exp(0.5 * y * y);
        value[i] = y;
      }
      for (int k = 0; k < far; ++k) tail[k] = erfcx(away[k] * sqrt_half<double>) / (sqrt_2_over_pi<double> * tail[k]);
      for (int k = 0; k < far; ++k) slope[place[k]] = tail[k];
    }
    for (int k = 0; k < far; ++k) value[place[k]] = p[place[k]] < 0.5 ? -away[k] : away[k];
  }
};

// Phi^-1(exp(q)) for any q <= 0, for a loop over a few.
REPARAM_INLINE double quantile_of_log(double q) {
  const bool low = q < -1.6, high = q > -0.2231;
  const double rest = -expm1(q);
  const double away = tail_quantile(low ? q : log(high ? rest : 0.1));
  return low ? -away : high ? away : central_quantile(0.5 - rest);
}

// Likewise for many: the small probabilities, and those close to 1, are taken apart.
template <class Accuracy>
struct ndtri_exp {
  static constexpr unsigned differentiable = 0b1;
  static constexpr int most = 256;

  static void block(int count, const double* const* in, double* value, double* const* partial) {
    const double* const q = in[0];
    int low[most], high[most], lower = 0, upper = 0;
    for (int i = 0; i < count; ++i) {
      low[lower] = high[upper] = i;
      lower += q[i] < -1.6;
      upper += q[i] > -0.2231;
    }
    if (lower + upper < count) {
      for (int i = 0; i < count; ++i) value[i] = central_quantile(0.5 + expm1(q[i]));
    }
    alignas(64) double given[most], y[most];
    for (int k = 0; k < lower; ++k) given[k] = q[low[k]];
    for (int k = 0; k < lower; ++k) y[k] = tail_quantile(given[k]);
    for (int k = 0; k < lower; ++k) value[low[k]] = -y[k];
    for (int k = 0; k < upper; ++k) given[k] = q[high[k]];
    for (int k = 0; k < upper; ++k) y[k] = tail_quantile(log(given[k] > 0 ? nan<double> : -expm1(given[k])));
    for (int k = 0; k < upper; ++k) value[high[k]] = y[k];
    if (partial != nullptr) slopes(count, q, value, partial[0]);
  }

 private:
  static void slopes(int count, const double* q, const double* value, double* REPARAM_RESTRICT slope) {
    for (int i = 0; i < count; ++i) {
      const double y = value[i], rest = absolute(expm1(q[i]));
      const double scaled = erfcx(absolute(y) * sqrt_half<double>) / sqrt_2_over_pi<double>;
      slope[i] = y < 0 ? scaled : (1 - rest) * scaled / rest;
    }
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
