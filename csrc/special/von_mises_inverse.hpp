// The quantiles of the von Mises law.
#pragma once

#include "von_mises.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// Newton steps in y on the logarithm of the smaller tail G; where they would leave the circle, steps on G or half of what
// is left. As G is convex, its tangent at pi bounds y from below. In the middle the last steps are on 1/2 - G.
template <class Accuracy>
struct von_mises_icdf {
  static constexpr unsigned differentiable = 0b11;
  static constexpr int steps = 6;

  static void block(int count, const double* const* in, double* value, double* const* partial) {
    const double *const p = in[0], *const kappa = in[1];
    circle_block moments;
    moments_of_block<Accuracy>(count, kappa, moments);
    over_lanes(count, [](int) { return true; }, [&](const int* place) {
      alignas(64) double small[circle_lanes], k[circle_lanes], total[circle_lanes], y[circle_lanes];
      for (int j = 0; j < circle_lanes; ++j) {
        const double given = p[place[j]];
        small[j] = given > 0.5 ? 1 - given : given;
        k[j] = kappa[place[j]];
        total[j] = moments.log_total[place[j]];
      }
      solve(small, k, total, y);
      for (int j = 0; j < circle_lanes; ++j) {
        const double at = small[j] == 0 ? pi : small[j] == 0.5 ? 0.0 : y[j];
        const bool good = (small[j] >= 0) & (k[j] >= 0);
        value[place[j]] = good ? (p[place[j]] > 0.5 ? at : -at) : nan<double>;
      }
      if (partial == nullptr) return;
      for (int j = 0; j < circle_lanes; ++j) y[j] = value[place[j]];
      circle_tails t;
      find_circle_tails<Accuracy>(y, k, t);
      for (int j = 0; j < circle_lanes; ++j) {
        const double density = exp(-k[j] * t.w[j] - total[j]);
        partial[0][place[j]] = 1 / density;
        // next to pi the tail is proportional to what is left of it, which p says better than x can
        const bool end = (t.rest[j] < 0.01) & (k[j] * t.rest[j] * t.rest[j] < 1);
        partial[1][place[j]] = end ? small[j] / (density * t.width[j]) : 1.0;
      }
    });
    if (partial == nullptr) return;
    alignas(64) double slope[tail_block];
    circle_slopes<Accuracy>(count, value, kappa, moments, slope);
    for (int i = 0; i < count; ++i) partial[1][i] *= slope[i];
  }

 private:
  static void solve(const double* small, const double* k, const double* total, double* y) {
    alignas(64) double goal[circle_lanes], least[circle_lanes];
    for (int j = 0; j < circle_lanes; ++j) {
      const bool inside = (small[j] > 0) & (small[j] < 0.5);
      const double probability = inside ? small[j] : 0.25;
      goal[j] = log(probability);
      least[j] = pi - exp(goal[j] + 2 * k[j] + total[j]);
      // by the normal law where that leaves the circle alone, else by the uniform one
      const double sine = -0.5 * quantile_of_log(goal[j]) / std::sqrt(k[j] + 0.5);
      const double start = k[j] < 0.7 ? pi * (1 - 2 * probability) : 2 * over_arcsine(sine < 0.95 ? sine : 0.95);
      y[j] = start > least[j] ? start : least[j];
    }
    circle_tails t;
    for (int step = 0; step < steps; ++step) {
      find_circle_tails<Accuracy>(y, k, t);
      for (int j = 0; j < circle_lanes; ++j) {
        const double gap = log(t.width[j]) - k[j] * t.w[j] - total[j] - goal[j];
        const double long_step = y[j] + t.width[j] * gap, middle = 0.5 * (y[j] + pi);
        const double short_step = y[j] - t.width[j] * expm1(-gap);
        const double fallback = short_step > middle ? short_step : middle;
        const double next = long_step < pi ? (long_step > 0 ? long_step : 0.0) : fallback;
        y[j] = next > least[j] ? next : least[j];
      }
    }
    for (int step = 0; step < 2; ++step) to_middle(small, k, total, y);
  }

  // One step on the integral from 0 to y, where y is of the order of the standard deviation or smaller.
  static void to_middle(const double* small, const double* k, const double* total, double* y) {
    constexpr int nodes = circle_rule<Accuracy>::inner_nodes;
    alignas(64) double sum[circle_lanes] = {}, w[circle_lanes], at[circle_lanes];
    for (int j = 0; j < circle_lanes; ++j) {
      const bool central = (y[j] < 1) & (y[j] * y[j] * k[j] < 1);
      at[j] = central ? y[j] : 0.0;
      const double sine = quarter_sine(0.5 * at[j]);
      w[j] = 2 * sine * sine;
    }
    for (int n = 0; n < nodes; ++n) {
      for (int j = 0; j < circle_lanes; ++j) {
        const double sine = quarter_sine(0.5 * at[j] * even<nodes>.node[n]);
        sum[j] += even<nodes>.weight[n] * short_exp<Accuracy>(k[j] * (w[j] - 2 * sine * sine)).value();
      }
    }
    for (int j = 0; j < circle_lanes; ++j) {
      const bool central = (y[j] < 1) & (y[j] * y[j] * k[j] < 1);
      const double step = at[j] * sum[j] - (0.5 - small[j]) * exp(k[j] * w[j] + total[j]);
      y[j] = central ? y[j] - step : y[j];
    }
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
