// The node of torch's graph that a native value hangs from: what it saves, and its way back without Python code.
#pragma once

#include "calls.hpp"

namespace reparam::python {

// What the Python side of the node gives, once: see `connect`.
struct connection {
  PyObject *apply = nullptr, *backward = nullptr, *is_ordinary_mode = nullptr, *is_grad_enabled = nullptr;
  PyObject *saved_tensors = nullptr, *needs_input_grad = nullptr, *save_for_backward = nullptr, *entry = nullptr;
  PyObject* formula = nullptr;
};

inline connection node;

inline bool answers_true(PyObject* function) {
  const owned value(PyObject_CallFunctionObjArgs(function, nullptr));
  return value.get() == Py_True;
}

// The value of an entry, hanging from a node where some input wants a gradient; or None where Python has to see to it:
// also where a gradient is wanted that the entry does not offer, or where some value does not exist.
inline PyObject* evaluate(const reparam_entry* entry, PyObject* index, PyObject* formula, PyObject* const* objects) {
  arrangement a(entry);
  if (!a.read(objects)) return none_unless_failed();
  bool tracked = false;
  for (int j = 0; j < entry->inputs; ++j) {
    if (!a.input[j].requires_grad()) continue;
    if (!tracked && !answers_true(node.is_grad_enabled)) break;
    const bool sums = a.rank(j) > 0 && a.period[j] < a.n;
    if (!(entry->differentiable >> j & 1) || (sums && !(entry->summable >> j & 1))) Py_RETURN_NONE;
    tracked = true;
  }
  owned value(a.empty_value());
  if (value.get() == nullptr) return nullptr;
  reparam_call call = a.evaluation();
  call.value = address(value.get());
  if (!run(entry, a.dtype(), call, a.threads())) Py_RETURN_NONE;
  if (PyErr_Occurred()) return nullptr;
  if (!tracked) return value.release();
  const owned given(PyTuple_New(3 + entry->inputs));
  if (given.get() == nullptr) return nullptr;
  PyObject* const first[] = {index, formula, value.get()};
  for (Py_ssize_t i = 0; i < 3 + entry->inputs; ++i) {
    PyObject* const item = i < 3 ? first[i] : objects[i - 3];
    Py_INCREF(item);
    PyTuple_SetItem(given.get(), i, item);
  }
  return PyObject_CallObject(node.apply, given.get());
}

// forward(ctx, entry, formula, value, *tensors): saves all but the value, and returns that.
inline PyObject* forward(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (count < 5) {
    PyErr_SetString(PyExc_TypeError, "forward takes a context, an entry, its formula, a value and tensors");
    return nullptr;
  }
  PyObject* const ctx = args[0];
  if (PyObject_SetAttr(ctx, node.entry, args[1]) < 0) return nullptr;
  if (PyObject_SetAttr(ctx, node.formula, args[2]) < 0) return nullptr;
  const owned save(PyObject_GetAttr(ctx, node.save_for_backward)), tensors(PyTuple_New(count - 4));
  if (save.get() == nullptr || tensors.get() == nullptr) return nullptr;
  for (Py_ssize_t i = 4; i < count; ++i) {
    Py_INCREF(args[i]);
    PyTuple_SetItem(tensors.get(), i - 4, args[i]);
  }
  const owned done(PyObject_CallObject(save.get(), tensors.get()));
  if (done.get() == nullptr) return nullptr;
  Py_INCREF(args[3]);
  return args[3];
}

// The gradients of a node: native ones, or those of its Python method where these are not to be had.
inline PyObject* apply_backward(PyObject* ctx, PyObject* const* args, Py_ssize_t count) {
  if (count == 1 && !answers_true(node.is_grad_enabled) && answers_true(node.is_ordinary_mode)) {
    // The tensors are read anew: their memory may have been exchanged, by ``.data`` or by a hook.
    const owned tensors(PyObject_GetAttr(ctx, node.saved_tensors)), index(PyObject_GetAttr(ctx, node.entry));
    const owned wanted(PyObject_GetAttr(ctx, node.needs_input_grad));
    if (tensors.get() == nullptr || wanted.get() == nullptr || index.get() == nullptr) return nullptr;
    std::int32_t entries = 0;
    const reparam_entry* entry = reparam_entries(&entries) + PyLong_AsLong(index.get());
    PyObject* inputs[most_inputs];
    for (int j = 0; j < entry->inputs; ++j) inputs[j] = PyTuple_GetItem(tensors.get(), j);
    owned found(pull_back(entry, args[0], wanted.get(), inputs));
    if (found.get() == nullptr || found.get() != Py_None) return found.release();
  }
  return PyObject_CallFunctionObjArgs(node.backward, ctx, count == 1 ? args[0] : Py_None, nullptr);
}

// connect(function, is_ordinary_mode, is_grad_enabled): the subclass of torch.autograd.Function whose nodes these are.
inline PyObject* connect(PyObject*, PyObject* const* args, Py_ssize_t count) {
  static PyMethodDef quick = {"apply", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)(void)>(apply_backward)),
                              METH_FASTCALL, nullptr};
  if (count != 3) {
    PyErr_SetString(PyExc_TypeError, "connect takes 3 arguments");
    return nullptr;
  }
  const auto name = [](const char* text) { return PyUnicode_InternFromString(text); };
  node = {PyObject_GetAttrString(args[0], "record"), PyObject_GetAttrString(args[0], "backward"),
          args[1], args[2], name("saved_tensors"), name("needs_input_grad"), name("save_for_backward"),
          name("entry"), name("formula")};
  Py_INCREF(args[1]);
  Py_INCREF(args[2]);
  const owned nodes(PyObject_GetAttrString(args[0], "_backward_cls"));
  if (PyErr_Occurred()) return nullptr;
  const owned method(PyDescr_NewMethod(reinterpret_cast<PyTypeObject*>(nodes.get()), &quick));
  if (method.get() == nullptr || PyObject_SetAttrString(nodes.get(), "apply", method.get()) < 0) return nullptr;
  Py_RETURN_NONE;
}

}  // namespace reparam::python
