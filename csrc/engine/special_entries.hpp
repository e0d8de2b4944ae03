// The special functions: the second table of entries, compiled apart. Included once by one file of levels/ for each
// instruction set, which defines REPARAM_LEVEL.
#pragma once

#include "system.hpp"

#include "dispatch.hpp"
#include "entry.hpp"

#include "../special/functions.hpp"
#include "../special/normal.hpp"

namespace reparam::REPARAM_LEVEL {

inline constexpr reparam_entry special_functions[] = {
    // elementary
    elements<log_ndtr, 1>("log_ndtr", 32768),
    elements<stirling_error, 1>("stirling_error", 32768),
    elements<deviance_function, 2>("deviance", 32768),
};

extern const entry_table special_entries;
const entry_table special_entries = {special_functions, sizeof special_functions / sizeof special_functions[0]};

}  // namespace reparam::REPARAM_LEVEL
