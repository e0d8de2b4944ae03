// The upper tail of Student's t law: its logarithm, its hazard and its derivative in the degrees of freedom.
#pragma once

#include <algorithm>
#include <type_traits>

#include "gamma_tail.hpp"
#include "legendre.hpp"
#include "logs.hpp"
#include "polygamma.hpp"
#include "short_log1p.hpp"

namespace reparam::REPARAM_LEVEL {

// With t = sqrt(df) sinh(w) the tail is c times the integral of cosh^-df beyond w, and its density moves with df by
//     k(s) = (psi((df + 1) / 2) - psi(df / 2) - 1 / df + tanh(s)^2 / df - (2 log cosh(s) - tanh(s)^2)) / 2,
// positive in the centre, negative in the tails: the integral is taken from the side where k keeps its sign. Below
// df = 2 the tail is by its recurrence that for df + 2 and a term more. special/student.py says more.
constexpr int student_lanes = 16;
constexpr int student_block = 256;

template <class Accuracy>
struct student_rule;

template <>
struct student_rule<double> {
  static constexpr double depth = 35;
  static constexpr auto& centre = even<12>;
  static constexpr auto& small = dense<40>;
  static constexpr auto& some = even<31>;
  static constexpr auto& many = even<24>;
};

template <>
struct student_rule<float> {
  static constexpr double depth = 19;
  static constexpr auto& centre = even<8>;
  static constexpr auto& small = dense<20>;
  static constexpr auto& some = even<16>;
  static constexpr auto& many = even<13>;
};

// The rule for few degrees of freedom.
template <class Accuracy>
using few_rule = std::decay_t<decltype(student_rule<Accuracy>::small)>;

// In the centre, and for how many degrees of freedom beyond it.
enum class student_method : std::int32_t { centre, small, some, many };
constexpr double student_some = 8, student_many = 40, student_centre = 1.5;

// A point t >= 0: functions of w = asinh(t / sqrt(df)), and how the integral is taken, by 1 or 0.
template <int Size>
struct student_points {
  alignas(64) double df[Size], tanh[Size], log_cosh[Size], sech2[Size], w[Size], half_step[Size], central[Size],
      lifted[Size];
};

// log T, log(density / T), d log T / d df, and 1/2 - T where the integral is taken from the centre, else 0.
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
    p.half_step[i] = half_step_of(0.5 * df);
  }
  for (int i = 0; i < count; ++i) {
    const double df = p.df[i], drift = student_drift(df, p.half_step[i], p.log_cosh[i], p.tanh[i]);
    const bool central = (p.w[i] <= student_centre) & (drift > 0);
    p.central[i] = central ? 1.0 : 0.0;
    p.lifted[i] = (!central & (df < 2)) ? 1.0 : 0.0;
  }
}

template <class Accuracy, bool Slopes, class Rule>
inline void student_tails(const Rule& rule, const student_points<student_lanes>& p, student_values& out) {
  alignas(64) double power[student_lanes], start[student_lanes], base[student_lanes], reach[student_lanes];
  alignas(64) double total[student_lanes] = {}, moved[student_lanes] = {}, risen[student_lanes] = {};
  for (int i = 0; i < student_lanes; ++i) {
    const bool central = p.central[i] > 0;
    power[i] = p.df[i] + 2 * p.lifted[i];
    start[i] = central ? 0.0 : p.tanh[i];
    base[i] = central ? 0.0 : p.log_cosh[i];
    const double beyond = student_reach<Accuracy>(power[i], start[i]);
    reach[i] = central ? p.w[i] : beyond;
  }
  for (int k = 0; k < Rule::size; ++k) {
    const double node = rule.node[k], weight = rule.weight[k];
    for (int i = 0; i < student_lanes; ++i) {
      const cosh_growth<Accuracy> growth(start[i], reach[i] * node);
      const double gain = short_log1p(growth.value).value;
      const double mass = weight * short_exp<Accuracy>(-power[i] * gain).value();
      total[i] += mass;
      if constexpr (Slopes) {
        const double log_cosh = base[i] + gain;
        moved[i] += mass * student_drift(p.df[i], p.half_step[i], log_cosh, growth.step / (1 + growth.value));
        risen[i] += mass * log_cosh;
      }
    }
  }
  for (int i = 0; i < student_lanes; ++i) {
    const double df = p.df[i], half = 0.5 * df, log_df = log(df);
    const bool central = p.central[i] > 0, lifted = p.lifted[i] > 0;
    const double errors = stirling(half + 0.5).value - stirling(half).value;
    const double log_scale = half * log1p(1 / df) - 0.5 + errors - half_log_2pi<double> + 0.5 * log_df;
    const double scale = exp(log_scale), mass = reach[i] * total[i];
    const double series = p.tanh[i] + (df + 1) * p.sech2[i] * mass;
    out.inner[i] = central ? scale * mass : 0.0;
    const double rest = 0.5 - out.inner[i];
    const double log_span = log(central ? rest : lifted ? series / df : mass);
    const double log_density = log_scale - 0.5 * log_df - (df + 1) * p.log_cosh[i];
    double log_outer = log_scale - df * p.log_cosh[i] + log_span;
    if constexpr (std::is_same_v<Rule, few_rule<Accuracy>>) {
      // log(c / df), with nothing lost where the tail is hardly below 1/2
      const double few = log_gamma_rise(0.5, lifted ? half : 0.5) - log_gamma_1p(lifted ? half : 0.5) - log_two<double>;
      log_outer = lifted ? few - df * p.log_cosh[i] + log(series) : log_outer;
    }
    out.log_tail[i] = central ? log_span : log_outer;
    out.log_hazard[i] = (central ? log_density : -0.5 * log_df - p.log_cosh[i]) - log_span;
    if constexpr (Slopes) {
      const double change =
          p.tanh[i] * (0.5 - p.log_cosh[i]) + p.sech2[i] * reach[i] * (total[i] - (df + 1) * risen[i]);
      const double few = change / series - 0.5 * digamma_rise(half + 0.5, 0.5);
      out.slope[i] = central ? -scale * reach[i] * moved[i] / rest : lifted ? few : moved[i] / total[i];
    }
  }
}

// The tails beyond |t| of up to 256 laws.
struct student_block_tails {
  alignas(64) double log_tail[student_block], log_hazard[student_block], slope[student_block], inner[student_block];
};

template <class Accuracy, bool Slopes>
inline void find_student_tails(int count, const double* df, const double* t, student_block_tails& out) {
  using rule = student_rule<Accuracy>;
  student_points<student_block> all;
  student_method method[student_block];
  place_student(count, df, t, all);
  for (int i = 0; i < count; ++i) {
    const student_method outer = df[i] < student_some   ? student_method::small
                                 : df[i] < student_many ? student_method::some
                                                        : student_method::many;
    method[i] = all.central[i] > 0 ? student_method::centre : outer;
  }
  for (const student_method each :
       {student_method::centre, student_method::small, student_method::some, student_method::many}) {
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
        p.half_step[i] = all.half_step[at];
        p.central[i] = all.central[at];
        p.lifted[i] = all.lifted[at];
      }
      switch (each) {
        case student_method::centre:
          student_tails<Accuracy, Slopes>(rule::centre, p, values);
          break;
        case student_method::small:
          student_tails<Accuracy, Slopes>(rule::small, p, values);
          break;
        case student_method::some:
          student_tails<Accuracy, Slopes>(rule::some, p, values);
          break;
        case student_method::many:
          student_tails<Accuracy, Slopes>(rule::many, p, values);
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

}  // namespace reparam::REPARAM_LEVEL
