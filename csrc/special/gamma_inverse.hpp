// The inverses of the incomplete gamma functions, given a probability or its logarithm.
#pragma once

#include "gamma_functions.hpp"
#include "logs.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// The unknown is y = log x; both log P and log Q are concave in it. A start from an approximate hazard is within 0.08
// of the solution, and two steps of the fourth order on the logarithm of the tail that begins at the current point
// carry it to the last bit, from probabilities of exp(-1e300) on: the second one at x itself, whose logarithm alone
// would not determine its last bits.

struct log_probabilities {
  alignas(64) double lower[tail_block], upper[tail_block];
};

// (d + sqrt(d^2 + s)) / 2 without overflow.
REPARAM_INLINE double hazard_like(double d, double s) {
  return absolute(d) > 1e150 ? d : 0.5 * (d + std::sqrt(d * d + s));
}

// A start for a < 1: from the first terms of the series of P, or from log D less the logarithm of the hazard
// (d + sqrt(d^2 + 4 x)) / 2 with d = x - a, which is exact at a = 1. Q(a, 1) is close to a (0.2194 + 0.1485 a).
REPARAM_INLINE double small_start(double a, double lower, double upper) {
  const double log_a = log(a), log_gamma = a * polynomial(coefficients<double>::log_gamma_above_one, 2 * a - 1);
  const double level = lower + log_gamma;
  double y = level / a;
  y = y > 0 ? 0.0 : y;
  for (int step = 0; step < 2; ++step) {
    const double x = exp(y);
    const double total = -a * x * (1 / (a + 1) - x * (0.5 / (a + 2) - x / (6 * (a + 3))));
    const double miss = log1p(total) + (a * y - level);
    y -= miss * (1 + total) / (a * exp(-x));
    y = y > 0.5 ? 0.5 : y;
  }
  const double depth = log_a - log_gamma - upper;
  double x = depth > 1 ? depth : 1.0;
  x = depth - (1 - a) * log(x);
  x = x > 1 ? x : 1.0;
  for (int step = 0; step < 2; ++step) {
    const double d = x - a, hazard = hazard_like(d, 4 * x);
    const double miss = depth + (a * log(x) - x - log(hazard));
    const double factor = 1 + miss / hazard;
    x *= factor > 0.3 ? factor : 0.3;
    x = x > 0.5 ? x : 0.5;
  }
  return upper < log(a * (0.2194 + 0.1485 * a)) ? log(x) : y;
}

// A start for a >= 1: with w = log(x / a), log T is close to log D at x = a, less a (exp(w) - 1 - w), less the
// logarithm of the hazard (d + sqrt(d^2 + c x)) / 2, d = |x - a|. With c = 8 / pi, corrected for a skewness of the
// order of a^{-1/2}, it is close at d = 0 and asymptotically right far out.
REPARAM_INLINE double large_start(double a, double lower, double upper) {
  const bool above = upper < lower;
  const double level = above ? upper : lower, sign = above ? 1 : -1;
  const double excess = (-log_two<double> - level) / a;
  const double height = excess > 0 ? excess : 0.0, root = std::sqrt(2 * height);
  double w = above ? log1p(height + root) : expm1(-root) - height;
  const double skewness = 1 - sign * 0.266 / std::sqrt(a);
  const double c = 2.546479089470325 * (1 - 1 / (6 * a)) / (skewness * skewness);
  const double peak = 0.5 * log(a) - half_log_2pi<double> - 1 / (12 * a) - level;
  for (int step = 0; step < 2; ++step) {
    const double growth = expm1(w);
    const double rest = absolute(w) < 0.1 ? w * w * (0.5 + w * (1.0 / 6 + w / 24)) : growth - w;
    const double x = a + a * growth, d = sign * a * growth;
    const double hazard = hazard_like(d, c * x);
    const double move = (peak - a * rest - log(hazard)) / hazard;
    w = above ? w + log1p(move > -0.7 ? move : -0.7) : w - move;
  }
  return w + log(a);
}

