// The C interface: picks the instruction set once, splits large calls over threads.
#include "reparam.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "engine/dispatch.hpp"
#include "platform.hpp"

#if REPARAM_X86_DISPATCH
#include <cpuid.h>
#endif

namespace reparam {

namespace baseline {
extern const level functions;
}

#if REPARAM_X86_DISPATCH
namespace avx2 {
extern const level functions;
}
namespace avx512 {
extern const level functions;
}
#endif

namespace {

struct choice {
  const char* name;
  const level* functions;
};

// The best level that the processor has and REPARAM_SIMD allows.
choice choose() {
  const char* wanted = std::getenv("REPARAM_SIMD");
  const auto allowed = [wanted](const char* name) { return wanted == nullptr || std::strcmp(wanted, name) == 0; };
#if REPARAM_X86_DISPATCH
  __builtin_cpu_init();
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  if (has_avx512 && allowed("avx512")) return {"avx512", &avx512::functions};
  if (has_avx2 && (allowed("avx2") || allowed("avx512"))) return {"avx2", &avx2::functions};
#endif
  (void)allowed;
  return {"baseline", &baseline::functions};
}

const choice& active() {
  static const choice chosen = choose();
  return chosen;
}

// work(begin, end) over [0, n), in contiguous parts of at least `grain` on up to `threads` threads.
template <class Work>
void split(std::int64_t n, std::int64_t grain, int threads, const Work& work) {
  const std::int64_t parts = std::min<std::int64_t>(threads, n / grain);
  if (parts < 2) return work(0, n);
  // Parts begin at multiples of 256, so that no two threads write to one cache line.
  const std::int64_t part = ((n + parts - 1) / parts + 255) / 256 * 256;
  std::vector<std::thread> others;
  for (std::int64_t begin = part; begin < n; begin += part) {
    others.emplace_back(work, begin, std::min(n, begin + part));
  }
  work(0, std::min(n, part));
  for (std::thread& other : others) other.join();
}

// A call in which some partial derivatives are summed: each part has sums of its own, added up in order.
template <class T>
void run_reduced(const reparam_entry& entry, reparam_kernel kernel, const reparam_call& call, std::int64_t grain,
                 int threads) {
  using table = std::vector<std::vector<double>>;
  table total(static_cast<std::size_t>(entry.inputs));
  for (std::size_t j = 0; j < total.size(); ++j) {
    const std::int64_t size = (entry.rows >> j & 1 ? call.k : 1) * (entry.matrices >> j & 1 ? call.k * call.k : 1);
    if (call.reduced >> j & 1) total[j].resize(static_cast<std::size_t>(call.period[j] * size));
  }
  const table zero = total;
  std::map<std::int64_t, table> parts;
  std::mutex guard;
  split(call.n, grain, threads, [&](std::int64_t begin, std::int64_t end) {
    table part = zero;
    std::vector<double*> sums;
    for (std::vector<double>& each : part) sums.push_back(each.data());
    kernel(&call, begin, end, sums.data());
    const std::lock_guard<std::mutex> lock(guard);
    parts[begin] = std::move(part);
  });
  for (std::size_t j = 0; j < total.size(); ++j) {
    for (const auto& part : parts) {
      for (std::size_t i = 0; i < total[j].size(); ++i) total[j][i] += part.second[j][i];
    }
    for (std::size_t i = 0; i < total[j].size(); ++i) static_cast<T*>(call.partial[j])[i] = static_cast<T>(total[j][i]);
  }
}

template <class T>
bool float_within(range_check<T> check, std::int64_t n, const void* values, double lower, double upper,
                  bool integer) {
  return check(n, static_cast<const T*>(values), static_cast<T>(lower), static_cast<T>(upper), integer);
}

// A bound for whole numbers: the nearest one inside, within what T can hold.
template <class T>
bool whole_within(range_check<T> check, std::int64_t n, const void* values, double lower, double upper) {
  const double least = static_cast<double>(std::numeric_limits<T>::min());
  const double most = static_cast<double>(std::numeric_limits<T>::max());
  if (!(std::ceil(lower) <= most) || !(std::floor(upper) >= least)) return n == 0;
  const T low = std::ceil(lower) <= least ? std::numeric_limits<T>::min() : static_cast<T>(std::ceil(lower));
  const T high = std::floor(upper) >= most ? std::numeric_limits<T>::max() : static_cast<T>(std::floor(upper));
  return check(n, static_cast<const T*>(values), low, high, false);
}

}  // namespace
}  // namespace reparam

