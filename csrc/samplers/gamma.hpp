// Standard gamma draws in log space: Marsaglia and Tsang (2000), a block of elements at a time.
#pragma once

#include <algorithm>
#include <cmath>

#include "../special/gamma_quantile.hpp"
#include "philox.hpp"

namespace reparam::REPARAM_LEVEL {

constexpr int sampler_block = 256;

// One attempt at each of `count` elements: the log of a draw with concentration a >= 1, and whether it counts.
inline void gamma_attempts(int count, std::uint64_t key, std::uint64_t attempt,
                           const std::uint64_t* REPARAM_RESTRICT element, const double* REPARAM_RESTRICT a,
                           double* REPARAM_RESTRICT y, double* REPARAM_RESTRICT accepted) {
  for (int i = 0; i < count; ++i) {
    const philox_block random = philox(key, element[i], attempt);
    const double radius = std::sqrt(-2 * log(uniform_open(random.first)));
    // the sine of a uniform angle, from 32 bits; the other 32 bits decide on the attempt
    const double z = radius * sinpi(unit_word(random.second & 0xffffffffu) - 0.5);
    const double u = unit_word(random.second >> 32);
    const double d = a[i] - 1.0 / 3;
    const double c = 1 / (3 * std::sqrt(d));
    const double log_v = 3 * log1p(c * z);
    const double root = 1 + c * z;
    const double v = root * root * root;
    const bool accept = log(u) < 0.5 * z * z + d * (1 - v + log_v);
    const bool proper = (a[i] >= 1) & (a[i] < infinity<double>);
    y[i] = proper ? log(d) + log_v : (a[i] > 1 ? a[i] : nan<double>);
    accepted[i] = (accept | !proper) ? 1.0 : 0.0;
  }
}

// Draws begin <= i < begin + count, count <= sampler_block, with concentrations a[0..count).
inline void gamma_block(std::int64_t begin, int count, std::uint64_t key, const double* a, double* y) {
  alignas(64) double shape[sampler_block], result[sampler_block], accepted[sampler_block];
  alignas(64) std::uint64_t element[sampler_block];
  int place[sampler_block];
  bool boosted = false;
  for (int i = 0; i < count; ++i) {
    element[i] = std::uint64_t(begin) + std::uint64_t(i);
    shape[i] = a[i] < 1 ? a[i] + 1 : a[i];
    place[i] = i;
    boosted |= a[i] < 1;
  }
  int pending = count;
  for (std::uint64_t attempt = 0; pending > 0; ++attempt) {
    gamma_attempts(pending, key, attempt, element, shape, result, accepted);
    int rejected = 0;
    for (int i = 0; i < pending; ++i) {
      y[place[i]] = result[i];
      place[rejected] = place[i];
      element[rejected] = element[i];
      shape[rejected] = shape[i];
      rejected += accepted[i] == 0;
    }
    pending = rejected;
  }
  if (!boosted) return;
  // G(a) = G(a + 1) U^(1/a); the uniform comes from a stream that no attempt reaches
  for (int i = 0; i < count; ++i) {
    const philox_block random = philox(key, std::uint64_t(begin) + std::uint64_t(i), ~std::uint64_t(0));
    const double boost = log(uniform_open(random.first)) / a[i];
    y[i] = a[i] < 1 ? y[i] + boost : y[i];
  }
}

template <class T>
void standard_gamma_log(std::int64_t begin, std::int64_t end, std::int64_t period, const T* concentration,
                        std::uint64_t key, T* log_sample, T* derivative) {
  alignas(64) double a[sampler_block], y[sampler_block], slope[sampler_block];
  for (std::int64_t at = begin; at < end; at += sampler_block) {
    const int count = int(std::min<std::int64_t>(sampler_block, end - at));
    std::int64_t from = at % period;
    for (int i = 0; i < count; ++i) {
      a[i] = double(concentration[from]);
      from = from + 1 == period ? 0 : from + 1;
    }
    gamma_block(at, count, key, a, y);
    for (int i = 0; i < count; ++i) log_sample[at + i] = T(y[i]);
    if (derivative == nullptr) continue;
    log_gamma_quantile_slopes<T>(count, a, y, slope);
    for (int i = 0; i < count; ++i) derivative[at + i] = T(slope[i]);
  }
}

}  // namespace reparam::REPARAM_LEVEL
