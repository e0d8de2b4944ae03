// The Hurwitz zeta function.
#pragma once

#include "elementary.hpp"
#include "summed.hpp"

namespace reparam::REPARAM_LEVEL {

constexpr int zeta_powers = 10;
// B_2j / (2j)! for j = 1, 2, ...
constexpr double zeta_series[] = {
    1.0 / 12, -1.0 / 720, 1.0 / 30240, -1.0 / 1209600, 1.0 / 47900160, -5.2841901386874931e-10, 1.3382536530684679e-11,
    -3.3896802963225829e-13, 8.5860620562778446e-15, -2.1748686985580619e-16,
};

// The asymptotic series over z^-s, from term K on, and its derivatives in s and z; r is 1/z, `term` is
// s (s + 1) ... (s + 2K) r^(2K + 1), and `steps` its logarithmic derivative in s.
struct zeta_rest {
  double value, in_s, in_z;
};

template <int K = 0>
REPARAM_INLINE zeta_rest zeta_tail(double s, double r, double term, double steps) {
  if constexpr (K < sizeof zeta_series / sizeof zeta_series[0]) {
    const double here = zeta_series[K] * term, up = s + (2 * K + 1), next = up + 1;
    const double further = steps + (up + next) / (up * next);
    const zeta_rest rest = zeta_tail<K + 1>(s, r, term * (up * r) * (next * r), further);
    return {here + rest.value, here * steps + rest.in_s, rest.in_z - here * (up * r)};
  } else {
    return {0, 0, 0};
  }
}

// log(x) for x >= 0, and what its rounding lost.
struct exact_log {
  double value, lost;

  REPARAM_INLINE explicit exact_log(double x) {
    constexpr int lift = format<double>::mantissa + 2;
    const bool tiny = x < std::numeric_limits<double>::min();
    const log_parts<double> log = log_in_parts<false>(tiny ? x * double(std::uint64_t(1) << lift) : x, 0.0,
                                                      tiny ? double(-lift) : 0.0);
    const double sum = log.head + log.rest;
    lost = (log.head - sum) + log.rest;
    value = select(x == 0, -infinity<double>, select(x < infinity<double>, sum, x));
  }
};

// exp(-s log), to a few eps where s is small: the logarithm is exact, and its head times s is so for the whole numbers
// that polygamma functions ask for.
REPARAM_INLINE double power_of(const exact_log& log, double s) {
  const bool precise = (s < 256) & (absolute(log.value) > 4);
  const double cut = from_bits<double>(to_bits(log.value) & ~((std::uint64_t(1) << 27) - 1));
  const double rest = (log.value - cut) + log.lost;
  return exp_corrected(-s * select(precise, cut, log.value), select(precise, -s * rest, 0.0));
}

// The Euler-Maclaurin formula: ten powers, the integral beyond, half a power and the series at z = q + 10.
struct zeta_terms {
  static constexpr int terms = zeta_powers, sums = 3, value_sums = 1;

  static REPARAM_INLINE void prepare(double s, double q, double& exponent, double& start) {
    exponent = s > 1 ? s : nan<double>;
    start = q >= 0 ? q : nan<double>;
  }

  static REPARAM_INLINE void add(int k, double s, double q, double& sum) {
    sum += power_of(exact_log(q + double(k)), s);
  }

  static REPARAM_INLINE void add(int k, double s, double q, double& sum, double& in_s, double& in_q) {
    const double base = q + double(k);
    const exact_log log(base);
    const double power = power_of(log, s);
    sum += power;
    in_s -= log.value * power;
    in_q -= s * power / base;
  }

  static REPARAM_INLINE double finish(double (&d)[2], double s, double q, double sum, double in_s,
                                      double in_q) {
    const double z = q + zeta_powers, r = 1 / z, over = 1 / (s - 1);
    const exact_log log(z);
    const double log_z = log.value, power = power_of(log, s);
    const bool lost = power == 0;
    const double order = lost ? 2.0 : s;
    const zeta_rest rest = zeta_tail(order, r, order * r, 1 / s);
    const double integral = z * power * over, tail = power * (0.5 + rest.value);
    const bool good = (s > 1) & (q >= 0);
    d[0] = in_s - integral * over - (lost ? 0.0 : log_z * (integral + tail)) + power * rest.in_s;
    d[1] = in_q - power * (1 + 0.5 * s * r) + power * rest.in_z;
    const double other = (good & (q == infinity<double>)) ? 0.0 : nan<double>;
    const bool inner = good & (q < infinity<double>);
    d[0] = inner ? d[0] : other;
    d[1] = inner ? d[1] : other;
    return inner ? sum + (integral + tail) : other;
  }
};

template <class Accuracy>
struct zeta : summed<zeta_terms> {};

}  // namespace reparam::REPARAM_LEVEL
