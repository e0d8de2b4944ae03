// The special functions that are entries of their own, in the form of a density.
#pragma once

#include "stirling.hpp"

namespace reparam::REPARAM_LEVEL {

template <class T>
struct stirling_error {
  static constexpr unsigned differentiable = 0b1;
  static REPARAM_INLINE T evaluate(T (&d)[1], T a) {
    const stirling_pair<T> result = stirling(a, log(a));
    d[0] = a < 0 ? nan<T> : result.slope;
    return a < 0 ? nan<T> : result.value;
  }
};

template <class T>
struct deviance_function {
  static constexpr unsigned differentiable = 0b11;
  static REPARAM_INLINE T evaluate(T (&d)[2], T x, T m) {
    const deviance_pair<T> result = deviance(x, m, x - m);
    d[0] = result.log_ratio;
    d[1] = (m - x) / m;
    return result.value;
  }
};

}  // namespace reparam::REPARAM_LEVEL
