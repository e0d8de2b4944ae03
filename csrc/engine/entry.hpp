// How one line of a table of entries is made.
#pragma once

#include "../reparam.h"
#include "blockwise.hpp"
#include "elementwise.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// An entry whose inputs are elements of the floating dtype, from what runs it for float32 and for float64.
template <class Single, class Double>
constexpr reparam_entry pointwise(const char* name, std::int32_t inputs, unsigned differentiable, std::int32_t grain) {
  return {name, inputs, differentiable, differentiable, 0, 0, 0, 0, grain, {Single::run, Double::run}};
}

// A function of so many elements, computed in double for both dtypes.
template <template <class> class Function, std::size_t Inputs>
constexpr reparam_entry elements(const char* name, std::int32_t grain) {
  using Indices = std::make_index_sequence<Inputs>;
  return pointwise<elementwise<Function, float, double, Indices>, elementwise<Function, double, double, Indices>>(
      name, Inputs, Function<double>::differentiable, grain);
}

// Likewise, computed in the tensors' dtype: of functions that lose no accuracy by it.
template <template <class> class Function, std::size_t Inputs>
constexpr reparam_entry light_elements(const char* name, std::int32_t grain) {
  using Indices = std::make_index_sequence<Inputs>;
  return pointwise<elementwise<Function, float, float, Indices>, elementwise<Function, double, double, Indices>>(
      name, Inputs, Function<double>::differentiable, grain);
}

// Likewise, computed in double as accurately as the tensors' dtype asks: Family<Accuracy> has the `function`.
template <template <class> class Family, std::size_t Inputs>
constexpr reparam_entry graded_elements(const char* name, std::int32_t grain) {
  using Indices = std::make_index_sequence<Inputs>;
  return pointwise<elementwise<Family<float>::template function, float, double, Indices>,
                   elementwise<Family<double>::template function, double, double, Indices>>(
      name, Inputs, Family<double>::template function<double>::differentiable, grain);
}

// A function that takes many elements at once.
template <template <class> class Function, std::size_t Inputs>
constexpr reparam_entry blocks(const char* name, std::int32_t grain) {
  using Indices = std::make_index_sequence<Inputs>;
  return pointwise<blockwise<Function, float, Indices>, blockwise<Function, double, Indices>>(
      name, Inputs, Function<double>::differentiable, grain);
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

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
