// Von Mises angles of small concentration by inversion: a power series in kappa, of polynomials in the cosine.
#pragma once

#include "../special/circle.hpp"
#include "draws.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// With theta = 2 pi F - pi, the quantile x solves dx / dtheta = I_0(kappa) exp(-kappa cos x), so that
//     x = theta + sum over n of kappa^n sum over j of a_nj sin(j theta),    j = n, n - 2, n - 4, ... > 0,
//       = theta + sin(theta) sum over n of kappa^n sum over i of p_in cos(theta)^i,    i = n - 1, n - 3, ... >= 0.
// The orders fall by 3/4 kappa or faster. They follow one by one from values at the nodes, whose number resolves all
// products: with the coefficients of cos x, sin x and E = exp(-kappa cos x),
//     n E_n = -sum of (k + 1) C_k E_(n-1-k),    n C_n = -sum of k X_k S_(n-k),    n S_n = sum of k X_k C_(n-k).
class quantile_orders {
 public:
  static constexpr int most = 28;
  double value[most][most + 1] = {}, slope[most][most + 1] = {};  // p_in, and n p_in

  static const quantile_orders& table() {
    static const quantile_orders made;
    return made;
  }

 private:
  static constexpr int nodes = 64;
  using values = double[most + 1][nodes];

  quantile_orders() {
    static_assert(most + 2 < nodes / 2);
    std::vector<double> room(4 * (most + 1) * nodes);
    auto* const all = reinterpret_cast<values*>(room.data());
    values &x = all[0], &c = all[1], &s = all[2], &e = all[3];
    double cosine[nodes], sine[nodes], ratio[most + 1][most] = {};
    for (int m = 0; m < nodes; ++m) {
      c[0][m] = cosine[m] = std::cos(2 * pi * m / nodes);
      s[0][m] = sine[m] = std::sin(2 * pi * m / nodes);
      e[0][m] = 1;
    }
    // sin(j theta) / sin(theta) in powers of the cosine
    ratio[1][0] = 1;
    for (int j = 2; j <= most; ++j) {
      for (int i = 0; i < j; ++i) ratio[j][i] = (i > 0 ? 2 * ratio[j - 1][i - 1] : 0.0) - ratio[j - 2][i];
    }
    for (int n = 1; n <= most; ++n) {
      double rate[nodes] = {}, bessel = 1;
      for (int m = 0; m < nodes; ++m) {
        for (int k = 0; k < n; ++k) e[n][m] -= (k + 1) * c[k][m] * e[n - 1 - k][m] / n;
      }
      for (int k = 0; k <= n; k += 2) {
        for (int m = 0; m < nodes; ++m) rate[m] += bessel * e[n - k][m];
        bessel /= (k + 2) * (k + 2);
      }
      for (int j = n; j > 0; j -= 2) {
        double a = 0;
        for (int m = 0; m < nodes; ++m) a += 2.0 / nodes / j * rate[m] * cosine[j * m % nodes];
        for (int m = 0; m < nodes; ++m) x[n][m] += a * sine[j * m % nodes];
        for (int i = 0; i < j; ++i) value[i][n] += a * ratio[j][i];
        for (int i = 0; i < j; ++i) slope[i][n] = n * value[i][n];
      }
      for (int k = 1; k <= n; ++k) {
        for (int m = 0; m < nodes; ++m) {
          c[n][m] -= k * x[k][m] * s[n - k][m] / n;
          s[n][m] += k * x[k][m] * c[n - k][m] / n;
        }
      }
    }
  }
};

constexpr double near_uniform_kappa = 0.31;

// The sum of c_n kappa^(n - First) for n = First, First + 2, ... <= N.
template <int N, int First>
REPARAM_INLINE double every_other_order(const double* c, double square) {
  if constexpr (First > N) {
    return 0;
  } else {
    return c[First] + square * every_other_order<N, First + 2>(c, square);
  }
}

