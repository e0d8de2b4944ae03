// Runs a function that takes many elements at once, so that it can sort them by method, over tensors.
#pragma once

#include "elementwise.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// Computes up to block_size elements in double, from the element `at` on; `partial` is null where only the values are
// wanted, and `given` is what all blocks of a call share.
using block_body = void (*)(const void* given, std::int64_t at, int count, const double* const* in, double* value,
                            double* const* partial);

template <class T>
REPARAM_NOINLINE void multiply(std::int64_t count, const T* REPARAM_RESTRICT factor, T* REPARAM_RESTRICT to) {
  for (std::int64_t i = 0; i < count; ++i) to[i] *= factor[i];
}

// The blocks of a call: the same for every body, which takes the inputs First, First + 1 and so on. One that works
// apart computes either the value or, where it gets `partial`, the derivatives.
template <class Storage, std::size_t First, std::size_t... J>
REPARAM_NOINLINE void over_blocks(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const* sums,
                                  std::index_sequence<J...>, bool apart, block_body body, const void* given) {
  constexpr std::size_t inputs = sizeof...(J);
  block_reader<Storage, double> reader[] = {{call->in[First + J], call->period[First + J]}...};
  block_writer<Storage, double> value(call->value);
  const double* in[inputs];
  if (call->partial == nullptr) {
    for (std::int64_t at = begin; at < end; at += block_size) {
      const std::int64_t count = std::min(block_size, end - at);
      for (std::size_t j = 0; j < inputs; ++j) in[j] = reader[j].read(at, count);
      body(given, at, int(count), in, value.place(at, count), nullptr);
      value.store(at, count);
    }
    return;
  }
  block_reader<Storage, double> grad(call->grad, call->grad_period);
  block_writer<Storage, double> partial[] = {partial_writer<Storage, double>(*call, sums, First + J)...};
  double* places[inputs];
  for (std::int64_t at = begin; at < end; at += block_size) {
    const std::int64_t count = std::min(block_size, end - at);
    for (std::size_t j = 0; j < inputs; ++j) in[j] = reader[j].read(at, count), places[j] = partial[j].place(at, count);
    if (apart && call->value != nullptr) body(given, at, int(count), in, value.place(at, count), nullptr);
    body(given, at, int(count), in, value.place(at, count), places);
    const double* const factor = grad.read(at, count);
    for (std::size_t j = 0; j < inputs && call->grad != nullptr; ++j) multiply(count, factor, places[j]);
    value.store(at, count);
    for (block_writer<Storage, double>& each : partial) each.store(at, count);
  }
}

// Does a function say `apart`?
template <class Function, class = void>
inline constexpr bool is_apart = false;
template <class Function>
inline constexpr bool is_apart<Function, std::enable_if_t<Function::apart>> = true;

// Function<Storage>::block(count, in, value, partial) is as accurate as Storage can hold.
template <template <class> class Function, class Storage, class Indices>
struct blockwise {
  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const* sums) {
    over_blocks<Storage, 0>(call, begin, end, sums, Indices{}, is_apart<Function<Storage>>, block, nullptr);
  }

 private:
  static void block(const void*, std::int64_t, int count, const double* const* in, double* value,
                    double* const* partial) {
    Function<Storage>::block(count, in, value, partial);
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
