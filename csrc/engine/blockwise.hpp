// Runs a special function that takes many elements at once, so that it can sort them by method, over tensors.
#pragma once

#include "elementwise.hpp"

namespace reparam::REPARAM_LEVEL {

// Function<Storage>::block(count, in, value, partial) computes up to block_size elements in double, as accurately as
// Storage can hold; `partial` is null where only the values are wanted.
template <template <class> class Function, class Storage, class Indices>
struct blockwise;

template <template <class> class Function, class Storage, std::size_t... J>
struct blockwise<Function, Storage, std::index_sequence<J...>> {
  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const* sums) {
    block_reader<Storage, double> reader[] = {{call->in[J], call->period[J]}...};
    block_writer<Storage, double> value(call->value);
    if (call->partial == nullptr) {
      for (std::int64_t at = begin; at < end; at += block_size) {
        const std::int64_t count = std::min(block_size, end - at);
        const double* const in[] = {reader[J].read(at, count)...};
        Function<Storage>::block(int(count), in, value.place(at), nullptr);
        value.store(at, count);
      }
      return;
    }
    block_reader<Storage, double> grad(call->grad, call->grad_period);
    block_writer<Storage, double> partial[] = {partial_writer<Storage, double>(*call, sums, J)...};
    for (std::int64_t at = begin; at < end; at += block_size) {
      const std::int64_t count = std::min(block_size, end - at);
      const double* const in[] = {reader[J].read(at, count)...};
      double* const places[] = {partial[J].place(at)...};
      Function<Storage>::block(int(count), in, value.place(at), places);
      const double* const factor = grad.read(at, count);
      for (double* const place : places) {
        for (std::int64_t i = 0; i < count; ++i) place[i] *= factor[i];
      }
      value.store(at, count);
      (partial[J].store(at, count), ...);
    }
  }
};

}  // namespace reparam::REPARAM_LEVEL
