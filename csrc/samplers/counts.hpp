// What samplers of counts share: inversion where few are expected, transformed rejection elsewhere.
#pragma once

#include "draws.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

constexpr double few_counts = 10;  // the mean from which draws are made by rejection
constexpr int most_steps = 96;     // of the inversion: as many counts come with a probability below 1e-50

// Counts whose mass p(k) = p(k - 1) (start - k step) / k falls from p(0) = exp(log_none): k of them while the uniform
// number is below what is left of the mass, which begins at 1 - p(0) without cancellation.
inline void invert_counts(int count, std::uint64_t key, const std::uint64_t* REPARAM_RESTRICT element,
                          const double* REPARAM_RESTRICT log_none, const double* REPARAM_RESTRICT start,
                          const double* REPARAM_RESTRICT step, double* REPARAM_RESTRICT draw) {
  constexpr int group = 4 * lanes;
  alignas(64) double u[group], left[group], term[group];
  for (int at = 0; at < count; at += group) {
    const int here = std::min(group, count - at);
    for (int i = 0; i < here; ++i) {
      u[i] = uniform_open(philox(key, element[at + i], 0).first);
      term[i] = exp(log_none[at + i]);
      left[i] = -expm1(log_none[at + i]);
      draw[at + i] = 0;
    }
    std::uint64_t unfinished = 1;
    for (int n = 1; n < most_steps && unfinished != 0; ++n) {
      const double index = n, reciprocal = 1 / index;
      unfinished = 0;
      for (int i = 0; i < here; ++i) {
        const bool more = u[i] < left[i];
        unfinished |= std::uint64_t(more);
        draw[at + i] += more ? 1.0 : 0.0;
        term[i] *= (start[at + i] - index * step[at + i]) * reciprocal;
        left[i] -= term[i];
      }
    }
  }
}

// Hoermann's map (1993) of a uniform number in (-1/2, 1/2): its slope is near the inverse of a bell-shaped density.
struct bell_map {
  double centre, bend, width;

  REPARAM_INLINE double value(double u, double edge) const { return (2 * bend / edge + width) * u + centre; }
  REPARAM_INLINE double slope(double edge) const { return bend / (edge * edge) + width; }
  // Not less than the product of slope and mass: 1.124 + 1.206 / (width - 3.4) is passed by no Poisson or binomial law
  // with a mean of 10 or more; the bounds in the paper are, by up to 0.6 %.
  REPARAM_INLINE double bound() const { return 1.125 + 1.25 / (width - 3.4); }
};

// One attempt at each of `count` elements, for laws made of the i-th parameters. Most are accepted without a look at
// the mass: in the middle, the product of slope and mass is nowhere below 0.915 - 3.4 / (width - 3) of the bound.
template <class Law, int Parameters>
inline void count_attempts(int count, std::uint64_t key, std::uint64_t attempt, waiting<Parameters>& all) {
  alignas(64) double height[sampler_block];
  for (int i = 0; i < count; ++i) {
    const bell_map map = Law(all.parameter, i).map();
    const philox_block random = philox(key, all.element[i], attempt);
    const double u = centred_uniform(random.first), edge = 0.5 - absolute(u), v = uniform_open(random.second);
    all.draw[i] = whole_below(map.value(u, edge));
    all.accepted[i] = (edge >= 0.07) & (v <= 0.915 - 3.4 / (map.width - 3)) ? 1.0 : 0.0;
    height[i] = v * map.bound() / map.slope(edge);
  }
  alignas(64) double parameter[Parameters][sampler_block], k[sampler_block];
  int place[sampler_block];
  const int doubtful = rejected_places(count, all.accepted, place);
  for (int i = 0; i < doubtful; ++i) {
    for (int j = 0; j < Parameters; ++j) parameter[j][i] = all.parameter[j][place[i]];
    k[i] = all.draw[place[i]];
    height[i] = height[place[i]];
  }
  for (int i = 0; i < doubtful; ++i) height[i] = log(height[i]) <= Law(parameter, i).log_mass(k[i]) ? 1.0 : 0.0;
  for (int i = 0; i < doubtful; ++i) all.accepted[place[i]] = height[i];
}

template <int Parameters>
inline void finish_few(waiting<Parameters>& few, std::uint64_t key, double* to) {
  std::fill_n(few.accepted, sampler_block, 1.0);
  few.finish(to, [&](int here, std::uint64_t) {
    invert_counts(here, key, few.element, few.parameter[0], few.parameter[1], few.parameter[2], few.draw);
  });
}

template <class Law, int Parameters>
inline void finish_many(waiting<Parameters>& many, std::uint64_t key, double* to) {
  many.finish(to, [&](int here, std::uint64_t attempt) { count_attempts<Law>(here, key, attempt, many); });
}

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
