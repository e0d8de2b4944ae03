// Draws of laws whose quantiles have a closed form, with their derivatives in the parameters.
#pragma once

#include "../special/logs.hpp"
#include "draws.hpp"
#include "noise.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// Law<Compute>::evaluate(d, noise, parameter...) makes a draw of signed noise, as signed_half makes it, and its
// derivatives in the parameters.
template <template <class> class Law, class Compute, std::size_t Parameters>
struct inverted {
  static constexpr unsigned differentiable = Law<double>::differentiable >> 1;

  explicit inverted(const reparam_call&) {}

  void block(const draws_at& where, int count, const double* const* in, double* value, double* const* partial) const {
    run(where, count, in, value, partial, std::make_index_sequence<Parameters>());
  }

 private:
  template <std::size_t... J>
  static void run(const draws_at& where, int count, const double* const* in, double* value, double* const* partial,
                  std::index_sequence<J...>) {
    using block = loops<Law, Compute, std::make_index_sequence<Parameters + 1>>;
    alignas(64) Compute given[Parameters + 1][block_size], found[Parameters + 2][block_size], ones[block_size];
    for (int i = 0; i < count; ++i) given[0][i] = Compute(signed_half(where.key, where.element(i)));
    (convert(count, in[J], given[J + 1]), ...);
    const auto input = [&](std::size_t j) { return static_cast<const Compute*>(given[j]); };
    if (partial == nullptr) {
      block::values(count, found[0], input(0), input(J + 1)...);
    } else {
      std::fill_n(ones, count, Compute(1));
      block::template partials<true>(count, found[0], found[1], found[J + 2]..., ones, input(0), input(J + 1)...);
      (convert(count, found[J + 2], partial[J]), ...);
    }
    convert(count, found[0], value);
  }
};

// A standard exponential number of signed noise.
template <class T>
REPARAM_INLINE T exponential_of(T noise) {
  return exponential_at(absolute(noise), noise > 0);
}

// log x = log(1 - exp(-t)) / a with t = E / b, E exponential
template <class T>
struct kumaraswamy_quantile {
  static constexpr unsigned differentiable = 0b110;
  static REPARAM_INLINE T evaluate(T (&d)[3], T noise, T a, T b) {
    const T t = exponential_of(noise) / b, log_x = log_complement(-t) / a, x = exp(log_x);
    const T bounded = t < format<T>::exp_safe ? t : format<T>::exp_safe;
    d[0] = 0;
    d[1] = x > 0 ? -x * log_x / a : T(0);
    d[2] = -x * ((bounded > 0 ? bounded / expm1(bounded) : T(1)) / a) / b;
    return x;
  }
};

template <class Accuracy>
using kumaraswamy_draw = inverted<kumaraswamy_quantile, Accuracy, 2>;

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
