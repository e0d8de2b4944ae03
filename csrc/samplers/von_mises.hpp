// Von Mises draws: by rejection from the wrapped Cauchy law (Best and Fisher 1979) or, for wide laws, the uniform one;
// by inversion where the law is nearly uniform.
#pragma once

#include "../special/gamma_tail.hpp"
#include "near_uniform.hpp"
#include "slope_series.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

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

// One attempt of Best and Fisher at each of `count` elements. With c = (1 - rho) / (1 + rho) the angle
// 2 atan(c tan(pi u)) is wrapped Cauchy; with m = kappa (r - 1), r = (1 + rho^2) / (2 rho) as Best and Fisher choose it, c^2 = m / (m + 2 kappa), and
// it is accepted with probability exp(1 - m - kappa w) (m + kappa w), w = 1 - cos.
template <class Accuracy>
inline void narrow_attempts(int count, std::uint64_t key, std::uint64_t attempt,
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

// One attempt from the uniform law at each of `count` elements: an angle x is accepted with probability
// 2 cosh(kappa cos x) / top, top = 2 cosh(kappa), and then is the draw with odds exp(2 kappa cos x) to one; else this is
// the opposite angle. One uniform number decides both.
template <class Accuracy>
inline void wide_attempts(int count, std::uint64_t key, std::uint64_t attempt,
                          const std::uint64_t* REPARAM_RESTRICT element, const double* REPARAM_RESTRICT kappa,
                          const double* REPARAM_RESTRICT top, double* REPARAM_RESTRICT z,
                          double* REPARAM_RESTRICT accepted) {
  for (int i = 0; i < count; ++i) {
    const philox_block random = philox(key, element[i], attempt);
    const double u = centred_uniform(random.first), level = top[i] * uniform_open(random.second);
    const double along = kappa[i] * sinpi(0.5 - 2 * absolute(u));
    const double here = short_exp<Accuracy>(along).value(), opposite = short_exp<Accuracy>(-along).value();
    z[i] = 2 * pi * (level < here ? u : u < 0 ? u + 0.5 : u - 0.5);
    accepted[i] = level < here + opposite ? 1.0 : 0.0;
  }
}

// Up to here the uniform law gives more draws in the same time than the wrapped Cauchy law.
constexpr double wide_kappa = 3;

// Waits with the parameters of its laws for those elements of a block that are `chosen` by their places; of `distinct`
// laws, one or all.
template <int Parameters, class Choose, class Attempt>
inline void rejection(const draws_at& where, int count, int distinct, waiting<Parameters>& all, const Choose& chosen,
                      double* z, const Attempt& attempt) {
  if (distinct == 1) all.repeat_first(count);
  all.start(where.element(0), count);
  if (distinct > 1) all.keep(chosen);
  all.finish(z, attempt);
}

template <class Accuracy, class Choose>
inline void wide_draws(const draws_at& where, int count, int distinct, const double* kappa, const Choose& chosen,
                       double* z) {
  waiting<2> all;
  double *const k = all.parameter[0], *const top = all.parameter[1];
  for (int i = 0; i < distinct; ++i) {
    k[i] = kappa[i] < wide_kappa ? kappa[i] : wide_kappa;
    top[i] = exp(k[i]) + exp(-k[i]);
  }
  rejection(where, count, distinct, all, chosen, z, [&](int here, std::uint64_t attempt) {
    wide_attempts<Accuracy>(here, where.key, attempt, all.element, k, top, all.draw, all.accepted);
  });
}

template <class Accuracy, class Choose>
inline void narrow_draws(const draws_at& where, int count, int distinct, const double* kappa, const Choose& chosen,
                         double* z) {
  waiting<3> all;
  double *const k = all.parameter[0], *const m = all.parameter[1], *const c = all.parameter[2];
  for (int i = 0; i < distinct; ++i) {
    k[i] = kappa[i];
    m[i] = 0.5 * (1 + 1 / (std::sqrt(1 + 4 * k[i] * k[i]) + 2 * k[i]));
    c[i] = std::sqrt(m[i] / (m[i] + 2 * k[i]));
  }
  rejection(where, count, distinct, all, chosen, z, [&](int here, std::uint64_t attempt) {
    narrow_attempts<Accuracy>(here, where.key, attempt, all.element, k, m, c, all.draw, all.accepted);
  });
}

// Draws of mode 0. Where kappa is small they come with their derivatives in it, if `slope` is not null; returns whether
// that is so everywhere.
template <class Accuracy>
inline bool von_mises_draws(const draws_at& where, int count, const double* kappa, double* z, double* slope) {
  alignas(64) double k[sampler_block];
  int tiny = 0, wide = 0;
  const int distinct = all_same(count, kappa) ? 1 : count;
  for (int i = 0; i < count; ++i) k[i] = (kappa[i] >= 0) & (kappa[i] < infinity<double>) ? kappa[i] : 0.0;
  for (int i = 0; i < distinct; ++i) {
    tiny += k[i] < near_uniform_kappa;
    wide += k[i] < wide_kappa;
  }
  if (tiny > 0) near_uniform_draws<Accuracy>(where, count, k, z, slope);
  if (wide > tiny) {
    const auto chosen = [&](int i) { return (k[i] >= near_uniform_kappa) & (k[i] < wide_kappa); };
    wide_draws<Accuracy>(where, count, distinct, k, chosen, z);
  }
  if (wide < distinct) {
    narrow_draws<Accuracy>(where, count, distinct, k, [&](int i) { return k[i] >= wide_kappa; }, z);
  }
  for (int i = 0; i < count; ++i) {
    const double improper = kappa[i] > 0 ? 0.0 : nan<double>;
    z[i] = (kappa[i] >= 0) & (kappa[i] < infinity<double>) ? z[i] : improper;
  }
  return tiny == distinct;
}

// x turned into [-pi, pi), after the rounding to T.
template <class T>
REPARAM_INLINE double turned(double x) {
  const double turns = whole_below((x + pi) * (0.5 / pi));
  const T inside = T(x - turns * (2 * pi));
  return inside < T(pi) ? inside : T(inside - T(2 * pi));
}

// Turned by loc, in [-pi, pi).
template <class Accuracy>
struct von_mises_draw {
  static constexpr unsigned differentiable = 0b11;
  slope_series<Accuracy> series;

  explicit von_mises_draw(const reparam_call& call)
      : series(wants(call, 2), static_cast<const Accuracy*>(call.in[2]), call.period[2], call.n) {}

  void block(const draws_at& where, int count, const double* const* in, double* value, double* const* partial) const {
    alignas(64) double z[sampler_block];
    const bool sloped = partial != nullptr && (where.wanted & 2) != 0;
    const bool done = von_mises_draws<Accuracy>(where, count, in[1], z, sloped ? partial[1] : nullptr);
    for (int i = 0; i < count; ++i) value[i] = turned<Accuracy>(z[i] + in[0][i]);
    if (partial == nullptr) return;
    if (where.wanted & 1) std::fill_n(partial[0], count, 1.0);
    if (sloped && !done) series.slopes(where.begin, count, in[1], z, partial[1]);
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
