// Calls of an entry with tensors that already lie as it wants them; any others are left to Python.
#pragma once

#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "tensors.hpp"

namespace reparam::python {

constexpr int most_inputs = 8;
constexpr std::int64_t release_above = 8192;  // elements from which the interpreter lock is worth giving up

inline int torch_threads() {
  const owned count(PyObject_CallFunctionObjArgs(words.get_num_threads, nullptr));
  return count.get() == nullptr ? 1 : static_cast<int>(PyLong_AsLong(count.get()));
}

inline int run(const reparam_entry* entry, int dtype, const reparam_call& call, int threads) {
  if (call.n * call.k < release_above) return reparam_run(entry, dtype, &call, 1);
  int exists = 0;
  Py_BEGIN_ALLOW_THREADS
  exists = reparam_run(entry, dtype, &call, threads);
  Py_END_ALLOW_THREADS
  return exists;
}

// The inputs of a call, and how they repeat.
struct arrangement {
  const reparam_entry* entry;
  tensor input[most_inputs];
  const void* data[most_inputs];
  std::int64_t period[most_inputs];
  std::int64_t n = 0, k = 0;
  std::unique_ptr<char[]> copy[most_inputs];  // of inputs that repeat otherwise than with a period
  const tensor* leader = nullptr;             // its batch shape is that of the values
  int batch = 0;                              // how many dimensions that has

  explicit arrangement(const reparam_entry* called) : entry(called) {}

  int rank(int j) const { return static_cast<int>((entry->rows >> j & 1) + 2 * (entry->matrices >> j & 1)); }
  std::int64_t one(int j) const { return rank(j) == 0 ? 1 : rank(j) == 1 ? k : k * k; }
  const tensor& last() const { return input[entry->inputs - 1]; }
  int dtype() const { return last().dtype; }
  bool only_elements() const { return (entry->rows | entry->matrices | entry->integers) == 0; }

  // False where the inputs lie otherwise, or with an exception.
  bool read(PyObject* const* objects) {
    for (int j = 0; j < entry->inputs; ++j) {
      if (!input[j].read(objects[j])) return false;
    }
    if (dtype() > REPARAM_FLOAT64 || !find_size()) return false;
    for (int j = 0; j < entry->inputs; ++j) {
      const int own = input[j].dims - rank(j);
      if (leader == nullptr || own > batch || (own == batch && input[j].count / one(j) > n)) {
        leader = &input[j];
        batch = own;
        n = input[j].count / one(j);
      }
    }
    for (int j = 0; j < entry->inputs; ++j) {
      const int wanted = entry->integers >> j & 1 ? static_cast<int>(REPARAM_INT64) : dtype();
      if (input[j].dtype != wanted || (rank(j) > 0 && !input[j].contiguous)) return false;
      data[j] = input[j].data;
      period[j] = input[j].contiguous ? input[j].count / one(j) : 1;
      const bool fits = ends(input[j], rank(j), *leader, leader->dims - batch);
      if (!fits && !(period[j] == 1 && input[j].dims - rank(j) <= batch && input[j].count == one(j)) && !stretch(j)) {
        return false;
      }
    }
    return n > 0;
  }

  // The place in input j, broadcast to the batch shape of the values, of each of its n places.
  template <class Visit>
  void for_each_place(int j, const Visit& visit) const {
    const int own = input[j].dims - rank(j);
    std::int64_t stride[most_dims] = {}, index[most_dims] = {}, length = 1;
    for (int i = own - 1; i >= 0; --i) {
      stride[batch - own + i] = input[j].size[i] == 1 ? 0 : length;
      length *= input[j].size[i];
    }
    std::int64_t from = 0;
    for (std::int64_t to = 0; to < n; ++to) {
      visit(to, from);
      for (int i = batch - 1; i >= 0; --i) {
        from += stride[i];
        if (++index[i] < leader->size[i]) break;
        from -= stride[i] * index[i];
        index[i] = 0;
      }
    }
  }

  // Sums the n partial derivatives in a stretched input over its repetitions.
  template <class T>
  void gather(int j, const char* partial, void* sums) const {
    const std::int64_t unit = one(j);
    std::vector<double> total(static_cast<std::size_t>(input[j].count));
    const T* const given = reinterpret_cast<const T*>(partial);
    for_each_place(j, [&](std::int64_t to, std::int64_t from) {
      double* const sum = total.data() + from * unit;
      for (std::int64_t i = 0; i < unit; ++i) sum[i] += double(given[to * unit + i]);
    });
    for (std::size_t i = 0; i < total.size(); ++i) static_cast<T*>(sums)[i] = static_cast<T>(total[i]);
  }

  std::int64_t bytes(int j) const { return one(j) * input[j].bytes(); }

  reparam_call evaluation() const { return {n, k, data, period, nullptr, nullptr, nullptr, 1, 0, nullptr}; }

  int threads() const {
    if (n * k < entry->grain) return 1;
    return torch_threads();
  }

  PyObject* empty_value() const {
    if (only_elements() && leader->contiguous) return empty_like(*leader);
    return empty(last(), leader->size, batch, rank(entry->inputs), k);
  }

