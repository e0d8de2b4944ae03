// The upper tail of Student's t law: its logarithm, its hazard and its derivative in the degrees of freedom.
#pragma once

#include <algorithm>

#include "beta_fraction.hpp"
#include "gamma_tail.hpp"
#include "legendre.hpp"
#include "logs.hpp"
#include "polygamma.hpp"
#include "short_log1p.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// With t = sqrt(df) sinh(w) the tail is c times the integral of cosh^-df beyond w, and its density moves with df by
//     k(s) = (psi((df + 1) / 2) - psi(df / 2) - 1 / df + tanh(s)^2 / df - (2 log cosh(s) - tanh(s)^2)) / 2,
// positive in the centre, negative in the tails: for derivatives the integral is taken from the side where k keeps
// its sign. The probabilities are halves of incomplete beta functions, the tail of I(df / 2, 1 / 2) at cosh(w)^-2, what
// is between 0 and t of I(1 / 2, df / 2) at tanh(w)^2, and continued fractions give them quicker; their derivatives in
// df cancel for large df. special/student.py says more.
constexpr int student_lanes = fraction_lanes;
constexpr int student_block = 256;

template <class Accuracy>
struct student_rule;

template <>
struct student_rule<double> {
  static constexpr double depth = 35;
  static constexpr auto& centre = even<12>;
  static constexpr auto& many = even<24>;
};

template <>
struct student_rule<float> {
  static constexpr double depth = 19;
  static constexpr auto& centre = even<8>;
  static constexpr auto& many = even<13>;
};

// In the centre, by the fraction or the integral; beyond it, for df < 2, for more, and where the integral is taken.
enum class student_method : std::int32_t { centre, wide_centre, few, some, many };
constexpr double student_few = 2, student_centre = 1.5, student_centre_t = 1.55;

// From how many degrees of freedom on the integral is taken: derivatives cancel, and the fraction may overflow.
template <bool Slopes>
inline constexpr double student_many = Slopes ? 64 : 1e30;

// A point t >= 0: functions of w = asinh(t / sqrt(df)).
template <int Size>
struct student_points {
  alignas(64) double df[Size], tanh[Size], log_cosh[Size], sech2[Size], w[Size];
};

// log T, log(density / T), d log T / d df, and 1/2 - T in the centre, else 0.
struct student_values {
  alignas(64) double log_tail[student_lanes], log_hazard[student_lanes], slope[student_lanes], inner[student_lanes];
};

// psi(z + 1/2) - psi(z) - 1 / (2 z) > 0.
REPARAM_INLINE double half_step_of(double z) {
  const bool small = z < 1;
  const double y = small ? z + 1 : z, u = 1 / y, v = 1 / (y + 0.5);
  // the rise of psi - log, less what 1 / (2 y) is above the rise of the logarithm
  const difference first = divided(core_first.c, u, v);
  const double rise = 0.5 * u * v * (0.5 + (u + v) * first.value + v * v * first.slope);
  const double value = rise - short_log1p(0.5 * u).gap(0.5 * u);
  return small ? value + 1 / (2 * z * (z + 1) * (2 * z + 1)) : value;
}

// The factor k.
REPARAM_INLINE double student_drift(double df, double half_step, double log_cosh, double tanh) {
  const double q = tanh * tanh, h = q < 0.25 ? -q : 0.0;
  const double excess = q < 0.25 ? short_log1p(h).gap(h) : 2 * log_cosh - q;
  return 0.5 * (half_step + q / df - excess);
}

// cosh(w + u) / cosh(w) - 1 and sinh(w + u) / cosh(w).
template <class Accuracy>
struct cosh_growth {
  double value, step;

  REPARAM_INLINE cosh_growth(double tanh, double u) {
    const short_exp<Accuracy> e(u);
    const double more = e.scale == 1 ? e.r + e.tail : e.value() - 1, less = more / (1 + more);
    const double change = 0.5 * more * less, sinh = 0.5 * (more + less);
    value = change + tanh * sinh;
    step = tanh * (1 + change) + sinh;
  }
};

// Where df log(cosh(w + u) / cosh(w)) is depth, or a little beyond: Newton steps from before it.
template <class Accuracy>
REPARAM_INLINE double student_reach(double df, double tanh) {
  constexpr double depth = student_rule<Accuracy>::depth;
  const double rise = df * tanh;
  double u = 2 * depth / (rise + std::sqrt(rise * rise + 2 * depth * df * (1 - tanh * tanh)));
  for (int step = 0; step < 3; ++step) {
    const cosh_growth<Accuracy> growth(tanh, u);
    u += (depth - df * short_log1p(growth.value).value) * (1 + growth.value) / (df * growth.step);
  }
  return u;
}

