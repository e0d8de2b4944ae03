// The special functions for x86-64 processors with AVX2 and fused multiply-add.
#define REPARAM_PART "../engine/special_entries.hpp"
#include "avx2.hpp"
