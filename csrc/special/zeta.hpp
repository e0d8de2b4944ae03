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

// The asymptotic series over z^-s, from term K on, and its derivatives in s and z; `term` is s (s + 1) ... (s + 2K) over
// z^(2K + 1), and `steps` its logarithmic derivative in s.
struct zeta_rest {
  double value, in_s, in_z;
};

template <int K = 0>
REPARAM_INLINE zeta_rest zeta_tail(double s, double z, double term, double steps) {
  if constexpr (K < sizeof zeta_series / sizeof zeta_series[0]) {
    const double here = zeta_series[K] * term, up = s + (2 * K + 1);
    const zeta_rest rest = zeta_tail<K + 1>(s, z, term * (up / z) * ((up + 1) / z), steps + 1 / up + 1 / (up + 1));
    return {here + rest.value, here * steps + rest.in_s, rest.in_z - here * up / z};
  } else {
    return {0, 0, 0};
  }
}

// base^-s, to a few eps where s is small: the logarithm is corrected by what its exponential misses, and its head times
// s is exact for the whole numbers that polygamma functions ask for.
REPARAM_INLINE double power_of(double base, double log_base, double s) {
  const double size = s < 256 ? absolute(log_base) : 0.0;
  const double miss = base * exp(-log_base) - 1;
  const double head = from_bits<double>(to_bits(log_base) & ~((std::uint64_t(1) << 27) - 1));
  const double rest = size > 4 ? -s * ((log_base - head) + miss) : 0.0;
  return exp_corrected(-s * (size > 4 ? head : log_base), rest);
}

// The Euler-Maclaurin formula: ten powers, the integral beyond, half a power and the series at z = q + 10.
struct zeta_terms {
  static constexpr int terms = zeta_powers, sums = 3;

  static REPARAM_INLINE void prepare(double s, double q, double& exponent, double& start) {
    exponent = s > 1 ? s : nan<double>;
    start = q >= 0 ? q : nan<double>;
  }

  static REPARAM_INLINE void add(int k, double s, double q, double& sum, double& in_s, double& in_q) {
    const double base = q + double(k), log_base = log(base), power = power_of(base, log_base, s);
    const double log_term = power == 0 ? 0.0 : log_base * power;
    sum = sum + power;
    in_s = in_s - log_term;
    in_q = in_q - s * power / base;
  }

  static REPARAM_INLINE double finish(double (&d)[2], double s, double q, double sum, double in_s,
                                      double in_q) {
    const double z = q + zeta_powers, log_z = log(z), power = power_of(z, log_z, s), over = 1 / (s - 1);
    const bool lost = power == 0;
    const zeta_rest rest = zeta_tail(lost ? 2.0 : s, z, (lost ? 2.0 : s) / z, 1 / s);
    const double integral = z * power * over, tail = power * (0.5 + rest.value);
    const bool good = (s > 1) & (q >= 0);
    d[0] = in_s - integral * over - (lost ? 0.0 : log_z * (integral + tail)) + power * rest.in_s;
    d[1] = in_q - power * (1 + 0.5 * s / z) + power * rest.in_z;
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
