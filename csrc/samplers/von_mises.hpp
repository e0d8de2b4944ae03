// Standard von Mises draws by rejection from the wrapped Cauchy law: Best and Fisher (1979).
#pragma once

#include "../special/circle_slopes.hpp"
#include "tables.hpp"

namespace reparam::REPARAM_LEVEL {

// Taylor's series of atan(x) / x in -x^2, as long as |x| <= tan(pi / 8) asks for.
template <class Accuracy>
struct arctangent_series {
  static constexpr int length = sizeof(Accuracy) == 8 ? 22 : 10;
  double term[length] = {};
  constexpr arctangent_series() {
    for (int k = 0; k < length; ++k) term[k] = 1.0 / (2 * k + 1);
  }
};
template <class Accuracy>
inline constexpr arctangent_series<Accuracy> arctangent = {};

// The angle of (across, along), along >= 0 and across >= 0, not both 0: of each the smaller part over the larger, then
// over tan(pi / 8) from pi / 4.
template <class Accuracy>
REPARAM_INLINE double quarter_angle(double across, double along) {
  const bool steep = across > along;
  const double low = steep ? along : across, high = steep ? across : along;
  const bool middle = low > 0.41421356237309503 * high;
  const double t = middle ? (low - high) / (low + high) : low / high, z = -t * t;
  const double angle = t * polynomial(arctangent<Accuracy>.term, z) + (middle ? pi / 4 : 0.0);
  return steep ? pi / 2 - angle : angle;
}

// One attempt at each of `count` elements. With c = (1 - rho) / (1 + rho) the angle 2 atan(c tan(pi u)) is wrapped
// Cauchy; with m = kappa (r - 1), r = (1 + rho^2) / (2 rho) as Best and Fisher choose it, c^2 = m / (m + 2 kappa), and
// it is accepted with probability exp(1 - m - kappa w) (m + kappa w), w = 1 - cos.
template <class Accuracy>
inline void von_mises_attempts(int count, std::uint64_t key, std::uint64_t attempt,
                               const std::uint64_t* REPARAM_RESTRICT element, const double* REPARAM_RESTRICT kappa,
                               const double* REPARAM_RESTRICT m, const double* REPARAM_RESTRICT c,
                               double* REPARAM_RESTRICT z, double* REPARAM_RESTRICT accepted) {
  for (int i = 0; i < count; ++i) {
    const philox_block random = philox(key, element[i], attempt);
    const double u = centred_uniform(random.first);
    const double across = c[i] * absolute(sinpi(u)), along = sinpi(0.5 - absolute(u));
    const double square = across * across, excess = 2 * kappa[i] * (square / (along * along + square));
    const double angle = 2 * quarter_angle<Accuracy>(across, along);
    z[i] = u < 0 ? -angle : angle;
    accepted[i] = uniform_open(random.second) < exp((1 - m[i]) - excess) * (m[i] + excess) ? 1.0 : 0.0;
  }
}

// Draws of mode 0.
template <class Accuracy>
inline void von_mises_draws(const draws_at& where, int count, const double* kappa, double* z) {
  waiting<3> all;
  double *const k = all.parameter[0], *const m = all.parameter[1], *const c = all.parameter[2];
  const int distinct = all_same(count, kappa) ? 1 : count;
  for (int i = 0; i < distinct; ++i) {
    k[i] = (kappa[i] >= 0) & (kappa[i] < infinity<double>) ? kappa[i] : 0.0;
    m[i] = 0.5 * (1 + 1 / (std::sqrt(1 + 4 * k[i] * k[i]) + 2 * k[i]));
    c[i] = std::sqrt(m[i] / (m[i] + 2 * k[i]));
  }
  if (distinct == 1) all.repeat_first(count);
  all.start(where.element(0), count);
  all.finish(z, [&](int here, std::uint64_t attempt) {
    von_mises_attempts<Accuracy>(here, where.key, attempt, all.element, k, m, c, all.draw, all.accepted);
  });
  for (int i = 0; i < count; ++i) {
    const double improper = kappa[i] > 0 ? 0.0 : nan<double>;
    z[i] = (kappa[i] >= 0) & (kappa[i] < infinity<double>) ? z[i] : improper;
  }
}

// x turned into [-pi, pi), after the rounding to T.
template <class T>
REPARAM_INLINE double turned(double x) {
  const double turns = whole_below((x + pi) * (0.5 / pi));
  const T inside = T(x - turns * (2 * pi));
  return inside < T(pi) ? inside : T(inside - T(2 * pi));
}

// How an angle moves with kappa at fixed probability.
struct von_mises_law {
  template <class Accuracy>
  static void exact(int count, const double* kappa, const double* x, double* slope) {
    circle_block moments;
    moments_of_block<Accuracy>(count, kappa, moments);
    circle_slopes<Accuracy>(count, x, kappa, moments, slope);
  }

  // Six deviations, or the circle but for what the points around the ends of the grid need of it.
  static ends reach(double kappa) {
    const double far = kappa > 4 ? 6 / std::sqrt(kappa) : 3.1;
    return {-far, far};
  }
};

// Turned by loc, in [-pi, pi).
template <class Accuracy>
struct von_mises_draw {
  static constexpr unsigned differentiable = 0b11;
  slope_table<Accuracy, von_mises_law> table;

  explicit von_mises_draw(const reparam_call& call)
      : table(wants(call, 2), static_cast<const Accuracy*>(call.in[2]), call.period[2], 1, call.n) {}

  void block(const draws_at& where, int count, const double* const* in, double* value, double* const* partial) const {
    alignas(64) double z[sampler_block];
    von_mises_draws<Accuracy>(where, count, in[1], z);
    for (int i = 0; i < count; ++i) value[i] = turned<Accuracy>(z[i] + in[0][i]);
    if (partial == nullptr) return;
    std::fill_n(partial[0], count, 1.0);
    if (where.wanted & 2) table.slopes(where.begin, count, in[1], z, partial[1]);
  }
};

}  // namespace reparam::REPARAM_LEVEL
