// The samplers for x86-64 processors with AVX2 and fused multiply-add.
#define REPARAM_PART "../samplers/entries.hpp"
#include "avx2.hpp"
