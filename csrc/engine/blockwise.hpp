// Runs a function that takes many elements at once, so that it can sort them by method, over tensors.
#pragma once

#include "elementwise.hpp"

namespace reparam::REPARAM_LEVEL {

// body(at, count, in, value, partial) computes up to block_size elements in double, from the inputs First, First + 1
// and so on; `partial` is null where only the values are wanted.
template <class Storage, std::size_t First, std::size_t... J, class Body>
REPARAM_INLINE void over_blocks(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const* sums,
                                std::index_sequence<J...>, const Body& body) {
  block_reader<Storage, double> reader[] = {{call->in[First + J], call->period[First + J]}...};
  block_writer<Storage, double> value(call->value);
  if (call->partial == nullptr) {
    for (std::int64_t at = begin; at < end; at += block_size) {
      const std::int64_t count = std::min(block_size, end - at);
      const double* const in[] = {reader[J].read(at, count)...};
      body(at, int(count), in, value.place(at), nullptr);
      value.store(at, count);
    }
    return;
  }
  block_reader<Storage, double> grad(call->grad, call->grad_period);
  block_writer<Storage, double> partial[] = {partial_writer<Storage, double>(*call, sums, First + J)...};
  for (std::int64_t at = begin; at < end; at += block_size) {
    const std::int64_t count = std::min(block_size, end - at);
    const double* const in[] = {reader[J].read(at, count)...};
    double* const places[] = {partial[J].place(at)...};
    body(at, int(count), in, value.place(at), places);
    const double* const factor = grad.read(at, count);
    for (double* const place : places) {
      for (std::int64_t i = 0; i < count && call->grad != nullptr; ++i) place[i] *= factor[i];
    }
    value.store(at, count);
    (partial[J].store(at, count), ...);
  }
}

// Does a function say `apart`: that its block computes either the value or, where `partial` is given, the derivatives?
template <class Function, class = void>
inline constexpr bool is_apart = false;
template <class Function>
inline constexpr bool is_apart<Function, std::enable_if_t<Function::apart>> = true;

// Function<Storage>::block(count, in, value, partial) is as accurate as Storage can hold.
template <template <class> class Function, class Storage, class Indices>
struct blockwise {
  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const* sums) {
    over_blocks<Storage, 0>(call, begin, end, sums, Indices{},
                            [call](std::int64_t, int count, const double* const* in, double* value,
                                   double* const* partial) {
                              if (is_apart<Function<Storage>> && partial != nullptr && call->value != nullptr) {
                                Function<Storage>::block(count, in, value, nullptr);
                              }
                              Function<Storage>::block(count, in, value, partial);
                            });
  }
};

}  // namespace reparam::REPARAM_LEVEL
