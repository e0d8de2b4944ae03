// The continued fraction of the incomplete beta function, with its derivatives in both concentrations.
#pragma once

#include "elementary.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// With z = 1 - x, D = x^a z^b / B(a, b) and l = a z - b x,
//     D / (a I_x(a, b)) = (l + 1) / (a + 1) + (p_1 / a) / (q_1 + p_2 / (q_2 + ...)),
//     p_n = n (b - n) (a + n - 1) (a + b + n - 1) x^2 / (a + 2n - 1)^2,
//     q_n = n + n (b - n) x / (a + 2n - 1) + (a + n) (l + 1 + n (1 + z)) / (a + 2n + 1),
// the even part of the fraction of Didonato and Morris (1992), with its first level divided by a, so that nothing
// is lost for small a. Below the mean, and a little beyond, the convergents approach it at the rate of
// exp(-4 n atanh(sqrt(z))) at worst, and for large b much faster.
constexpr int fraction_lanes = 16;
constexpr int fraction_stride = 4, most_fraction_levels = 200;

// What a stride may still change, of a value and of a derivative.
template <class Accuracy>
inline constexpr double fraction_change = sizeof(Accuracy) == 8 ? 2e-15 : 1e-9;
constexpr double fraction_slack = 10;

struct fraction_points {
  alignas(64) double a[fraction_lanes], b[fraction_lanes], x[fraction_lanes], z[fraction_lanes], excess[fraction_lanes];
};

// a I / D, and its logarithmic derivatives, where they are asked for.
struct fraction_values {
  alignas(64) double value[fraction_lanes], by_a[fraction_lanes], by_b[fraction_lanes];
};

// The last two terms of the recurrences of numerator and denominator, and their derivatives in a and b.
struct convergents {
  alignas(64) double now[fraction_lanes], last[fraction_lanes], now_a[fraction_lanes], last_a[fraction_lanes],
      now_b[fraction_lanes], last_b[fraction_lanes];
};

template <bool InA, bool InB>
struct convergent {
  double now, last, now_a, last_a, now_b, last_b;

  REPARAM_INLINE convergent(const convergents& from, int i) : now(from.now[i]), last(from.last[i]) {
    if constexpr (InA) {
      now_a = from.now_a[i];
      last_a = from.last_a[i];
    }
    if constexpr (InB) {
      now_b = from.now_b[i];
      last_b = from.last_b[i];
    }
  }

  REPARAM_INLINE void step(double p, double q, double p_a, double q_a, double p_b, double q_b) {
    if constexpr (InA) {
      const double next_a = q * now_a + p * last_a + (q_a * now + p_a * last);
      last_a = now_a;
      now_a = next_a;
    }
    if constexpr (InB) {
      const double next_b = q * now_b + p * last_b + (q_b * now + p_b * last);
      last_b = now_b;
      now_b = next_b;
    }
    const double next = q * now + p * last;
    last = now;
    now = next;
  }

  REPARAM_INLINE void store(convergents& to, int i, double scale) const {
    to.now[i] = now * scale;
    to.last[i] = last * scale;
    if constexpr (InA) {
      to.now_a[i] = now_a * scale;
      to.last_a[i] = last_a * scale;
    }
    if constexpr (InB) {
      to.now_b[i] = now_b * scale;
      to.last_b[i] = last_b * scale;
    }
  }
};

// One element between two checks of all.
template <bool InA, bool InB>
struct fraction_lane {
  double a, b, x, z, excess, s;
  convergent<InA, InB> above, below;

  REPARAM_INLINE void level(double n) {
    // the first level is divided by a
    const bool first = n == 1;
    const double t = 1 / (a + (2 * n + 1)), share = (a + n) * t, span = excess + 1 + n * (1 + z);
    const double head = first ? 1.0 : a + (n - 1), less = x * (b - n), rest = x * (a + b + (n - 1));
    const double factor = n * less, tail = rest * s, lead = head * s;
    const double p = factor * tail * lead, q = n + factor * s + share * span;
    double p_a = 0, q_a = 0, p_b = 0, q_b = 0;
    if constexpr (InA) {
      p_a = factor * s * ((first ? 0.0 : tail) + lead * (x - 2 * tail));
      q_a = t * span * ((n + 1) * t) + share * z - factor * s * s;
    }
    if constexpr (InB) {
      p_b = n * x * lead * (tail + less * s);
      q_b = x * (n * s - share);
    }
    above.step(p, q, p_a, q_a, p_b, q_b);
    below.step(p, q, p_a, q_a, p_b, q_b);
    s = t;
  }
};

template <class Accuracy, bool InA, bool InB>
inline void beta_fractions(const fraction_points& p, fraction_values& out) {
  convergents above = {}, below = {};
  alignas(64) double step[fraction_lanes], change[fraction_lanes], value[fraction_lanes], slope[fraction_lanes] = {};
  for (int i = 0; i < fraction_lanes; ++i) {
    const double t = 1 / (p.a[i] + 1), first = (p.excess[i] + 1) * t;
    value[i] = above.now[i] = first;
    above.last[i] = below.now[i] = 1;
    above.now_a[i] = (p.z[i] - first) * t;
    above.now_b[i] = -p.x[i] * t;
    step[i] = t;
  }
  bool unfinished = true;
  for (int n = 1; n < most_fraction_levels && unfinished; n += fraction_stride) {
    for (int i = 0; i < fraction_lanes; ++i) {
      fraction_lane<InA, InB> lane = {p.a[i], p.b[i], p.x[i], p.z[i], p.excess[i], step[i], {above, i}, {below, i}};
      lane.level(n);
      lane.level(n + 1);
      lane.level(n + 2);
      lane.level(n + 3);
      const double over = 1 / lane.below.now, next = lane.above.now * over;
      lane.above.store(above, i, over);
      lane.below.store(below, i, over);
      step[i] = lane.s;
      change[i] = absolute(next - value[i]) - fraction_change<Accuracy> * next;
      value[i] = next;
      if constexpr (InB) {
        // where b is whole the value is found at once, and its derivative in b is not
        const double bend = above.now_b[i] - next * below.now_b[i];
        const double turn = absolute(bend - slope[i]) - fraction_slack * fraction_change<Accuracy> * absolute(bend);
        change[i] = change[i] > turn ? change[i] : turn;
        slope[i] = bend;
      }
    }
    unfinished = false;
    for (int i = 0; i < fraction_lanes; ++i) unfinished |= change[i] > 0;
  }
  for (int i = 0; i < fraction_lanes; ++i) {
    const double over = 1 / value[i];
    out.value[i] = over;
    if constexpr (InA) out.by_a[i] = below.now_a[i] - above.now_a[i] * over;
    if constexpr (InB) out.by_b[i] = below.now_b[i] - above.now_b[i] * over;
  }
}

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
