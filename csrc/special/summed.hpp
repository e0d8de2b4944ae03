// A function of two arguments with a sum of costly terms inside: each term for a block of elements in one vector loop.
#pragma once

#include <utility>

#include "../platform.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// Function has the numbers of its `terms` and `sums`, of which the value needs the first `value_sums`, and three steps:
// `prepare` turns the arguments into two numbers that the terms depend on, `add` adds a term to the sums (all, or those
// of the value), `finish` makes the value and the partial derivatives of them.
template <class Function>
struct summed {
  static constexpr unsigned differentiable = 0b11;
  static constexpr bool apart = true;

  static void block(int count, const double* const* in, double* value, double* const* partial) {
    if (partial == nullptr) {
      run(count, in, value, nullptr, std::make_index_sequence<Function::value_sums>());
    } else {
      run(count, in, nullptr, partial, std::make_index_sequence<Function::sums>());
    }
  }

 private:
  static constexpr int most = 256;

  template <class... Sums>
  static void add_term(int count, int k, const double* REPARAM_RESTRICT a, const double* REPARAM_RESTRICT b,
                       Sums* REPARAM_RESTRICT... sums) {
    for (int i = 0; i < count; ++i) Function::add(k, a[i], b[i], sums[i]...);
  }

  template <std::size_t... J>
  static void run(int count, const double* const* in, double* value, double* const* partial,
                  std::index_sequence<J...>) {
    alignas(64) double a[most], b[most], sums[Function::sums][most] = {};
    for (int i = 0; i < count; ++i) Function::prepare(in[0][i], in[1][i], a[i], b[i]);
    for (int k = 0; k < Function::terms; ++k) add_term(count, k, a, b, sums[J]...);
    finish(count, in, value, partial, sums, std::make_index_sequence<Function::sums>());
  }

  template <std::size_t... J>
  static void finish(int count, const double* const* in, double* value, double* const* partial,
                     const double (*sums)[most], std::index_sequence<J...>) {
    if (partial == nullptr) {
      for (int i = 0; i < count; ++i) {
        double unused[2];
        value[i] = Function::finish(unused, in[0][i], in[1][i], sums[J][i]...);
      }
      return;
    }
    double *const in_first = partial[0], *const in_second = partial[1];
    for (int i = 0; i < count; ++i) {
      double d[2];
      Function::finish(d, in[0][i], in[1][i], sums[J][i]...);
      in_first[i] = d[0];
      in_second[i] = d[1];
    }
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
