// Standard noise for tensors.
#pragma once

#include "calls.hpp"

namespace reparam::python {

inline bool has_shape(const tensor& given, PyObject* shape) {
  if (PyTuple_Size(shape) != given.dims) return false;
  for (int i = 0; i < given.dims; ++i) {
    if (PyLong_AsLongLong(PyTuple_GetItem(shape, i)) != given.size[i]) return false;
  }
  return true;
}

// noise(law, shape, like, keys, source): draws in the dtype of `like`, by the key keys(source), a whole number in a
// tensor; None where `like` is no plain floating CPU tensor.
inline PyObject* noise(PyObject*, PyObject* const* args, Py_ssize_t count) {
  const long law = count == 5 && PyTuple_Check(args[1]) ? PyLong_AsLong(args[0]) : -1;
  if (law < 0 || law >= REPARAM_NOISES) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "noise takes a law, a shape, a tensor, keys and a source");
    return nullptr;
  }
  tensor like, key, draws;
  if (!like.read(args[2], true) || like.dtype > REPARAM_FLOAT64) return none_unless_failed();
  const bool alike = like.contiguous && has_shape(like, args[1]);
  owned made(alike ? empty_like(like) : PyObject_CallMethodObjArgs(like.object, words.new_empty, args[1], nullptr));
  if (made.get() == nullptr || !draws.read(made.get())) return nullptr;
  if (draws.count == 0) return made.release();
  const owned drawn(PyObject_CallFunctionObjArgs(args[3], args[4], nullptr));
  if (drawn.get() == nullptr) return nullptr;
  if (!key.read(drawn.get()) || key.dtype != REPARAM_INT64 || key.count != 1) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "noise: a key is a whole number in a tensor");
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
  return made.release();
}

}  // namespace reparam::python
