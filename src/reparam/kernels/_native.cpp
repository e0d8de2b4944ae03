// Python's door to the kernels: functions of tensors that lie as a kernel wants them, and of addresses and sizes.
#include "python/laws.hpp"
#include "python/noise.hpp"

namespace {

using reparam::python::most_inputs;

int64_t integer(PyObject* value) { return PyLong_AsLongLong(value); }

void* pointer(PyObject* value) { return reinterpret_cast<void*>(static_cast<intptr_t>(integer(value))); }

// The entry whose index is the first argument, or NULL with an exception.
const reparam_entry* entry_at(PyObject* const* args, Py_ssize_t count) {
  int32_t entries = 0;
  const reparam_entry* table = reparam_entries(&entries);
  const int64_t i = count > 0 ? integer(args[0]) : -1;
  if (i >= 0 && i < entries) return table + i;
  if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "no such entry");
  return nullptr;
}

// run(entry, dtype, n, k, threads, *inputs, *periods, value[, *partials, grad, grad_period, reduced]); addresses of
// outputs that are not wanted are 0. False if some value does not exist.
PyObject* run(PyObject*, PyObject* const* args, Py_ssize_t count) {
  const reparam_entry* entry = entry_at(args, count);
  if (entry == nullptr) return nullptr;
  const Py_ssize_t inputs = entry->inputs, value_only = 5 + 2 * inputs + 1;
  if (count != value_only && count != value_only + inputs + 3) {
    PyErr_Format(PyExc_TypeError, "run: %s does not take %zd arguments", entry->name, count);
    return nullptr;
  }
  const void* in[most_inputs];
  int64_t period[most_inputs];
  void* partial[most_inputs];
  for (Py_ssize_t j = 0; j < inputs; ++j) {
    in[j] = pointer(args[5 + j]);
    period[j] = integer(args[5 + inputs + j]);
  }
  const int64_t dtype = integer(args[1]), threads = integer(args[4]);
  reparam_call call = {integer(args[2]), integer(args[3]), in, period, pointer(args[value_only - 1]), nullptr,
                       nullptr,          1,                0,  nullptr};
  if (count > value_only) {
    for (Py_ssize_t j = 0; j < inputs; ++j) partial[j] = pointer(args[value_only + j]);
    call.partial = partial;
    call.grad = pointer(args[count - 3]);
    call.grad_period = integer(args[count - 2]);
    call.reduced = static_cast<uint32_t>(integer(args[count - 1]));
  }
  if (PyErr_Occurred()) return nullptr;
  if (dtype != REPARAM_FLOAT32 && dtype != REPARAM_FLOAT64) {
    PyErr_SetString(PyExc_TypeError, "run: the dtype is neither float32 nor float64");
    return nullptr;
  }
  return PyBool_FromLong(reparam::python::run(entry, static_cast<int>(dtype), call, static_cast<int>(threads)));
}

bool takes(const reparam_entry* entry, Py_ssize_t given) {
  if (given == entry->inputs) return true;
  PyErr_Format(PyExc_TypeError, "%s does not take %zd tensors", entry->name, given);
  return false;
}

// evaluate(entry, formula, *tensors) -> value or None
PyObject* evaluate(PyObject*, PyObject* const* args, Py_ssize_t count) {
  const reparam_entry* entry = entry_at(args, count);
  if (entry == nullptr || !takes(entry, count - 2)) return nullptr;
  return reparam::python::evaluate(entry, args[0], args[1], args + 2);
}

// all_within(values, lower, upper, lower_open, upper_open, integer) -> bool or None
PyObject* all_within(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (count != 6) {
    PyErr_SetString(PyExc_TypeError, "all_within takes 6 arguments");
    return nullptr;
  }
  return reparam::python::all_within(
      args[0], {args[1], args[2], args[3] == Py_True, args[4] == Py_True, args[5] == Py_True});
}

