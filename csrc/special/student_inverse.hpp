// The quantiles of Student's t law, given a probability or its logarithm.
#pragma once

#include "functions.hpp"
#include "inverse_steps.hpp"
#include "normal.hpp"
#include "student_functions.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// The unknown is w = asinh(t / sqrt(df)) of the upper tail, whose logarithm is concave in it; in the centre the
// probability between 0 and t is compared. It starts from Wallace's normal approximation (1959), from the intersection
// with the asymptote, which lies beyond the solution, or near 1/2 from the density at 0. The last step is taken at t.

// The laws, the logarithm of the tail, at most 1/2, and its distance from 1/2.
struct student_levels {
  alignas(64) double df[student_block], log_tail[student_block], inner[student_block];
};

REPARAM_INLINE double student_start(double df, double log_tail, double inner, double& most) {
  const double log_scale = log_gamma_rise(0.5 * df, 0.5) - 0.5723649429247001;  // log(pi) / 2
  most = (log_scale - log(df) - log_tail) / df + log_two<double>;
  const double normal = quantile_of_log(log_tail) * ((8 * df + 3) / (8 * df + 1));
  const double growth = 0.5 * normal * (normal / df);
  const double outer = growth + log1p(std::sqrt(-expm1(-2 * growth)));
  return inner < 0.05 ? inner * exp(-log_scale) : outer < most ? outer : most;
}

// t = sqrt(df) sinh(w), at most the largest float.
REPARAM_INLINE double student_point(double df, double w) {
  constexpr double largest = std::numeric_limits<double>::max();
  const bool far = w > 20;
  const double growth = expm1(far ? 0.0 : w), near = 0.5 * std::sqrt(df) * (growth + growth / (1 + growth));
  const double t = far ? exp(w + 0.5 * log(df) - log_two<double>) : near;
  return t < largest ? t : largest;
}

// At w, of the tail or of the probability between 0 and t, as beta_gap.
REPARAM_INLINE tail_gap student_gap(double df, double w, double log_tail, double inner, const student_block_tails& t,
                                    int i) {
  const double decay = exp(-2 * w), tanh = -expm1(-2 * w) / (1 + decay);
  const double sech2 = 4 * decay / ((1 + decay) * (1 + decay)), slope = -df * tanh, pull = df * sech2;
  const double speed = 0.5 * log(df) + w + log1p(decay) - log_two<double>;
  const double hazard = exp(t.log_hazard[i] + speed), density = exp(t.log_hazard[i] + t.log_tail[i] + speed);
  const bool far = slope * (slope / pull) > 1e6;
  const double bend = far ? sech2 / tanh : slope + hazard;
  const double twist = far ? bend * (bend - 1 / tanh - tanh) : bend * bend - pull + hazard * bend;
  return t.inner[i] > 0 ? tail_gap{(t.inner[i] - inner) / density, slope, slope * slope - pull}
                        : tail_gap{(log_tail - t.log_tail[i]) / hazard, bend, twist};
}

// The searches that go on: where their results go, for what, the bounds above and the points reached.
struct student_search {
  int place[student_block];
  student_levels level;
  alignas(64) double most[student_block], w[student_block];
};

template <class Accuracy>
struct student_solver {
  // The points t >= 0 beyond which up to student_block tails lie.
  static void solve(int count, const student_levels& level, double* t) {
    alignas(64) double w[student_block];
    student_search search;
    for (int i = 0; i < count; ++i) {
      w[i] = student_start(level.df[i], level.log_tail[i], level.inner[i], search.most[i]);
      search.w[i] = w[i];
      search.place[i] = i;
    }
    search.level = level;
    int active = count;
    for (int step = 0; step < quantile_steps && active > 0; ++step) active = advance(active, search, w);
    for (int i = 0; i < count; ++i) t[i] = student_point(level.df[i], w[i]);
    student_block_tails tails;
    find_student_tails<Accuracy, false>(count, level.df, t, tails);
    for (int i = 0; i < count; ++i) {
      const double move = quantile_step(student_gap(level.df[i], w[i], level.log_tail[i], level.inner[i], tails, i));
      const double decay = exp(-2 * w[i]), coth = w[i] > 0 ? (1 + decay) / -expm1(-2 * w[i]) : 0.0;
      const double square = move * move, moved = t[i] * (1 + (0.5 * square - move * (1 + square * (1.0 / 6)) * coth));
      t[i] = t[i] < std::numeric_limits<double>::max() ? moved : t[i];
    }
  }