// By orders up to N, the coefficients of the powers of kappa cos(theta).
template <int N, int I = 0>
REPARAM_INLINE void cosine_terms(const double (&by_order)[quantile_orders::most][quantile_orders::most + 1],
                                 double square, double* to) {
  if constexpr (I < N) {
    to[I] = every_other_order<N, I + 1>(by_order[I], square);
    cosine_terms<N, I + 1>(by_order, square, to);
  }
}

// Angles at u = F - 1/2, all of kappa[0] if Same, and if Sloped their derivatives in kappa.
template <int N, bool Same, bool Sloped>
inline void near_uniform_at(int count, const double* REPARAM_RESTRICT kappa, const double* REPARAM_RESTRICT u,
                            double* REPARAM_RESTRICT z, double* REPARAM_RESTRICT slope) {
  const quantile_orders& orders = quantile_orders::table();
  double terms[N], moved[N];
  if (Same) cosine_terms<N>(orders.value, kappa[0] * kappa[0], terms);
  if (Same && Sloped) cosine_terms<N>(orders.slope, kappa[0] * kappa[0], moved);
  for (int i = 0; i < count; ++i) {
    const double low = sinpi(u[i]), sine = 2 * low * sinpi(0.5 - absolute(u[i]));
    const double k = kappa[Same ? 0 : i], along = k * (1 - 2 * low * low);
    double own[N];
    if (!Same) cosine_terms<N>(orders.value, k * k, own);
    z[i] = 2 * pi * u[i] + sine * k * polynomial(Same ? terms : own, along);
    if (!Same && Sloped) cosine_terms<N>(orders.slope, k * k, own);
    if (Sloped) slope[i] = sine * polynomial(Same ? moved : own, along);
  }
}

// Numbers for the elements of a block, two of one random block. No attempt of a rejection reaches this stream.
class paired_uniforms {
 public:
  paired_uniforms(const draws_at& where, int count) {
    constexpr std::uint64_t stream = std::uint64_t(1) << 63;
    const std::uint64_t first = where.element(0) / 2;
    odd_ = int(where.element(0) % 2);
    for (int i = 0; i < (count + odd_ + 1) / 2; ++i) {
      const philox_block random = philox(where.key, first + std::uint64_t(i), stream);
      both_[2 * i] = centred_uniform(random.first);
      both_[2 * i + 1] = centred_uniform(random.second);
    }
  }

  const double* data() const { return both_ + odd_; }

 private:
  int odd_;
  alignas(64) double both_[sampler_block + 2];
};

template <int N>
inline void near_uniform_by(int count, bool same, const double* kappa, const double* u, double* z, double* slope) {
  const auto find = same ? (slope ? near_uniform_at<N, true, true> : near_uniform_at<N, true, false>)
                         : (slope ? near_uniform_at<N, false, true> : near_uniform_at<N, false, false>);
  find(count, kappa, u, z, slope);
}

// Draws for 0 <= kappa < near_uniform_kappa, and their derivatives in kappa where `slope` is not null; for other kappas,
// something.
template <class Accuracy>
inline void near_uniform_draws(const draws_at& where, int count, const double* kappa, double* z, double* slope) {
  constexpr double lost = sizeof(Accuracy) == 8 ? 1e-17 : 1e-9;
  constexpr int most = sizeof(Accuracy) == 8 ? quantile_orders::most : 18;
  const paired_uniforms uniforms(where, count);
  const bool same = all_same(count, kappa);
  const double largest = same ? kappa[0] : *std::max_element(kappa, kappa + count);
  const double orders = largest < near_uniform_kappa ? std::log(lost) / std::log(0.75 * largest + 1e-300) : most;
  if (orders < 7) return near_uniform_by<6>(count, same, kappa, uniforms.data(), z, slope);
  if (orders < 13) return near_uniform_by<12>(count, same, kappa, uniforms.data(), z, slope);
  near_uniform_by<most>(count, same, kappa, uniforms.data(), z, slope);
}

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
