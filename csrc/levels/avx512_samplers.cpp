// The samplers for x86-64 processors with AVX-512 (F, DQ, BW, VL).
#define REPARAM_PART "../samplers/entries.hpp"
#include "avx512.hpp"
