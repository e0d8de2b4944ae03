// Runs a density over rows: a block of rows is one flat array, so that short rows make long vector loops too.
#pragma once

#include <algorithm>
#include <vector>

#include "../platform.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

constexpr std::int64_t flat_size = 1024;

// Room for a block of rows: on the stack for rows of ordinary length.
class row_buffer {
 public:
  explicit row_buffer(std::int64_t k) : heap_(k > flat_size ? static_cast<std::size_t>(k) : 0) {}
  double* data() { return heap_.empty() ? stack_ : heap_.data(); }

 private:
  alignas(64) double stack_[flat_size];
  std::vector<double> heap_;
};

inline std::int64_t rows_at_once(std::int64_t k) { return std::max<std::int64_t>(1, flat_size / k); }

// Rows first <= i < first + count of an input with a period, converted.
template <class Storage>
REPARAM_NOINLINE void load_rows(const Storage* data, std::int64_t period, std::int64_t first, std::int64_t count,
                                std::int64_t k, double* REPARAM_RESTRICT buffer) {
  std::int64_t at = first % period;
  for (std::int64_t done = 0; done < count;) {
    const std::int64_t here = std::min(count - done, period - at);
    const Storage* REPARAM_RESTRICT from = data + at * k;
    for (std::int64_t j = 0; j < here * k; ++j) buffer[done * k + j] = double(from[j]);
    done += here;
    at = 0;
  }
}

template <class Storage>
REPARAM_NOINLINE void store_flat(const double* REPARAM_RESTRICT buffer, std::int64_t count,
                                 Storage* REPARAM_RESTRICT to) {
  for (std::int64_t j = 0; j < count; ++j) to[j] = Storage(buffer[j]);
}

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
