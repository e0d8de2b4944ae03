// Compiles a part of the kernels, REPARAM_PART, for x86-64 processors with AVX2 and fused multiply-add.
#define REPARAM_LEVEL avx2
#include "../engine/system.hpp"

#if REPARAM_X86_DISPATCH
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#include REPARAM_PART

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