// all_structured(structure, dtype, n, k, values, tolerance), for float32 and float64.
PyObject* all_structured(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (count != 6) {
    PyErr_SetString(PyExc_TypeError, "all_structured takes 6 arguments");
    return nullptr;
  }
  const int64_t structure = integer(args[0]), dtype = integer(args[1]), n = integer(args[2]), k = integer(args[3]);
  const void* values = pointer(args[4]);
  const double tolerance = PyFloat_AsDouble(args[5]);
  if (PyErr_Occurred()) return nullptr;
  return PyBool_FromLong(
      reparam_all_structured(static_cast<int>(structure), static_cast<int>(dtype), n, k, values, tolerance));
}

// categorical(dtype, logarithms, rows, k, n, weights, key, draws, threads)
PyObject* categorical(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (count != 9) {
    PyErr_SetString(PyExc_TypeError, "categorical takes 9 arguments");
    return nullptr;
  }
  const int64_t dtype = integer(args[0]), logarithms = integer(args[1]), rows = integer(args[2]);
  const int64_t k = integer(args[3]), n = integer(args[4]), key = integer(args[6]), threads = integer(args[8]);
  const void* weights = pointer(args[5]);
  auto* draws = static_cast<int64_t*>(pointer(args[7]));
  if (PyErr_Occurred()) return nullptr;
  int done = 0;
  Py_BEGIN_ALLOW_THREADS
  done = reparam_categorical(static_cast<int>(dtype), logarithms != 0, rows, k, n, weights,
                             static_cast<uint64_t>(key), draws, static_cast<int>(threads));
  Py_END_ALLOW_THREADS
  if (!done) return PyErr_NoMemory();
  Py_RETURN_NONE;
}

// entries() lists (name, inputs, differentiable, summable, rows, matrices, integers, longest, grain) in the order of their indices.
PyObject* entries(PyObject*, PyObject*) {
  int32_t count = 0;
  const reparam_entry* table = reparam_entries(&count);
  PyObject* list = PyList_New(count);
  if (list == nullptr) return nullptr;
  for (int32_t i = 0; i < count; ++i) {
    const reparam_entry& entry = table[i];
    PyObject* item =
        Py_BuildValue("(siIIIIIii)", entry.name, entry.inputs, entry.differentiable, entry.summable, entry.rows,
                      entry.matrices, entry.integers, entry.longest, entry.grain);
    if (item == nullptr || PyList_SetItem(list, i, item) < 0) {
      Py_DECREF(list);
      return nullptr;
    }
  }
  return list;
}

PyObject* simd_level(PyObject*, PyObject*) { return PyUnicode_FromString(reparam_simd_level()); }

template <class Function>
PyCFunction as_method(Function function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)(void)>(function));
}

PyMethodDef methods[] = {
    {"run", as_method(run), METH_FASTCALL, nullptr},
    {"evaluate", as_method(evaluate), METH_FASTCALL, nullptr},
    {"connect", as_method(reparam::python::connect), METH_FASTCALL, nullptr},
    {"forward", as_method(reparam::python::forward), METH_FASTCALL, nullptr},
    {"all_valid", as_method(reparam::python::all_valid), METH_FASTCALL, nullptr},
    {"log_prob", as_method(reparam::python::log_prob), METH_FASTCALL, nullptr},
    {"all_within", as_method(all_within), METH_FASTCALL, nullptr},
    {"all_structured", as_method(all_structured), METH_FASTCALL, nullptr},
    {"noise", as_method(reparam::python::noise), METH_FASTCALL, nullptr},
    {"categorical", as_method(categorical), METH_FASTCALL, nullptr},
    {"entries", entries, METH_NOARGS, nullptr},
    {"simd_level", simd_level, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", "The native kernels, by address.", 0, methods,
                      nullptr,               nullptr,   nullptr,                          nullptr};

}  // namespace

PyMODINIT_FUNC PyInit__native(void) {
  if (!reparam::python::words.find()) return nullptr;
  PyObject* created = PyModule_Create(&module);
  if (created != nullptr) PyModule_AddIntConstant(created, "ABI_VERSION", REPARAM_ABI_VERSION);
  return created;
}
