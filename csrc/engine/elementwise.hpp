// Runs a scalar density or special function over tensors: block by block, each block one vector loop.
#pragma once

#include <algorithm>
#include <utility>

#include "../platform.hpp"

namespace reparam::REPARAM_LEVEL {

constexpr std::int64_t block_size = 256;

// One input: a pointer to each block's values, converted, repeated or gathered into a buffer where they do not
// already lie as the computation wants them.
template <class Storage, class Compute>
class block_reader {
 public:
  block_reader(const void* data, std::int64_t period) : data_(static_cast<const Storage*>(data)), period_(period) {
    if (period_ == 1) std::fill_n(buffer_, block_size, Compute(data_[0]));
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

// One output, or nothing at all where the caller gave a null pointer.
template <class Storage, class Compute>
class block_writer {
 public:
  explicit block_writer(void* data) : data_(static_cast<Storage*>(data)) {}

  Compute* place(std::int64_t begin) {
    if constexpr (std::is_same_v<Storage, Compute>) {
      if (data_ != nullptr) return data_ + begin;
    }
    return buffer_;
  }

  void store(std::int64_t begin, std::int64_t count) {
    if constexpr (!std::is_same_v<Storage, Compute>) {
      if (data_ == nullptr) return;
      for (std::int64_t i = 0; i < count; ++i) data_[begin + i] = Storage(buffer_[i]);
    }
  }

 private:
  Storage* data_;
  alignas(64) Compute buffer_[block_size];
};

template <template <class> class Function, class Storage, class Compute, class Indices>
struct elementwise;

template <template <class> class Function, class Storage, class Compute, std::size_t... J>
struct elementwise<Function, Storage, Compute, std::index_sequence<J...>> {
  static constexpr int inputs = sizeof...(J);

  template <class... Input>
  static void values(std::int64_t count, Compute* REPARAM_RESTRICT value, const Input* REPARAM_RESTRICT... input) {
    for (std::int64_t i = 0; i < count; ++i) {
      Compute unused[inputs];
      value[i] = Function<Compute>::evaluate(unused, input[i]...);
    }
  }

  template <class... Input>
  static void partials(std::int64_t count, Compute* REPARAM_RESTRICT value, Compute* const* partial,
                       const Input* REPARAM_RESTRICT... input) {
    Compute* REPARAM_RESTRICT out[inputs] = {partial[J]...};
    for (std::int64_t i = 0; i < count; ++i) {
      Compute d[inputs];
      value[i] = Function<Compute>::evaluate(d, input[i]...);
      ((out[J][i] = d[J]), ...);
    }
  }

  static void run(std::int64_t begin, std::int64_t end, std::int64_t, const void* const* in,
                  const std::int64_t* period, void* const* out) {
    block_reader<Storage, Compute> reader[] = {{in[J], period[J]}...};
    block_writer<Storage, Compute> value(out[0]);
    if (((out[1 + J] == nullptr) && ...)) {
      for (std::int64_t at = begin; at < end; at += block_size) {
        const std::int64_t count = std::min(block_size, end - at);
        values(count, value.place(at), reader[J].read(at, count)...);
        value.store(at, count);
      }
      return;
    }
    block_writer<Storage, Compute> partial[] = {block_writer<Storage, Compute>(out[1 + J])...};
    for (std::int64_t at = begin; at < end; at += block_size) {
      const std::int64_t count = std::min(block_size, end - at);
      Compute* const places[] = {partial[J].place(at)...};
      partials(count, value.place(at), places, reader[J].read(at, count)...);
      value.store(at, count);
      (partial[J].store(at, count), ...);
    }
  }
};

}  // namespace reparam::REPARAM_LEVEL
