// The inverses of the incomplete beta function, given a probability or its logarithm.
#pragma once

#include "beta_functions.hpp"
#include "functions.hpp"
#include "inverse_steps.hpp"
#include "normal.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// The unknown is y = logit x, on the side of the smaller probability; log I and log Q are concave in it. Steps of the
// fourth order on the logarithm of the tail that begins at the current point come from Carter's expansion or from an
// asymptote; the last one is taken at the odds exp(y) themselves, whose logarithm alone does not determine their last
// bits. Elements leave the iteration as they converge.

constexpr double farthest_logit = 1400, close_beyond_floats = 1e-5;

// The laws and the logarithms of the lower and upper probabilities, the lower one being the smaller.
struct beta_levels {
  alignas(64) double a[beta_block], b[beta_block], lower[beta_block], upper[beta_block];
};

// A bound below the solution, by its asymptote, and where to start: for a >= 1 from Carter's expansion (1947), or for
// b <= 1 and deep in the tail from that of a gamma law, which is close to the complement's; for b < 1 and in the other
// tail from the asymptote there.
inline void beta_starts(int count, const beta_levels& level, double* REPARAM_RESTRICT least,
                        double* REPARAM_RESTRICT y) {
  alignas(64) double most[beta_block], depth[beta_block], normal[beta_block];
  for (int i = 0; i < count; ++i) {
    const double a = level.a[i], b = level.b[i], factorial = log_gamma_rise(1.0, b);
    least[i] = (level.lower[i] + log_gamma_rise(1.0, a) - log_gamma_rise(b, a)) / a;
    most[i] = -(level.upper[i] + factorial - log_gamma_rise(a, b)) / b;
    depth[i] = log(b) - factorial - level.lower[i];
  }
  for (int i = 0; i < count; ++i) {
    normal[i] = quantile_of_log(level.lower[i]);
  }
  for (int i = 0; i < count; ++i) {
    const double a = level.a[i], b = level.b[i];
    const bool singular = (b < 1) & (most[i] > log(a < 2 ? 2.0 : a)) & ((a < 1) | (depth[i] < 1.5));
    const bool regular = (a >= 1) & (b > 1) & (depth[i] < 4 * b + 10);
    const double p = 1 / (2 * (regular ? a : 1.0) - 1), q = 1 / (2 * (regular ? b : 1.0) - 1);
    const double spread = 2 / (p + q), excess = (normal[i] * normal[i] - 3) * (1.0 / 6), height = spread + excess;
    const double shift = normal[i] * std::sqrt(height > 0 ? height : 0.0) / spread;
    const double middle = log(a) - log(b) + 2 * (shift + (q - p) * (excess + 5.0 / 6 - 2 / (3 * spread)));
    const double gamma = depth[i] - (1 - b) * log(depth[i] > 1 ? depth[i] : 1.0);
    const double rate = (gamma > 1 ? gamma : 1.0) / (a + 0.5 * (b - 1)), outer = -rate - log_complement(-rate);
    const double start = regular ? middle : singular ? most[i] : a >= 1 ? outer : least[i];
    y[i] = start > least[i] ? start : least[i];
  }
}

// Of the tail at the odds exp(y): the derivatives of its logarithm in y, and its distance from what is asked for.
REPARAM_INLINE tail_gap beta_gap(double a, double b, double lower, double upper, const beta_tails& t, int i) {
  const bool above = t.sign[i] < 0;
  const double x = exp(t.log_x[i]), z = exp(t.log_z[i]), pull = (a + b) * x * z, excess = a * z - b * x;
  const double hazard = exp(t.log_hazard[i]), signed_hazard = t.sign[i] * hazard;
  const bool far = excess * (excess / pull) > 1e6;
  const double bend = far ? -pull / excess : excess - signed_hazard;
  return {t.sign[i] * (t.log_tail[i] - (above ? upper : lower)) / hazard, bend,
          far ? bend * (z - x) : bend * bend - pull - signed_hazard * bend};
}

// The searches that go on: where their results go, for what, the bounds below and the points reached.
struct beta_search {
  int place[beta_block];
  beta_levels level;
  alignas(64) double least[beta_block], y[beta_block];
};

template <class Accuracy>
struct beta_solver {
  static REPARAM_INLINE bool is_normal(double w) {
    return (w >= std::numeric_limits<double>::min()) & (w <= std::numeric_limits<double>::max());
  }

