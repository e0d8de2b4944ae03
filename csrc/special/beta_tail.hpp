// The smaller tail of the beta law: its logarithm, its hazard and its derivatives in both concentrations.
#pragma once

#include <algorithm>

#include "beta_fraction.hpp"
#include "gamma_tail.hpp"
#include "legendre.hpp"
#include "logs.hpp"
#include "polygamma.hpp"
#include "short_log1p.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// With D = x^a z^b / B(a, b), z = 1 - x and n = a + b, D the density of the logit of X, and logit s = logit x - v,
//     I_x(a, b) = D * integral over v > 0 of exp(-phi),
//     phi(v) = (a z - b x) v + n (x v + log(1 + x (exp(-v) - 1))),
// convex with positive terms below the mean; the derivatives in a and b bring log(x / s) and log((1 - s) / z). Above
// the mean the law is reflected. Only large a need the integral: for others the continued fraction is quicker. Where
// a < 1 and x is near 0, the first term of the power series is taken off, which leaves
//     I_x(a, b) = x^a (1 + a S) / (a B(a, b)),   S = sum over n > 0 of (1 - b)_n x^n / (n! (a + n)),
// so that log I keeps its relative accuracy where it is of the order of a. special/_beta_tail.py says more.
constexpr int beta_lanes = fraction_lanes;
constexpr int beta_block = 256;
constexpr double beta_fraction_below = 1e4;
constexpr int power_stride = 8, most_powers = 64;

template <class Accuracy>
struct beta_rule;

template <>
struct beta_rule<double> {
  static constexpr double depth = 35, lost = 1e-17;
  static constexpr auto& nodes = even<24>;
};

template <>
struct beta_rule<float> {
  static constexpr double depth = 19, lost = 1e-9;
  static constexpr auto& nodes = even<13>;
};

enum class beta_method : std::int32_t { near_end, fraction, integral };

// A lower tail below the mean, or near the end 0; excess is a z - b x.
struct beta_points : fraction_points {
  alignas(64) double log_x[beta_lanes], log_z[beta_lanes];
};

// log T, log(D / T), and d log T / da and / db.
struct beta_values {
  alignas(64) double log_tail[beta_lanes], log_hazard[beta_lanes], slope_a[beta_lanes], slope_b[beta_lanes];
};

// The exponent's part K = log(1 + c (exp(r) - 1)) and K - c r >= 0, for c <= 1/2.
template <class Accuracy>
struct mean_exp {
  double value, bend, rise;  // rise is c (exp(r) - 1)

  REPARAM_INLINE mean_exp(double c, double r) {
    const short_exp<Accuracy> e(r);
    const bool small = e.scale == 1;
    rise = c * (small ? e.r + e.tail : e.value() - 1);
    const short_log1p log(rise);
    value = log.value;
    bend = (small & log.near) ? c * e.tail - log.excess : log.value - c * r;
  }
};

// Where phi is depth, or a little beyond: Newton steps, which stay beyond for convex functions.
template <class Accuracy>
REPARAM_INLINE double beta_reach(double n, double excess, double c, bool up) {
  constexpr double depth = beta_rule<Accuracy>::depth;
  const double curvature = n * c * (1 - c);
  double v = 2 * depth / (excess + std::sqrt(excess * excess + 2 * depth * curvature));
  // upward, phi = n K - lag v: a bound for v gives a better one
  const double lag = n * c - excess;
  const double bound = log1p(expm1((depth + lag * v) / n) / c);
  v = (up & (bound < v)) ? bound : v;
  for (int step = 0; step < 3; ++step) {
    const mean_exp<Accuracy> mean(c, up ? v : -v);
    const double value = excess * v + n * mean.bend;
    const double change = mean.rise * (1 - c) / (1 + mean.rise);
    v -= (value - depth) / (excess + n * (up ? change : -change));
  }
  return v;
}

// T / D and its logarithmic derivatives, by the integral.
template <class Accuracy, bool Slopes>
inline void beta_integrals(const beta_points& p, fraction_values& out) {
  constexpr auto& rule = beta_rule<Accuracy>::nodes;
  alignas(64) double c[beta_lanes], sign[beta_lanes], reach[beta_lanes];
  alignas(64) double total[beta_lanes] = {}, rise[beta_lanes] = {}, length[beta_lanes] = {};
  for (int i = 0; i < beta_lanes; ++i) {
    const bool up = p.x[i] > 0.5;
    c[i] = up ? p.z[i] : p.x[i];
    sign[i] = up ? 1.0 : -1.0;
    reach[i] = beta_reach<Accuracy>(p.a[i] + p.b[i], p.excess[i], c[i], up);
  }
  for (int k = 0; k < rule.size; ++k) {
    const double node = rule.node[k], weight = rule.weight[k];
    for (int i = 0; i < beta_lanes; ++i) {
      const double v = reach[i] * node;
      const mean_exp<Accuracy> mean(c[i], sign[i] * v);
      const double mass = weight * short_exp<Accuracy>(-p.excess[i] * v - (p.a[i] + p.b[i]) * mean.bend).value();
      total[i] += mass;
      if constexpr (Slopes) {
        rise[i] += mass * mean.value;
        length[i] += mass * v;
      }
    }
  }
  for (int i = 0; i < beta_lanes; ++i) {
    out.value[i] = reach[i] * total[i];
    if constexpr (Slopes) {
      const double mean = rise[i] / total[i], span = length[i] / total[i];
      out.by_a[i] = sign[i] > 0 ? -mean : -span - mean;
      out.by_b[i] = sign[i] > 0 ? span - mean : -mean;
    }
  }
}

