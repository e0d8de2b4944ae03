// Categorical draws by the inverse of the running sums of their weights.
#pragma once

#include <algorithm>

#include "../engine/reduce.hpp"
#include "philox.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// The running sums of rows begin <= i < end, each of k weights, or of their logarithms.
template <class T>
void running_sums(std::int64_t begin, std::int64_t end, std::int64_t k, const T* weights, bool logarithms,
                  double* sums) {
  for (std::int64_t i = begin; i < end; ++i) {
    const T* from = weights + i * k;
    double* to = sums + i * k;
    for (std::int64_t j = 0; j < k; ++j) to[j] = double(from[j]);
    if (logarithms) {
      const double most = maximum_of(to, k);
      for (std::int64_t j = 0; j < k; ++j) to[j] = exp(to[j] - most);
    }
    for (std::int64_t j = 1; j < k; ++j) to[j] += to[j - 1];
  }
}

// Draws begin <= i < end: indices of row i % rows. A weight of zero is never drawn: the uniform number is at most
// 1 - 2^-53, so that its product with the total rounds to less than the total.
inline void choose_indices(std::int64_t begin, std::int64_t end, std::int64_t rows, std::int64_t k, const double* sums,
                           std::uint64_t key, std::int64_t* to) {
  std::int64_t row = begin % rows;
  for (std::int64_t i = begin; i < end; ++i) {
    const double u = double(philox(key, std::uint64_t(i), 0).first >> 11) * 0x1p-53;
    const double* first = sums + row * k;
    const double* found = std::upper_bound(first, first + k, u * first[k - 1]);
    to[i] = std::min<std::int64_t>(found - first, k - 1);
    row = row + 1 == rows ? 0 : row + 1;
  }
}

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