  // The odds w = exp(y) of the quantiles of up to beta_block laws. So far out that these are no floats, the start,
  // an asymptote, is the solution.
  static void solve(int count, const beta_levels& level, double* w, double* y) {
    beta_search search;
    beta_starts(count, level, search.least, y);
    int active = 0;
    for (int i = 0; i < count; ++i) {
      search.place[active] = i;
      search.level.a[active] = level.a[i];
      search.level.b[active] = level.b[i];
      search.level.lower[active] = level.lower[i];
      search.level.upper[active] = level.upper[i];
      search.least[active] = search.least[i];
      search.y[active] = y[i];
      active += absolute(y[i]) < farthest_logit;
    }
    for (int step = 0; step < quantile_steps && active > 0; ++step) active = advance(active, search, y);
    alignas(64) double move[beta_block];
    for (int i = 0; i < count; ++i) w[i] = exp(y[i]);
    distances(count, level, w, move);
    for (int i = 0; i < count; ++i) w[i] = is_normal(w[i]) ? w[i] * exp(-move[i]) : w[i];
  }

  // One step of each search; those that have not ended come first afterwards.
  static int advance(int active, beta_search& s, double* y) {
    alignas(64) double u[beta_block], v[beta_block], next[beta_block], again[beta_block];
    for (int k = 0; k < active; ++k) {
      u[k] = exp(0.5 * s.y[k]);
      v[k] = exp(-0.5 * s.y[k]);
    }
    beta_tails t;
    find_beta_tails<Accuracy, false>(active, s.level.a, s.level.b, u, v, t);
    for (int k = 0; k < active; ++k) {
      double size;
      const tail_gap gap = beta_gap(s.level.a[k], s.level.b[k], s.level.lower[k], s.level.upper[k], t, k);
      double moved = s.y[k] - safe_step(gap, size);
      moved = moved > s.least[k] ? moved : s.least[k];
      moved = moved < farthest_logit ? moved : farthest_logit;
      const double close = absolute(moved) < 700 ? quantile_rule<Accuracy>::close : close_beyond_floats;
      again[k] = ((moved != s.y[k]) & (size > close)) ? 1.0 : 0.0;
      next[k] = moved;
    }
    int left = 0;
    for (int k = 0; k < active; ++k) {
      const int i = s.place[k];
      y[i] = next[k];
      s.place[left] = i;
      s.level.a[left] = s.level.a[k];
      s.level.b[left] = s.level.b[k];
      s.level.lower[left] = s.level.lower[k];
      s.level.upper[left] = s.level.upper[k];
      s.least[left] = s.least[k];
      s.y[left] = next[k];
      left += again[k] > 0;
    }
    return left;
  }

  // How far the logarithms of odds are from the solutions.
  static void distances(int count, const beta_levels& level, const double* w, double* move) {
    alignas(64) double one[beta_block];
    for (int i = 0; i < count; ++i) one[i] = 1;
    beta_tails t;
    find_beta_tails<Accuracy, false>(count, level.a, level.b, w, one, t);
    for (int i = 0; i < count; ++i) {
      move[i] = quantile_step(beta_gap(level.a[i], level.b[i], level.lower[i], level.upper[i], t, i));
    }
  }
};

// An entry that takes a, b and what is given, and finds the quantile x or, if Odds, x / (1 - x).
template <class Accuracy, bool Upper, bool Log, bool Odds = false>
struct beta_quantile_entry {
  static constexpr unsigned differentiable = 0b111;
  using given = given_probability<Upper, Log>;

  static void block(int count, const double* const* in, double* value, double* const* partial) {
    beta_levels level;
    alignas(64) double w[beta_block], y[beta_block], sign[beta_block], own[beta_block];
    for (int i = 0; i < count; ++i) {
      double lower, upper;
      const bool proper = is_proper(in, i);
      const double a = proper ? in[0][i] : 1.0, b = proper ? in[1][i] : 1.0;
      given::split(proper ? in[2][i] : Log ? -0.5 : 0.5, lower, upper);
      const bool reflected = upper < lower;
      sign[i] = reflected ? -1 : 1;
      own[i] = Log ? (Upper ? upper : lower) : 0;
      level.a[i] = reflected ? b : a;
      level.b[i] = reflected ? a : b;
      level.lower[i] = reflected ? upper : lower;
      level.upper[i] = reflected ? lower : upper;
    }
    beta_solver<Accuracy>::solve(count, level, w, y);
    if (partial != nullptr) slopes(count, in, level, w, y, sign, own, partial);
    for (int i = 0; i < count; ++i) {
      const double small = w[i] < 1 ? w[i] : 1 / w[i], share = (w[i] < 1 ? small : 1.0) / (1 + small);
      const double x = sign[i] > 0 ? share : (w[i] < 1 ? 1.0 : small) / (1 + small);
      const double odds = sign[i] > 0 ? w[i] : 1 / w[i];
      value[i] = is_proper(in, i) ? (Odds ? odds : x) : at_end(in, i, 0, Odds ? infinity<double> : 1);
    }
  }

