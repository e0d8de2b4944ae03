// What the kernels ask of the compiler, and the namespace that each instruction set's copy of them lives in. Headers
// put what they define into an unnamed namespace inside it: as no other file uses it, the compiler keeps no copy of what
// it has inlined, and one of what does the same for two types.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>

#if defined(__CUDACC__)
#define REPARAM_INLINE __host__ __device__ __forceinline__
#elif defined(_MSC_VER)
#define REPARAM_INLINE __forceinline
#else
#define REPARAM_INLINE inline __attribute__((always_inline))
#endif

#if defined(_MSC_VER)
#define REPARAM_NOINLINE __declspec(noinline)
#define REPARAM_RESTRICT __restrict
#else
#define REPARAM_NOINLINE __attribute__((noinline))
#define REPARAM_RESTRICT __restrict__
#endif

// Run-time dispatch needs a per-function target, which GCC and Clang offer on x86-64.
#if (defined(__x86_64__) || defined(__amd64__)) && (defined(__GNUC__) || defined(__clang__))
#define REPARAM_X86_DISPATCH 1
#else
#define REPARAM_X86_DISPATCH 0
#endif

#ifndef REPARAM_LEVEL
#define REPARAM_LEVEL baseline
#endif

namespace reparam::REPARAM_LEVEL {

// Raises a flag that threads share.
inline void mark(std::int32_t* flag) {
#if defined(_MSC_VER)
  *static_cast<volatile std::int32_t*>(flag) = 1;
#else
  __atomic_store_n(flag, 1, __ATOMIC_RELAXED);
#endif
}

}  // namespace reparam::REPARAM_LEVEL
