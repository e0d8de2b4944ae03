// Slopes of very many von Mises draws of a few laws: polynomials in the cosine, made of exact slopes.
#pragma once

#include "../special/circle_slopes.hpp"
#include "draws.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

template <class Accuracy>
inline void exact_circle_slopes(int count, const double* kappa, const double* x, double* slope) {
  circle_block moments;
  moments_of_block<Accuracy>(count, kappa, moments);
  circle_slopes<Accuracy>(count, x, kappa, moments, slope);
}

// Of an angle: w = 1 - cos x, and sin x.
struct circle_place {
  double w, sine;
};

REPARAM_INLINE circle_place place_of(double x) {
  const double low = quarter_sine(0.5 * x), high = quarter_sine(0.5 * (pi - absolute(x)));
  return {2 * low * low, 2 * low * high};
}

// The slope over sin x is an entire function of w. For 0 <= w <= reach its interpolant at Chebyshev nodes is cut where
// the terms are lost, and rewritten in powers of t = 2 w / reach - 1. Beyond lies a draw in ten thousand, with kappa
// above 4, for the exact slopes.
template <class Accuracy>
class slope_series {
 public:
  // Of elements whose concentrations are `laws` numbers, again and again.
  slope_series(bool wanted, const Accuracy* kappa, std::int64_t laws, std::int64_t elements) : laws_(laws) {
    if (!wanted || laws > most_laws || elements / laws < fewest) return;
    terms_.resize(static_cast<std::size_t>(laws * most));
    for (std::int64_t law = 0; law < laws; ++law) {
      const double k = double(kappa[law]), reach = k > 4 ? 8 / k : 2.0;
      length_ = std::max(length_, expand(k, reach, terms_.data() + law * most));
      per_half_.push_back(2 / reach);
    }
    if (length_ > most) terms_.clear();
  }

  // Of elements begin <= i < begin + count.
  void slopes(std::int64_t begin, int count, const double* kappa, const double* x, double* slope) const {
    if (terms_.empty()) return exact_circle_slopes<Accuracy>(count, kappa, x, slope);
    alignas(64) double t[sampler_block];
    if (laws_ == 1) {
      const double scale = per_half_[0];
      for (int i = 0; i < count; ++i) t[i] = scale;
      sum(count, [](int) { return 0; }, x, t, slope);
    } else {
      alignas(64) std::int32_t first[sampler_block];
      for (std::int64_t i = 0, law = begin % laws_; i < count; ++i) {
        t[i] = per_half_[static_cast<std::size_t>(law)];
        first[i] = std::int32_t(law * most);
        law = law + 1 == laws_ ? 0 : law + 1;
      }
      sum(count, [&](int i) { return first[i]; }, x, t, slope);
    }
    beyond(count, t, kappa, x, slope);
  }

 private:
  static constexpr int nodes = 2 * circle_lanes, most = 24;
  static constexpr double lost = sizeof(Accuracy) == 8 ? 1e-14 : 1e-9;
  static constexpr std::int64_t most_laws = 64, fewest = 8192;

  // Writes the coefficients, and returns how many they are: more than `most` where these do not do.
  static int expand(double kappa, double reach, double* to) {
    alignas(64) double k[nodes], x[nodes], value[nodes], term[nodes], cosine[4 * nodes];
    for (int m = 0; m < 4 * nodes; ++m) cosine[m] = std::cos(0.5 * pi * m / nodes);
    for (int n = 0; n < nodes; ++n) {
      k[n] = kappa;
      x[n] = 2 * std::asin(std::sqrt(0.25 * reach * (1 + cosine[2 * n + 1])));
    }
    exact_circle_slopes<double>(nodes, k, x, value);
    for (int n = 0; n < nodes; ++n) value[n] /= place_of(x[n]).sine;
    double largest = 0;
    for (int j = 0; j < nodes; ++j) {
      double total = 0;
      for (int n = 0; n < nodes; ++n) total += value[n] * cosine[j * (2 * n + 1) % (4 * nodes)];
      term[j] = total * (j == 0 ? 1.0 : 2.0) / nodes;
      largest = std::max(largest, absolute(term[j]));
    }
    int length = nodes;
    while (length > 1 && absolute(term[length - 1]) <= lost * largest) --length;
    if (length > most) return length;
    double now[most] = {1}, before[most] = {};  // Chebyshev's polynomials
    std::fill_n(to, most, 0.0);
    for (int j = 0; j < length; ++j) {
      double following[most];
      for (int i = 0; i < most; ++i) {
        to[i] += term[j] * now[i];
        following[i] = (i > 0 ? (j == 0 ? 1 : 2) * now[i - 1] : 0.0) - before[i];
      }
      std::copy_n(now, most, before);
      std::copy_n(following, most, now);
    }
    return length;
  }

  // t comes in as what w is to be multiplied by.
  template <class First>
  void sum(int count, const First& first, const double* x, double* t, double* slope) const {
    if (length_ <= 8) return sum_of<8>(count, first, terms_.data(), x, t, slope);
    if (length_ <= 16) return sum_of<16>(count, first, terms_.data(), x, t, slope);
    sum_of<most>(count, first, terms_.data(), x, t, slope);
  }

  template <int Length, class First>
  static void sum_of(int count, const First& first, const double* REPARAM_RESTRICT terms,
                     const double* REPARAM_RESTRICT x, double* REPARAM_RESTRICT t, double* REPARAM_RESTRICT slope) {
    for (int i = 0; i < count; ++i) {
      const circle_place at = place_of(x[i]);
      t[i] = t[i] * at.w - 1;
      slope[i] = at.sine * polynomial(reinterpret_cast<const double(&)[Length]>(terms[first(i)]), t[i]);
    }
  }

  static void beyond(int count, const double* t, const double* kappa, const double* x, double* slope) {
    int from[sampler_block], some = 0;
    for (int i = 0; i < count; ++i) {
      from[some] = i;
      some += !(t[i] <= 1 + 1e-12);
    }
    if (some == 0) return;
    alignas(64) double k[sampler_block], at[sampler_block], found[sampler_block];
    for (int i = 0; i < some; ++i) {
      k[i] = kappa[from[i]];
      at[i] = x[from[i]];
    }
    exact_circle_slopes<Accuracy>(some, k, at, found);
    for (int i = 0; i < some; ++i) slope[from[i]] = found[i];
  }

  std::int64_t laws_;
  int length_ = 0;
  std::vector<double> terms_, per_half_;
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
