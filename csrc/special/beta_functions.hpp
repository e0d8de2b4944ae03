// The incomplete beta function, its complement and their logarithms.
#pragma once

#include "beta_tail.hpp"

namespace reparam::REPARAM_LEVEL {

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

// Its derivatives in a, b, and x = u / (u + v), or, if Logit, the logarithm of that in log(u), inside.
template <bool Logarithm, bool Logit>
inline void beta_slopes_of(int count, const double* a, const double* b, const double* u, const double* v,
                           const beta_tails& t, double* REPARAM_RESTRICT by_a, double* REPARAM_RESTRICT by_b,
                           double* REPARAM_RESTRICT by_x) {
  // the logarithm of the tail, over the value where that is a logarithm
  alignas(64) double log_share[beta_block];
  for (int i = 0; i < count; ++i) {
    const double odds = t.sign[i] < 0 ? t.log_tail[i] - log_complement(t.log_tail[i]) : 0.0;
    log_share[i] = Logarithm ? odds : t.log_tail[i];
  }
  for (int i = 0; i < count; ++i) {
    const beta_place at(a[i], b[i], u[i], v[i]);
    const double scale = (at.zero | at.one) ? 0.0 : at.good ? t.sign[i] * exp(log_share[i]) : nan<double>;
    const double slope = scale * t.slope_a[i];
    const bool bottom = at.zero & at.good;
    const double lowest = Logarithm ? -infinity<double> : slope;
    by_a[i] = bottom ? lowest : slope;
    by_b[i] = scale * t.slope_b[i];
    const double log_rate = log_share[i] + t.log_hazard[i];
    const double density = Logit ? log_rate : exp(log_rate - t.log_x[i] - t.log_z[i]);
    const double shape = at.zero ? a[i] : b[i], other = at.zero ? b[i] : a[i];
    const double edge = shape < 1 ? infinity<double> : shape > 1 ? 0.0 : other;
    const double top = Logarithm ? infinity<double> : edge, limit = at.zero ? top : edge;
    by_x[i] = at.good ? ((at.zero | at.one) ? limit : density) : nan<double>;
  }
}

template <class Accuracy, bool Logarithm, bool Logit>
inline void beta_shares(int count, const double* a, const double* b, const double* u, const double* v, double* value,
                        double* by_a, double* by_b, double* by_x) {
  beta_tails t;
  if (by_a == nullptr) {
    find_beta_tails<Accuracy, false>(count, a, b, u, v, t);
  } else {
    find_beta_tails<Accuracy, true>(count, a, b, u, v, t);
    beta_slopes_of<Logarithm, Logit>(count, a, b, u, v, t, by_a, by_b, by_x);
  }
  beta_values_of<Logarithm>(count, a, b, u, v, t, value);
}

// As functions of a, b and x; Reflected for the complement.
template <class Accuracy, bool Logarithm, bool Reflected>
struct beta_function {
  static constexpr unsigned differentiable = 0b111;

  static void block(int count, const double* const* in, double* value, double* const* partial) {
    const double* const x = in[2];
    alignas(64) double rest[beta_block];
    for (int i = 0; i < count; ++i) rest[i] = 1 - x[i];
    const bool slopes = partial != nullptr;
    double* const by_a = slopes ? partial[Reflected ? 1 : 0] : nullptr;
    double* const by_b = slopes ? partial[Reflected ? 0 : 1] : nullptr;
    double* const by_x = slopes ? partial[2] : nullptr;
    beta_shares<Accuracy, Logarithm, false>(count, in[Reflected ? 1 : 0], in[Reflected ? 0 : 1], Reflected ? rest : x,
                                     Reflected ? x : rest, value, by_a, by_b, by_x);
    if (Reflected && slopes) {
      for (int i = 0; i < count; ++i) by_x[i] = -by_x[i];
    }
  }
};

// As functions of a, b, u and v.
template <class Accuracy, bool Logarithm>
struct beta_odds_function {
  static constexpr unsigned differentiable = 0b1111;

  static void block(int count, const double* const* in, double* value, double* const* partial) {
    const double *const u = in[2], *const v = in[3];
    if (partial == nullptr) {
      beta_shares<Accuracy, Logarithm, true>(count, in[0], in[1], u, v, value, nullptr, nullptr, nullptr);
      return;
    }
    beta_shares<Accuracy, Logarithm, true>(count, in[0], in[1], u, v, value, partial[0], partial[1], partial[2]);
    for (int i = 0; i < count; ++i) {
      const beta_place at(in[0][i], in[1][i], u[i], v[i]);
      const bool end = at.zero | at.one;
      const double total = u[i] + v[i], change = partial[2][i];
      const double up = end ? change * (v[i] / total / total) : exp(change - log(u[i]));
      const double down = end ? change * (u[i] / total / total) : exp(change - log(v[i]));
      // log I is close to a log(u / v) at 0
      const bool power = Logarithm & at.zero & at.good;
      partial[2][i] = power ? in[0][i] / u[i] : up;
      partial[3][i] = -(power ? in[0][i] / v[i] : down);
    }
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

}  // namespace reparam::REPARAM_LEVEL
