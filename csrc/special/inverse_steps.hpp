// What the inverses of the beta and Student's t distribution functions share: their steps, and what they are given.
#pragma once

#include "gamma_inverse.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

template <class Accuracy>
struct quantile_rule;

// Where a step is so small, in the scale on which the tail bends, the next one is the last.
template <>
struct quantile_rule<double> {
  static constexpr double close = 0.2;
};

template <>
struct quantile_rule<float> {
  static constexpr double close = 0.5;
};

constexpr int quantile_steps = 32;

// How far a point is from the solution: by a step of the fourth order or, further away, of Halley's method.
REPARAM_INLINE double safe_step(const tail_gap& gap, double& size) {
  const double u = gap.first, halley = 1 - 0.5 * u * gap.bend;
  size = absolute(u) * (1 + absolute(gap.bend) + std::sqrt(absolute(gap.twist)));
  const double bounded = halley < 0.5 ? 0.5 : halley > 2 ? 2.0 : halley;
  return size < 0.4 ? quantile_step(gap) : u / bounded;
}

// What an entry is given: a probability, lower or Upper, or its logarithm (Log).
template <bool Upper, bool Log>
struct given_probability {
  static REPARAM_INLINE bool inside(double g) {
    return Log ? (g < 0) & (g > -infinity<double>) : (g > 0) & (g < 1);
  }

  // What the result is where the lower probability is none, or all, or does not exist.
  static REPARAM_INLINE double at_end(double g, double none, double all) {
    const double least = Log ? -infinity<double> : 0, most = Log ? 0 : 1;
    return g == least ? (Upper ? all : none) : g == most ? (Upper ? none : all) : nan<double>;
  }

  // The logarithms of the lower and of the upper probability.
  static REPARAM_INLINE void split(double g, double& lower, double& upper) {
    const double own = Log ? g : log(g), other = Log ? log_complement(g) : log1p(-g);
    lower = Upper ? other : own;
    upper = Upper ? own : other;
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
