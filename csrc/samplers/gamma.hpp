// Gamma draws, made in log space, and those that are made of them: beta and Student's.
#pragma once

#include "../special/gamma_quantile.hpp"
#include "tables.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// One attempt (Marsaglia and Tsang 2000) at each of `count` elements with concentrations of at least 1: a cube v of
// which d v, d = a - 1/3, is a gamma draw, and whether it counts. c is 1 / sqrt(9 d).
inline void gamma_attempts(int count, std::uint64_t key, std::uint64_t attempt,
                           const std::uint64_t* REPARAM_RESTRICT element, const double* REPARAM_RESTRICT d,
                           const double* REPARAM_RESTRICT c, double* REPARAM_RESTRICT v,
                           double* REPARAM_RESTRICT accepted) {
  alignas(64) double z[sampler_block], u[sampler_block];
  for (int i = 0; i < count; ++i) {
    const philox_block random = philox(key, element[i], attempt);
    const double radius = std::sqrt(-2 * log(uniform_open(random.first)));
    // the sine of a uniform angle, from 32 bits; the other 32 bits decide on the attempt
    z[i] = radius * sinpi(unit_word(random.second & 0xffffffffu) - 0.5);
    u[i] = unit_word(random.second >> 32);
    const double root = 1 + c[i] * z[i], square = z[i] * z[i];
    v[i] = root * root * root;
    accepted[i] = ((root > 0) & (u[i] < 1 - 0.0331 * square * square)) ? 1.0 : 0.0;
  }
  alignas(64) double scale[sampler_block], step[sampler_block];
  int place[sampler_block];
  const int doubtful = rejected_places(count, accepted, place);
  for (int i = 0; i < doubtful; ++i) {
    const int from = place[i];
    scale[i] = d[from], step[i] = c[from] * z[from], z[i] = z[from], u[i] = u[from];
  }
  for (int i = 0; i < doubtful; ++i) {
    const double root = 1 + step[i], cube = root * root * root;
    const double exponent = 0.5 * z[i] * z[i] + scale[i] * (1 - cube + 3 * log1p(step[i]));
    u[i] = log(u[i]) < exponent ? 1.0 : 0.0;
  }
  for (int i = 0; i < doubtful; ++i) accepted[place[i]] = u[i];
}

// Standard gamma draws with concentrations a: x is drawn with a + 1 where a < 1, and x exp(boost) is the draw.
struct gamma_block {
  alignas(64) double x[sampler_block], boost[sampler_block];
  bool boosted = false;

  gamma_block(const draws_at& where, int count, const double* a) {
    waiting<2> all;
    alignas(64) double scale[sampler_block];
    double *const d = all.parameter[0], *const c = all.parameter[1];
    const int distinct = all_same(count, a) ? 1 : count;
    for (int i = 0; i < distinct; ++i) {
      const bool proper = (a[i] > 0) & (a[i] < infinity<double>);
      d[i] = proper ? (a[i] < 1 ? a[i] + 1 : a[i]) - 1.0 / 3 : 1.0;
      c[i] = 1 / std::sqrt(9 * d[i]);
    }
    if (distinct == 1) all.repeat_first(count);
    std::copy_n(d, count, scale);
    all.start(where.element(0), count);
    all.finish(x, [&](int here, std::uint64_t attempt) {
      gamma_attempts(here, where.key, attempt, all.element, d, c, all.draw, all.accepted);
    });
    for (int i = 0; i < count; ++i) {
      const double improper = a[i] > 0 ? a[i] : nan<double>;
      x[i] = (a[i] > 0) & (a[i] < infinity<double>) ? scale[i] * x[i] : improper;
    }
    for (int i = 0; i < count; ++i) boosted |= a[i] < 1;
    if (!boosted) return;
    // G(a) = G(a + 1) U^(1/a); the uniform comes from a stream that no attempt reaches
    for (int i = 0; i < count; ++i) {
      const philox_block random = philox(where.key, where.element(i), ~std::uint64_t(0));
      const double each = log(uniform_open(random.first)) / a[i];
      boost[i] = a[i] < 1 ? each : 0.0;
    }
  }

  void logarithms(int count, double* y) const {
    for (int i = 0; i < count; ++i) y[i] = log(x[i]);
    for (int i = 0; i < count && boosted; ++i) y[i] += boost[i];
  }
};

// How log x moves with a at fixed probability.
struct gamma_law {
  template <class Accuracy>
  static void exact(int count, const double* a, const double* y, double* slope) {
    log_gamma_quantile_slopes<Accuracy>(count, a, y, slope);
  }

  // Of log x: all but about exp(-18) of either tail, as bounds of these have it; below -20 if that is sooner.
  static ends reach(double a) {
    const double power = (18.0 > a ? std::lgamma(a + 1) - 18 : -infinity<double>) / a;
    const double normal = a > 64 ? std::log(a - 6 * std::sqrt(a)) : -20.0;
    return {std::max(std::max(power, normal), -20.0), std::log(a + 6 * std::sqrt(a) + 18)};
  }
};

template <class Accuracy>
slope_table<Accuracy, gamma_law> gamma_slopes(const reparam_call& call, std::size_t input, double factor = 1) {
  return {wants(call, input), static_cast<const Accuracy*>(call.in[input]), call.period[input], factor, call.n};
}

template <class Accuracy>
struct log_gamma_draw {
  static constexpr unsigned differentiable = 0b1;
  slope_table<Accuracy, gamma_law> table;

  explicit log_gamma_draw(const reparam_call& call) : table(gamma_slopes<Accuracy>(call, 1)) {}