// With f = log T less its target: how far log x is from the solution to the first order, and f'' / f' and f''' / f'.
struct tail_gap {
  double first, bend, twist;
};

// f'' / f' is a - x -+ h with the hazard h; far out, where that cancels, it is close to x / (x - a).
REPARAM_INLINE tail_gap gap_at(const tail_points& p, const tail_values& v, int i, double lower, double upper) {
  const bool above = is_upper(p.a[i], p.x[i]);
  const double sign = above ? -1 : 1, hazard = 1 / v.mass[i], x = p.x[i], size = absolute(p.excess[i]);
  const bool far = size * (size / x) > 1e6;
  const double bend = far ? -sign * x / size : -p.excess[i] - sign * hazard;
  return {sign * (v.log_tail[i] - (above ? upper : lower)) * v.mass[i], bend,
          far ? bend : bend * bend - x - sign * hazard * bend};
}

// How far log x is from the solution, by the inverse of Taylor's series to the fourth order.
REPARAM_INLINE double quantile_step(const tail_gap& gap) {
  const double u = gap.first, second = 0.5 * gap.bend;
  return u * (1 + u * (second + u * (2 * second * second - gap.twist * (1.0 / 6))));
}

template <class Accuracy>
struct quantile_solver {
  // The quantiles x of up to tail_block finite log-probabilities; y is log x to about eight digits, and to all
  // digits where x underflows.
  static void solve(int count, const double* a, const log_probabilities& level, double* x, double* y) {
    for (const bool small : {true, false}) {
      int place[tail_block], size = 0;
      for (int i = 0; i < count; ++i) {
        place[size] = i;
        size += (a[i] < 1) == small;
      }
      for (int begin = 0; begin < size; begin += tail_lanes) {
        alignas(64) double shape[tail_lanes], lower[tail_lanes], upper[tail_lanes], found[tail_lanes];
        const int here = std::min(tail_lanes, size - begin);
        for (int i = 0; i < tail_lanes; ++i) {
          const int from = place[begin + std::min(i, here - 1)];
          shape[i] = a[from];
          lower[i] = level.lower[from];
          upper[i] = level.upper[from];
        }
        if (small) {
          for (int i = 0; i < tail_lanes; ++i) found[i] = small_start(shape[i], lower[i], upper[i]);
        } else {
          for (int i = 0; i < tail_lanes; ++i) found[i] = large_start(shape[i], lower[i], upper[i]);
        }
        for (int i = 0; i < here; ++i) y[place[begin + i]] = found[i];
      }
    }
    alignas(64) double step[tail_block];
    steps<true>(count, a, y, level, step);
    for (int i = 0; i < count; ++i) {
      y[i] -= step[i];
      x[i] = exp(y[i]);
    }
    alignas(64) double inside[tail_block] = {};
    for (int i = 0; i < count; ++i) inside[i] = above_underflow(x[i]);
    steps<false>(count, a, inside, level, step);
    for (int i = 0; i < count; ++i) x[i] = inside[i] == x[i] ? x[i] * exp(-step[i]) : x[i];
  }

  static REPARAM_INLINE double above_underflow(double x) {
    constexpr double tiny = std::numeric_limits<double>::min();
    return x < tiny ? tiny : x;
  }

  template <bool ByLog>
  static void steps(int count, const double* a, const double* given, const log_probabilities& level, double* step) {
    gamma_tails<Accuracy, ByLog>(
        count, a, given, [&level, step](const int* place, int here, const tail_points& p, const tail_values& v) {
          alignas(64) double lower[tail_lanes], upper[tail_lanes], found[tail_lanes];
          for (int i = 0; i < tail_lanes; ++i) {
            const int from = place[std::min(i, here - 1)];
            lower[i] = level.lower[from];
            upper[i] = level.upper[from];
          }
          for (int i = 0; i < tail_lanes; ++i) found[i] = quantile_step(gap_at(p, v, i, lower[i], upper[i]));
          for (int i = 0; i < here; ++i) step[place[i]] = found[i];
        });
  }
};