inline void place_student(int count, const double* freedom, const double* t, student_points<student_block>& p) {
  for (int i = 0; i < count; ++i) {
    const double df = freedom[i], distance = absolute(t[i]) < infinity<double> ? absolute(t[i]) : 1.0;
    const double ratio = distance / std::sqrt(df), square = ratio * ratio, root = std::sqrt(1 + square);
    const bool far = ratio > 1e8;
    const double log_ratio = log(distance) - 0.5 * log(df);
    p.df[i] = df;
    p.w[i] = far ? log_ratio + log_two<double> : log1p(ratio + square / (1 + root));
    p.tanh[i] = far ? 1.0 : ratio / root;
    p.log_cosh[i] = far ? log_ratio : 0.5 * log1p(square);
    p.sech2[i] = far ? exp(-2 * log_ratio) : 1 / (1 + square);
  }
}

// The integral of cosh^-df, over that power where it begins: from 0 to w, or from w on; and the mean of k over it.
template <class Accuracy, bool Slopes, bool Central, class Rule>
inline void student_integrals(const Rule& rule, const student_points<student_lanes>& p, double* mass, double* moved) {
  alignas(64) double start[student_lanes], base[student_lanes], reach[student_lanes], half_step[student_lanes];
  alignas(64) double total[student_lanes] = {}, sum[student_lanes] = {};
  for (int i = 0; i < student_lanes; ++i) {
    start[i] = Central ? 0.0 : p.tanh[i];
    base[i] = Central ? 0.0 : p.log_cosh[i];
    reach[i] = Central ? p.w[i] : student_reach<Accuracy>(p.df[i], p.tanh[i]);
    half_step[i] = Slopes ? half_step_of(0.5 * p.df[i]) : 0.0;
  }
  for (int k = 0; k < Rule::size; ++k) {
    const double node = rule.node[k], weight = rule.weight[k];
    for (int i = 0; i < student_lanes; ++i) {
      const cosh_growth<Accuracy> growth(start[i], reach[i] * node);
      const double gain = short_log1p(growth.value).value;
      const double part = weight * short_exp<Accuracy>(-p.df[i] * gain).value();
      total[i] += part;
      if constexpr (Slopes) {
        sum[i] += part * student_drift(p.df[i], half_step[i], base[i] + gain, growth.step / (1 + growth.value));
      }
    }
  }
  for (int i = 0; i < student_lanes; ++i) {
    mass[i] = reach[i] * total[i];
    if constexpr (Slopes) moved[i] = sum[i] / total[i];
  }
}

// a I / D at cosh(w)^-2 or, if Central, tanh(w)^2.
template <class Accuracy, bool Slopes, bool Central>
inline void student_fractions(const student_points<student_lanes>& p, fraction_values& out) {
  fraction_points at;
  for (int i = 0; i < student_lanes; ++i) {
    const double half = 0.5 * p.df[i], square = p.tanh[i] * p.tanh[i];
    at.a[i] = Central ? 0.5 : half;
    at.b[i] = Central ? half : 0.5;
    at.x[i] = Central ? square : p.sech2[i];
    at.z[i] = Central ? p.sech2[i] : square;
    at.excess[i] = at.a[i] * at.z[i] - at.b[i] * at.x[i];
  }
  beta_fractions<Accuracy, Slopes && !Central, Slopes && Central>(at, out);
}

// The logarithm of the density at 0 times sqrt(df), which is c.
REPARAM_INLINE double student_log_scale(double df) {
  const double half = 0.5 * df, errors = stirling(half + 0.5).value - stirling(half).value;
  return half * log1p(1 / df) - 0.5 + errors - half_log_2pi<double> + 0.5 * log(df);
}

template <class Accuracy, bool Slopes, bool Integral>
REPARAM_NOINLINE void student_centres(const student_points<student_lanes>& p, student_values& out) {
  alignas(64) double mass[student_lanes], moved[student_lanes];
  if constexpr (Integral) {
    student_integrals<Accuracy, Slopes, true>(student_rule<Accuracy>::centre, p, mass, moved);
  } else {
    fraction_values f;
    student_fractions<Accuracy, Slopes, true>(p, f);
    for (int i = 0; i < student_lanes; ++i) {
      mass[i] = f.value[i] * p.tanh[i] * exp(-p.df[i] * p.log_cosh[i]);
      if constexpr (Slopes) {
        const double df = p.df[i], half_step = half_step_of(0.5 * df);
        moved[i] = 0.5 * (half_step + f.by_b[i] + (1 - 1 / f.value[i]) / df) - p.log_cosh[i];
      }
    }
  }
  for (int i = 0; i < student_lanes; ++i) {
    const double log_scale = student_log_scale(p.df[i]), inner = exp(log_scale) * mass[i], tail = 0.5 - inner;
    out.inner[i] = inner;
    out.log_tail[i] = log(tail);
    out.log_hazard[i] = log_scale - 0.5 * log(p.df[i]) - (p.df[i] + 1) * p.log_cosh[i] - out.log_tail[i];
    if constexpr (Slopes) out.slope[i] = -inner * moved[i] / tail;
  }
}