  // One step of each search; those that have not ended come first afterwards.
  static int advance(int active, student_search& s, double* w) {
    alignas(64) double t[student_block], next[student_block], again[student_block];
    for (int k = 0; k < active; ++k) t[k] = student_point(s.level.df[k], s.w[k]);
    student_block_tails tails;
    find_student_tails<Accuracy, false>(active, s.level.df, t, tails);
    for (int k = 0; k < active; ++k) {
      double size;
      const tail_gap gap = student_gap(s.level.df[k], s.w[k], s.level.log_tail[k], s.level.inner[k], tails, k);
      double moved = s.w[k] - safe_step(gap, size);
      moved = moved < s.most[k] ? moved : s.most[k];
      moved = moved > 0 ? moved : 0.0;
      again[k] = ((moved != s.w[k]) & (size > quantile_rule<Accuracy>::close)) ? 1.0 : 0.0;
      next[k] = moved;
    }
    int left = 0;
    for (int k = 0; k < active; ++k) {
      const int i = s.place[k];
      w[i] = next[k];
      s.place[left] = i;
      s.level.df[left] = s.level.df[k];
      s.level.log_tail[left] = s.level.log_tail[k];
      s.level.inner[left] = s.level.inner[k];
      s.most[left] = s.most[k];
      s.w[left] = next[k];
      left += again[k] > 0;
    }
    return left;
  }
};

// An entry that takes df and what is given.
template <class Accuracy, bool Log>
struct student_quantile_entry {
  static constexpr unsigned differentiable = 0b11;
  using given = given_probability<false, Log>;

  static void block(int count, const double* const* in, double* value, double* const* partial) {
    student_levels level;
    alignas(64) double t[student_block];
    for (int i = 0; i < count; ++i) {
      double lower, upper;
      const bool proper = is_proper(in, i);
      const double g = proper ? in[1][i] : Log ? -0.5 : 0.5;
      given::split(g, lower, upper);
      level.df[i] = (proper & (in[0][i] < infinity<double>)) ? in[0][i] : 1.0;
      level.log_tail[i] = lower < upper ? lower : upper;
      level.inner[i] = absolute(Log ? 0.5 * expm1(g + log_two<double>) : g - 0.5);
    }
    student_solver<Accuracy>::solve(count, level, t);
    for (int i = 0; i < count; ++i) {
      if (in[0][i] == infinity<double>) t[i] = normal_size(level.log_tail[i], level.inner[i]);
    }
    if (partial != nullptr) slopes(count, in, level, t, partial);
    for (int i = 0; i < count; ++i) {
      const double inner = is_right(in[1][i]) ? t[i] : -t[i];
      value[i] = is_proper(in, i) ? inner : at_end(in, i, -infinity<double>, infinity<double>);
    }
  }

 private:
  // The size of the normal law's quantile, from the logarithm of the smaller tail and 1/2 less it.
  static double normal_size(double log_tail, double inner) {
    return log_tail < -1.6 ? -quantile_of_log(log_tail) : central_quantile(inner);
  }

  static REPARAM_INLINE bool is_proper(const double* const* in, int i) {
    return (in[0][i] > 0) & given::inside(in[1][i]);
  }

  static REPARAM_INLINE double at_end(const double* const* in, int i, double none, double all) {
    return in[0][i] > 0 ? given::at_end(in[1][i], none, all) : nan<double>;
  }

  static REPARAM_INLINE bool is_right(double g) { return Log ? g > -log_two<double> : g > 0.5; }

  static void slopes(int count, const double* const* in, const student_levels& level, const double* t,
                     double* const* partial) {
    student_block_tails tails;
    find_student_tails<Accuracy, true>(count, level.df, t, tails);
    for (int i = 0; i < count; ++i) {
      if (in[0][i] != infinity<double>) continue;
      tails.log_hazard[i] = log(sqrt_2_over_pi<double> / erfcx(t[i] * sqrt_half<double>));
      tails.slope[i] = 0;
    }
    for (int i = 0; i < count; ++i) {
      const bool proper = is_proper(in, i), right = is_right(in[1][i]);
      const double outward = exp(-tails.log_hazard[i]) * tails.slope[i];
      const double share = Log ? (right ? in[1][i] - level.log_tail[i] : 0.0) : -level.log_tail[i];
      partial[0][i] = proper ? (right ? outward : -outward) : at_end(in, i, 0, 0);
      const double rate = exp(share - tails.log_hazard[i]);
      partial[1][i] = proper ? rate : at_end(in, i, infinity<double>, infinity<double>);
    }
  }
};

template <class Accuracy>
struct stdtrit : student_quantile_entry<Accuracy, false> {};
template <class Accuracy>
struct stdtrit_exp : student_quantile_entry<Accuracy, true> {};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
