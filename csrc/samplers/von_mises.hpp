// Standard von Mises draws by rejection from the wrapped Cauchy law: Best and Fisher (1979), a block at a time.
#pragma once

#include "../special/circle.hpp"
#include "philox.hpp"

namespace reparam::REPARAM_LEVEL {

// Taylor's series of atan(x) / x in -x^2.
struct arctangent_series {
  double term[22] = {};
  constexpr arctangent_series() {
    for (int k = 0; k < 22; ++k) term[k] = 1.0 / (2 * k + 1);
  }
};
inline constexpr arctangent_series arctangent = {};

// The angle of (across, along), along >= 0 and across >= 0, not both 0: of each the smaller part over the larger, then
// over tan(pi / 8) from pi / 4.
REPARAM_INLINE double quarter_angle(double across, double along) {
  const bool steep = across > along;
  const double low = steep ? along : across, high = steep ? across : along;
  const bool middle = low > 0.41421356237309503 * high;
  const double t = middle ? (low - high) / (low + high) : low / high, z = -t * t;
  const double angle = t * polynomial(arctangent.term, z) + (middle ? pi / 4 : 0.0);
  return steep ? pi / 2 - angle : angle;
}

// One attempt at each of `count` elements. With c = (1 - rho) / (1 + rho) the angle 2 atan(c tan(pi u)) is wrapped
// Cauchy; with m = kappa (r - 1), r = (1 + rho^2) / (2 rho) as Best and Fisher choose it, c^2 = m / (m + 2 kappa), and
// it is accepted with probability exp(1 - m - kappa w) (m + kappa w), w = 1 - cos.
inline void von_mises_attempts(int count, std::uint64_t key, std::uint64_t attempt,
                               const std::uint64_t* REPARAM_RESTRICT element, const double* REPARAM_RESTRICT kappa,
                               double* REPARAM_RESTRICT z, double* REPARAM_RESTRICT accepted) {
  for (int i = 0; i < count; ++i) {
    const philox_block random = philox(key, element[i], attempt);
    const double k = kappa[i];
    const double m = 0.5 * (1 + 1 / (std::sqrt(1 + 4 * k * k) + 2 * k));
    const double c = std::sqrt(m / (m + 2 * k));
    // a uniform number in (-1/2, 1/2), a multiple of 2^-52 plus its half
    const double u = (from_bits<double>(random.first >> 12 | 0x3ffull << 52) - 1.5) + 0x1p-53;
    const double across = c * absolute(sinpi(u)), along = sinpi(0.5 - absolute(u));
    const double square = across * across, excess = 2 * k * (square / (along * along + square));
    const bool accept = log(uniform_open(random.second)) < (1 - m) - excess + log(m + excess);
    const bool proper = (k >= 0) & (k < infinity<double>);
    const double angle = 2 * quarter_angle(across, along);
    z[i] = proper ? (u < 0 ? -angle : angle) : (k > 0 ? 0.0 : nan<double>);
    accepted[i] = (accept | !proper) ? 1.0 : 0.0;
  }
}

// Draws begin <= i < begin + count, count <= tail_block, with concentrations kappa[0..count).
inline void von_mises_block(std::int64_t begin, int count, std::uint64_t key, const double* kappa, double* z) {
  alignas(64) double pending_kappa[tail_block], result[tail_block], accepted[tail_block];
  alignas(64) std::uint64_t element[tail_block];
  int place[tail_block];
  for (int i = 0; i < count; ++i) {
    element[i] = std::uint64_t(begin) + std::uint64_t(i);
    pending_kappa[i] = kappa[i];
    place[i] = i;
  }
  int pending = count;
  for (std::uint64_t attempt = 0; pending > 0; ++attempt) {
    von_mises_attempts(pending, key, attempt, element, pending_kappa, result, accepted);
    int rejected = 0;
    for (int i = 0; i < pending; ++i) {
      z[place[i]] = result[i];
      place[rejected] = place[i];
      element[rejected] = element[i];
      pending_kappa[rejected] = pending_kappa[i];
      rejected += accepted[i] == 0;
    }
    pending = rejected;
  }
}

template <class T>
void standard_von_mises(std::int64_t begin, std::int64_t end, std::int64_t period, const T* concentration,
                        std::uint64_t key, T* sample, T* derivative) {
  alignas(64) double kappa[tail_block], z[tail_block], slope[tail_block];
  circle_block moments;
  for (std::int64_t at = begin; at < end; at += tail_block) {
    const int count = int(std::min<std::int64_t>(tail_block, end - at));
    std::int64_t from = at % period;
    for (int i = 0; i < count; ++i) {
      kappa[i] = double(concentration[from]);
      from = from + 1 == period ? 0 : from + 1;
    }
    von_mises_block(at, count, key, kappa, z);
    for (int i = 0; i < count; ++i) sample[at + i] = T(z[i]);
    if (derivative == nullptr) continue;
    moments_of_block<T>(count, kappa, moments);
    circle_slopes<T>(count, z, kappa, moments.mean, slope);
    for (int i = 0; i < count; ++i) derivative[at + i] = T(slope[i]);
  }
}

}  // namespace reparam::REPARAM_LEVEL
