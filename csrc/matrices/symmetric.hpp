// The symmetric parts (A + A') / 2 of square matrices, in tiles of a cache line's width.
#pragma once

#include <algorithm>

#include "../platform.hpp"
#include "../reparam.h"

namespace reparam::REPARAM_LEVEL {
namespace {

template <class Storage>
struct symmetric_part {
  static void symmetrise(std::int64_t d, const Storage* REPARAM_RESTRICT from, Storage* REPARAM_RESTRICT to) {
    constexpr std::int64_t width = 64 / sizeof(Storage);
    for (std::int64_t top = 0; top < d; top += width) {
      const std::int64_t bottom = std::min(d, top + width);
      for (std::int64_t left = 0; left <= top; left += width) {
        const std::int64_t right = std::min(d, left + width);
        for (std::int64_t i = top; i < bottom; ++i) {
          for (std::int64_t j = left; j < right; ++j) to[i * d + j] = (from[i * d + j] + from[j * d + i]) / 2;
        }
        for (std::int64_t j = left; j < right && left < top; ++j) {
          for (std::int64_t i = top; i < bottom; ++i) to[j * d + i] = to[i * d + j];
        }
      }
    }
  }

  // It is its own adjoint.
  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const*) {
    const std::int64_t d = call->k, size = d * d;
    for (std::int64_t at = begin; at < end; ++at) {
      if (call->value != nullptr) {
        symmetrise(d, static_cast<const Storage*>(call->in[0]) + at % call->period[0] * size,
                   static_cast<Storage*>(call->value) + at * size);
      }
      if (call->partial != nullptr) {
        symmetrise(d, static_cast<const Storage*>(call->grad) + at % call->grad_period * size,
                   static_cast<Storage*>(call->partial[0]) + at * size);
      }
    }
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
