// Divergences of two laws of one family, as sums of terms that are never negative.
#pragma once

#include "../special/functions.hpp"
#include "../special/legendre.hpp"
#include "../special/quotients.hpp"
#include "binomial.hpp"
#include "continuous_bernoulli.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// With shift = (loc_p - loc_q) / scale_q, gap = (scale_p - scale_q) / scale_q and the deviance D:
// D(scale_q, scale_p) / scale_q + (shift^2 + gap^2) / 2
template <class T>
struct normal_divergence {
  static constexpr unsigned differentiable = 0b1111;
  static REPARAM_INLINE T evaluate(T (&d)[4], T loc, T scale, T other_loc, T other_scale) {
    const T precision = 1 / other_scale, shift = (loc - other_loc) * precision, gap = (scale - other_scale) * precision;
    const T spread = gap * ((scale + other_scale) * precision);
    d[0] = shift * precision;
    d[1] = spread / scale;
    d[2] = -d[0];
    d[3] = -(spread + shift * shift) * precision;
    const T ratio = deviance(other_scale, scale, other_scale - scale).value * precision;
    return ratio + T(0.5) * (shift * shift + gap * gap);
  }
};

// With the mean count m = a s / r: D(b, m) and the Bregman divergence of log Gamma(x) - x log(x) + x from a to b
template <class T>
struct gamma_divergence {
  static constexpr unsigned differentiable = 0b1111;
  static REPARAM_INLINE T evaluate(T (&d)[4], T a, T rate, T b, T other_rate) {
    const T ratio = other_rate / rate, mean = a * ratio;
    const deviance_pair<T> shares = deviance(b, mean, b - mean);
    // where the mean count is no number of the dtype, by its logarithm
    const bool held = (mean >= std::numeric_limits<T>::min()) & (mean < infinity<T>);
    const T log_share = held ? shares.log_ratio : log(b) - log(a) - (log(other_rate) - log(rate));
    const T fit = held ? shares.value : b * log_share + (mean - b);
    d[0] = (a - b) * slopes_of(a).excess + (ratio - b / a);
    d[1] = (b - mean) / rate;
    d[2] = log_share + lag_difference(b, a);
    d[3] = (mean - b) / other_rate;
    return fit + stirling_bregman_of(b, a);
  }
};

// With gap = |loc_p - loc_q|, t = gap / scale_p and R = scale_p (e^-t - 1 + t): (D(scale_q, scale_p) + R) / scale_q
template <class T>
struct laplace_divergence {
  static constexpr unsigned differentiable = 0b1111;
  static REPARAM_INLINE T evaluate(T (&d)[4], T loc, T scale, T other_loc, T other_scale) {
    const T shift = loc - other_loc, gap = absolute(shift), precision = 1 / other_scale;
    const bool near = gap < 100 * scale;  // beyond, the exponential is nothing, and the quotient may overflow
    const T t = near ? gap / scale : T(100), fall = expm1(-t), rest = exp_remainder_of(-t, fall);
    const T moved = near ? scale * rest : gap - scale;
    const T past = t * t - rest * (1 + t);  // 1 - (1 + t) e^-t
    const T ratio = other_scale / scale, apart = (1 + t) * (1 + fall) - ratio;
    d[0] = (shift < 0 ? fall : -fall) * precision;
    d[1] = (t < 1 ? (scale - other_scale) / scale - past : near ? apart : -ratio) * precision;
    d[2] = -d[0];
    d[3] = -((scale - other_scale) * precision + moved * precision) * precision;
    return (deviance(other_scale, scale, other_scale - scale).value + moved) * precision;
  }
};

