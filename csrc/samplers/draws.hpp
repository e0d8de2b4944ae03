// How a sampler becomes an entry: its first input is the key, an int64, and draw i is a function of the key, of i and
// of the parameters alone. A backward pass therefore needs the key and not the draw.
#pragma once

#include "../engine/entry.hpp"
#include "retries.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// Where a block of draws begins, and with what key; which partial derivatives are wanted, by bits, is `wanted`.
struct draws_at {
  std::uint64_t key;
  std::int64_t begin;
  unsigned wanted;

  REPARAM_INLINE std::uint64_t element(int i) const { return std::uint64_t(begin) + std::uint64_t(i); }
  REPARAM_INLINE draws_at with_second_key() const { return {key + 1, begin, wanted}; }
};

// The largest whole number not above x.
REPARAM_INLINE double whole_below(double x) {
  constexpr double magic = 0x1.8p52;
  const double nearest = (x + magic) - magic;
  const double below = nearest > x ? nearest - 1 : nearest;
  return absolute(x) < 0x1p51 ? below : x;
}

inline std::uint64_t key_of(const reparam_call& call) {
  return static_cast<std::uint64_t>(*static_cast<const std::int64_t*>(call.in[0]));
}

inline bool wants(const reparam_call& call, std::size_t j) {
  return call.partial != nullptr && (call.partial[j] != nullptr || (call.reduced >> j & 1) != 0);
}

// Sampler<Storage>(call).block(where, count, in, value, partial): what is not wanted of `partial` is zero, and may stay
// so.
template <template <class> class Sampler, class Storage, class Indices>
struct drawn;

template <template <class> class Sampler, class Storage, std::size_t... J>
struct drawn<Sampler, Storage, std::index_sequence<J...>> {
  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const* sums) {
    const state given{Sampler<Storage>(*call), key_of(*call), ((unsigned(wants(*call, J + 1)) << J) | ...)};
    over_blocks<Storage, 1>(call, begin, end, sums, std::index_sequence<J...>{}, false, block, &given);
  }

 private:
  struct state {
    Sampler<Storage> sampler;
    std::uint64_t key;
    unsigned wanted;
  };

  static void block(const void* given, std::int64_t at, int count, const double* const* in, double* value,
                    double* const* partial) {
    const auto& [sampler, key, wanted] = *static_cast<const state*>(given);
    for (std::size_t j = 0; partial != nullptr && j < sizeof...(J); ++j) {
      if (!(wanted >> j & 1)) std::fill_n(partial[j], count, 0.0);
    }
    sampler.block({key, at, wanted}, count, in, value, partial);
  }
};

template <template <class> class Sampler, std::size_t Parameters>
constexpr reparam_entry draws(const char* name, std::int32_t grain) {
  using Indices = std::make_index_sequence<Parameters>;
  constexpr unsigned differentiable = Sampler<double>::differentiable << 1;
  return {name,
          int(Parameters) + 1,
          differentiable,
          differentiable,
          0,
          0,
          1,
          0,
          grain,
          {drawn<Sampler, float, Indices>::run, drawn<Sampler, double, Indices>::run}};
}

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
