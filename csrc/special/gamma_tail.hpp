// The smaller tail of the gamma law: its logarithm, its hazard and its derivative in the concentration.
#pragma once

#include "short_exp.hpp"
#include "stirling.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// With D = x^a exp(-x) / Gamma(a), the density of log X, and s = x exp(v) in the integrals that define the tails,
//     P = D * integral over v < 0 of exp(-phi),    Q = D * integral over v > 0 of exp(-phi),
//     phi(v) = x (exp(v) - 1 - v) + (x - a) v.
// The tail T taken is P below x = max(a, 1) and Q above, where phi is convex and its terms positive; the derivative
// of log T in a brings a factor |v|. Gauss-Legendre as far as exp(-34), for double, leaves an error of 1e-14. For P at
// small a, where the integrand has two scales, its power series serve instead: with positive terms at a >= 1, and in
//     P Gamma(a + 1) / x^a = 1 + a sum of (-x)^n / (n! (a + n))
// where a and x are below 1, so that log P keeps its relative accuracy where it is of the order of a. For Q and
// moderate a, Legendre's continued fraction is quicker (DLMF 8.9.2, its even part),
//     D / Q = x + 1 - a + p_1 / (x + 3 - a + p_2 / (x + 5 - a + ...)),   p_n = n (a - n).
template <class Accuracy>
struct tail_rule;

template <>
struct tail_rule<double> {
  static constexpr double depth = 34, series_below = 48, lost = 1e-17, change = 2e-15;
  // as many terms as arguments below these leave less than `lost` out
  static constexpr int small_terms = 20;
  static constexpr double short_below = 1e-4, long_from = 0.1;
};

template <>
struct tail_rule<float> {
  static constexpr double depth = 18, series_below = 16, lost = 1e-9, change = 1e-9;
  static constexpr int small_terms = 12;
  static constexpr double short_below = 0.02, long_from = 0.15;
};

// Every step is taken for a whole group of lanes: one vector loop after the other.
constexpr int tail_lanes = 16;
constexpr int tail_block = 256;
constexpr int series_stride = 8, most_series_terms = 72, most_tail_levels = 160;

REPARAM_INLINE bool is_upper(double a, double x) { return x >= (a < 1 ? 1 : a); }

// Deep in the lower tail of large a the series is short, and as good; but not its second derivatives.
enum class tail_method : std::int32_t { small, series, deep, fraction, integral };

template <class Accuracy>
REPARAM_INLINE tail_method tail_method_of(double a, double x) {
  const bool upper = is_upper(a, x), series = !upper & (a < tail_rule<Accuracy>::series_below);
  const bool fraction = upper & (a < 200) & (x >= 2) & (x < 1e30);
  const tail_method sum = a < 1 ? tail_method::small : tail_method::series;
  const tail_method rest = !upper & (x < 0.15 * a) ? tail_method::deep : tail_method::integral;
  return series ? sum : fraction ? tail_method::fraction : rest;
}

// Where the tails begin, without cancellation: excess is x - a, distance log(x / a).
struct tail_points {
  alignas(64) double a[tail_lanes], x[tail_lanes], log_a[tail_lanes], log_x[tail_lanes], excess[tail_lanes],
      distance[tail_lanes];
};

// mass is T / D, slope d log T / da, and log_density log D.
struct tail_values {
  alignas(64) double mass[tail_lanes], slope[tail_lanes], log_density[tail_lanes], log_tail[tail_lanes];
};

REPARAM_NOINLINE void points_of(tail_points& p) {
  for (int i = 0; i < tail_lanes; ++i) {
    const double a = p.a[i], x = p.x[i];
    const double excess = x - a, share = excess / a, ratio = x / a;
    p.log_a[i] = log(a);
    p.log_x[i] = log(x);
    p.excess[i] = excess;
    const bool near = absolute(share) < 0.5, extreme = (ratio < 1e-290) | (ratio > 1e290);
    const double far = extreme ? p.log_x[i] - p.log_a[i] : log(ratio);
    p.distance[i] = near ? log1p(near ? share : 0.0) : far;
  }
}

