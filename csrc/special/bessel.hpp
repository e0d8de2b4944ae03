// The logarithm of the modified Bessel function of real order, and the ratio of neighbours.
#pragma once

#include "bessel_large.hpp"
#include "circle.hpp"
#include "functions.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// I_v(x) is the integral of exp(x cosh t - v t) / (2 pi i) over paths from infinity - i pi to infinity + i pi, and the
// derivatives of its logarithm are means of t and cosh t, those of the ratio A = I_{v+1} / I_v covariances of exp(-t)
// with them. For v >= 1/2 the path is that of steepest descent, t = tau + i theta, sinh tau = (v / x) theta / sin theta,
// on which the integrand is positive; for v < 1/2 it runs from 0 to i pi and on to i pi + infinity. Where the power
// series needs few terms, it serves.
constexpr int bessel_terms = 30, gap_terms = 15;

template <class Accuracy>
struct path_rule;

template <>
struct path_rule<double> {
  static constexpr double depth = 40;
  static constexpr int nodes = 32, leg_nodes = 24;
};

template <>
struct path_rule<float> {
  static constexpr double depth = 24;
  static constexpr int nodes = 20, leg_nodes = 16;
};

// t is measured from `base`: step = t - base, decay = exp(base - t) - 1, rise = cosh t - cosh base. `total` is
// exp(v base - x cosh base) I_v(x).
struct path_sums {
  alignas(64) double base[circle_lanes] = {}, total[circle_lanes] = {}, step[circle_lanes] = {},
                     decay[circle_lanes] = {}, rise[circle_lanes] = {}, decay_step[circle_lanes] = {},
                     decay_rise[circle_lanes] = {};

  // Adds a node of complex weight (re, im).
  template <bool Slopes>
  REPARAM_INLINE void add(int i, double re, double im, double step_re, double step_im, double decay_re,
                          double decay_im, double rise_re, double rise_im) {
    total[i] += re;
    if constexpr (!Slopes) return;
    step[i] += re * step_re - im * step_im;
    decay[i] += re * decay_re - im * decay_im;
    rise[i] += re * rise_re - im * rise_im;
    decay_step[i] += re * (decay_re * step_re - decay_im * step_im) - im * (decay_re * step_im + decay_im * step_re);
    decay_rise[i] += re * (decay_re * rise_re - decay_im * rise_im) - im * (decay_re * rise_im + decay_im * rise_re);
  }
};

// log I_v(x) and its derivatives in v and x, and the first and the last again for exp(-x) I_v(x); A, 1 - A, d log A / dv
// and dA/dx.
struct bessel_values {
  alignas(64) double log[circle_lanes], slope_v[circle_lanes], slope_x[circle_lanes], log_scaled[circle_lanes],
      slope_scaled[circle_lanes], ratio[circle_lanes], rest[circle_lanes], ratio_v[circle_lanes], ratio_x[circle_lanes];
};

// (y - sin y) / y^3 and (sin y - y cos y) / y^3 in powers of y^2.
struct gap_series {
  double sine[gap_terms] = {}, tangent[gap_terms] = {};
  constexpr gap_series() {
    double factor = 1.0 / 6;
    for (int k = 0; k < gap_terms; ++k) {
      sine[k] = factor;
      tangent[k] = factor * (2 * k + 2);
      factor /= -double((2 * k + 4) * (2 * k + 5));
    }
  }
};
inline constexpr gap_series gaps = {};

inline void finish_path(const double* v, const double* x, const path_sums& s, bessel_values& f) {
  for (int i = 0; i < circle_lanes; ++i) {
    const double scale = 1 / s.total[i], base = s.base[i], bend = base > 0 ? 1 : 0;
    const double h = std::sqrt(v[i] * v[i] + x[i] * x[i]), excess = v[i] * (v[i] / (h + x[i])) * bend;
    const double step = s.step[i] * scale, decay = s.decay[i] * scale, rise = s.rise[i] * scale, fall = exp(-base);
    f.log_scaled[i] = excess - v[i] * base + log(s.total[i]);
    f.log[i] = f.log_scaled[i] + x[i];
    f.slope_v[i] = -(base + step);
    f.slope_scaled[i] = excess / x[i] + rise;
    f.slope_x[i] = f.slope_scaled[i] + 1;
    f.ratio[i] = fall * (1 + decay);
    f.rest[i] = -expm1(-base) - fall * decay;
    f.ratio_v[i] = -(s.decay_step[i] * scale - decay * step) / (1 + decay);
    f.ratio_x[i] = fall * (s.decay_rise[i] * scale - decay * rise);
  }
}

