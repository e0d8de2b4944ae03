// The incomplete gamma functions P and Q, their logarithms and the gradient of gamma quantiles, as block entries.
#pragma once

#include "gamma_tail.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// What all four functions are made of: both probabilities, the derivative of log T in a, and the density of X.
struct gamma_tail_at {
  double x;
  bool upper;
  double log_tail, tail, rest, slope, hazard, density;
};

REPARAM_INLINE gamma_tail_at tail_at(double x, const tail_points& p, const tail_values& v, int i) {
  const double a = p.a[i], tail = exp(v.log_tail[i]);
  // D / x, where D may underflow and where x may
  const bool by_logs = (a >= 1) & (p.x[i] < 1);
  const double density = exp(v.log_density[i] - (by_logs ? p.log_x[i] : 0.0)) / (by_logs ? 1.0 : p.x[i]);
  const double rest = tail > 0.5 ? -expm1(v.log_tail[i]) : 1 - tail;
  return {a > 0 ? x : nan<double>, is_upper(a, p.x[i]), v.log_tail[i], tail, rest, v.slope[i], 1 / (v.mass[i] * p.x[i]), density};
}

REPARAM_INLINE double with_limits(double x, double value, double zero, double end) {
  return x == 0 ? zero : x == infinity<double> ? end : value;
}

// The density where X = 0.
REPARAM_INLINE double density_at_zero(double a) { return a < 1 ? infinity<double> : a == 1 ? 1.0 : 0.0; }

template <bool Upper>
struct tail_probability {
  static REPARAM_INLINE double evaluate(double (&d)[2], double a, const gamma_tail_at& t) {
    constexpr double sign = Upper ? -1 : 1;
    const double slope = with_limits(t.x, t.upper == Upper ? t.slope * t.tail : -t.slope * t.tail, 0, 0);
    d[0] = slope;
    d[1] = sign * with_limits(t.x, t.density, density_at_zero(a), 0);
    return with_limits(t.x, t.upper == Upper ? t.tail : t.rest, Upper, !Upper);
  }
};

template <bool Upper>
struct log_tail_probability {
  static REPARAM_INLINE double evaluate(double (&d)[2], double a, const gamma_tail_at& t) {
    constexpr double sign = Upper ? -1 : 1;
    const bool own = t.upper == Upper;
    const double slope = own ? t.slope : -t.slope * t.tail / t.rest;
    const double hazard = own ? t.hazard : t.density / t.rest;
    d[0] = with_limits(t.x, slope, Upper ? 0 : -infinity<double>, Upper ? infinity<double> : 0);
    d[1] = sign * with_limits(t.x, hazard, Upper ? density_at_zero(a) : infinity<double>, Upper);
    // the logarithm of a rest that is small itself, else that of 1 - T
    const bool small = t.rest < 0.5;
    const double other = small ? log(t.rest) : log1p(-t.tail);
    return with_limits(t.x, own ? t.log_tail : other, Upper ? 0 : -infinity<double>, Upper ? -infinity<double> : 0);
  }
};

// An entry that takes (a, x) and is a function of the tail there.
template <class Accuracy, class Function>
struct tail_entry {
  static constexpr unsigned differentiable = 0b11;
  static constexpr bool apart = true;

  static void block(int count, const double* const* in, double* value, double* const* partial) {
    alignas(64) double inside[tail_block] = {};
    for (int i = 0; i < count; ++i) {
      const double x = in[1][i];
      inside[i] = (x == 0) | (x == infinity<double>) ? 1.0 : x;
    }
    gamma_tails<Accuracy, false>(
        count, in[0], inside, [=](const int* place, int here, const tail_points& p, const tail_values& v) {
          alignas(64) double x[tail_lanes], f[tail_lanes], in_a[tail_lanes], in_x[tail_lanes];
          for (int i = 0; i < tail_lanes; ++i) x[i] = in[1][place[std::min(i, here - 1)]];
          if (partial == nullptr) {
            for (int i = 0; i < tail_lanes; ++i) {
              double unused[2];
              f[i] = Function::evaluate(unused, p.a[i], tail_at(x[i], p, v, i));
            }
            for (int i = 0; i < here; ++i) value[place[i]] = f[i];
            return;
          }
          for (int i = 0; i < tail_lanes; ++i) {
            double d[2];
            Function::evaluate(d, p.a[i], tail_at(x[i], p, v, i));
            in_a[i] = d[0];
            in_x[i] = d[1];
          }
          for (int i = 0; i < here; ++i) {
            partial[0][place[i]] = in_a[i];
            partial[1][place[i]] = in_x[i];
          }
        });
  }
};

template <class Accuracy>
struct gammainc : tail_entry<Accuracy, tail_probability<false>> {};

template <class Accuracy>
struct gammaincc : tail_entry<Accuracy, tail_probability<true>> {};

template <class Accuracy>
struct log_gammainc : tail_entry<Accuracy, log_tail_probability<false>> {};

template <class Accuracy>
struct log_gammaincc : tail_entry<Accuracy, log_tail_probability<true>> {};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
