// Standard noise for tensors.
#pragma once

#include "calls.hpp"

namespace reparam::python {

// noise(law, draws, key): fills a contiguous tensor; the key is a whole number in a tensor.
inline PyObject* noise(PyObject*, PyObject* const* args, Py_ssize_t count) {
  tensor draws, key;
  const bool taken = count == 3 && draws.read(args[1]) && draws.contiguous && draws.dtype <= REPARAM_FLOAT64 &&
                     key.read(args[2]) && key.dtype == REPARAM_INT64 && key.count == 1;
  if (PyErr_Occurred()) return nullptr;
  const long law = taken ? PyLong_AsLong(args[0]) : -1;
  if (law < 0 || law >= REPARAM_NOISES) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "noise takes a law, a tensor to fill, and a key");
    return nullptr;
  }
  const std::uint64_t bits = *static_cast<const std::uint64_t*>(key.data);
  if (draws.count < release_above) {
    reparam_noise(static_cast<int>(law), draws.dtype, draws.count, bits, draws.data, 1);
  } else {
    const int threads = torch_threads();
    Py_BEGIN_ALLOW_THREADS
    reparam_noise(static_cast<int>(law), draws.dtype, draws.count, bits, draws.data, threads);
    Py_END_ALLOW_THREADS
  }
  Py_RETURN_NONE;
}

}  // namespace reparam::python