// log(1 + ((scale_p - scale_q)^2 + (loc_p - loc_q)^2) / (4 scale_p scale_q)), by logarithms where the squares overflow
template <class T>
struct cauchy_divergence {
  static constexpr unsigned differentiable = 0b1111;
  static REPARAM_INLINE T evaluate(T (&d)[4], T loc, T scale, T other_loc, T other_scale) {
    const T shift = loc - other_loc, gap = scale - other_scale, sum = scale + other_scale;
    const T square = T(0.25) * ((gap / scale) * (gap / other_scale) + (shift / scale) * (shift / other_scale));
    const T most = sum > absolute(shift) ? sum : absolute(shift), up = sum / most, along = shift / most;
    const T length = std::sqrt(up * up + along * along), y = up / length, x = along / length;
    const T tilted = (gap / most) * (y / length);
    d[0] = 2 * x / (most * length);
    d[1] = (tilted - x * x) / scale;
    d[2] = -d[0];
    d[3] = (-tilted - x * x) / other_scale;
    const T far = 2 * (log(most) + log(T(0.5) * length)) - log(scale) - log(other_scale);
    return square < T(1e30) ? log1p(square) : far;
  }
};

// With the deviance D of success and of failure: (D(p, p') + D(q, q')) / p. Where p underflows, its limit.
template <class T>
REPARAM_INLINE T geometric_divergence(chance<T> of, chance<T> other, T excess, T log_odds) {
  const T trial = deviance(of.p, other.p, excess).value + deviance(of.q, other.q, -excess).value;
  const bool rare = of.p < std::numeric_limits<T>::min();
  return rare ? expm1(log_odds) - log_odds : trial / of.p;
}

template <class T>
struct geometric_probs_divergence {
  static constexpr unsigned differentiable = 0b11;
  static REPARAM_INLINE T evaluate(T (&d)[2], T probs, T other_probs) {
    const chance<T> of = chance_of_probs(probs), other = chance_of_probs(other_probs);
    const T excess = probs - other_probs;
    d[0] = excess == 0 ? T(0) : -((of.log_q - other.log_q) / probs) / probs;
    d[1] = excess == 0 ? T(0) : -(excess / probs) / (other_probs * other.q);
    return geometric_divergence(of, other, excess, other.log_p - of.log_p);
  }
};

template <class T>
struct geometric_logits_divergence {
  static constexpr unsigned differentiable = 0b11;
  static REPARAM_INLINE T evaluate(T (&d)[2], T logits, T other_logits) {
    const chance<T> of = chance_of_logits(logits), other = chance_of_logits(other_logits);
    const T log_ratio = other.log_p - of.log_p, rise = expm1(log_ratio);
    const bool both_rare = (logits < -30) & (other_logits < -30), both_common = (logits > 0) & (other_logits > 0);
    d[0] = both_rare ? -rise : -(of.q / of.p) * (of.log_q - other.log_q);
    d[1] = rise;
    return geometric_divergence(of, other, both_common ? other.q - of.q : of.p - other.p, log_ratio);
  }
};

// The Bregman divergence of the log-normaliser A of the slopes of the log-densities; near by, with the variance A'',
// gap^2 times the integral of (1 - s) A''(slope + s gap) over s in [0, 1], so that nothing cancels.
template <class T>
struct continuous_bernoulli_divergence {
  static constexpr unsigned differentiable = 0b11;
  static constexpr bool singly = true;
  static REPARAM_INLINE T evaluate(T (&d)[2], T slope, T other_slope) {
    constexpr auto& rule = even<12>;
    const tilt at(slope), other(other_slope);
    const T gap = other_slope - slope, size = absolute(slope);
    const bool near = absolute(gap) < (size > 4 ? T(0.5) * size : T(2));
    T moment = 0, total = 0;
    for (int i = 0; i < rule.size; ++i) {
      const T between = rule.weight[i] * tilt(slope + (near ? gap : T(0)) * rule.node[i]).variance;
      moment += (1 - rule.node[i]) * between;
      total += between;
    }
    const T mean = (at.centre - other.centre) + at.mean_gap;
    const T far = (slope * at.mean_gap - at.log_integral) - (other_slope * mean - other.log_integral);
    d[0] = -gap * at.variance;
    d[1] = near ? gap * total : other.mean_gap - mean;
    return near ? gap * gap * moment : far;
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
