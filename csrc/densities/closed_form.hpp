// Laws whose distribution function is in closed form: exponential, Laplace, Gumbel, Cauchy, Pareto, Weibull
// and Kumaraswamy.
#pragma once

#include "../special/logs.hpp"
#include "../special/quotients.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// Where a density is zero all its partial derivatives are; returns the value.
template <class T, std::size_t N>
REPARAM_INLINE T zero_where(bool outside, T value, T (&d)[N]) {
  for (T& each : d) each = select(outside, T(0), each);
  return outside ? -infinity<T> : value;
}

// The logarithm of a density about c x^(exponent - 1) at x = 0.
template <class T>
REPARAM_INLINE T power_limit(T exponent, T log_c) {
  return exponent < 1 ? infinity<T> : exponent > 1 ? -infinity<T> : log_c + (exponent - exponent);
}

template <class T>
struct exponential_log_prob {
  static constexpr unsigned differentiable = 0b11;
  static REPARAM_INLINE T evaluate(T (&d)[2], T x, T rate) {
    d[0] = -rate;
    d[1] = 1 / rate - x;
    return zero_where(x < 0, log(rate) - rate * x, d);
  }
};

template <class T>
struct laplace_log_prob {
  static constexpr unsigned differentiable = 0b111;
  static REPARAM_INLINE T evaluate(T (&d)[3], T x, T loc, T scale) {
    const T z = (x - loc) / scale, size = absolute(z), precision = 1 / scale;
    d[1] = (z > 0 ? T(1) : z < 0 ? T(-1) : T(0)) * precision;
    d[0] = -d[1];
    d[2] = (size - 1) * precision;
    return -log_two<T> - (size + log(scale));
  }
};

// log p = y - exp(y) - log(scale) with y = (loc - x) / scale
template <class T>
struct gumbel_log_prob {
  static constexpr unsigned differentiable = 0b111;
  static REPARAM_INLINE T evaluate(T (&d)[3], T x, T loc, T scale) {
    const T y = (loc - x) / scale, growth = expm1(y), precision = 1 / scale;
    const T bounded = y > T(1e4) ? T(1e4) : y;
    d[0] = growth * precision;
    d[1] = -d[0];
    d[2] = (bounded * growth - 1) * precision;
    return (bounded - exp(y)) - log(scale);
  }
};

// log p = log(scale / pi) - log((x - loc)^2 + scale^2), by the larger of the two squares
template <class T>
struct cauchy_log_prob {
  static constexpr unsigned differentiable = 0b111;
  static REPARAM_INLINE T evaluate(T (&d)[3], T x, T loc, T scale) {
    constexpr T log_pi = T(1.144729885849400174143427351353058712);
    const T y = x - loc, size = absolute(y);
    const bool far = size > scale;
    const T most = far ? size : scale, ratio = (far ? scale : size) / most;
    const T whole = 1 + ratio * ratio;
    d[1] = 2 * (y / most) / (most * whole);
    d[0] = -d[1];
    d[2] = ((size - scale) / most) * (1 + ratio) / (scale * whole);
    return (log(scale) - 2 * log(most)) - log1p(ratio * ratio) - log_pi;
  }
};

// log p = log(alpha / x) - alpha log(x / scale)
template <class T>
struct pareto_log_prob {
  static constexpr unsigned differentiable = 0b111;
  static REPARAM_INLINE T evaluate(T (&d)[3], T x, T scale, T alpha) {
    const T log_x = log_of_ratio(x, scale);
    d[0] = -(alpha + 1) / x;
    d[1] = alpha / scale;
    d[2] = 1 / alpha - log_x;
    return zero_where(x < scale, (log(alpha) - log(x)) - alpha * log_x, d);
  }
};

// log p = log(k / scale) + (k - 1) log(x / scale) - (x / scale)^k
template <class T>
struct weibull_log_prob {
  static constexpr unsigned differentiable = 0b111;
  static REPARAM_INLINE T evaluate(T (&d)[3], T x, T scale, T concentration) {
    const T k = concentration, log_x = log_of_ratio(x, scale), power = k * log_x;
    const T noise = exp(power), growth = expm1(power);
    const T log_scale = log(scale);
    const bool at_zero = x == 0;
    const T inner = (log(k) - log_scale) + (k - 1) * log_x - noise;
    d[0] = at_zero & (k == 1) ? -1 / scale : ((k - 1) - k * noise) / x;
    d[1] = k * growth / scale;
    d[2] = 1 / k - log_x * growth;
    const T value = at_zero ? power_limit(k, -log_scale) : inner;
    return zero_where((x < 0) | (x == infinity<T>), value, d);
  }
};

// log p = log(a b) + (a - 1) log x + (b - 1) log(1 - x^a)
template <class T>
struct kumaraswamy_log_prob {
  static constexpr unsigned differentiable = 0b111;
  static REPARAM_INLINE T evaluate(T (&d)[3], T x, T concentration1, T concentration0) {
    const T a = concentration1, b = concentration0;
    const T log_x = log(x), fall = -a * log_x, log_rest = log_complement(-fall);
    // 1 / (x^-a - 1), and r = -a log(x) times that, which tends to 1, with 1 - r
    const T growth = expm1(fall), odds = 1 / growth;
    const bool flat = fall == 0, steep = fall > 700;
    const T r = flat ? T(1) : steep ? T(0) : fall * odds;
    const T rest = flat ? T(0) : steep ? T(1) : exp_remainder_of(fall, growth) * odds;
    const T log_a = log(a), log_b = log(b);
    const bool at_zero = x == 0, at_one = x == 1;
    const T inner = (log_a + log_b) + (a - 1) * log_x + (b - 1) * log_rest;
    d[0] = ((a - 1) - (b - 1) * a * odds) / x;
    d[1] = ((rest - fall) + b * r) / a;
    d[2] = 1 / b + log_rest;
    // at the ends the density is its limit
    d[0] = select(at_zero & (a == 1), 1 - b, select(at_one & (b == 1), a - 1, d[0]));
    const T value = select(at_zero, power_limit(a, log_b), select(at_one, power_limit(b, log_a), inner));
    return zero_where((x < 0) | (x > 1), value, d);
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
