// The functions of one instruction set, as reparam.cpp sees them.
#pragma once

#include <cstdint>

#include "../reparam.h"

namespace reparam {

template <class T>
using range_check = bool (*)(std::int64_t n, const T* values, T lower, T upper, bool integer);

template <class T>
using noise_source = void (*)(std::int64_t begin, std::int64_t end, std::uint64_t key, T* draws);

template <class T>
using structure_check = bool (*)(std::int64_t n, std::int64_t k, const T* values, double tolerance);

template <class T>
using running_summer = void (*)(std::int64_t begin, std::int64_t end, std::int64_t k, const T* weights,
                                bool logarithms, double* sums);

using index_chooser = void (*)(std::int64_t begin, std::int64_t end, std::int64_t rows, std::int64_t k,
                               const double* sums, std::uint64_t key, std::int64_t* to);

struct entry_table {
  const reparam_entry* entries;
  std::int32_t count;
};

struct level {
  const entry_table *densities, *specials, *samplers;
  range_check<float> float_within;
  range_check<double> double_within;
  range_check<std::int64_t> int64_within;
  range_check<std::uint8_t> bool_within;
  const structure_check<float>* float_structures;
  const structure_check<double>* double_structures;
  const noise_source<float>* float_noise;
  const noise_source<double>* double_noise;
  running_summer<float> float_sums;
  running_summer<double> double_sums;
  index_chooser choose;
};

}  // namespace reparam