extern "C" {

const char* reparam_simd_level(void) { return reparam::active().name; }

const reparam_entry* reparam_entries(int32_t* count) {
  static const std::vector<reparam_entry> entries = [] {
    std::vector<reparam_entry> all;
    const reparam::level& now = *reparam::active().functions;
    for (const reparam::entry_table* table : {now.densities, now.specials, now.samplers}) {
      all.insert(all.end(), table->entries, table->entries + table->count);
    }
    return all;
  }();
  *count = static_cast<int32_t>(entries.size());
  return entries.data();
}

int reparam_run(const reparam_entry* entry, int dtype, const reparam_call* given, int threads) {
  int32_t undefined = 0;
  reparam_call own = *given;
  own.undefined = &undefined;
  const reparam_call* call = &own;
  const bool elements = (entry->rows | entry->matrices) == 0;
  const int64_t grain = elements ? entry->grain : entry->grain / (call->k > 0 ? call->k : 1) + 1;
  const reparam_kernel kernel = entry->run[dtype];
  if (call->reduced == 0) {
    reparam::split(call->n, grain, threads, [=](int64_t begin, int64_t end) { kernel(call, begin, end, nullptr); });
  } else if (dtype == REPARAM_FLOAT32) {
    reparam::run_reduced<float>(*entry, kernel, *call, grain, threads);
  } else {
    reparam::run_reduced<double>(*entry, kernel, *call, grain, threads);
  }
  return undefined == 0;
}

int reparam_all_within(int dtype, int64_t n, const void* values, double lower, double upper, int integer) {
  using namespace reparam;
  const level& now = *active().functions;
  switch (dtype) {
    case REPARAM_FLOAT32:
      return float_within(now.float_within, n, values, lower, upper, integer != 0);
    case REPARAM_FLOAT64:
      return float_within(now.double_within, n, values, lower, upper, integer != 0);
    case REPARAM_INT64:
      return whole_within(now.int64_within, n, values, lower, upper);
    default:
      return whole_within(now.bool_within, n, values, lower, upper);
  }
}

int reparam_all_structured(int structure, int dtype, int64_t n, int64_t k, const void* values, double tolerance) {
  const reparam::level& now = *reparam::active().functions;
  if (dtype == REPARAM_FLOAT32) {
    return now.float_structures[structure](n, k, static_cast<const float*>(values), tolerance);
  }
  return now.double_structures[structure](n, k, static_cast<const double*>(values), tolerance);
}

void reparam_noise(int law, int dtype, int64_t n, uint64_t key, void* draws, int threads) {
  using namespace reparam;
  const level& now = *active().functions;
  split(n, 8192, threads, [&](int64_t begin, int64_t end) {
    if (dtype == REPARAM_FLOAT32) {
      now.float_noise[law](begin, end, key, static_cast<float*>(draws));
    } else {
      now.double_noise[law](begin, end, key, static_cast<double*>(draws));
    }
  });
}

int reparam_categorical(int dtype, int logarithms, int64_t rows, int64_t k, int64_t n, const void* weights,
                        uint64_t key, int64_t* draws, int threads) {
  using namespace reparam;
  const level& now = *active().functions;
  const std::unique_ptr<double[]> sums(new (std::nothrow) double[static_cast<std::size_t>(rows * k)]);
  if (sums == nullptr) return 0;
  split(rows, 65536 / k + 1, threads, [&](int64_t begin, int64_t end) {
    if (dtype == REPARAM_FLOAT32) {
      now.float_sums(begin, end, k, static_cast<const float*>(weights), logarithms != 0, sums.get());
    } else {
      now.double_sums(begin, end, k, static_cast<const double*>(weights), logarithms != 0, sums.get());
    }
  });
  split(n, 16384, threads,
        [&](int64_t begin, int64_t end) { now.choose(begin, end, rows, k, sums.get(), key, draws); });
  return 1;
}

}  // extern "C"
