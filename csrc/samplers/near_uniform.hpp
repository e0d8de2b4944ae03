// Von Mises angles of small concentration by inversion: a power series in kappa, of polynomials in the cosine.
#pragma once

#include "../special/circle.hpp"
#include "draws.hpp"

namespace reparam::REPARAM_LEVEL {

// With theta = 2 pi F - pi, the quantile x solves dx / dtheta = I_0(kappa) exp(-kappa cos x), so that
//     x = theta + sum over n of kappa^n sum over j of a_nj sin(j theta),    j = n, n - 2, n - 4, ... > 0,
//       = theta + sin(theta) sum over n of kappa^n sum over i of p_ni cos(theta)^i,    i = n - 1, n - 3, ... >= 0.
// The orders fall by 3/4 kappa or faster. They follow one by one from values at the nodes, whose number resolves all
// products: with the coefficients of cos x, sin x and E = exp(-kappa cos x),
//     n E_n = -sum of (k + 1) C_k E_(n-1-k),    n C_n = -sum of k X_k S_(n-k),    n S_n = sum of k X_k C_(n-k).
class quantile_orders {
 public:
  static constexpr int most = 28;
  double term[most + 1][most] = {};  // p_ni

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
        for (int i = 0; i < j; ++i) term[n][i] += a * ratio[j][i];
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

// The coefficients of the powers of the cosine, and their derivatives in kappa, by orders up to N.
template <int N>
struct cosine_terms {
  double value[N], slope[N];

  explicit cosine_terms(double kappa) {
    const auto& p = quantile_orders::table().term;
    double power = 1;
    for (int i = 0; i < N; ++i) {
      double sum = 0, moved = 0;
      for (int n = N - (N - i - 1) % 2; n > i; n -= 2) {
        sum = sum * kappa * kappa + p[n][i];
        moved = moved * kappa * kappa + n * p[n][i];
      }
      slope[i] = power * moved;
      power *= kappa;
      value[i] = power * sum;
    }
  }
};

// Angles at u = F - 1/2 of one kappa and, if Sloped, their derivatives in it.
template <int N, bool Sloped>
inline void near_uniform_of_one(int count, double kappa, const double* REPARAM_RESTRICT u, double* REPARAM_RESTRICT z,
                                double* REPARAM_RESTRICT slope) {
  const cosine_terms<N> terms(kappa);
  for (int i = 0; i < count; ++i) {
    const double low = sinpi(u[i]), cosine = 1 - 2 * low * low, sine = 2 * low * sinpi(0.5 - absolute(u[i]));
    z[i] = 2 * pi * u[i] + sine * polynomial(terms.value, cosine);
    if constexpr (Sloped) slope[i] = sine * polynomial(terms.slope, cosine);
  }
}

// Of several kappas, some lanes at a time, order by order.
template <int N>
inline void near_uniform_of_several(int count, const double* kappa, const double* u, double* z, double* slope) {
  constexpr int group = 2 * lanes;
  const auto& p = quantile_orders::table().term;
  alignas(64) double power[N][group] = {}, k[group] = {};
  for (int begin = 0; begin < count; begin += group) {
    const int here = std::min(group, count - begin);
    alignas(64) double cosine[group] = {}, sum[group] = {}, moved[group] = {};
    for (int i = 0; i < here; ++i) {
      const double low = sinpi(u[begin + i]);
      k[i] = kappa[begin + i];
      cosine[i] = 1 - 2 * low * low;
      power[0][i] = 2 * low * sinpi(0.5 - absolute(u[begin + i]));
    }
    for (int j = 1; j < N; ++j) {
      for (int i = 0; i < group; ++i) power[j][i] = cosine[i] * power[j - 1][i];
    }
    for (int n = N; n > 0; --n) {
      alignas(64) double order[group] = {};
      for (int j = n - 1; j >= 0; j -= 2) {
        for (int i = 0; i < group; ++i) order[i] += p[n][j] * power[j][i];
      }
      for (int i = 0; i < group; ++i) {
        moved[i] = moved[i] * k[i] + sum[i];
        sum[i] = sum[i] * k[i] + order[i];
      }
    }
    for (int i = 0; i < here; ++i) z[begin + i] = 2 * pi * u[begin + i] + k[i] * sum[i];
    for (int i = 0; i < here && slope != nullptr; ++i) slope[begin + i] = sum[i] + k[i] * moved[i];
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
  if (!same) return near_uniform_of_several<N>(count, kappa, u, z, slope);
  if (slope != nullptr) return near_uniform_of_one<N, true>(count, kappa[0], u, z, slope);
  near_uniform_of_one<N, false>(count, kappa[0], u, z, slope);
}

// Draws for 0 <= kappa < near_uniform_kappa, and their derivatives in kappa where `slope` is not null; of other elements,
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

}  // namespace reparam::REPARAM_LEVEL
