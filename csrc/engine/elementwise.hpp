// Runs a scalar density or special function over tensors: block by block, each block one vector loop.
#pragma once

#include <algorithm>
#include <utility>

#include "../platform.hpp"
#include "../reparam.h"
#include "reduce.hpp"

namespace reparam::REPARAM_LEVEL {

constexpr std::int64_t block_size = 256;

// One input: a pointer to each block's values, converted, repeated or gathered into a buffer where they do not
// already lie as the computation wants them. No data at all stands for ones.
template <class Storage, class Compute>
class block_reader {
 public:
  block_reader(const void* data, std::int64_t period) : data_(static_cast<const Storage*>(data)), period_(period) {
    if (data_ == nullptr) period_ = 1;
    if (period_ == 1) std::fill_n(buffer_, block_size, data_ == nullptr ? Compute(1) : Compute(data_[0]));
  }

  const Compute* read(std::int64_t begin, std::int64_t count) {
    if (period_ == 1) return buffer_;
    std::int64_t at = begin < period_ ? begin : begin % period_;
    if (at + count <= period_) {
      if constexpr (std::is_same_v<Storage, Compute>) {
        return data_ + at;
      } else {
        for (std::int64_t i = 0; i < count; ++i) buffer_[i] = Compute(data_[at + i]);
        return buffer_;
      }
    }
    for (std::int64_t i = 0; i < count; ++i) {
      buffer_[i] = Compute(data_[at]);
      at = at + 1 == period_ ? 0 : at + 1;
    }
    return buffer_;
  }

 private:
  const Storage* data_;
  std::int64_t period_;
  alignas(64) Compute buffer_[block_size];
};

// One output: an array, or sums over the repetitions of an input, or nothing where the caller gave a null pointer.
template <class Storage, class Compute>
class block_writer {
 public:
  explicit block_writer(void* data) : data_(static_cast<Storage*>(data)) {}
  block_writer(double* sums, std::int64_t period) : sums_(sums), period_(period) {}

  Compute* place(std::int64_t begin) {
    if constexpr (std::is_same_v<Storage, Compute>) {
      if (data_ != nullptr) return data_ + begin;
    }
    return buffer_;
  }

  void store(std::int64_t begin, std::int64_t count) {
    if (sums_ != nullptr) {
      add(begin, count);
    } else if (!std::is_same_v<Storage, Compute> && data_ != nullptr) {
      for (std::int64_t i = 0; i < count; ++i) data_[begin + i] = Storage(buffer_[i]);
    }
  }

 private:
  void add(std::int64_t begin, std::int64_t count) {
    if (period_ == 1) {
      sums_[0] += sum_of(buffer_, count);
      return;
    }
    std::int64_t at = begin % period_;
    for (std::int64_t i = 0; i < count; ++i) {
      sums_[at] += buffer_[i];
      at = at + 1 == period_ ? 0 : at + 1;
    }
  }

  Storage* data_ = nullptr;
  double* sums_ = nullptr;
  std::int64_t period_ = 0;
  alignas(64) Compute buffer_[block_size];
};

// Where the partial derivatives in input j go.
template <class Storage, class Compute>
block_writer<Storage, Compute> partial_writer(const reparam_call& call, double* const* sums, std::size_t j) {
  if (call.reduced >> j & 1) return {sums[j], call.period[j]};
  return block_writer<Storage, Compute>(call.partial[j]);
}

// The loops over a block: the same for every type of storage, and so not inlined.
template <template <class> class Function, class Compute, class Indices>
struct loops;

template <template <class> class Function, class Compute, std::size_t... J>
struct loops<Function, Compute, std::index_sequence<J...>> {
  static constexpr int inputs = sizeof...(J);

  template <class... Input>
  static REPARAM_NOINLINE void values(std::int64_t count, Compute* REPARAM_RESTRICT value,
                                      const Input* REPARAM_RESTRICT... input) {
    for (std::int64_t i = 0; i < count; ++i) {
      Compute unused[inputs];
      value[i] = Function<Compute>::evaluate(unused, input[i]...);
    }
  }

  // Without the value, the compiler leaves out what the derivatives alone do not need.
  template <bool Value, class... Input>
  static REPARAM_NOINLINE void partials(std::int64_t count, Compute* REPARAM_RESTRICT value, Compute* const* partial,
                                        const Compute* REPARAM_RESTRICT grad,
                                        const Input* REPARAM_RESTRICT... input) {
    Compute* REPARAM_RESTRICT out[inputs] = {partial[J]...};
    for (std::int64_t i = 0; i < count; ++i) {
      Compute d[inputs];
      const Compute result = Function<Compute>::evaluate(d, input[i]...);
      if constexpr (Value) value[i] = result;
      ((out[J][i] = grad[i] * d[J]), ...);
    }
  }
};

template <template <class> class Function, class Storage, class Compute, class Indices>
struct elementwise;

template <template <class> class Function, class Storage, class Compute, std::size_t... J>
struct elementwise<Function, Storage, Compute, std::index_sequence<J...>> {
  using block = loops<Function, Compute, std::index_sequence<J...>>;

  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const* sums) {
    block_reader<Storage, Compute> reader[] = {{call->in[J], call->period[J]}...};
    block_writer<Storage, Compute> value(call->value);
    if (call->partial == nullptr || call->value != nullptr) {
      for (std::int64_t at = begin; at < end; at += block_size) {
        const std::int64_t count = std::min(block_size, end - at);
        block::values(count, value.place(at), reader[J].read(at, count)...);
        value.store(at, count);
      }
    }
    if (call->partial == nullptr) return;
    block_reader<Storage, Compute> grad(call->grad, call->grad_period);
    block_writer<Storage, Compute> partial[] = {partial_writer<Storage, Compute>(*call, sums, J)...};
    for (std::int64_t at = begin; at < end; at += block_size) {
      const std::int64_t count = std::min(block_size, end - at);
      Compute* const places[] = {partial[J].place(at)...};
      block::template partials<false>(count, nullptr, places, grad.read(at, count), reader[J].read(at, count)...);
      (partial[J].store(at, count), ...);
    }
  }
};

}  // namespace reparam::REPARAM_LEVEL
