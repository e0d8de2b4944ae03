// The von Mises density on the circle: its total, the cumulants of the cosine, and its tails.
#pragma once

#include "gamma_tail.hpp"
#include "legendre.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// With w(s) = 1 - cos s, the density is exp(-kappa w) / total. Integrals over all of it, over the tail beyond y and,
// where the factor C - w (C the mean of w) keeps its sign there, over what is before y are all of positive functions;
// Gauss-Legendre as far as these fall by exp(-depth).
template <class Accuracy>
struct circle_rule;

template <>
struct circle_rule<double> {
  static constexpr double depth = 38;
  static constexpr int nodes = 32, inner_nodes = 12;
};

template <>
struct circle_rule<float> {
  static constexpr double depth = 20;
  static constexpr int nodes = 18, inner_nodes = 8;
};

constexpr int circle_lanes = 16;
constexpr double pi = 3.141592653589793, pi_rest = 1.2246467991473532e-16, log_2pi = 1.8378770664093454836;

// sin x for 0 <= x <= pi / 2.
REPARAM_INLINE double quarter_sine(double x) {
  const double part = x * (1 / pi);
  return part * polynomial(coefficients<double>::sinpi, part * part);
}

// Not less than asin x, nor much more.
REPARAM_INLINE double over_arcsine(double x) { return x + 0.5707963267948966 * x * x * x; }

// For each kappa: the logarithm of the total over 2 pi, and the mean, variance and third central moment of w.
struct circle_moments {
  alignas(64) double log_i0e[circle_lanes], mean[circle_lanes], variance[circle_lanes], third[circle_lanes];
};

template <class Accuracy>
inline void moments_of_circles(const double* kappa, circle_moments& found) {
  using rule = circle_rule<Accuracy>;
  alignas(64) double half[circle_lanes], sum[4][circle_lanes] = {};
  for (int i = 0; i < circle_lanes; ++i) {
    const double share = kappa[i] > rule::depth / 2 ? rule::depth / 2 / kappa[i] : 1.0;
    half[i] = over_arcsine(std::sqrt(share));
  }
  for (int k = 0; k < rule::nodes; ++k) {
    const double node = even<rule::nodes>.node[k], weight = even<rule::nodes>.weight[k];
    for (int i = 0; i < circle_lanes; ++i) {
      const double sine = quarter_sine(half[i] * node), w = 2 * sine * sine;
      const double mass = weight * exp(-kappa[i] * w), first = mass * w, second = first * w;
      sum[0][i] += mass;
      sum[1][i] += first;
      sum[2][i] += second;
      sum[3][i] += second * w;
    }
  }
  for (int i = 0; i < circle_lanes; ++i) {
    const double scale = 1 / sum[0][i], mean = sum[1][i] * scale, square = sum[2][i] * scale;
    // below 1/2 the power series of I_0, whose value is near 1
    const double q = kappa[i] < 0.5 ? 0.25 * kappa[i] * kappa[i] : 0.0;
    const double series =
        q * (1 + q / 4 * (1 + q / 9 * (1 + q / 16 * (1 + q / 25 * (1 + q / 36 * (1 + q / 49 * (1 + q / 64)))))));
    const double far = log(half[i] * (2 / pi) * sum[0][i]);
    found.log_i0e[i] = kappa[i] < 0.5 ? log1p(series) - kappa[i] : far;
    found.mean[i] = mean;
    found.variance[i] = square - mean * mean;
    found.third[i] = sum[3][i] * scale - mean * (3 * square - 2 * mean * mean);
  }
}

// The mean and variance, and the logarithm of the total itself, for a block; once where kappa is the same throughout.
struct circle_block {
  alignas(64) double log_total[tail_block + circle_lanes], mean[tail_block + circle_lanes],
      variance[tail_block + circle_lanes];
};