 private:
  static REPARAM_INLINE bool is_proper(const double* const* in, int i) {
    return (in[0][i] > 0) & (in[1][i] > 0) & given::inside(in[2][i]);
  }

  static REPARAM_INLINE double at_end(const double* const* in, int i, double none, double all) {
    return (in[0][i] > 0) & (in[1][i] > 0) ? given::at_end(in[2][i], none, all) : nan<double>;
  }

  // From dy = -(d log T) / hazard. The hazard for what is given is taken where T is as asked for, not at the odds as
  // rounded, which may be many times the width of the law away.
  static void slopes(int count, const double* const* in, const beta_levels& level, const double* w, const double* y,
                     const double* sign, const double* own, double* const* partial) {
    alignas(64) double u[beta_block], v[beta_block];
    for (int i = 0; i < count; ++i) {
      const bool found = beta_solver<Accuracy>::is_normal(w[i]);
      const double far = y[i] < 0 ? -farthest_logit : farthest_logit;
      const double half = 0.5 * (absolute(y[i]) < farthest_logit ? y[i] : far);
      u[i] = found ? w[i] : exp(half);
      v[i] = found ? 1.0 : exp(-half);
    }
    beta_tails t;
    find_beta_tails<Accuracy, true>(count, level.a, level.b, u, v, t);
    for (int i = 0; i < count; ++i) {
      const tail_gap gap = beta_gap(level.a[i], level.b[i], level.lower[i], level.upper[i], t, i);
      const bool proper = is_proper(in, i), above = t.sign[i] < 0, found = beta_solver<Accuracy>::is_normal(w[i]);
      const double small = w[i] < 1 ? w[i] : 1 / w[i], odds = sign[i] > 0 ? w[i] : 1 / w[i];
      // dx / dy; where that underflows, its logarithm
      const bool vanishing = (Odds ? odds : small) < 1e-290;
      const double scale = vanishing ? 1.0 : Odds ? odds : small / ((1 + small) * (1 + small));
      const double shift = vanishing ? -absolute(y[i]) : 0.0;
      const double rate = -sign[i] * t.sign[i] * scale * exp(shift - t.log_hazard[i]);
      const double by_a = rate * t.slope_a[i], by_b = rate * t.slope_b[i];
      const double tail = above ? level.upper[i] : level.lower[i];
      const double turned = found ? gap.first * gap.bend : 0.0;
      const double by_given = scale * (exp((own[i] - tail - t.log_hazard[i]) + shift) * (1 + turned));
      const double last = Odds ? infinity<double> : 0;
      partial[0][i] = proper ? (sign[i] > 0 ? by_a : by_b) : at_end(in, i, 0, last);
      partial[1][i] = proper ? (sign[i] > 0 ? by_b : by_a) : at_end(in, i, 0, last);
      const double at_zero = Log && !Upper ? 0 : edge(in[0][i], in[1][i]);
      const double at_one = Odds ? infinity<double> : Log && Upper ? 0 : edge(in[1][i], in[0][i]);
      partial[2][i] = (Upper ? -1 : 1) * (proper ? by_given : at_end(in, i, at_zero, at_one));
    }
  }

  // One over the density at an end.
  static REPARAM_INLINE double edge(double shape, double other) {
    return shape > 1 ? infinity<double> : shape < 1 ? 0.0 : 1 / other;
  }
};

template <class Accuracy>
struct betaincinv : beta_quantile_entry<Accuracy, false, false> {};
template <class Accuracy>
struct betainccinv : beta_quantile_entry<Accuracy, true, false> {};
template <class Accuracy>
struct betaincinv_exp : beta_quantile_entry<Accuracy, false, true> {};
template <class Accuracy>
struct betainccinv_exp : beta_quantile_entry<Accuracy, true, true> {};
template <class Accuracy>
struct betaincinv_odds : beta_quantile_entry<Accuracy, false, false, true> {};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