template <class Accuracy, bool Slopes>
REPARAM_NOINLINE void bessel_by_descent(const double* v, const double* x, bessel_values& f) {
  constexpr int nodes = path_rule<Accuracy>::nodes;
  constexpr double depth = path_rule<Accuracy>::depth;
  path_sums s;
  alignas(64) double reach[circle_lanes], a[circle_lanes], cosh_a[circle_lanes];
  for (int i = 0; i < circle_lanes; ++i) {
    const double h = std::sqrt(v[i] * v[i] + x[i] * x[i]), share = h > depth / 2 ? depth / 2 / h : 1.0;
    const double wide = 2 * over_arcsine(std::sqrt(share)), narrow = std::sqrt(2 * depth / h);
    reach[i] = (v[i] > x[i]) & (narrow < wide) ? narrow : wide;
    a[i] = v[i] / x[i];
    cosh_a[i] = std::sqrt(1 + a[i] * a[i]);
    s.base[i] = arsinh(a[i]);
  }
  for (int k = 0; k < nodes; ++k) {
    const double node = even<nodes>.node[k], weight = even<nodes>.weight[k] * (1 / pi);
    for (int i = 0; i < circle_lanes; ++i) {
      const double theta = reach[i] * node, square = theta * theta, half = quarter_sine(0.5 * theta);
      const double sine = 2 * half * quarter_sine(0.5 * pi - 0.5 * theta), cube = theta * square / sine;
      const double excess = cube * polynomial(gaps.sine, square), bend = cube * polynomial(gaps.tangent, square);
      const double b = a[i] * (1 + excess), cosh_b = std::sqrt(1 + b * b), apart = a[i] * excess;
      const double cosh_gap = apart * ((b + a[i]) / (cosh_b + cosh_a[i])), drop = 2 * half * half;
      const double gap = arsinh(apart * ((b + a[i]) / (b * cosh_a[i] + a[i] * cosh_b)));
      const double turn = b / cosh_b * bend / theta, fall = exp(-gap);
      const double mass = weight * reach[i] * exp(-(x[i] * (drop * cosh_b - cosh_gap) + v[i] * gap));
      s.template add<Slopes>(i, mass, -turn * mass, gap, theta, expm1(-gap) - drop * fall, -fall * sine, cosh_gap - drop * cosh_b,
            b * sine);
    }
  }
  finish_path(v, x, s, f);
}

template <class Accuracy, bool Slopes>
REPARAM_NOINLINE void bessel_by_corner(const double* v, const double* x, bessel_values& f) {
  constexpr int nodes = path_rule<Accuracy>::nodes;
  constexpr double depth = path_rule<Accuracy>::depth;
  path_sums s;
  constexpr int legs = path_rule<Accuracy>::leg_nodes;
  alignas(64) double reach[circle_lanes], length[circle_lanes], turn_re[circle_lanes], turn_im[circle_lanes];
  for (int i = 0; i < circle_lanes; ++i) {
    const double share = x[i] > depth / 2 ? depth / 2 / x[i] : 1.0;
    reach[i] = 2 * over_arcsine(std::sqrt(share));
    // arcosh(1 + depth / x)
    const double d = depth / x[i];
    length[i] = log1p(d + std::sqrt(d * (d + 2)));
    turn_re[i] = -quarter_sine(pi * v[i]);
    turn_im[i] = -quarter_sine(pi * (0.5 - v[i]));
  }
  for (int k = 0; k < nodes; ++k) {
    const double node = even<nodes>.node[k], weight = even<nodes>.weight[k] * (1 / pi);
    for (int i = 0; i < circle_lanes; ++i) {
      const double theta = reach[i] * node, half = quarter_sine(0.5 * theta), drop = 2 * half * half;
      const double sine = 2 * half * quarter_sine(0.5 * pi - 0.5 * theta);
      const double mass = weight * reach[i] * exp(-x[i] * drop), phase = v[i] * theta;
      s.template add<Slopes>(i, mass * quarter_sine(0.5 * pi - phase), -mass * quarter_sine(phase), 0, theta, -drop, -sine, -drop, 0);
    }
  }
  for (int k = 0; k < legs; ++k) {
    const double node = even<legs>.node[k], weight = even<legs>.weight[k] * (1 / pi);
    for (int i = 0; i < circle_lanes; ++i) {
      const double t = length[i] * node, fall = exp(-t), cosh_t = 0.5 * (fall + 1 / fall);
      const double mass = weight * length[i] * exp(-x[i] * (1 + cosh_t) - v[i] * t);
      s.template add<Slopes>(i, turn_re[i] * mass, turn_im[i] * mass, t, pi, -1 - fall, 0, -1 - cosh_t, 0);
    }
  }
  finish_path(v, x, s, f);
}

