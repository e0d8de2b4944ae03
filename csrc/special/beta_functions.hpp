// The incomplete beta function, its complement and their logarithms.
#pragma once

#include "beta_tail.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// Where u : v is an end of the interval, and whether everything is in order.
struct beta_place {
  bool good, zero, one;

  REPARAM_INLINE beta_place(double a, double b, double u, double v)
      : good((a > 0) & (b > 0) & (u >= 0) & (v >= 0) & (u + v > 0)),
        zero((u == 0) | (v == infinity<double>)),
        one((v == 0) | (u == infinity<double>)) {}
};

// I at the shares u : v, or its logarithm.
template <bool Logarithm>
inline void beta_values_of(int count, const double* a, const double* b, const double* u, const double* v,
                           const beta_tails& t, double* REPARAM_RESTRICT value) {
  constexpr double nothing = Logarithm ? -infinity<double> : 0.0, everything = Logarithm ? 0.0 : 1.0;
  for (int i = 0; i < count; ++i) {
    const beta_place at(a[i], b[i], u[i], v[i]);
    const double own = Logarithm ? t.log_tail[i] : exp(t.log_tail[i]);
    const double rest = Logarithm ? log_complement(t.log_tail[i]) : -expm1(t.log_tail[i]);
    const double inner = t.sign[i] < 0 ? rest : own;
    value[i] = at.good ? (at.zero ? nothing : at.one ? everything : inner) : nan<double>;
  }
}

// Where the derivatives go: in a and b, and in x = u / (u + v) or, if Odds, in u and v.
struct beta_partials {
  double *by_a, *by_b, *by_x, *by_rest;
};

// With T the tail, D the density of the logit and `over` 1 or, in logarithms of the other tail, 1 / (1 - T), the
// derivatives are T over times those of log T, and D over times those of the logit.
template <bool Logarithm, bool Odds>
inline void beta_slopes_of(int count, const double* a, const double* b, const double* u, const double* v,
                           const beta_tails& t, double* REPARAM_RESTRICT by_a, double* REPARAM_RESTRICT by_b,
                           double* REPARAM_RESTRICT by_x, double* REPARAM_RESTRICT by_rest) {
  for (int i = 0; i < count; ++i) {
    const beta_place at(a[i], b[i], u[i], v[i]);
    const bool other = Logarithm & (t.sign[i] < 0), end = at.zero | at.one, bottom = at.zero & at.good;
    const double log_tail = select(other | !Logarithm, t.log_tail[i], 0.0);
    const double over = select(other, -1 / expm1(log_tail), 1.0);
    const double scale = t.sign[i] * (exp(log_tail) * over), settled = select(at.good, 0.0, nan<double>);
    const bool moves = at.good & !end;
    by_a[i] = select(Logarithm & bottom, -infinity<double>, select(moves, scale * t.slope_a[i], settled));
    by_b[i] = select(moves, scale * t.slope_b[i], settled);
    const double log_rate = log_tail + t.log_hazard[i];
    const double shape = select(at.zero, a[i], b[i]), rest = select(at.zero, b[i], a[i]);
    const double edge = select(shape < 1, infinity<double>, select(shape > 1, 0.0, rest));
    const double top = select(Logarithm & at.zero, infinity<double>, edge), limit = select(at.good, top, nan<double>);
    if constexpr (Odds) {
      // D may underflow where D / u does not
      const double root = exp(0.5 * log_rate), lift = select(at.good, root * over, nan<double>);
      const double total = u[i] + v[i];
      const bool whole = total == infinity<double>;
      const double at_u = limit * select(whole, 0.0, v[i] / total / total);
      const double at_v = limit * select(whole, 0.0, u[i] / total / total);
      // log I is close to a log(u / v) at 0
      const bool power = Logarithm & bottom;
      by_x[i] = select(power, a[i] / u[i], select(end, at_u, (root / u[i]) * lift));
      by_rest[i] = -select(power, a[i] / v[i], select(end, at_v, (root / v[i]) * lift));
    } else {
      const double density = exp(log_rate - t.log_x[i] - t.log_z[i]) * over;
      by_x[i] = select(end | !at.good, limit, density);
    }
  }
}

// One of the value and the derivatives, that which has a place.
template <class Accuracy, bool Logarithm, bool Odds>
inline void beta_shares(int count, const double* a, const double* b, const double* u, const double* v, double* value,
                        const beta_partials& to) {
  beta_tails t;
  if (to.by_a == nullptr) {
    find_beta_tails<Accuracy, false>(count, a, b, u, v, t);
    beta_values_of<Logarithm>(count, a, b, u, v, t, value);
  } else {
    find_beta_tails<Accuracy, true>(count, a, b, u, v, t);
    beta_slopes_of<Logarithm, Odds>(count, a, b, u, v, t, to.by_a, to.by_b, to.by_x, to.by_rest);
  }
}

// As functions of a, b and x; Reflected for the complement.
template <class Accuracy, bool Logarithm, bool Reflected>
struct beta_function {
  static constexpr unsigned differentiable = 0b111;
  static constexpr bool apart = true;

  static void block(int count, const double* const* in, double* value, double* const* partial) {
    constexpr int first = Reflected ? 1 : 0, second = 1 - first;
    const double* const x = in[2];
    alignas(64) double rest[beta_block];
    for (int i = 0; i < count; ++i) rest[i] = 1 - x[i];
    beta_partials to = {};
    if (partial != nullptr) to = {partial[first], partial[second], partial[2], nullptr};
    beta_shares<Accuracy, Logarithm, false>(count, in[first], in[second], Reflected ? rest : x, Reflected ? x : rest,
                                            value, to);
    if (Reflected && partial != nullptr) {
      for (int i = 0; i < count; ++i) partial[2][i] = -partial[2][i];
    }
  }
};

// As functions of a, b, u and v.
template <class Accuracy, bool Logarithm>
struct beta_odds_function {
  static constexpr unsigned differentiable = 0b1111;
  static constexpr bool apart = true;

  static void block(int count, const double* const* in, double* value, double* const* partial) {
    beta_partials to = {};
    if (partial != nullptr) to = {partial[0], partial[1], partial[2], partial[3]};
    beta_shares<Accuracy, Logarithm, true>(count, in[0], in[1], in[2], in[3], value, to);
  }
};

template <class Accuracy>
struct betainc : beta_function<Accuracy, false, false> {};
template <class Accuracy>
struct betaincc : beta_function<Accuracy, false, true> {};
template <class Accuracy>
struct log_betainc : beta_function<Accuracy, true, false> {};
template <class Accuracy>
struct log_betaincc : beta_function<Accuracy, true, true> {};
template <class Accuracy>
struct betainc_odds : beta_odds_function<Accuracy, false> {};
template <class Accuracy>
struct log_betainc_odds : beta_odds_function<Accuracy, true> {};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
