// Rejection for a block of elements at once: every attempt is one vector loop over those that still await a draw.
#pragma once

#include <algorithm>

#include "../engine/reduce.hpp"
#include "philox.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

constexpr int sampler_block = 256;

REPARAM_INLINE bool all_same(int count, const double* values) {
  std::uint64_t differing = 0;
  for (int i = 1; i < count; ++i) differing |= to_bits(values[i]) ^ to_bits(values[0]);
  return differing == 0;
}

// Where 0 stands in `accepted`: these places, and as many of the last again as fill up the lanes. Returns how many.
inline int rejected_places(int count, const double* accepted, int* place) {
  int rejected = 0;
  for (int i = 0; i < count; ++i) {
    place[rejected] = i;
    rejected += accepted[i] == 0;
  }
  if (rejected == 0) return 0;
  const int whole = std::min(int((rejected + lanes - 1) / lanes * lanes), sampler_block);
  std::fill(place + rejected, place + whole, place[rejected - 1]);
  return whole;
}

// The elements that wait, side by side with the parameters of their laws.
template <int Parameters>
struct waiting {
  alignas(64) double parameter[Parameters][sampler_block], draw[sampler_block], accepted[sampler_block];
  alignas(64) std::uint64_t element[sampler_block];
  int place[sampler_block];
  int count = 0;

  template <class... Values>
  REPARAM_INLINE void add(int at, std::uint64_t id, Values... values) {
    place[count] = at;
    element[count] = id;
    int j = 0;
    ((parameter[j++][count] = values), ...);
    ++count;
  }

  // Gives all elements the parameters of the first.
  REPARAM_INLINE void repeat_first(int all) {
    for (auto& each : parameter) std::fill_n(each, all, double(each[0]));
  }

  // Elements 0, 1, 2 and so on, whose parameters are in their places.
  REPARAM_INLINE void start(std::uint64_t first, int all) {
    for (int i = 0; i < all; ++i) {
      place[i] = i;
      element[i] = first + std::uint64_t(i);
    }
    count = all;
  }

  // Leaves only some of the elements in the wait.
  template <class Choose>
  REPARAM_INLINE void keep(const Choose& chosen) {
    int left = 0;
    for (int i = 0; i < count; ++i) {
      move(i, left);
      left += chosen(place[left]);
    }
    count = left;
  }

  // Attempts until none waits: attempt(lanes, number) fills `draw` and `accepted` (0 or 1) of so many elements, and the
  // draw of the element that was added with `at` arrives in to[at]. What fills up the last lanes is ignored.
  template <class Attempt>
  REPARAM_INLINE void finish(double* to, const Attempt& attempt) {
    for (int i = count; count > 0 && i % lanes != 0; ++i) move(count - 1, i);
    int rejected[sampler_block];
    for (std::uint64_t number = 0; count > 0; ++number) {
      attempt(int((count + lanes - 1) / lanes * lanes), number);
      int left = 0;
      for (int i = 0; i < count; ++i) {
        to[place[i]] = draw[i];
        rejected[left] = i;
        left += accepted[i] == 0;
      }
      for (int i = 0; i < left; ++i) move(rejected[i], i);
      count = left;
    }
  }

 private:
  REPARAM_INLINE void move(int from, int to) {
    place[to] = place[from];
    element[to] = element[from];
    for (auto& each : parameter) each[to] = each[from];
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
