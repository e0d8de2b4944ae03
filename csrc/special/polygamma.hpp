// The gamma function's logarithm and its derivatives, and their differences without cancellation.
#pragma once

#include "stirling.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// stirling_error(a) = P(1/a) for a >= 1, as a polynomial in t = 2/a - 1. Its derivatives in w = 1/a are those of the
// polynomial, and differences are divided differences of it, so that the factors which tend to 0 can be taken out.
template <int N>
struct terms {
  double c[N];
};

template <int N>
constexpr terms<N - 1> derivative_in_w(const double (&c)[N]) {
  terms<N - 1> result{};
  for (int k = 1; k < N; ++k) result.c[k - 1] = 2 * k * c[k];
  return result;
}

inline constexpr auto core_first = derivative_in_w(coefficients<double>::stirling_core);
inline constexpr auto core_second = derivative_in_w(core_first.c);
inline constexpr auto core_third = derivative_in_w(core_second.c);

// A polynomial p in 2w - 1 at w = u, its divided difference p[u, v], and its slope p'(u) and p[u, u, v].
struct difference {
  double value, slope;
};

template <int Left, int N>
REPARAM_INLINE difference horner_pair(const double (&c)[N], double x, double y, difference d) {
  if constexpr (Left > 0) {
    return horner_pair<Left - 1>(c, x, y, {d.value * x + c[Left - 1], d.slope * y + d.value});
  } else {
    return {d.value, 2 * d.slope};
  }
}

template <int N>
REPARAM_INLINE difference divided(const double (&c)[N], double u, double v) {
  return horner_pair<N - 1>(c, 2 * u - 1, 2 * v - 1, {c[N - 1], 0});
}

struct second_difference {
  double value, slope, bend;
};

template <int Left, int N>
REPARAM_INLINE second_difference horner_triple(const double (&c)[N], double x, double y, second_difference d) {
  if constexpr (Left > 0) {
    return horner_triple<Left - 1>(c, x, y,
                                   {d.value * x + c[Left - 1], d.slope * x + d.value, d.bend * y + d.slope});
  } else {
    return {d.value, 2 * d.slope, 4 * d.bend};
  }
}

template <int N>
REPARAM_INLINE second_difference divided_twice(const double (&c)[N], double u, double v) {
  return horner_triple<N - 1>(c, 2 * u - 1, 2 * v - 1, {c[N - 1], 0, 0});
}

inline constexpr auto log_gamma_first = derivative_in_w(coefficients<double>::log_gamma);

// log Gamma(1 + a) for 0 <= a <= 3/2.
REPARAM_INLINE double log_gamma_1p(double a) {
  return a * ((a - 1) * polynomial(coefficients<double>::log_gamma, a * (4.0 / 3) - 1));
}

// digamma(1 + a), likewise.
REPARAM_INLINE double digamma_1p(double a) {
  const double t = a * (4.0 / 3) - 1;
  return (2 * a - 1) * polynomial(coefficients<double>::log_gamma, t) +
         a * (a - 1) * ((2.0 / 3) * polynomial(log_gamma_first.c, t));
}

// log a - digamma(a), its derivative with the sign changed, and the derivative of that.
struct gamma_slopes {
  double lag, excess, bend;
};

REPARAM_INLINE gamma_slopes slopes_of(double a) {
  const bool small = a < 1;
  const double w = 1 / (small ? a + 1 : a), t = 2 * w - 1;
  const double first = polynomial(core_first.c, t), second = polynomial(core_second.c, t);
  const double third = polynomial(core_third.c, t);
  gamma_slopes s;
  s.lag = w * (0.5 + w * first);
  s.excess = w * w * (0.5 + w * (2 * first + w * second));
  s.bend = -w * w * w * (1 + w * (6 * first + w * (6 * second + w * third)));
  const double r = 1 / a;
  s.lag = small ? s.lag + (r - log1p(r)) : s.lag;
  s.bend = small ? s.bend - r * r * w * (2 * r + w) : s.bend;
  s.excess = small ? s.excess + r * r * w : s.excess;
  return s;
}

template <class T>
struct log_minus_digamma {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T a) {
    const gamma_slopes s = slopes_of(a);
    d[0] = a < 0 ? nan<T> : -s.excess;
    return a < 0 ? nan<T> : a == 0 ? infinity<T> : s.lag;
  }
};

template <class T>
struct trigamma_excess {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T a) {
    const gamma_slopes s = slopes_of(a);
    d[0] = a < 0 ? nan<T> : s.bend;
    return a < 0 ? nan<T> : s.excess;
  }
};

template <class T>
struct trigamma {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T a) {
    const gamma_slopes s = slopes_of(a);
    d[0] = a < 0 ? nan<T> : s.bend - (1 / a) / a;
    return a < 0 ? nan<T> : s.excess + 1 / a;
  }
};

