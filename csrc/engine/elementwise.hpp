// Runs a scalar density or special function over tensors: block by block, each block one vector loop.
#pragma once

#include <algorithm>
#include <utility>

#include "../platform.hpp"
#include "../reparam.h"
#include "reduce.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

constexpr std::int64_t block_size = 256;

// Loops go over whole groups of elements, which fill any vector: without a rest, each loop is compiled once.
template <class T>
inline constexpr std::int64_t group = 64 / sizeof(T);

template <class T>
REPARAM_INLINE std::int64_t whole_groups(std::int64_t count) {
  return (count + group<T> - 1) & -group<T>;
}

// Converts values, which do not overlap, one after another.
template <class From, class To>
REPARAM_NOINLINE void convert(std::int64_t count, const From* REPARAM_RESTRICT from, To* REPARAM_RESTRICT to) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = To(from[i]);
}

// One input: a pointer to each block's values, converted, repeated or gathered into a buffer where they do not
// already lie as the computation wants them; the last value fills up the last group. No data at all stands for ones.
template <class Storage, class Compute>
class block_reader {
 public:
  block_reader(const void* data, std::int64_t period) : data_(static_cast<const Storage*>(data)), period_(period) {
    if (data_ == nullptr) period_ = 1;
    if (period_ == 1) std::fill_n(buffer_, block_size, data_ == nullptr ? Compute(1) : Compute(data_[0]));
  }

  REPARAM_INLINE const Compute* read(std::int64_t begin, std::int64_t count) {
    if (period_ == 1) return buffer_;
    const std::int64_t at = begin < period_ ? begin : begin % period_;
    if constexpr (std::is_same_v<Storage, Compute>) {
      if (at + count <= period_ && count % group<Compute> == 0) return data_ + at;
    }
    return fill(at, count);
  }

 private:
  REPARAM_NOINLINE const Compute* fill(std::int64_t at, std::int64_t count) {
    // of a short period some elements one by one, and copies of those
    const std::int64_t first = period_ < group<Compute> ? std::min(count, group<Compute> * period_) : 0;
    std::int64_t done = 0;
    for (; done < first; ++done) {
      buffer_[done] = Compute(data_[at]);
      at = at + 1 == period_ ? 0 : at + 1;
    }
    for (; first > 0 && done < count; done += first) convert(std::min(first, count - done), buffer_, buffer_ + done);
    for (std::int64_t here = 0; done < count; done += here, at = 0) {
      here = std::min(count - done, period_ - at);
      convert(here, data_ + at, buffer_ + done);
    }
    std::fill(buffer_ + count, buffer_ + whole_groups<Compute>(count), buffer_[count - 1]);
    return buffer_;
  }

  const Storage* data_;
  std::int64_t period_;
  alignas(64) Compute buffer_[block_size];
};

// One output, with room for whole groups: an array, or sums over the repetitions of an input, or nothing where the
// caller gave a null pointer.
template <class Storage, class Compute>
class block_writer {
 public:
  explicit block_writer(void* data) : data_(static_cast<Storage*>(data)) {}
  block_writer(double* sums, std::int64_t period) : sums_(sums), period_(period) {}

  REPARAM_INLINE Compute* place(std::int64_t begin, std::int64_t count) {
    if constexpr (std::is_same_v<Storage, Compute>) {
      if (data_ != nullptr && count % group<Compute> == 0) return data_ + begin;
    }
    return buffer_;
  }

  REPARAM_INLINE void store(std::int64_t begin, std::int64_t count) {
    if (sums_ != nullptr) {
      add(begin, count);
    } else if (data_ != nullptr && place(begin, count) == buffer_) {
      convert(count, buffer_, data_ + begin);
    }
  }

 private:
  REPARAM_NOINLINE void add(std::int64_t begin, std::int64_t count) {
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

// Does a function say `singly`: that a loop over it is no vector code, so that groups would only cost time?
template <class Function, class = void>
inline constexpr bool is_single = false;
template <class Function>
inline constexpr bool is_single<Function, std::enable_if_t<Function::singly>> = true;

template <class T, std::size_t>
using repeat = T;

// The loops over a block: the same for every type of storage, and so not inlined.
template <template <class> class Function, class Compute, class Indices>
struct loops;

template <template <class> class Function, class Compute, std::size_t... J>
struct loops<Function, Compute, std::index_sequence<J...>> {
  static constexpr int inputs = sizeof...(J);

  static REPARAM_INLINE std::int64_t size_of(std::int64_t count) {
    return is_single<Function<Compute>> ? count : whole_groups<Compute>(count);
  }

  static REPARAM_NOINLINE void values(std::int64_t count, Compute* REPARAM_RESTRICT value,
                                      const repeat<Compute, J>* REPARAM_RESTRICT... input) {
    for (std::int64_t i = 0; i < size_of(count); ++i) {
      Compute unused[inputs];
      value[i] = Function<Compute>::evaluate(unused, input[i]...);
    }
  }

  // Without the value, the compiler leaves out what the derivatives alone do not need.
  template <bool Value>
  static REPARAM_NOINLINE void partials(std::int64_t count, Compute* REPARAM_RESTRICT value,
                                        repeat<Compute, J>* REPARAM_RESTRICT... partial,
                                        const Compute* REPARAM_RESTRICT grad,
                                        const repeat<Compute, J>* REPARAM_RESTRICT... input) {
    for (std::int64_t i = 0; i < size_of(count); ++i) {
      Compute d[inputs];
      const Compute result = Function<Compute>::evaluate(d, input[i]...);
      if constexpr (Value) value[i] = result;
      ((partial[i] = grad[i] * d[J]), ...);
    }
  }
};

// A call, block by block: the same for every function of so many inputs, which it is given as two loops.
template <class Storage, class Compute, std::size_t... J>
REPARAM_NOINLINE void over_elements(
    const reparam_call* call, std::int64_t begin, std::int64_t end, double* const* sums, std::index_sequence<J...>,
    void (*values)(std::int64_t, Compute*, const repeat<Compute, J>*...),
    void (*partials)(std::int64_t, Compute*, repeat<Compute, J>*..., const Compute*, const repeat<Compute, J>*...)) {
  block_reader<Storage, Compute> reader[] = {{call->in[J], call->period[J]}...};
  block_writer<Storage, Compute> value(call->value);
  if (call->partial == nullptr || call->value != nullptr) {
    for (std::int64_t at = begin; at < end; at += block_size) {
      const std::int64_t count = std::min(block_size, end - at);
      values(count, value.place(at, count), reader[J].read(at, count)...);
      value.store(at, count);
    }
  }
  if (call->partial == nullptr) return;
  block_reader<Storage, Compute> grad(call->grad, call->grad_period);
  block_writer<Storage, Compute> partial[] = {partial_writer<Storage, Compute>(*call, sums, J)...};
  for (std::int64_t at = begin; at < end; at += block_size) {
    const std::int64_t count = std::min(block_size, end - at);
    partials(count, nullptr, partial[J].place(at, count)..., grad.read(at, count), reader[J].read(at, count)...);
    for (block_writer<Storage, Compute>& one : partial) one.store(at, count);
  }
}

template <template <class> class Function, class Storage, class Compute, class Indices>
struct elementwise {
  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const* sums) {
    using block = loops<Function, Compute, Indices>;
    over_elements<Storage, Compute>(call, begin, end, sums, Indices{}, block::values, block::template partials<false>);
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