template <class Accuracy, bool Slopes, student_method Method>
REPARAM_NOINLINE void student_tails(const student_points<student_lanes>& p, student_values& out) {
  alignas(64) double mass[student_lanes], series[student_lanes], slope[student_lanes];
  if constexpr (Method == student_method::many) {
    student_integrals<Accuracy, Slopes, false>(student_rule<Accuracy>::many, p, mass, slope);
  } else {
    fraction_values f;
    student_fractions<Accuracy, Slopes, false>(p, f);
    for (int i = 0; i < student_lanes; ++i) {
      series[i] = p.tanh[i] * f.value[i];
      mass[i] = series[i] / p.df[i];
      if constexpr (Slopes) {
        const double rise = digamma_rise(0.5 * p.df[i] + 0.5, 0.5);
        slope[i] = 0.5 * (1 / f.value[i] + f.by_a[i] - rise) - p.log_cosh[i];
      }
    }
  }
  for (int i = 0; i < student_lanes; ++i) {
    const double df = p.df[i], log_df = log(df), log_mass = log(mass[i]), half = 0.5 * df;
    out.inner[i] = 0;
    out.log_hazard[i] = -0.5 * log_df - p.log_cosh[i] - log_mass;
    if constexpr (Method == student_method::few) {
      // log(c / df), with nothing lost where the tail is hardly below 1/2
      const double log_share = log_gamma_rise(0.5, half) - log_gamma_1p(half) - log_two<double>;
      out.log_tail[i] = log_share - df * p.log_cosh[i] + log(series[i]);
    } else {
      out.log_tail[i] = student_log_scale(df) - df * p.log_cosh[i] + log_mass;
    }
    if constexpr (Slopes) out.slope[i] = slope[i];
  }
}

// The tails beyond |t| of up to 256 laws.
struct student_block_tails {
  alignas(64) double log_tail[student_block], log_hazard[student_block], slope[student_block], inner[student_block];
};

template <class Accuracy, bool Slopes>
REPARAM_NOINLINE void find_student_tails(int count, const double* df, const double* t, student_block_tails& out) {
  student_points<student_block> all;
  student_method method[student_block];
  place_student(count, df, t, all);
  for (int i = 0; i < count; ++i) {
    const student_method outer = df[i] < student_few            ? student_method::few
                                 : df[i] < student_many<Slopes> ? student_method::some
                                                                : student_method::many;
    const bool central = (all.w[i] <= student_centre) & (absolute(t[i]) <= student_centre_t);
    const student_method inner = Slopes & (outer == student_method::many) ? student_method::wide_centre
                                                                          : student_method::centre;
    method[i] = central ? inner : outer;
  }
  for (const student_method each :
       {student_method::centre, student_method::wide_centre, student_method::few, student_method::some,
        student_method::many}) {
    int place[student_block], size = 0;
    for (int i = 0; i < count; ++i) {
      place[size] = i;
      size += method[i] == each;
    }
    for (int begin = 0; begin < size; begin += student_lanes) {
      student_points<student_lanes> p;
      student_values values;
      const int here = std::min(student_lanes, size - begin);
      for (int i = 0; i < student_lanes; ++i) {
        const int at = place[begin + std::min(i, here - 1)];
        p.df[i] = all.df[at];
        p.w[i] = all.w[at];
        p.tanh[i] = all.tanh[at];
        p.log_cosh[i] = all.log_cosh[at];
        p.sech2[i] = all.sech2[at];
      }
      switch (each) {
        case student_method::centre:
          student_centres<Accuracy, Slopes, false>(p, values);
          break;
        case student_method::wide_centre:
          student_centres<Accuracy, Slopes, true>(p, values);
          break;
        case student_method::few:
          student_tails<Accuracy, Slopes, student_method::few>(p, values);
          break;
        case student_method::some:
          student_tails<Accuracy, Slopes, student_method::some>(p, values);
          break;
        case student_method::many:
          student_tails<Accuracy, Slopes, student_method::many>(p, values);
      }
      for (int i = 0; i < here; ++i) {
        const int at = place[begin + i];
        out.log_tail[at] = values.log_tail[i];
        out.log_hazard[at] = values.log_hazard[i];
        out.inner[at] = values.inner[i];
        if constexpr (Slopes) out.slope[at] = values.slope[i];
      }
    }
  }
}

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