template <class T>
struct digamma {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T a) {
    // below 1 at a + 1, where nothing cancels
    const bool small = a < 1;
    const T lifted = small ? a + 1 : a, r = 1 / a;
    const gamma_slopes s = slopes_of(lifted);
    d[0] = a < 0 ? nan<T> : (s.excess + 1 / lifted) + (small ? r * r : T(0));
    return (log(a < 0 ? nan<T> : lifted) - s.lag) - (small ? r : T(0));
  }
};

// log Gamma(a) for a > 0, with digamma from the same logarithm and quotient.
template <class T>
struct lgamma {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T a) {
    const bool low = a < 1, middle = a < 2.5;
    const double near = low ? a : middle ? a - 1 : 1.0, log_a = log(a);
    const stirling_pair<double> error = stirling_above_one(middle ? 1.0 : a);
    const double slope = middle ? digamma_1p(near) - (low ? 1 / a : 0.0) : log_a + (error.slope - 0.5 / a);
    d[0] = a < 0 ? nan<T> : slope;
    const double far = (a - 0.5) * (log_a - 1) + (half_log_2pi<double> - 0.5) + error.value;
    return middle ? log_gamma_1p(near) - (low ? log_a : 0.0) : far;
  }
};

// log Gamma(n + 1) for n >= 0, with its derivative.
REPARAM_INLINE stirling_pair<double> log_factorial_pair(double n) {
  const bool few = n < 1.5;
  const double m = few ? 2.0 : n, log_m = log(m);
  const stirling_pair<double> error = stirling_above_one(m);
  return {few ? log_gamma_1p(n) : (m + 0.5) * (log_m - 1) + (half_log_2pi<double> + 0.5) + error.value,
          few ? digamma_1p(n) : log_m + (error.slope + 0.5 / m)};
}

REPARAM_INLINE double log_factorial_of(double n) { return log_factorial_pair(n).value; }

template <class T>
struct log_factorial {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T n) {
    const stirling_pair<double> result = log_factorial_pair(n);
    d[0] = n < 0 ? nan<T> : result.slope;
    return n < 0 ? nan<T> : result.value;
  }
};

// Where a difference from a to a + b is taken: at z = a or, below 1, at z = a + 1; u = 1/z and v = 1/(z + b).
struct stretch {
  bool small;
  double z, u, v, gap, share;  // gap = u - v, share = b / (a + b)

  REPARAM_INLINE stretch(double a, double b) : small(a < 1) {
    z = small ? a + 1 : a;
    u = 1 / z;
    v = 1 / (z + b);
    const bool finite = b < infinity<double>;
    gap = finite ? (b * u) * v : u;
    share = finite ? b / (a + b) : 1.0;
  }
};

// digamma(a + b) - digamma(a) for a > 0, b >= 0: a sum of positive terms.
REPARAM_INLINE double digamma_rise(double a, double b) {
  const stretch s(a, b);
  const difference first = divided(core_first.c, s.u, s.v);
  const double rest = s.gap * (0.5 + (s.u + s.v) * first.value + s.v * s.v * first.slope);
  return (log1p(b * s.u) + rest) + (s.small ? s.share / a : 0.0);
}

// trigamma(a) - trigamma(a + b) and trigamma(a + b), likewise.
REPARAM_INLINE void trigamma_fall(double a, double b, double& fall, double& at_end) {
  const stretch s(a, b);
  const double u = s.u, v = s.v;
  const difference first = divided(core_first.c, u, v), second = divided(core_second.c, u, v);
  const double body = 1 + 0.5 * (u + v) + 2 * (u * u + v * (u + v)) * first.value + 2 * v * v * v * first.slope +
                      (u + v) * (u * u + v * v) * second.value + v * v * v * v * second.slope;
  const double step = s.share / a;
  fall = s.gap * body + (s.small ? step * (1 / a + 1 / (a + b)) : 0.0);
  const double first_v = first.value - s.gap * first.slope, second_v = second.value - s.gap * second.slope;
  const double end = v * (1 + v * (0.5 + v * (2 * first_v + v * second_v)));
  const double r = 1 / (a + b);
  at_end = s.small ? end + r * r : end;
}

template <class T>
struct digamma_difference {
  static constexpr unsigned differentiable = 0b11;
  static REPARAM_INLINE T evaluate(T (&d)[2], T a, T b) {
    trigamma_fall(a, b, d[0], d[1]);
    d[0] = -d[0];
    return digamma_rise(a, b);
  }
};

// log Gamma(a + b) - log Gamma(a) for a > 0, b >= 0.
REPARAM_INLINE double log_gamma_rise(double a, double b) {
  const stretch s(a, b);
  const double end = s.z + b, log_end = log(end);
  const double rest = s.gap * divided(coefficients<double>::stirling_core, s.u, s.v).slope;
  const double lifted = ((s.z - 0.5) * log1p(b * s.u) - rest) + b * (log_end - 1);
  const double ratio = b / a;
  const double step = ratio < 1e300 ? log1p(ratio) : log(b) - log(a);
  return s.small ? lifted - step : lifted;
}

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
