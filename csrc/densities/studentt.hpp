// Student's t, exact from heavy tails to the normal law, which has infinite df.
#pragma once

#include "../special/stirling.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// log(1 + w) - w / (1 + w) for w >= 0, without cancellation.
template <class T>
REPARAM_INLINE T log1p_excess(T w, T log1p_w) {
  const T v = w / (2 + w);
  const T square = v * v;
  const bool near = square < T(0.029437251522859415);
  const T ratio = w / (1 + w);
  return near ? v * (ratio + atanh_tail(near ? square : T(0))) : log1p_w - ratio;
}

// With h = df / 2 and w = z^2 / df, S the error of Stirling's formula:
// log p = S(h + 1/2) - S(h) + h log(1 + 1 / (2 h)) - 1/2 - log(2 pi) / 2 - log(scale) - (h + 1/2) log(1 + w)
template <class T>
struct studentt_log_prob {
  static constexpr unsigned differentiable = 0b1111;
  static REPARAM_INLINE T evaluate(T (&d)[4], T x, T given, T loc, T scale) {
    const T z = (x - loc) / scale;
    const bool endless = given == infinity<T>;
    const T df = endless ? T(1) : given;
    const T h = T(0.5) * df, g = h + T(0.5);
    const T log_h = log(h);
    const T step = log1p(1 / df);
    const stirling_pair<T> above = stirling(g, log_h + step), here = stirling(h, log_h);
    // far out, z^2 is taken as a scaled square, and 1 + w as w
    constexpr T far_out = sizeof(T) == 8 ? T(1e140) : T(1e17f);
    constexpr T drop = sizeof(T) == 8 ? T(0x1p-500) : T(0x1p-60f);
    constexpr T log_drop = (sizeof(T) == 8 ? 1000 : 120) * T(0.693147180559945309417232121458176568);
    const bool far = absolute(z) > far_out;
    const T root = far ? z * drop : z;
    const T w = root * (root / df);
    const T near_log = log1p(far ? T(1) : w), far_log = log(far ? w : T(1)) + log_drop;
    const T log_w = far ? far_log : near_log;
    const T share = far ? T(1) : w / (1 + w);
    const T peak = (above.value - here.value) + (h * step - T(0.5)), fall = g * log_w;
    const T value = (endless ? T(0) : peak) - half_log_2pi<T> - log(scale) - (endless ? T(0.5) * z * z : fall);
    const T precision = 1 / scale;
    const T pull = (df + 1) * (far ? 1 / z : z / (df * (1 + w)));
    const T change = T(0.5) * (above.slope - here.slope + log1p_excess(1 / df, step) -
                               (far ? log_w - 1 : log1p_excess(w, near_log)) + share / df);
    const T square = (z - 1) * (z + 1);
    d[0] = -(endless ? z : pull) * precision;
    d[1] = endless ? T(0) : change;
    d[2] = -d[0];
    d[3] = (endless ? square : far ? df : square / (1 + w)) * precision;
    return value;
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