template <class Accuracy, bool Slopes, bool Integral>
REPARAM_NOINLINE void inner_beta_tails(const beta_points& p, beta_values& out) {
  fraction_values mass;
  if constexpr (Integral) {
    beta_integrals<Accuracy, Slopes>(p, mass);
  } else {
    beta_fractions<Accuracy, Slopes, Slopes>(p, mass);
    for (int i = 0; i < beta_lanes; ++i) {
      mass.value[i] /= p.a[i];
      if constexpr (Slopes) mass.by_a[i] -= 1 / p.a[i];
    }
  }
  for (int i = 0; i < beta_lanes; ++i) {
    const double a = p.a[i], b = p.b[i], n = a + b;
    const double log_a = log(a), log_b = log(b), log_n = log(n);
    const stirling_pair<double> error_a = stirling(a, log_a), error_b = stirling(b, log_b), error_n = stirling(n, log_n);
    const deviance_pair<double> left = deviance(a, n * p.x[i], p.excess[i]);
    const deviance_pair<double> right = deviance(b, n * p.z[i], -p.excess[i]);
    const bool tiny = p.x[i] < 1e-280;
    const double left_log = tiny ? log_a - log_n - p.log_x[i] : left.log_ratio;
    const double distance = tiny ? a * left_log - p.excess[i] : left.value;
    const double log_density = (error_n.value - error_a.value - error_b.value) +
                               0.5 * (log_a + log_b - log_n) - half_log_2pi<double> - distance - right.value;
    out.log_hazard[i] = -log(mass.value[i]);
    out.log_tail[i] = log_density - out.log_hazard[i];
    if constexpr (Slopes) {
      const double lag_n = 0.5 / n - error_n.slope;
      out.slope_a[i] = ((0.5 / a - error_a.slope) - lag_n) - left_log + mass.by_a[i];
      out.slope_b[i] = ((0.5 / b - error_b.slope) - lag_n) - right.log_ratio + mass.by_b[i];
    }
  }
}

template <class Accuracy, bool Slopes>
REPARAM_NOINLINE void end_beta_tails(const beta_points& p, beta_values& out) {
  alignas(64) double term[beta_lanes], bent[beta_lanes] = {};  // (1 - b)_n x^n / n! and its derivative in b
  alignas(64) double total[beta_lanes] = {}, by_a[beta_lanes] = {}, by_b[beta_lanes] = {}, left[beta_lanes];
  for (double& each : term) each = 1;
  bool unfinished = true;
  for (int begin = 0; begin < most_powers && unfinished; begin += power_stride) {
    for (int i = 0; i < beta_lanes; ++i) {
      double each = term[i], slope = bent[i], sum = total[i], in_a = by_a[i], in_b = by_b[i];
      for (int k = 1; k <= power_stride; ++k) {
        const double n = begin + k, share = p.x[i] * (1 / n), factor = share * (n - p.b[i]), over = 1 / (p.a[i] + n);
        if constexpr (Slopes) slope = slope * factor - each * share;
        each *= factor;
        const double part = each * over;
        sum += part;
        if constexpr (Slopes) {
          in_a -= part * over;
          in_b += slope * over;
        }
      }
      term[i] = each;
      total[i] = sum;
      left[i] = absolute(each);
      if constexpr (Slopes) {
        bent[i] = slope;
        by_a[i] = in_a;
        by_b[i] = in_b;
        left[i] += absolute(slope);
      }
    }
    unfinished = false;
    for (int i = 0; i < beta_lanes; ++i) unfinished |= left[i] > beta_rule<Accuracy>::lost;
  }
  for (int i = 0; i < beta_lanes; ++i) {
    const double a = p.a[i], b = p.b[i], c = b < 1 ? 1.0 : b;
    const double log_x = p.log_x[i] + log(c);
    // log Gamma(a + b) - log Gamma(b) - a log(c), with nothing lost for small a
    const stretch s(b, a);
    const double rest = s.gap * divided(coefficients<double>::stirling_core, s.u, s.v).slope;
    const double lifted = (s.z - 0.5) * log1p(a * s.u) - rest + a * (log((s.z + a) / c) - 1);
    const double ratio = s.small ? lifted - log1p(a / b) : lifted;
    const double log_growth = log1p(a * total[i]);
    out.log_tail[i] = a * log_x + ratio - log_gamma_1p(a) + log_growth;
    out.log_hazard[i] = log(a) + b * p.log_z[i] - log_growth;
    if constexpr (Slopes) {
      const double n = a + b, grown = 1 + a * total[i];
      const double order = b < 1 ? log(n) : log1p(a / b);
      const double digamma_1p = log1p(a) - slopes_of(a + 1).lag;
      out.slope_a[i] = log_x + (order - slopes_of(n).lag) - digamma_1p + (total[i] + a * by_a[i]) / grown;
      out.slope_b[i] = digamma_rise(b, a) + a * by_b[i] / grown;
    }
  }
}

