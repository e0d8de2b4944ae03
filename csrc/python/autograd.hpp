// The node of torch's graph that a native value hangs from: what it saves, and its way back without Python code.
#pragma once

#include "calls.hpp"

namespace reparam::python {

// What the Python side of the node gives, once: see `connect`.
struct connection {
  PyObject *apply = nullptr, *backward = nullptr, *is_ordinary_mode = nullptr, *is_grad_enabled = nullptr;
  PyObject *saved_tensors = nullptr, *needs_input_grad = nullptr, *to_save = nullptr, *called = nullptr;
  PyObject *recipe = nullptr, *validate_args = nullptr;
};

inline connection node;

inline bool answers_true(PyObject* function) {
  const owned value(PyObject_CallFunctionObjArgs(function, nullptr));
  return value.get() == Py_True;
}

// Does some input want a gradient? -1 where it wants one that the entry does not offer.
inline int wants_gradient(const arrangement& a) {
  bool tracked = false;
  for (int j = 0; j < a.entry->inputs; ++j) {
    if (!a.input[j].requires_grad()) continue;
    if (!tracked && !answers_true(node.is_grad_enabled)) return 0;
    const bool sums = a.rank(j) > 0 && a.period[j] < a.n;
    if (!(a.entry->differentiable >> j & 1) || (sums && !(a.entry->summable >> j & 1))) return -1;
    tracked = true;
  }
  return tracked ? 1 : 0;
}

// The value of an entry for inputs that were read, hanging from a node if it is tracked; or None where some value does
// not exist. `formula()` makes what the node keeps for derivatives of derivatives: a new reference.
template <class Formula>
PyObject* evaluate(const arrangement& a, bool tracked, PyObject* index, const Formula& formula,
                   PyObject* const* objects) {
  owned value(a.empty_value());
  if (value.get() == nullptr) return nullptr;
  reparam_call call = a.evaluation();
  call.value = address(value.get());
  if (!run(a.entry, a.dtype(), call, a.threads())) Py_RETURN_NONE;
  if (PyErr_Occurred()) return nullptr;
  if (!tracked) return value.release();
  const int inputs = a.entry->inputs;
  const owned kept(formula());
  if (kept.get() == nullptr) return nullptr;
  // Within a tuple the value is no input of the node, of which torch would make a view.
  const owned given(PyTuple_New(1 + inputs));
  PyObject* const first = PyTuple_Pack(3, index, kept.get(), value.get());
  if (given.get() == nullptr || first == nullptr) return nullptr;
  PyTuple_SetItem(given.get(), 0, first);
  for (int j = 0; j < inputs; ++j) {
    Py_INCREF(objects[j]);
    PyTuple_SetItem(given.get(), 1 + j, objects[j]);
  }
  return PyObject_CallObject(node.apply, given.get());
}

// The value of an entry; None where Python has to see to it.
inline PyObject* evaluate(const reparam_entry* entry, PyObject* index, PyObject* formula, PyObject* const* objects) {
  arrangement a(entry);
  if (!a.read(objects)) return none_unless_failed();
  const int tracked = wants_gradient(a);
  if (tracked < 0) Py_RETURN_NONE;
  const auto same = [formula] {
    Py_INCREF(formula);
    return formula;
  };
  return evaluate(a, tracked == 1, index, same, objects);
}

// forward(ctx, (entry, formula, value), *tensors): saves all but the value, and returns that.
inline PyObject* forward(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (count < 3 || !PyTuple_Check(args[1]) || PyTuple_Size(args[1]) != 3) {
    PyErr_SetString(PyExc_TypeError, "forward takes a context, (an entry, its formula, a value) and tensors");
    return nullptr;
  }
  PyObject* const ctx = args[0];
  const owned called(PyTuple_GetSlice(args[1], 0, 2)), tensors(PyTuple_New(count - 2));
  if (called.get() == nullptr || tensors.get() == nullptr) return nullptr;
  for (Py_ssize_t i = 2; i < count; ++i) {
    Py_INCREF(args[i]);
    PyTuple_SetItem(tensors.get(), i - 2, args[i]);
  }
  if (PyObject_SetAttr(ctx, node.called, called.get()) < 0) return nullptr;
  if (PyObject_SetAttr(ctx, node.to_save, tensors.get()) < 0) return nullptr;  // as its save_for_backward does
  PyObject* const value = PyTuple_GetItem(args[1], 2);
  Py_INCREF(value);
  return value;
}

// The gradients of a node: native ones, or those of its Python method where these are not to be had.
inline PyObject* apply_backward(PyObject* ctx, PyObject* const* args, Py_ssize_t count) {
  const bool plain = count == 1 && !answers_true(node.is_grad_enabled) && answers_true(node.is_ordinary_mode);
  // The tensors are read anew, as their memory may have been exchanged, by ``.data`` or by a hook; and once, as
  // checkpoints demand. Torch refuses them where they were changed in place.
  const owned tensors(plain ? PyObject_GetAttr(ctx, node.saved_tensors) : nullptr);
  if (plain) {
    if (tensors.get() == nullptr) return nullptr;
    const owned called(PyObject_GetAttr(ctx, node.called)), wanted(PyObject_GetAttr(ctx, node.needs_input_grad));
    if (wanted.get() == nullptr || called.get() == nullptr) return nullptr;
    std::int32_t entries = 0;
    const reparam_entry* entry = reparam_entries(&entries) + PyLong_AsLong(PyTuple_GetItem(called.get(), 0));
    PyObject* inputs[most_inputs];
    for (int j = 0; j < entry->inputs; ++j) inputs[j] = PyTuple_GetItem(tensors.get(), j);
    owned found(pull_back(entry, args[0], wanted.get(), inputs));
    if (found.get() == nullptr || found.get() != Py_None) return found.release();
  }
  PyObject* const read = tensors.get() == nullptr ? Py_None : tensors.get();
  return PyObject_CallFunctionObjArgs(node.backward, ctx, count == 1 ? args[0] : Py_None, read, nullptr);
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
          args[1], args[2], name("saved_tensors"), name("needs_input_grad"), name("to_save"),
          name("called"), name("_recipe"), name("_validate_args")};
  Py_INCREF(args[1]);
  Py_INCREF(args[2]);
  const owned nodes(PyObject_GetAttrString(args[0], "_backward_cls"));
  if (PyErr_Occurred()) return nullptr;
  const owned method(PyDescr_NewMethod(reinterpret_cast<PyTypeObject*>(nodes.get()), &quick));
  if (method.get() == nullptr || PyObject_SetAttrString(nodes.get(), "apply", method.get()) < 0) return nullptr;
  Py_RETURN_NONE;
}

}  // namespace reparam::python
