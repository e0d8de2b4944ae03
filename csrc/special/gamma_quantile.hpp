// How the logarithm of a standard gamma variate moves with the concentration at fixed probability.
#pragma once

#include "gamma_tail.hpp"

namespace reparam::REPARAM_LEVEL {

// With y = log x, dy/da = -(dP/da) / D = -(d log P / da) (P / D), or the same of Q with the other sign, for up to
// tail_block pairs (a, y). Accuracy says for which type the result must be right.
template <class Accuracy>
inline void log_gamma_quantile_slopes(int count, const double* a, const double* y, double* slope) {
  gamma_tails<Accuracy, true>(count, a, y,
                              [=](const int* place, int here, const tail_points& p, const tail_values& v) {
                                alignas(64) double moved[tail_lanes];
                                for (int i = 0; i < tail_lanes; ++i) {
                                  const double upward = v.slope[i] * v.mass[i];
                                  moved[i] = is_upper(p.a[i], p.x[i]) ? upward : -upward;
                                }
                                for (int i = 0; i < here; ++i) slope[place[i]] = moved[i];
                              });
}

template <class Accuracy>
struct log_gamma_quantile_grad {
  static constexpr unsigned differentiable = 0;

  static void block(int count, const double* const* in, double* value, double* const*) {
    log_gamma_quantile_slopes<Accuracy>(count, in[0], in[1], value);
  }
};

}  // namespace reparam::REPARAM_LEVEL
