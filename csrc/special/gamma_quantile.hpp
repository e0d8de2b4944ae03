// How the logarithm of a standard gamma variate moves with the concentration at fixed probability.
#pragma once

#include "gamma_tail.hpp"
#include "polygamma.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// With y = log x, the slope dy/da = -(dP/da) / D = -(d log P / da) (P / D), or the same of Q with the other sign.
REPARAM_INLINE double quantile_slope(const tail_points& p, const tail_values& v, int i) {
  const double upward = v.slope[i] * v.mass[i];
  return is_upper(p.a[i], p.x[i]) ? upward : -upward;
}

// For up to tail_block pairs (a, y). Accuracy says for which type the result must be right.
template <class Accuracy>
inline void log_gamma_quantile_slopes(int count, const double* a, const double* y, double* slope) {
  gamma_tails<Accuracy, true>(count, a, y,
                              [=](const int* place, int here, const tail_points& p, const tail_values& v) {
                                alignas(64) double moved[tail_lanes];
                                for (int i = 0; i < tail_lanes; ++i) moved[i] = quantile_slope(p, v, i);
                                for (int i = 0; i < here; ++i) slope[place[i]] = moved[i];
                              });
}

// The slope and its derivatives in a and y.
struct quantile_bends {
  alignas(64) double slope[tail_lanes], in_a[tail_lanes], in_y[tail_lanes];
};

// Integrals over the tail of |f| exp(-phi): of 1, v, exp(v) - 1, exp(v) - 1 - v, and of the last two times v.
struct tail_moments {
  alignas(64) double mass[tail_lanes] = {}, far[tail_lanes] = {}, growth[tail_lanes] = {}, rest[tail_lanes] = {},
                     far_growth[tail_lanes] = {}, far_rest[tail_lanes] = {};
};

// In double for both types: the moments are differences of what the mass is accurate to.
inline void integral_moments(const tail_points& p, tail_moments& m) {
  using rule = coefficients<double>;
  constexpr int nodes = sizeof rule::legendre_nodes / sizeof rule::legendre_nodes[0];
  alignas(64) double sign[tail_lanes], reach[tail_lanes];
  for (int i = 0; i < tail_lanes; ++i) {
    sign[i] = is_upper(p.a[i], p.x[i]) ? 1.0 : -1.0;
    reach[i] = tail_reach<double>(p.a[i], p.x[i], sign[i] * p.excess[i], sign[i]);
  }
  for (int k = 0; k < nodes; ++k) {
    const double node = rule::legendre_nodes[k], weight = rule::legendre_weights[k];
    for (int i = 0; i < tail_lanes; ++i) {
      const double u = reach[i] * node, v = sign[i] * u, rest = exp_excess<double>(v);
      const double part = reach[i] * weight * short_exp<double>(-p.excess[i] * v - p.x[i] * rest).value();
      const double growth = u + sign[i] * rest;
      m.mass[i] += part;
      m.far[i] += part * u;
      m.growth[i] += part * growth;
      m.rest[i] += part * rest;
      m.far_growth[i] += part * u * growth;
      m.far_rest[i] += part * u * rest;
    }
  }
}

// For the power series of P at a >= 1, sum of x^n / (a (a + 1) ... (a + n)), and its derivatives in a and log x.
inline void series_moments(const tail_points& p, tail_moments& m) {
  alignas(64) double term[tail_lanes], rise[tail_lanes], squares[tail_lanes], second[tail_lanes];
  for (int i = 0; i < tail_lanes; ++i) {
    const double r = 1 / p.a[i];
    term[i] = m.mass[i] = r;
    rise[i] = r;
    squares[i] = r * r;
    m.far[i] = r * r;
    second[i] = 2 * r * r * r;
  }
  bool unfinished = true;
  for (int n = 0; n < most_series_terms && unfinished; n += series_stride) {
    for (int i = 0; i < tail_lanes; ++i) {
      double each = term[i], risen = rise[i], total = squares[i], last = second[i];
      double mass = m.mass[i], far = m.far[i], growth = m.growth[i], far_growth = m.far_growth[i];
      for (int k = 1; k <= series_stride; ++k) {
        const double r = 1 / (p.a[i] + double(n + k)), over = each * r, grown = double(n + k) * over;
        each = over * p.x[i];
        risen += r;
        total += r * r;
        mass += each;
        far += each * risen;
        last += each * (risen * risen + total);
        growth += grown;
        far_growth += grown * risen;
      }
      term[i] = each;
      rise[i] = risen;
      squares[i] = total;
      second[i] = last;
      m.mass[i] = mass;
      m.far[i] = far;
      m.growth[i] = growth;
      m.far_growth[i] = far_growth;
    }
    unfinished = false;
    for (int i = 0; i < tail_lanes; ++i) {
      unfinished |= term[i] * double(n + series_stride) * rise[i] * rise[i] > tail_rule<double>::lost * second[i];
    }
  }
  for (int i = 0; i < tail_lanes; ++i) {
    m.rest[i] = m.far[i] - m.growth[i];
    m.far_rest[i] = second[i] - m.far_growth[i];
  }
}

