// Geometric draws, as whole parts of exponential ones.
#pragma once

#include "draws.hpp"
#include "noise.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// The parameter is the logarithm of the probability of failure.
template <class Accuracy>
struct geometric_draw {
  static constexpr unsigned differentiable = 0;

  explicit geometric_draw(const reparam_call&) {}

  void block(const draws_at& where, int count, const double* const* in, double* value, double* const*) const {
    constexpr double most = double(std::numeric_limits<Accuracy>::max());
    for (int i = 0; i < count; ++i) {
      const philox_block random = philox(where.key, where.element(i), 0);
      const double waiting = exponential_at(0.5 * uniform_open(random.first), (random.second & 1) != 0);
      const double failures = whole_below(waiting / absolute(in[0][i]));
      value[i] = failures > most ? most : failures;
    }
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
