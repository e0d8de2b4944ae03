// Compiles a part of the kernels, REPARAM_PART, for x86-64 processors with AVX-512 (F, DQ, BW, VL).
#define REPARAM_LEVEL avx512
#include "../engine/system.hpp"

#if REPARAM_X86_DISPATCH
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,fma,prefer-vector-width=512")
#endif

#include REPARAM_PART

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