// The smaller tails at the shares u : v of up to 256 laws, or those near an end of singular density.
struct beta_tails {
  alignas(64) double log_tail[beta_block], log_hazard[beta_block], slope_a[beta_block], slope_b[beta_block];
  alignas(64) double log_x[beta_block], log_z[beta_block];
  alignas(64) double sign[beta_block];  // -1 for an upper tail, else 1
};

// log(u / total), where 1 - u / total is the rest.
REPARAM_INLINE double log_share(double u, double total, double rest) {
  constexpr double up = 0x1p+540, down = 0x1p-540, log_lift = 1080 * log_two<double>;
  const bool near = rest < 0.5, tiny = u / total < std::numeric_limits<double>::min();
  const double gap = 1 - rest, share = (tiny ? u * up : u) / (tiny ? total * down : total);
  return log_any<true>(near ? gap : share, near ? (1 - gap) - rest : 0.0) - (tiny ? log_lift : 0.0);
}

template <class Accuracy, bool Slopes>
REPARAM_NOINLINE void find_beta_tails(int count, const double* a, const double* b, const double* u, const double* v,
                            beta_tails& out) {
  alignas(64) double x[beta_block], z[beta_block];
  beta_method method[beta_block];
  for (int i = 0; i < count; ++i) {
    const bool proper = (u[i] > 0) & (v[i] > 0) & (u[i] < infinity<double>) & (v[i] < infinity<double>);
    const double first = proper ? u[i] : 1.0, second = proper ? v[i] : 1.0, total = first + second;
    x[i] = first / total;
    z[i] = second / total;
    out.log_x[i] = log_share(first, total, z[i]);
    out.log_z[i] = log_share(second, total, x[i]);
    const bool low = (a[i] < 1) & (x[i] * (b[i] < 2 ? 2.0 : b[i]) <= 1);
    const bool high = !low & (b[i] < 1) & (z[i] * (a[i] < 2 ? 2.0 : a[i]) <= 1);
    const bool upper = high | (!low & (a[i] * z[i] < b[i] * x[i]));
    out.sign[i] = upper ? -1.0 : 1.0;
    const bool few = (upper ? b[i] : a[i]) < beta_fraction_below;
    method[i] = (low | high) ? beta_method::near_end : few ? beta_method::fraction : beta_method::integral;
  }
  for (const beta_method each : {beta_method::near_end, beta_method::fraction, beta_method::integral}) {
    int place[beta_block], size = 0;
    for (int i = 0; i < count; ++i) {
      place[size] = i;
      size += method[i] == each;
    }
    for (int begin = 0; begin < size; begin += beta_lanes) {
      beta_points p;
      beta_values values;
      const int here = std::min(beta_lanes, size - begin);
      for (int i = 0; i < beta_lanes; ++i) {
        const int at = place[begin + std::min(i, here - 1)];
        const bool upper = out.sign[at] < 0;
        p.a[i] = upper ? b[at] : a[at];
        p.b[i] = upper ? a[at] : b[at];
        p.x[i] = upper ? z[at] : x[at];
        p.z[i] = upper ? x[at] : z[at];
        p.log_x[i] = upper ? out.log_z[at] : out.log_x[at];
        p.log_z[i] = upper ? out.log_x[at] : out.log_z[at];
        p.excess[i] = p.a[i] * p.z[i] - p.b[i] * p.x[i];
      }
      if (each == beta_method::near_end) {
        end_beta_tails<Accuracy, Slopes>(p, values);
      } else if (each == beta_method::fraction) {
        inner_beta_tails<Accuracy, Slopes, false>(p, values);
      } else {
        inner_beta_tails<Accuracy, Slopes, true>(p, values);
      }
      for (int i = 0; i < here; ++i) {
        const int at = place[begin + i];
        out.log_tail[at] = values.log_tail[i];
        out.log_hazard[at] = values.log_hazard[i];
        if constexpr (Slopes) {
          out.slope_a[at] = out.sign[at] < 0 ? values.slope_b[i] : values.slope_a[i];
          out.slope_b[at] = out.sign[at] < 0 ? values.slope_a[i] : values.slope_b[i];
        }
      }
    }
  }
}

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