  void block(const draws_at& where, int count, const double* const* in, double* value, double* const* partial) const {
    gamma_block(where, count, in[0]).logarithms(count, value);
    if (partial != nullptr) table.slopes(where.begin, count, in[0], value, partial[0]);
  }
};

template <class Accuracy>
struct gamma_draw {
  static constexpr unsigned differentiable = 0b11;
  slope_table<Accuracy, gamma_law> table;

  explicit gamma_draw(const reparam_call& call) : table(gamma_slopes<Accuracy>(call, 1)) {}

  void block(const draws_at& where, int count, const double* const* in, double* value, double* const* partial) const {
    const gamma_block standard(where, count, in[0]);
    for (int i = 0; i < count; ++i) value[i] = standard.x[i] / in[1][i];
    for (int i = 0; i < count && standard.boosted; ++i) value[i] *= exp(standard.boost[i]);
    if (partial == nullptr) return;
    for (int i = 0; i < count; ++i) partial[1][i] = -value[i] / in[1][i];
    if (!(where.wanted & 1)) return;
    alignas(64) double y[sampler_block];
    standard.logarithms(count, y);
    table.slopes(where.begin, count, in[0], y, partial[0]);
    for (int i = 0; i < count; ++i) partial[0][i] *= value[i];
  }
};

// x = 2 G, G a gamma draw of concentration df / 2.
template <class Accuracy>
struct chi2_draw {
  static constexpr unsigned differentiable = 0b1;
  slope_table<Accuracy, gamma_law> table;

  explicit chi2_draw(const reparam_call& call) : table(gamma_slopes<Accuracy>(call, 1, 0.5)) {}

  void block(const draws_at& where, int count, const double* const* in, double* value, double* const* partial) const {
    alignas(64) double half[sampler_block] = {}, y[sampler_block];
    for (int i = 0; i < count; ++i) half[i] = 0.5 * in[0][i];
    const gamma_block standard(where, count, half);
    for (int i = 0; i < count; ++i) value[i] = 2 * standard.x[i];
    for (int i = 0; i < count && standard.boosted; ++i) value[i] *= exp(standard.boost[i]);
    if (partial == nullptr) return;
    standard.logarithms(count, y);
    table.slopes(where.begin, count, half, y, partial[0]);
    for (int i = 0; i < count; ++i) partial[0][i] *= 0.5 * value[i];
  }
};

// x = G / (G + H), G and H gamma draws.
template <class Accuracy>
struct beta_draw {
  static constexpr unsigned differentiable = 0b11;
  slope_table<Accuracy, gamma_law> tables[2];

  explicit beta_draw(const reparam_call& call)
      : tables{gamma_slopes<Accuracy>(call, 1), gamma_slopes<Accuracy>(call, 2)} {}

  void block(const draws_at& where, int count, const double* const* in, double* value, double* const* partial) const {
    const gamma_block first(where, count, in[0]), second(where.with_second_key(), count, in[1]);
    if (partial == nullptr && !first.boosted && !second.boosted) {
      for (int i = 0; i < count; ++i) value[i] = 1 / (1 + second.x[i] / first.x[i]);
      return;
    }
    alignas(64) double y[2][sampler_block], spread[sampler_block];
    first.logarithms(count, y[0]);
    second.logarithms(count, y[1]);
    for (int i = 0; i < count; ++i) {
      const double odds = y[0][i] - y[1][i], small = exp(-absolute(odds)), larger = 1 / (1 + small);
      value[i] = odds < 0 ? small * larger : larger;
      spread[i] = small * larger * larger;
    }
    if (partial == nullptr) return;
    for (int j : {0, 1}) {
      if (!(where.wanted >> j & 1)) continue;
      tables[j].slopes(where.begin, count, in[j], y[j], partial[j]);
      for (int i = 0; i < count; ++i) partial[j][i] *= j == 0 ? spread[i] : -spread[i];
    }
  }
};

// x = loc + scale z sqrt(h / G), z normal and G a gamma draw of concentration h = df / 2; loc + scale z for infinite df.
template <class Accuracy>
struct student_draw {
  static constexpr unsigned differentiable = 0b111;
  slope_table<Accuracy, gamma_law> table;

  explicit student_draw(const reparam_call& call) : table(gamma_slopes<Accuracy>(call, 1, 0.5)) {}

  void block(const draws_at& where, int count, const double* const* in, double* value, double* const* partial) const {
    alignas(64) double half[sampler_block] = {}, y[sampler_block], standard[sampler_block];
    for (int i = 0; i < count; ++i) half[i] = 0.5 * in[0][i];
    gamma_block(where, count, half).logarithms(count, y);
    const draws_at noise = where.with_second_key();
    for (int i = 0; i < count; ++i) {
      const philox_block random = philox(noise.key, noise.element(i), 0);
      const double radius = std::sqrt(-2 * log(uniform_open(random.first)));
      const double z = radius * sinpi(centred_uniform(random.second));
      const double stretch = exp(0.5 * (log(half[i]) - y[i]));
      standard[i] = half[i] == infinity<double> ? z : z * stretch;
      value[i] = in[1][i] + in[2][i] * standard[i];
    }
    if (partial == nullptr) return;
    for (int i = 0; i < count; ++i) {
      partial[1][i] = 1;
      partial[2][i] = standard[i];
    }
    if (!(where.wanted & 1)) return;
    table.slopes(where.begin, count, half, y, partial[0]);
    for (int i = 0; i < count; ++i) {
      const double slope = in[2][i] * standard[i] * (0.25 * (1 / half[i] - partial[0][i]));
      partial[0][i] = half[i] == infinity<double> ? 0.0 : slope;
    }
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
