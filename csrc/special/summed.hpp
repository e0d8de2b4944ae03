// A function of two arguments with a sum of costly terms inside: each term for a block of elements in one vector loop.
#pragma once

#include <utility>

#include "../platform.hpp"

namespace reparam::REPARAM_LEVEL {

// Function has the numbers of its `terms` and `sums`, and three steps: `prepare` turns the arguments into two numbers
// that the terms depend on, `add` adds a term to the sums, `finish` makes the value and the partial derivatives of them.
template <class Function>
struct summed {
  static constexpr unsigned differentiable = 0b11;

  static void block(int count, const double* const* in, double* value, double* const* partial) {
    run(count, in, value, partial, std::make_index_sequence<Function::sums>());
  }

 private:
  template <class... Sums>
  static void add_term(int count, int k, const double* REPARAM_RESTRICT a, const double* REPARAM_RESTRICT b,
                       Sums* REPARAM_RESTRICT... sums) {
    for (int i = 0; i < count; ++i) Function::add(k, a[i], b[i], sums[i]...);
  }

  template <std::size_t... J>
  static void run(int count, const double* const* in, double* value, double* const* partial,
                  std::index_sequence<J...>) {
    alignas(64) double a[256], b[256], sums[Function::sums][256] = {};
    for (int i = 0; i < count; ++i) Function::prepare(in[0][i], in[1][i], a[i], b[i]);
    for (int k = 0; k < Function::terms; ++k) add_term(count, k, a, b, sums[J]...);
    double *in_first = partial == nullptr ? a : partial[0], *in_second = partial == nullptr ? b : partial[1];
    for (int i = 0; i < count; ++i) {
      double d[2];
      value[i] = Function::finish(d, in[0][i], in[1][i], sums[J][i]...);
      in_first[i] = d[0];
      in_second[i] = d[1];
    }
  }
};

}  // namespace reparam::REPARAM_LEVEL