template <bool Slopes>
REPARAM_NOINLINE void bessel_by_series(const double* v, const double* x, bessel_values& f) {
  alignas(64) double term[circle_lanes], sum[4][circle_lanes] = {}, harmonic[2][circle_lanes] = {},
      number[2][circle_lanes] = {};
  for (double& each : term) each = 1;
  for (int k = 1; k <= bessel_terms; ++k) {
    for (int i = 0; i < circle_lanes; ++i) {
      const double step = 1 / (v[i] + k);
      term[i] *= 0.25 * x[i] * x[i] / k * step;
      sum[0][i] += term[i];
      if constexpr (!Slopes) continue;
      const double later = 1 / (v[i] + (k + 1)), after = term[i] * ((v[i] + 1) * later);
      number[0][i] += step;
      number[1][i] += later;
      sum[1][i] += after;
      sum[2][i] += after * ((v[i] + 2) / (v[i] + (k + 2)));
      harmonic[0][i] += term[i] * number[0][i];
      harmonic[1][i] += after * number[1][i];
    }
  }
  for (int i = 0; i < circle_lanes; ++i) {
    double unused[2];
    const double here = 1 + sum[0][i], next = 1 + sum[1][i], third = 1 + sum[2][i];
    const double own = harmonic[0][i] / here, log_x = log(0.5 * x[i]);
    const double over = 0.5 / (v[i] + 1) * (next / here), following = 0.5 * x[i] / (v[i] + 2) * (third / next);
    const double power = v[i] == 0 ? 0.0 : v[i] * log_x, pole = v[i] == 0 ? 0.0 : v[i] / x[i];
    const double log_gamma = log_gamma_ratio<double>::evaluate(unused, 1.0, v[i]);
    f.log[i] = power - log_gamma + log1p(sum[0][i]);
    f.log_scaled[i] = f.log[i] - x[i];
    f.slope_v[i] = log_x - unused[1] - own;
    f.ratio[i] = over * x[i];
    f.rest[i] = 1 - f.ratio[i];
    f.slope_x[i] = pole + f.ratio[i];
    f.slope_scaled[i] = pole + (f.ratio[i] - 1);
    f.ratio_v[i] = own - harmonic[1][i] / next - 1 / (v[i] + 1);
    f.ratio_x[i] = over * (1 + x[i] * (following - f.ratio[i]));
  }
}

// work(place, v, x, values) for the chosen elements of a block, by method; without slopes only the logarithms are
// there.
template <class Accuracy, bool Slopes, class Choose, class Work>
inline void over_bessel(int count, const double* v, const double* x, const Choose& chosen, const Work& work) {
  const auto near = [=](int i) { return x[i] <= (v[i] < 0.5 ? 2.0 : 12.0); };
  bessel_values values;
  alignas(64) double order[circle_lanes], argument[circle_lanes];
  const auto run = [&](const int* place, const auto& method) {
    for (int j = 0; j < circle_lanes; ++j) {
      order[j] = v[place[j]];
      argument[j] = x[place[j]];
    }
    method(order, argument, values);
    work(place, order, argument, values);
  };
  over_lanes(count, [=](int i) { return chosen(i) & near(i); }, [&](const int* place) { run(place, bessel_by_series<Slopes>); });
  over_lanes(count, [=](int i) { return chosen(i) & !near(i) & (v[i] < 0.5); },
             [&](const int* place) { run(place, bessel_by_corner<Accuracy, Slopes>); });
  over_lanes(count, [=](int i) { return chosen(i) & !near(i) & !(v[i] < 0.5); },
             [&](const int* place) { run(place, bessel_by_descent<Accuracy, Slopes>); });
}

template <class Accuracy, bool Slopes, class Work>
inline void over_bessel(int count, const double* v, const double* x, const Work& work) {
  over_bessel<Accuracy, Slopes>(count, v, x, [](int) { return true; }, work);
}

template <class Accuracy, bool Scaled>
struct bessel_logarithm {
  static constexpr unsigned differentiable = 0b11;

  static void block(int count, const double* const* in, double* value, double* const* partial) {
    if (partial == nullptr) {
      run<false>(count, in[0], in[1], value, partial);
    } else {
      run<true>(count, in[0], in[1], value, partial);
    }
  }

