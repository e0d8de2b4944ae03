// How quantiles of the von Mises law move with the concentration: the slope, and its own derivatives.
#pragma once

#include "circle.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// Of lanes at y >= 0: the pull p = |F_kappa / f|, and its derivatives in y and kappa.
struct circle_pulls {
  alignas(64) double y[circle_lanes], kappa[circle_lanes], mean[circle_lanes], variance[circle_lanes];
  alignas(64) double pull[circle_lanes], in_y[circle_lanes], in_kappa[circle_lanes];
};

// Where w(y) < C, over [0, y] with v = w(y) - w and masses exp(kappa v):
//     p = <C - w>,    p_y = kappa sin(y) p + (C - w(y)),    p_kappa = <v (C - w)> - V <1>,
// V the variance of w.
template <class Accuracy, bool Bends>
inline void pulls_before(circle_pulls& p) {
  constexpr int nodes = circle_rule<Accuracy>::inner_nodes;
  alignas(64) double w[circle_lanes];
  for (int i = 0; i < circle_lanes; ++i) {
    const double sine = quarter_sine(0.5 * p.y[i]);
    w[i] = 2 * sine * sine;
    p.pull[i] = p.in_kappa[i] = 0;
  }
  for (int k = 0; k < nodes; ++k) {
    for (int i = 0; i < circle_lanes; ++i) {
      const double sine = quarter_sine(0.5 * p.y[i] * even<nodes>.node[k]), nearer = 2 * sine * sine;
      const double v = w[i] - nearer, mass = even<nodes>.weight[k] * short_exp<Accuracy>(p.kappa[i] * v).value();
      p.pull[i] += mass * (p.mean[i] - nearer);
      if constexpr (Bends) p.in_kappa[i] += mass * (v * (p.mean[i] - nearer) - p.variance[i]);
    }
  }
  for (int i = 0; i < circle_lanes; ++i) {
    p.pull[i] *= p.y[i];
    p.in_kappa[i] *= p.y[i];
    p.in_y[i] = p.kappa[i] * quarter_sine(p.y[i]) * p.pull[i] + (p.mean[i] - w[i]);
  }
}

// Beyond that, over the tail with v = cos(y) - cos, g = sin - sin(y), masses exp(-kappa v) and d = w(y) - C:
//     p = <v + d>,    p_y = <sin(y) + g - kappa g (v + d)> - (2 - C) exp(-kappa (2 - w(y))),
//     p_kappa = V <1> - <v (v + d)>.
template <class Accuracy, bool Bends>
inline void pulls_beyond(circle_pulls& p) {
  circle_tails t;
  find_circle_tails<Accuracy, Bends>(p.y, p.kappa, t);
  for (int i = 0; i < circle_lanes; ++i) {
    const double d = t.w[i] - p.mean[i];
    p.pull[i] = t.width[i] * d + t.drop[i];
    if constexpr (!Bends) continue;
    const double sine = quarter_sine(t.y[i] < t.rest[i] ? t.y[i] : t.rest[i]);
    const double half = quarter_sine(0.5 * t.rest[i]), end = (2 - p.mean[i]) * exp(-2 * p.kappa[i] * half * half);
    p.in_y[i] = sine * t.width[i] + t.rise[i] - p.kappa[i] * (t.rise_drop[i] + d * t.rise[i]) - end;
    p.in_kappa[i] = p.variance[i] * t.width[i] - (t.drop_drop[i] + d * t.drop[i]);
  }
}

// The slope -F_kappa / f at quantiles x and, where Bends, its derivatives in x and kappa.
template <class Accuracy, bool Bends = false>
inline void circle_slopes(int count, const double* x, const double* kappa, const circle_block& moments, double* slope,
                          double* by_x = nullptr, double* by_kappa = nullptr) {
  const auto before = [&](int i) {
    const double size = absolute(x[i]);
    const double sine = quarter_sine(0.5 * (size > pi ? pi : size));
    return 2 * sine * sine < moments.mean[i];
  };
  circle_pulls p;
  const auto over = [&](const auto& chosen, const auto& find) {
    over_lanes(count, chosen, [&](const int* place) {
      for (int j = 0; j < circle_lanes; ++j) {
        p.y[j] = absolute(x[place[j]]);
        p.kappa[j] = kappa[place[j]];
        p.mean[j] = moments.mean[place[j]];
        p.variance[j] = moments.variance[place[j]];
      }
      find(p);
      for (int j = 0; j < circle_lanes; ++j) {
        const bool inside = !(p.y[j] > pi), left = x[place[j]] < 0;
        slope[place[j]] = inside ? left ? p.pull[j] : -p.pull[j] : 0.0;
        if constexpr (!Bends) continue;
        by_x[place[j]] = inside ? -p.in_y[j] : 0.0;
        by_kappa[place[j]] = inside ? left ? p.in_kappa[j] : -p.in_kappa[j] : 0.0;
      }
    });
  };
  over(before, pulls_before<Accuracy, Bends>);
  over([&](int i) { return !before(i); }, pulls_beyond<Accuracy, Bends>);
}

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