// The points x = exp(y), of which p.log_x holds y: x may underflow.
REPARAM_NOINLINE void points_of_logs(tail_points& p) {
  for (int i = 0; i < tail_lanes; ++i) {
    const double a = p.a[i], y = p.log_x[i];
    p.log_a[i] = log(a);
    p.x[i] = exp(y);
    const double distance = y - p.log_a[i];
    const bool near = absolute(distance) < 0.5;
    const double step = near ? distance : 0.0;
    p.excess[i] = near ? a * (step + exp_excess<double>(step)) : p.x[i] - a;
    p.distance[i] = distance;
  }
}

// The sums over 0 < n <= Terms of (-x)^n / (n! (a + n)) and of n (-x)^n / (n! (a + n)^2), from the last term on, so
// that no power underflows; two terms share a division.
template <int Terms>
inline void small_sums(const tail_points& p, double* sum, double* moved) {
  for (int i = 0; i < tail_lanes; ++i) {
    const double a = p.a[i], x = p.x[i];
    double total = 0, weighted = 0;
    for (int n = Terms - 1; n > 0; n -= 2) {
      const double next = a + (n + 1), here = a + n, both = 1 / (here * next), over_next = here * both;
      const double over = next * both, step = x * (-1.0 / (n + 1)), before = x * (-1.0 / n);
      total = step * (over_next + total);
      weighted = step * ((n + 1) * (over_next * over_next) + weighted);
      total = before * (over + total);
      weighted = before * (n * (over * over) + weighted);
    }
    sum[i] = total;
    moved[i] = weighted;
  }
}

template <class Accuracy>
REPARAM_NOINLINE void small_tails(const tail_points& p, tail_values& v) {
  using rule = tail_rule<Accuracy>;
  alignas(64) double sum[tail_lanes], moved[tail_lanes];
  double largest = 0;
  for (int i = 0; i < tail_lanes; ++i) largest = p.x[i] > largest ? p.x[i] : largest;
  if (largest < rule::short_below) {
    small_sums<4>(p, sum, moved);
  } else if (largest < rule::long_from) {
    small_sums<rule::small_terms / 2>(p, sum, moved);
  } else {
    small_sums<rule::small_terms>(p, sum, moved);
  }
  for (int i = 0; i < tail_lanes; ++i) {
    const double a = p.a[i], total = 1 + a * sum[i];
    const stirling_pair<double> error = stirling_above_one(a + 1);
    const double digamma = log1p(a) - 0.5 / (a + 1) + error.slope;
    const double log_gamma = a * polynomial(coefficients<Accuracy>::log_gamma_above_one, 2 * a - 1);
    const double log_power = a * p.log_x[i] - log_gamma;
    v.mass[i] = total * exp(p.x[i]) / a;
    v.slope[i] = p.log_x[i] - digamma + moved[i] / total;
    v.log_density[i] = log_power - p.x[i] + p.log_a[i];
    v.log_tail[i] = log_power + log1p(a * sum[i]);
  }
}

// log D as a Stirling error and a deviance, and log x - digamma(a); then log T.
REPARAM_NOINLINE void finish_tails(const tail_points& p, const double* mean, tail_values& v) {
  for (int i = 0; i < tail_lanes; ++i) {
    const double a = p.a[i];
    const stirling_pair<double> error = stirling(a, p.log_a[i]);
    const double ratio = p.excess[i] / (p.x[i] + a), square = ratio * ratio;
    const bool near = square < 0.029437251522859415;
    const double close = p.excess[i] * ratio - a * ratio * atanh_tail(near ? square : 0.0);
    const double deviance = near ? close : p.excess[i] - a * p.distance[i];
    v.slope[i] = p.distance[i] + (0.5 / a - error.slope) + mean[i];
    v.log_density[i] = 0.5 * p.log_a[i] - half_log_2pi<double> - error.value - deviance;
    v.log_tail[i] = v.log_density[i] + log(v.mass[i]);
  }
}