 private:
  template <bool Slopes>
  static void run(int count, const double* v, const double* x, double* value, double* const* partial) {
    const auto far = [=](int i) {
      return (v[i] * v[i] + x[i] * x[i] >= debye_from * debye_from) & (x[i] >= 1) & (v[i] >= 0) &
             (v[i] < 1e150) & (x[i] < 1e150);
    };
    over_lanes(count, far, [&](const int* place) {
      alignas(64) double order[circle_lanes], argument[circle_lanes], scaled[circle_lanes], slope_v[circle_lanes],
          slope_x[circle_lanes];
      for (int j = 0; j < circle_lanes; ++j) {
        order[j] = v[place[j]];
        argument[j] = x[place[j]];
      }
      bessel_by_debye<Accuracy, Slopes>(order, argument, scaled, slope_v, slope_x);
      for (int j = 0; j < circle_lanes; ++j) {
        value[place[j]] = Scaled ? scaled[j] : scaled[j] + argument[j];
        if constexpr (Slopes) {
          partial[0][place[j]] = slope_v[j];
          partial[1][place[j]] = Scaled ? slope_x[j] : slope_x[j] + 1;
        }
      }
    });
    over_bessel<Accuracy, Slopes>(
        count, v, x, [=](int i) { return !far(i); },
        [=](const int* place, const double* order, const double* argument, const bessel_values& f) {
          for (int j = 0; j < circle_lanes; ++j) {
            const bool good = (order[j] >= 0) & (argument[j] >= 0);
            value[place[j]] = good ? (Scaled ? f.log_scaled[j] : f.log[j]) : nan<double>;
            if constexpr (Slopes) {
              partial[0][place[j]] = good ? f.slope_v[j] : nan<double>;
              partial[1][place[j]] = good ? (Scaled ? f.slope_scaled[j] : f.slope_x[j]) : nan<double>;
            }
          }
        });
  }
};

template <class Accuracy>
struct log_iv : bessel_logarithm<Accuracy, false> {};
template <class Accuracy>
struct log_ive : bessel_logarithm<Accuracy, true> {};

template <class Accuracy>
struct bessel_ratio {
  static constexpr unsigned differentiable = 0b11;

  static void block(int count, const double* const* in, double* value, double* const* partial) {
    over_bessel<Accuracy, true>(
        count, in[0], in[1], [=](const int* place, const double* v, const double* x, const bessel_values& f) {
          for (int j = 0; j < circle_lanes; ++j) {
            const bool good = (v[j] >= 0) & (x[j] >= 0);
            value[place[j]] = good ? f.ratio[j] : nan<double>;
            if (partial == nullptr) continue;
            partial[0][place[j]] = good ? f.ratio[j] * f.ratio_v[j] : nan<double>;
            partial[1][place[j]] = good ? f.ratio_x[j] : nan<double>;
          }
        });
  }
};

// The x where the ratio is r: Newton's method on the ratio, or on its complement where that is smaller, from
// r (2v + 2 - r^2) / (1 - r^2).
template <class Accuracy>
struct bessel_ratio_inverse {
  static constexpr unsigned differentiable = 0b11;
  static constexpr int steps = 5;

  static void block(int count, const double* const* in, double* value, double* const* partial) {
    const double *const v = in[0], *const r = in[1];
    alignas(64) double x[tail_block];
    for (int i = 0; i < count; ++i) {
      const bool inside = (r[i] > 0) & (r[i] < 1);
      const double goal = inside ? r[i] : 0.5;
      x[i] = goal * (2 * v[i] + 2 - goal * goal) / ((1 - goal) * (1 + goal));
    }
    for (int step = 0; step < steps; ++step) {
      over_bessel<Accuracy, true>(
          count, v, x, [&](const int* place, const double*, const double* at, const bessel_values& f) {
            for (int j = 0; j < circle_lanes; ++j) {
              const double goal = r[place[j]];
              const double miss = goal < 0.5 ? f.ratio[j] - goal : (1 - goal) - f.rest[j];
              const double next = at[j] - miss / f.ratio_x[j];
              value[place[j]] = next > 0.1 * at[j] ? next : 0.1 * at[j];
            }
          });
      for (int i = 0; i < count; ++i) x[i] = (r[i] > 0) & (r[i] < 1) ? value[i] : 1.0;
    }
    if (partial != nullptr) {
      over_bessel<Accuracy, true>(
          count, v, x, [&](const int* place, const double*, const double*, const bessel_values& f) {
            for (int j = 0; j < circle_lanes; ++j) {
              partial[0][place[j]] = -f.ratio_v[j] * (r[place[j]] / f.ratio_x[j]);
              partial[1][place[j]] = 1 / f.ratio_x[j];
            }
          });
    }
    for (int i = 0; i < count; ++i) {
      const bool inside = (r[i] > 0) & (r[i] < 1) & (v[i] >= 0);
      const double end = v[i] >= 0 ? (r[i] == 0 ? 0.0 : r[i] == 1 ? infinity<double> : nan<double>) : nan<double>;
      value[i] = inside ? x[i] : end;
      if (partial != nullptr && !inside) {  // at 0 those of (2 v + 2) r, at 1 none
        partial[0][i] = end == 0 ? 0.0 : nan<double>;
        partial[1][i] = end == 0 ? 2 * v[i] + 2 : nan<double>;
      }
    }
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
