// Poisson draws: exact for every rate, up to the rounding of double precision.
#pragma once

#include "../densities/counts.hpp"
#include "counts.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

struct poisson_law {
  double rate;

  REPARAM_INLINE poisson_law(const double (&parameter)[1][sampler_block], int i) : rate(parameter[0][i]) {}

  REPARAM_INLINE bell_map map() const {
    const double width = 0.931 + 2.53 * std::sqrt(rate);
    return {rate + 0.43, 0.02483 * width - 0.059, width};
  }

  REPARAM_INLINE double log_mass(double k) const {
    double unused[2];
    return poisson_log_prob<double>::evaluate(unused, k, rate);
  }
};

template <class Accuracy>
struct poisson_draw {
  static constexpr unsigned differentiable = 0;

  explicit poisson_draw(const reparam_call&) {}

  void block(const draws_at& where, int count, const double* const* in, double* value, double* const*) const {
    waiting<3> few;
    waiting<1> many;
    for (int i = 0; i < count; ++i) {
      const double rate = in[0][i];
      if (rate >= 0 && rate < few_counts) {
        few.add(i, where.element(i), -rate, rate, 0.0);
      } else if (rate > 0 && rate < infinity<double>) {
        many.add(i, where.element(i), rate);
      } else {
        value[i] = rate > 0 ? rate : nan<double>;
      }
    }
    finish_few(few, where.key, value);
    finish_many<poisson_law>(many, where.key, value);
    constexpr double most = double(std::numeric_limits<Accuracy>::max());
    for (int i = 0; i < count; ++i) value[i] = value[i] > most ? most : value[i];
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
