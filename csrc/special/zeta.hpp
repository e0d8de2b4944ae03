// The Hurwitz zeta function.
#pragma once

#include <algorithm>

#include "elementary.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

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

// The Euler-Maclaurin formula: powers of q, q + 1, ..., the integral beyond, half a power and the series at z, which is
// q plus the number of powers. Ten are enough for all arguments, and none where q is large; the value alone needs no
// more of them where what remains, at most that integral, is lost in the sum.
struct zeta_function {
  static constexpr unsigned differentiable = 0b11;
  static constexpr bool apart = true;

  static void block(int count, const double* const* in, double* value, double* const* partial) {
    const double* const q = in[1];
    alignas(64) double s[most];
    for (int i = 0; i < count; ++i) s[i] = in[0][i] > 1e300 ? 1e300 : in[0][i];
    alignas(64) double sum[most] = {}, in_s[most] = {}, in_q[most] = {};
    const int powers = all_far(count, s, q) ? 0 : most_powers;
    if (partial == nullptr) {
      if (powers != 0) add_powers(count, s, q, sum);
      for (int i = 0; i < count; ++i) {
        double unused[2];
        value[i] = finish(unused, s[i], q[i], powers, sum[i], 0, 0);
      }
    } else {
      for (int k = 0; k < powers; ++k) add_slopes(count, k, s, q, in_s, in_q);
      finish_slopes(count, s, q, powers, in_s, in_q, partial[0], partial[1]);
    }
  }

 private:
  static constexpr int most = 256, most_powers = 10;

  static bool all_far(int count, const double* s, const double* q) {
    unsigned near = 0;
    for (int i = 0; i < count; ++i) near |= unsigned((q[i] < 32) | (q[i] < 2 * s[i]));
    return near == 0;
  }

  // Those that still need powers move to the front when many are done.
  static void add_powers(int count, const double* s, const double* q, double* sums) {
    alignas(64) double order[most], start[most], sum[most] = {}, left[most];
    int place[most], size = count;
    std::copy_n(s, count, order);
    std::copy_n(q, count, start);
    for (int i = 0; i < count; ++i) place[i] = i;
    for (int k = 0; k < most_powers; ++k) {
      const int open = add_power(size, k, order, start, sum, left);
      if (4 * open > 3 * size) continue;
      int kept = 0;
      for (int i = 0; i < size; ++i) {
        sums[place[i]] = sum[i];
        place[kept] = place[i];
        order[kept] = order[i];
        start[kept] = start[i];
        sum[kept] = sum[i];
        kept += left[i] > 0;
      }
      size = kept;
    }
    for (int i = 0; i < size; ++i) sums[place[i]] = sum[i];
  }

  // Adds a power to each sum; how many have more than rounding `left`?
  static int add_power(int count, int k, const double* REPARAM_RESTRICT s, const double* REPARAM_RESTRICT q,
                       double* REPARAM_RESTRICT sum, double* REPARAM_RESTRICT left) {
    for (int i = 0; i < count; ++i) {
      const double base = q[i] + double(k), power = power_of(exact_log(base), s[i]), total = sum[i] + power;
      sum[i] = total;
      left[i] = power * base - (s[i] - 1) * (1e-17 * total);
    }
    int open = 0;
    for (int i = 0; i < count; ++i) open += left[i] > 0;
    return open;
  }

  static void add_slopes(int count, int k, const double* REPARAM_RESTRICT s, const double* REPARAM_RESTRICT q,
                         double* REPARAM_RESTRICT in_s, double* REPARAM_RESTRICT in_q) {
    for (int i = 0; i < count; ++i) {
      const double base = q[i] + double(k);
      const exact_log log(base);
      const double power = power_of(log, s[i]);
      in_s[i] -= log.value * power;
      in_q[i] -= s[i] * power / base;
    }
  }

  static void finish_slopes(int count, const double* REPARAM_RESTRICT s, const double* REPARAM_RESTRICT q, int powers,
                            const double* in_s, const double* in_q, double* REPARAM_RESTRICT by_s,
                            double* REPARAM_RESTRICT by_q) {
    for (int i = 0; i < count; ++i) {
      double d[2];
      finish(d, s[i], q[i], powers, 0, in_s[i], in_q[i]);
      by_s[i] = d[0];
      by_q[i] = d[1];
    }
  }

  static REPARAM_INLINE double finish(double (&d)[2], double s, double q, int powers, double sum, double in_s,
                                      double in_q) {
    const double z = q + double(powers), r = 1 / z, over = 1 / (s - 1);
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

// As accurate for either dtype.
template <class Accuracy>
struct zeta : zeta_function {};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