template <class Accuracy>
REPARAM_NOINLINE void series_tails(const tail_points& p, tail_values& v) {
  alignas(64) double term[tail_lanes], rise[tail_lanes] = {}, sum[tail_lanes], moved[tail_lanes] = {};
  for (int i = 0; i < tail_lanes; ++i) term[i] = sum[i] = 1;
  bool unfinished = true;
  for (int n = 0; n < most_series_terms && unfinished; n += series_stride) {
    for (int i = 0; i < tail_lanes; ++i) {
      double each = term[i], risen = rise[i], total = sum[i], weighted = moved[i];
      for (int k = 1; k <= series_stride; ++k) {
        const double reciprocal = 1 / (p.a[i] + double(n + k));
        each *= p.x[i] * reciprocal;
        risen += reciprocal;
        total += each;
        weighted -= each * risen;
      }
      term[i] = each;
      rise[i] = risen;
      sum[i] = total;
      moved[i] = weighted;
    }
    unfinished = false;
    for (int i = 0; i < tail_lanes; ++i) unfinished |= term[i] > tail_rule<Accuracy>::lost;
  }
  for (int i = 0; i < tail_lanes; ++i) {
    v.mass[i] = sum[i] / p.a[i];
    moved[i] = moved[i] / sum[i] - 1 / p.a[i];
  }
  finish_tails(p, moved, v);
}

// The convergents of D / Q and their derivatives in a.
template <class Accuracy>
REPARAM_NOINLINE void fraction_tails(const tail_points& p, tail_values& v) {
  alignas(64) double up[tail_lanes], up_last[tail_lanes], down[tail_lanes], down_last[tail_lanes] = {};
  alignas(64) double up_a[tail_lanes], up_last_a[tail_lanes] = {}, down_a[tail_lanes] = {},
      down_last_a[tail_lanes] = {}, change[tail_lanes], slope[tail_lanes] = {};
  for (int i = 0; i < tail_lanes; ++i) {
    up[i] = p.excess[i] + 1;
    up_a[i] = -1;
    up_last[i] = down[i] = 1;
  }
  bool unfinished = true;
  for (int n = 0; n < most_tail_levels && unfinished; n += series_stride) {
    for (int i = 0; i < tail_lanes; ++i) {
      double a = up[i], a_last = up_last[i], b = down[i], b_last = down_last[i];
      double a_bent = up_a[i], a_last_bent = up_last_a[i], b_bent = down_a[i], b_last_bent = down_last_a[i];
      const double before = a;
      for (int k = 1; k <= series_stride; ++k) {
        const double index = n + k, head = index * (p.a[i] - index), level = p.excess[i] + (2 * index + 1);
        const double a_turn = level * a_bent + head * a_last_bent + (index * a_last - a);
        const double b_turn = level * b_bent + head * b_last_bent + (index * b_last - b);
        const double a_next = level * a + head * a_last, b_next = level * b + head * b_last;
        a_last_bent = a_bent;
        a_bent = a_turn;
        b_last_bent = b_bent;
        b_bent = b_turn;
        a_last = a;
        a = a_next;
        b_last = b;
        b = b_next;
      }
      const double scale = 1 / b, value = a * scale, bend = (a_bent - value * b_bent) * scale;
      up[i] = value;
      down[i] = 1;
      up_last[i] = a_last * scale;
      down_last[i] = b_last * scale;
      up_a[i] = a_bent * scale;
      up_last_a[i] = a_last_bent * scale;
      down_a[i] = b_bent * scale;
      down_last_a[i] = b_last_bent * scale;
      // for whole a the value is found at once, and its derivative is not
      const double moved = absolute(value - before) - tail_rule<Accuracy>::change * value;
      const double turned = absolute(bend - slope[i]) - 10 * tail_rule<Accuracy>::change * absolute(bend);
      change[i] = moved > turned ? moved : turned;
      slope[i] = bend;
    }
    unfinished = false;
    for (int i = 0; i < tail_lanes; ++i) unfinished |= change[i] > 0;
  }
  for (int i = 0; i < tail_lanes; ++i) {
    v.mass[i] = 1 / up[i];
    slope[i] = -slope[i] / up[i];
  }
  finish_tails(p, slope, v);
}

