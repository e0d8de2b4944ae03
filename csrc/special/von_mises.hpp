// The von Mises distribution function, its logarithm and its quantiles, and the cumulants of the cosine.
#pragma once

#include "circle_slopes.hpp"
#include "normal.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// The cumulants of 1 - cos, which are but for their signs the derivatives of the logarithm of I_0(kappa) exp(-kappa).
template <class Accuracy, int Order>
struct circle_cumulant {
  static constexpr unsigned differentiable = 0b1;

  static void block(int count, const double* const* in, double* value, double* const* partial) {
    circle_moments moments;
    alignas(64) double kappa[circle_lanes];
    const double* const found[] = {moments.mean, moments.variance, moments.third};
    for (int begin = 0; begin < count; begin += circle_lanes) {
      const int here = std::min(circle_lanes, count - begin);
      for (int i = 0; i < circle_lanes; ++i) kappa[i] = in[0][begin + std::min(i, here - 1)];
      moments_of_circles<Accuracy>(kappa, moments);
      for (int i = 0; i < here; ++i) {
        value[begin + i] = found[Order][i];
        if (partial != nullptr) partial[0][begin + i] = -found[Order + 1][i];
      }
    }
  }
};

template <class Accuracy>
struct circular_variance : circle_cumulant<Accuracy, 0> {};
template <class Accuracy>
struct circular_spread : circle_cumulant<Accuracy, 1> {};

template <class Accuracy>
struct von_mises_quantile_grad {
  static constexpr unsigned differentiable = 0b11;

  static void block(int count, const double* const* in, double* value, double* const* partial) {
    circle_block moments;
    moments_of_block<Accuracy>(count, in[1], moments);
    if (partial == nullptr) return circle_slopes<Accuracy>(count, in[0], in[1], moments, value);
    circle_slopes<Accuracy, true>(count, in[0], in[1], moments, value, partial[0], partial[1]);
  }
};

template <class Accuracy, bool Logarithm>
struct von_mises_function {
  static constexpr unsigned differentiable = 0b11;

  static void block(int count, const double* const* in, double* value, double* const* partial) {
    const double *const x = in[0], *const kappa = in[1];
    circle_block moments;
    moments_of_block<Accuracy>(count, kappa, moments);
    alignas(64) double slope[tail_block], angle[circle_lanes], k[circle_lanes];
    if (partial != nullptr) circle_slopes<Accuracy>(count, x, kappa, moments, slope);
    circle_tails tails;
    over_lanes(count, [](int) { return true; }, [&](const int* place) {
      for (int j = 0; j < circle_lanes; ++j) {
        angle[j] = x[place[j]];
        k[j] = kappa[place[j]];
      }
      find_circle_tails<Accuracy>(angle, k, tails);
      alignas(64) double f[circle_lanes], by_x[circle_lanes];
      for (int j = 0; j < circle_lanes; ++j) {
        const double log_density = -k[j] * tails.w[j] - moments.log_total[place[j]];
        const double log_tail = std::min(log_density + log(tails.width[j]), -0.693147180559945309);
        const double tail = exp(log_tail), density = exp(log_density);
        const bool right = angle[j] >= 0, outside = absolute(angle[j]) > pi;
        const double inner = Logarithm ? (right ? log1p(-tail) : log_tail) : (right ? 1 - tail : tail);
        const double end = right ? 1 - Logarithm : Logarithm ? -infinity<double> : 0.0;
        f[j] = outside ? end : inner;
        const double hazard = right ? density / (1 - tail) : 1 / tails.width[j];
        by_x[j] = outside ? 0.0 : Logarithm ? hazard : density;
      }
      for (int j = 0; j < circle_lanes; ++j) {
        value[place[j]] = f[j];
        if (partial == nullptr) continue;
        partial[0][place[j]] = by_x[j];
        partial[1][place[j]] = -by_x[j] * slope[place[j]];
      }
    });
  }
};

template <class Accuracy>
struct von_mises_cdf : von_mises_function<Accuracy, false> {};
template <class Accuracy>
struct log_von_mises_cdf : von_mises_function<Accuracy, true> {};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