 private:
  // Copies an input that broadcasts to the batch shape of the values; false where it does not.
  bool stretch(int j) {
    const int offset = batch - (input[j].dims - rank(j));
    if (offset < 0 || !input[j].contiguous || input[j].dtype == REPARAM_BOOL) return false;
    for (int i = offset; i < batch; ++i) {
      const std::int64_t size = input[j].size[i - offset];
      if (size != 1 && size != leader->size[i]) return false;
    }
    const std::int64_t unit = bytes(j);
    copy[j].reset(new (std::nothrow) char[static_cast<std::size_t>(n * unit)]);
    if (copy[j] == nullptr) return false;
    const char* const source = static_cast<const char*>(data[j]);
    for_each_place(j, [&](std::int64_t to, std::int64_t from) {
      std::memcpy(copy[j].get() + to * unit, source + from * unit, static_cast<std::size_t>(unit));
    });
    data[j] = copy[j].get();
    period[j] = n;
    return true;
  }

  // The one size of all rows and matrices.
  bool find_size() {
    for (int j = 0; j < entry->inputs; ++j) {
      const int dims = input[j].dims, own = rank(j);
      if (own == 0) continue;
      if (dims < own) return false;
      if (k == 0) k = input[j].size[dims - 1];
      if (k == 0 || input[j].size[dims - 1] != k || input[j].size[dims - own] != k) return false;
    }
    if (k == 0) k = 1;
    return entry->longest == 0 || k <= entry->longest;
  }
};

// The gradients, as a tuple as long as `wanted`, which ends in a bool for each input; or None where Python has to see
// to it.
inline PyObject* pull_back(const reparam_entry* entry, PyObject* gradient, PyObject* wanted, PyObject* const* objects) {
  arrangement a(entry);
  tensor grad;
  if (!grad.read(gradient, true) || !a.read(objects)) return none_unless_failed();
  const int rank = a.rank(entry->inputs);
  const int beyond = a.leader->dims - a.batch;
  bool fits = grad.dtype == a.dtype() && grad.dims == a.batch + rank && ends(grad, rank, *a.leader, beyond);
  for (int i = 1; i <= rank; ++i) fits &= grad.size[grad.dims - i] == a.k;
  if (!fits) Py_RETURN_NONE;
  const Py_ssize_t length = PyTuple_Size(wanted), before = length - entry->inputs;
  if (before < 0) {
    PyErr_SetString(PyExc_TypeError, "pull_back: fewer gradients are asked for than there are inputs");
    return nullptr;
  }
  owned found(PyTuple_New(length));
  if (found.get() == nullptr) return nullptr;
  void *partial[most_inputs] = {}, *made_at[most_inputs] = {};
  std::unique_ptr<char[]> stretched[most_inputs];
  reparam_call call = a.evaluation();
  for (Py_ssize_t i = 0; i < length; ++i) {
    PyObject* made = nullptr;
    if (i < before || PyTuple_GetItem(wanted, i) != Py_True) {
      made = Py_None;
      Py_INCREF(made);
    } else {
      const auto j = static_cast<int>(i - before);
      const tensor& input = a.input[j];
      const bool repeated = input.count != a.n * a.one(j);
      if (repeated && !input.contiguous) Py_RETURN_NONE;  // one number, expanded to part of the shape
      if (repeated && a.copy[j] == nullptr) call.reduced |= 1u << j;
      made = input.contiguous ? empty_like(input) : empty(input, input.size, input.dims, 0, 0);
      if (made == nullptr) return nullptr;
      made_at[j] = partial[j] = address(made);
      if (a.copy[j] != nullptr) {
        stretched[j].reset(new (std::nothrow) char[static_cast<std::size_t>(a.n * a.bytes(j))]);
        if (stretched[j] == nullptr) return PyErr_NoMemory();
        partial[j] = stretched[j].get();
      }
    }
    PyTuple_SetItem(found.get(), i, made);
  }
  call.partial = partial;
  const bool spread = !grad.contiguous && (rank > 0 || !grad.one_number);
  const std::unique_ptr<char[]> gathered(spread ? new (std::nothrow) char[grad.count * grad.bytes()] : nullptr);
  if (spread) {
    if (gathered == nullptr) return PyErr_NoMemory();
    a.dtype() == REPARAM_FLOAT32 ? grad.copy<float>(gathered.get()) : grad.copy<double>(gathered.get());
  }
  call.grad = spread ? gathered.get() : grad.data;
  call.grad_period = grad.contiguous || spread ? a.n : 1;
  run(entry, a.dtype(), call, a.threads());
  for (int j = 0; j < entry->inputs; ++j) {
    if (stretched[j] == nullptr) continue;
    if (a.dtype() == REPARAM_FLOAT32) {
      a.gather<float>(j, stretched[j].get(), made_at[j]);
    } else {
      a.gather<double>(j, stretched[j].get(), made_at[j]);
    }
  }
  return PyErr_Occurred() ? nullptr : found.release();
}

}  // namespace reparam::python