// Where, on the side that `sign` points to, phi is about the depth, or a little more.
template <class Accuracy>
REPARAM_INLINE double tail_reach(double a, double x, double fall, double sign) {
  constexpr double depth = tail_rule<Accuracy>::depth;
  // the quadratic model of phi, then two steps of Newton's method
  double u = 2 * depth / (fall + std::sqrt(fall * fall + 2 * depth * x));
  const double bound = log1p((depth + a * u) / x);
  u = ((sign > 0) & (bound < u)) ? bound : u;
  for (int step = 0; step < 2; ++step) {
    const double rest = exp_excess<Accuracy>(sign * u);
    u -= (fall * u + x * rest - depth) / (fall + sign * x * (rest + sign * u));
  }
  return u;
}

template <class Accuracy>
REPARAM_NOINLINE void integral_tails(const tail_points& p, tail_values& v) {
  using rule = coefficients<Accuracy>;
  constexpr int nodes = sizeof rule::legendre_nodes / sizeof rule::legendre_nodes[0];
  alignas(64) double sign[tail_lanes], reach[tail_lanes], mass[tail_lanes] = {}, moment[tail_lanes] = {};
  for (int i = 0; i < tail_lanes; ++i) {
    sign[i] = is_upper(p.a[i], p.x[i]) ? 1.0 : -1.0;
    reach[i] = tail_reach<Accuracy>(p.a[i], p.x[i], sign[i] * p.excess[i], sign[i]);
  }
  for (int k = 0; k < nodes; ++k) {
    const double node = rule::legendre_nodes[k], weight = rule::legendre_weights[k];
    for (int i = 0; i < tail_lanes; ++i) {
      const double w = sign[i] * (reach[i] * node);
      const double exponent = -p.excess[i] * w - p.x[i] * exp_excess<Accuracy>(w);
      const double part = weight * short_exp<Accuracy>(exponent).value();
      mass[i] += part;
      moment[i] += part * node;
    }
  }
  for (int i = 0; i < tail_lanes; ++i) {
    v.mass[i] = reach[i] * mass[i];
    moment[i] = sign[i] * (reach[i] * moment[i] / mass[i]);
  }
  finish_tails(p, moment, v);
}

template <class Accuracy>
REPARAM_INLINE void tails_by(tail_method method, const tail_points& p, tail_values& v) {
  if (method == tail_method::small) {
    small_tails<Accuracy>(p, v);
  } else if (method == tail_method::series || method == tail_method::deep) {
    series_tails<Accuracy>(p, v);
  } else if (method == tail_method::fraction) {
    fraction_tails<Accuracy>(p, v);
  } else {
    integral_tails<Accuracy>(p, v);
  }
}

// Sorts up to tail_block points x or, ByLog, exp(y) by method: work(method, place, here, points) gets the lanes of each
// group, of which the first `here` are elements, with their places.
template <class Accuracy, bool ByLog, class Work>
inline void over_tail_points(int count, const double* a, const double* given, const Work& work) {
  tail_method methods[tail_block];
  int place[tail_block];
  tail_points p;
  for (int i = 0; i < count; ++i) methods[i] = tail_method_of<Accuracy>(a[i], ByLog ? exp(given[i]) : given[i]);
  for (const tail_method method :
       {tail_method::small, tail_method::series, tail_method::deep, tail_method::fraction, tail_method::integral}) {
    int size = 0;
    for (int i = 0; i < count; ++i) {
      place[size] = i;
      size += methods[i] == method;
    }
    for (int begin = 0; begin < size; begin += tail_lanes) {
      const int here = std::min(tail_lanes, size - begin);
      for (int i = 0; i < tail_lanes; ++i) {
        const int from = place[begin + std::min(i, here - 1)];
        p.a[i] = a[from];
        (ByLog ? p.log_x : p.x)[i] = given[from];
      }
      if constexpr (ByLog) {
        points_of_logs(p);
      } else {
        points_of(p);
      }
      work(method, place + begin, here, p);
    }
  }
}

// The tails there: take(place, here, points, values).
template <class Accuracy, bool ByLog, class Take>
inline void gamma_tails(int count, const double* a, const double* given, const Take& take) {
  tail_values v;
  over_tail_points<Accuracy, ByLog>(count, a, given,
                                    [&](tail_method method, const int* place, int here, const tail_points& p) {
                                      tails_by<Accuracy>(method, p, v);
                                      take(place, here, p, v);
                                    });
}

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
