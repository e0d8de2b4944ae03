// How one line of a table of entries is made.
#pragma once

#include "../reparam.h"
#include "blockwise.hpp"
#include "elementwise.hpp"

namespace reparam::REPARAM_LEVEL {

// An entry whose inputs are elements of the floating dtype; the computation is in double for both.
template <template <class> class Function, std::size_t Inputs>
constexpr reparam_entry elements(const char* name, std::int32_t grain) {
  using Indices = std::make_index_sequence<Inputs>;
  return {name,
          Inputs,
          Function<double>::differentiable,
          Function<double>::differentiable,
          0,
          0,
          0,
          0,
          grain,
          {elementwise<Function, float, double, Indices>::run, elementwise<Function, double, double, Indices>::run}};
}

// Likewise, of a function that takes many elements at once.
template <template <class> class Function, std::size_t Inputs>
constexpr reparam_entry blocks(const char* name, std::int32_t grain) {
  using Indices = std::make_index_sequence<Inputs>;
  return {name,
          Inputs,
          Function<double>::differentiable,
          Function<double>::differentiable,
          0,
          0,
          0,
          0,
          grain,
          {blockwise<Function, float, Indices>::run, blockwise<Function, double, Indices>::run}};
}

// What sets an entry apart whose inputs are not all elements of the floating dtype: masks, and the largest k.
struct layout {
  std::uint32_t rows = 0, matrices = 0, integers = 0, summable = 0;
  std::int32_t longest = 0;
};

template <class Single, class Double>
constexpr reparam_entry structured(const char* name, std::int32_t inputs, std::uint32_t differentiable, layout shape,
                                   std::int32_t grain) {
  return {name,           inputs,        differentiable, shape.summable, shape.rows,
          shape.matrices, shape.integers, shape.longest,  grain,          {Single::run, Double::run}};
}

}  // namespace reparam::REPARAM_LEVEL