template <class Accuracy>
inline void moments_of_block(int count, const double* kappa, circle_block& found) {
  bool same = true;
  for (int i = 1; i < count; ++i) same &= kappa[i] == kappa[0];
  alignas(64) double group[circle_lanes];
  circle_moments moments;
  for (int begin = 0; begin < (same ? 1 : count); begin += circle_lanes) {
    for (int i = 0; i < circle_lanes; ++i) group[i] = kappa[std::min(begin + i, count - 1)];
    moments_of_circles<Accuracy>(group, moments);
    for (int i = 0; i < circle_lanes; ++i) found.log_total[begin + i] = log_2pi + moments.log_i0e[i];
    std::copy_n(moments.mean, circle_lanes, found.mean + begin);
    std::copy_n(moments.variance, circle_lanes, found.variance + begin);
  }
  if (!same) return;
  std::fill_n(found.log_total, count, log_2pi + moments.log_i0e[0]);
  std::fill_n(found.mean, count, moments.mean[0]);
  std::fill_n(found.variance, count, moments.variance[0]);
}

// For each y in [0, pi]: 1 - cos y, what y lacks of pi, the tail over the density, and the integral over the tail of
// v = cos y - cos s, likewise; where Bends, also those of v^2, of g = sin s - sin y and of g v.
struct circle_tails {
  alignas(64) double y[circle_lanes], w[circle_lanes], rest[circle_lanes], width[circle_lanes], drop[circle_lanes],
      drop_drop[circle_lanes], rise[circle_lanes], rise_drop[circle_lanes];
};

template <class Accuracy, bool Bends = false>
inline void find_circle_tails(const double* x, const double* kappa, circle_tails& t) {
  using rule = circle_rule<Accuracy>;
  alignas(64) double reach[circle_lanes];
  for (int i = 0; i < circle_lanes; ++i) {
    const double size = absolute(x[i]), y = size > pi ? pi : size;
    const double sine = quarter_sine(0.5 * y), square = sine * sine;
    const double rise = kappa[i] > rule::depth / 2 ? rule::depth / 2 / kappa[i] : 1.0;
    const double far = square + rule::depth / 2 / kappa[i];
    const bool inside = far < 1;
    const double end = inside ? far : 1.0, cosine = std::sqrt(square < 1 ? 1 - square : 0.0);
    // the sine of half the reach, as that of a difference of angles
    const double across = rise / (std::sqrt(end) * cosine + sine * std::sqrt(1 - end));
    const double u = 2 * over_arcsine(across < 1 ? across : 1.0);
    t.y[i] = y;
    t.w[i] = 2 * square;
    t.rest[i] = (pi - y) + pi_rest;
    reach[i] = inside & (u < t.rest[i]) ? u : t.rest[i];
    t.width[i] = t.drop[i] = t.drop_drop[i] = t.rise[i] = t.rise_drop[i] = 0;
  }
  for (int k = 0; k < rule::nodes; ++k) {
    const double node = even<rule::nodes>.node[k], weight = even<rule::nodes>.weight[k];
    for (int i = 0; i < circle_lanes; ++i) {
      const double half = 0.5 * reach[i] * node, left = t.y[i] + half, right = t.rest[i] - half;
      const double step = 2 * quarter_sine(half), drop = quarter_sine(left < right ? left : right) * step;
      const double mass = weight * short_exp<Accuracy>(-kappa[i] * drop).value(), moved = mass * drop;
      t.width[i] += mass;
      t.drop[i] += moved;
      if constexpr (Bends) {
        const double rise = quarter_sine(pi / 2 - left) * step;
        t.drop_drop[i] += moved * drop;
        t.rise[i] += mass * rise;
        t.rise_drop[i] += moved * rise;
      }
    }
  }
  for (int i = 0; i < circle_lanes; ++i) {
    t.width[i] *= reach[i];
    t.drop[i] *= reach[i];
    if constexpr (!Bends) continue;
    t.drop_drop[i] *= reach[i];
    t.rise[i] *= reach[i];
    t.rise_drop[i] *= reach[i];
  }
}

// Runs work(lanes) over a block, 16 lanes at a time: work gets the places of the lanes, and how many there are.
template <class Choose, class Work>
REPARAM_INLINE void over_lanes(int count, const Choose& chosen, const Work& work) {
  int place[circle_lanes], here = 0;
  for (int i = 0; i < count; ++i) {
    if (chosen(i)) place[here++] = i;
    if (here == circle_lanes || (i + 1 == count && here > 0)) {
      for (int j = here; j < circle_lanes; ++j) place[j] = place[here - 1];
      work(place);
      here = 0;
    }
  }
}

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
