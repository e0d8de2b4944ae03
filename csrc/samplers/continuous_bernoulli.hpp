// Draws of the continuous Bernoulli law, by inversion.
#pragma once

#include "../densities/continuous_bernoulli.hpp"
#include "draws.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// Draws for log-odds, of which `slope` gives the number that stands for them and `pull` their derivative.
template <class Parameter>
void tilted_draws(const draws_at& where, int count, const double* parameter, double* value, double* partial) {
  for (int i = 0; i < count; ++i) {
    const double slope = Parameter::slope(parameter[i]), size = absolute(slope);
    const double fall = size > 1e-200 ? -size : -1e-200;
    const double u = uniform_open(philox(where.key, where.element(i), 0).first);
    const double distance = log1p(u * expm1(fall)) / fall, inside = distance < 1 ? distance : 1.0;
    value[i] = slope > 0 ? 1 - inside : inside;
  }
  if (partial == nullptr) return;
  for (int i = 0; i < count; ++i) {
    const double slope = Parameter::slope(parameter[i]);
    partial[i] = tilted_quantile_slope(slope, value[i]) * Parameter::pull(parameter[i]);
  }
}

struct tilt_by_logits {
  static REPARAM_INLINE double slope(double logits) {
    const double above = logits < steepest ? logits : steepest;
    return above > -steepest ? above : -steepest;
  }
  static REPARAM_INLINE double pull(double logits) { return absolute(logits) > steepest ? 0.0 : 1.0; }
};

struct tilt_by_probs {
  static REPARAM_INLINE double slope(double probs) {
    return probs == 0 ? -steepest : probs == 1 ? steepest : log(probs) - log1p(-probs);
  }
  static REPARAM_INLINE double pull(double probs) {
    return (probs == 0) | (probs == 1) ? 0.0 : 1 / (probs * (1 - probs));
  }
};

template <class Accuracy>
struct continuous_bernoulli_logits_draw {
  static constexpr unsigned differentiable = 0b1;
  explicit continuous_bernoulli_logits_draw(const reparam_call&) {}

  void block(const draws_at& where, int count, const double* const* in, double* value, double* const* partial) const {
    tilted_draws<tilt_by_logits>(where, count, in[0], value, partial == nullptr ? nullptr : partial[0]);
  }
};

template <class Accuracy>
struct continuous_bernoulli_probs_draw {
  static constexpr unsigned differentiable = 0b1;
  explicit continuous_bernoulli_probs_draw(const reparam_call&) {}

  void block(const draws_at& where, int count, const double* const* in, double* value, double* const* partial) const {
    tilted_draws<tilt_by_probs>(where, count, in[0], value, partial == nullptr ? nullptr : partial[0]);
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
