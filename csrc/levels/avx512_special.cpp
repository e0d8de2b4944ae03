// The special functions for x86-64 processors with AVX-512 (F, DQ, BW, VL).
#define REPARAM_PART "../engine/special_entries.hpp"
#include "avx512.hpp"
