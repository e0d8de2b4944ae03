// What one instruction set offers. Included once by one file of levels/ for each, which defines REPARAM_LEVEL.
#pragma once

#include "system.hpp"

#include "dispatch.hpp"
#include "../matrices/structure.hpp"
#include "../samplers/categorical.hpp"
#include "../samplers/noise.hpp"
#include "entries.hpp"
#include "range.hpp"

namespace reparam::REPARAM_LEVEL {

extern const entry_table density_entries;
const entry_table density_entries = {entries, sizeof entries / sizeof entries[0]};
// in files of their own: see special_entries.hpp and samplers/entries.hpp
extern const entry_table special_entries, sampler_entries;

extern const level functions;
const level functions = {
    &density_entries,
    &special_entries,
    &sampler_entries,
    all_within<float>,
    all_within<double>,
    all_within<std::int64_t>,
    all_within<std::uint8_t>,
    structures<float>,
    structures<double>,
    noise_sources<float>,
    noise_sources<double>,
    running_sums<float>,
    running_sums<double>,
    choose_indices,
};

}  // namespace reparam::REPARAM_LEVEL