// The slope s and its derivatives in a and y. With w = log(x / a) and l = log a - digamma(a),
//     s = +-(w + l) <1> + <v>,
//     ds/da = -<v (e^v - 1 - v)> - |x/a - 1| <v (e^v - 1)> - (e^w - 1 - w - l) <v> -+ (trigamma(a) - 1/a) <1>,
//     ds/dy = -(x w - (x - a) + l x) <e^v - 1> - |x - a| <e^v - 1 - v>,
// where the terms of the derivatives do not cancel.
inline void bends_of_moments(const tail_points& p, const tail_moments& m, quantile_bends& b) {
  for (int i = 0; i < tail_lanes; ++i) {
    const double a = p.a[i], x = p.x[i], excess = p.excess[i], size = absolute(excess);
    const gamma_slopes s = slopes_of(a);
    const double v = excess / (x + a), square = v * v;
    const bool near = square < 0.029437251522859415;
    const double tail = atanh_tail(near ? square : 0.0);
    const double of_a = near ? excess * v - a * v * tail : excess - a * p.distance[i];
    const double of_x = near ? excess * v + x * v * tail : x * p.distance[i] - excess;
    const double mass = is_upper(a, x) ? m.mass[i] : -m.mass[i];
    b.slope[i] = (p.distance[i] + s.lag) * mass + m.far[i];
    b.in_a[i] = -m.far_rest[i] - size / a * m.far_growth[i] - (of_a / a - s.lag) * m.far[i] - s.excess * mass;
    b.in_y[i] = -(of_x + s.lag * x) * m.growth[i] - size * m.rest[i];
  }
}

// The same for a and x below 1, of s = e^x / a [(digamma(a + 1) - y) (1 + a S) - S'], S = sum of (-x)^n / (n! (a + n)).
inline void small_bends(const tail_points& p, quantile_bends& b) {
  alignas(64) double power[tail_lanes], sum[tail_lanes] = {}, moved[tail_lanes] = {}, twice[tail_lanes] = {},
      sum_y[tail_lanes] = {}, moved_y[tail_lanes] = {};
  for (double& each : power) each = 1;
  for (int n = 1; n <= tail_rule<double>::small_terms; ++n) {
    for (int i = 0; i < tail_lanes; ++i) {
      const double r = 1 / (p.a[i] + n), share = n * r;
      power[i] *= p.x[i] * (-1.0 / n);
      const double term = power[i] * r;
      sum[i] += term;
      moved[i] += term * share;
      twice[i] += term * share * r;
      sum_y[i] += term * n;
      moved_y[i] += term * n * share;
    }
  }
  for (int i = 0; i < tail_lanes; ++i) {
    const double a = p.a[i], x = p.x[i], total = 1 + a * sum[i], scale = exp(x) / a;
    const gamma_slopes s = slopes_of(a + 1);
    const double gap = log1p(a) - s.lag - p.log_x[i];
    b.slope[i] = scale * (gap * total - moved[i]);
    b.in_a[i] = scale * ((s.excess + 1 / (a + 1)) * total + gap * moved[i] + 2 * twice[i]) - b.slope[i] / a;
    b.in_y[i] = scale * (gap * (a * sum_y[i]) - total - moved_y[i]) + x * b.slope[i];
  }
}

inline void bends_by(tail_method method, const tail_points& p, quantile_bends& b) {
  if (method == tail_method::small) return small_bends(p, b);
  tail_moments m;
  if (method == tail_method::series) {
    series_moments(p, m);
  } else {
    integral_moments(p, m);
  }
  bends_of_moments(p, m, b);
}

template <class Accuracy>
struct log_gamma_quantile_grad {
  static constexpr unsigned differentiable = 0b11;

  static void block(int count, const double* const* in, double* value, double* const* partial) {
    if (partial == nullptr) return log_gamma_quantile_slopes<Accuracy>(count, in[0], in[1], value);
    quantile_bends b;
    over_tail_points<Accuracy, true>(count, in[0], in[1],
                                     [&](tail_method method, const int* place, int here, const tail_points& p) {
                                       bends_by(method, p, b);
                                       for (int i = 0; i < here; ++i) value[place[i]] = b.slope[i];
                                       for (int i = 0; i < here; ++i) partial[0][place[i]] = b.in_a[i];
                                       for (int i = 0; i < here; ++i) partial[1][place[i]] = b.in_y[i];
                                     });
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
