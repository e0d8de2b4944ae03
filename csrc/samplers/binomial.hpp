// Binomial draws: exact for every number of trials, up to the rounding of double precision.
#pragma once

#include "../densities/binomial.hpp"
#include "counts.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// Of a probability of at most 1/2.
struct binomial_law {
  double trials, chance;

  REPARAM_INLINE binomial_law(const double (&parameter)[2][sampler_block], int i)
      : trials(parameter[0][i]), chance(parameter[1][i]) {}

  REPARAM_INLINE bell_map map() const {
    const double mean = trials * chance;
    const double width = 1.15 + 2.53 * std::sqrt(mean * (1 - chance));
    return {mean + 0.5, 0.0248 * width - 0.0873 + 0.01 * chance, width};
  }

  REPARAM_INLINE double log_mass(double k) const {
    return binomial_log_prob(k, trials, {chance, 1 - chance, 0.0, 0.0}).value;
  }
};

// Draws of `count` <= sampler_block laws; element says which part of the key's stream each has.
inline void binomial_draws(std::uint64_t key, int count, const std::uint64_t* element, const double* trials,
                           const double* chance, double* to) {
  waiting<3> few;
  waiting<2> many;
  for (int i = 0; i < count; ++i) {
    const double n = trials[i], rarer = chance[i] > 0.5 ? 1 - chance[i] : chance[i];
    if (!(n >= 0 && n < infinity<double> && rarer >= 0)) {
      to[i] = nan<double>;
    } else if (n * rarer < few_counts) {
      few.add(i, element[i], n, rarer, 0.0);
    } else {
      many.add(i, element[i], n, rarer);
    }
  }
  for (int i = 0; i < few.count; ++i) {
    const double n = few.parameter[0][i], p = few.parameter[1][i], odds = p / (1 - p);
    few.parameter[0][i] = n * log1p(-p);
    few.parameter[1][i] = (n + 1) * odds;
    few.parameter[2][i] = odds;
  }
  finish_few(few, key, to);
  finish_many<binomial_law>(many, key, to);
  for (int i = 0; i < count; ++i) {
    const double k = to[i] > trials[i] ? trials[i] : to[i];
    to[i] = chance[i] > 0.5 ? trials[i] - k : k;
  }
}

template <class Accuracy>
struct binomial_draw {
  static constexpr unsigned differentiable = 0;

  explicit binomial_draw(const reparam_call&) {}

  void block(const draws_at& where, int count, const double* const* in, double* value, double* const*) const {
    std::uint64_t element[sampler_block];
    for (int i = 0; i < count; ++i) element[i] = where.element(i);
    binomial_draws(where.key, count, element, in[0], in[1], value);
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