// An entry that takes a and a probability g, lower or Upper, or its logarithm (Log).
template <class Accuracy, bool Upper, bool Log>
struct quantile_entry {
  static constexpr unsigned differentiable = 0b11;

  static REPARAM_INLINE bool inside(double g) {
    return Log ? (g < 0) & (g > -infinity<double>) : (g > 0) & (g < 1);
  }

  // Where the quantile is 0, or infinite, or does not exist.
  static REPARAM_INLINE double at_end(double g, double none, double all) {
    const double least = Log ? -infinity<double> : 0, most = Log ? 0 : 1;
    return g == least ? (Upper ? all : none) : g == most ? (Upper ? none : all) : nan<double>;
  }

  static void block(int count, const double* const* in, double* value, double* const* partial) {
    const double* const a = in[0];
    log_probabilities level = {};
    double* const own = Upper ? level.upper : level.lower;
    double* const other = Upper ? level.lower : level.upper;
    alignas(64) double x[tail_block], y[tail_block];
    for (int i = 0; i < count; ++i) {
      const double g = inside(in[1][i]) ? in[1][i] : (Log ? -0.5 : 0.5);
      own[i] = Log ? g : log(g);
      other[i] = Log ? log_complement(g) : log1p(-g);
    }
    quantile_solver<Accuracy>::solve(count, a, level, x, y);
    if (partial != nullptr) slopes(count, a, level, x, y, partial);
    for (int i = 0; i < count; ++i) {
      const double g = in[1][i];
      const bool proper = inside(g);
      value[i] = proper ? x[i] : at_end(g, 0, infinity<double>);
      if (partial == nullptr) continue;
      const double at_zero = Log ? 0 : 1 / density_at_zero(a[i]);
      partial[0][i] = proper ? partial[0][i] : at_end(g, 0, infinity<double>);
      partial[1][i] = (Upper ? -1 : 1) * (proper ? partial[1][i] : at_end(g, at_zero, infinity<double>));
    }
  }

  // dx/da = x dy/da, and dx/dp = x (T / D) / T, or the same times p. T / D is taken where T is as asked for, not at x
  // as rounded, which may be many times the width of the law away.
  static void slopes(int count, const double* a, const log_probabilities& level, const double* x, const double* y,
                     double* const* partial) {
    alignas(64) double inside[tail_block] = {};
    for (int i = 0; i < count; ++i) inside[i] = quantile_solver<Accuracy>::above_underflow(x[i]);
    gamma_tails<Accuracy, false>(
        count, a, inside, [&](const int* place, int here, const tail_points& p, const tail_values& v) {
          for (int i = 0; i < here; ++i) {
            const int to = place[i];
            const double lower = level.lower[to], upper = level.upper[to];
            const bool above = is_upper(p.a[i], p.x[i]), vanishing = x[to] < 1e-290;
            const double upward = v.slope[i] * v.mass[i];
            partial[0][to] = x[to] * (above ? upward : -upward);
            const tail_gap gap = gap_at(p, v, i, lower, upper);
            const double mass = v.mass[i] * (1 + (vanishing ? 0.0 : gap.first * gap.bend));
            const double log_share = (Log ? (Upper ? upper : lower) : 0.0) - (above ? upper : lower);
            const double share = exp(log_share + (vanishing ? y[to] : 0.0));
            partial[1][to] = (vanishing ? mass : mass * x[to]) * share;
          }
        });
  }
};

template <class Accuracy>
struct gammaincinv : quantile_entry<Accuracy, false, false> {};

template <class Accuracy>
struct gammainccinv : quantile_entry<Accuracy, true, false> {};

template <class Accuracy>
struct gammaincinv_exp : quantile_entry<Accuracy, false, true> {};

template <class Accuracy>
struct gammainccinv_exp : quantile_entry<Accuracy, true, true> {};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
