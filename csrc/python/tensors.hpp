// What a kernel must know of a torch tensor, asked of Python: no headers of torch are needed.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <cstdint>

#include "../reparam.h"

namespace reparam::python {

constexpr int most_dims = 16;

// A reference of our own.
class owned {
 public:
  explicit owned(PyObject* object) : object_(object) {}
  owned(const owned&) = delete;
  owned& operator=(const owned&) = delete;
  ~owned() { Py_XDECREF(object_); }
  PyObject* get() const { return object_; }
  PyObject* release() {
    PyObject* const object = object_;
    object_ = nullptr;
    return object;
  }

 private:
  PyObject* object_;
};

// The objects of torch, and the names of the attributes of its tensors, that are asked for in every call.
struct vocabulary {
  PyObject *tensor, *parameter, *strided, *empty_like, *get_num_threads, *dtypes[4];
  PyObject *is_cpu, *layout, *dtype, *shape, *stride, *requires_grad, *is_contiguous, *is_neg, *data_ptr, *new_empty;

  // False, with an exception, where something is missing.
  bool find() {
    const owned torch(PyImport_ImportModule("torch")), nn(PyImport_ImportModule("torch.nn"));
    if (torch.get() == nullptr || nn.get() == nullptr) return false;
    const auto of_torch = [&](const char* name) { return PyObject_GetAttrString(torch.get(), name); };
    const auto name = [](const char* text) { return PyUnicode_InternFromString(text); };
    *this = {of_torch("Tensor"),     PyObject_GetAttrString(nn.get(), "Parameter"),
             of_torch("strided"),    of_torch("empty_like"),
             of_torch("get_num_threads"),
             {of_torch("float32"), of_torch("float64"), of_torch("int64"), of_torch("bool")},
             name("is_cpu"),         name("layout"),
             name("dtype"),          name("shape"),
             name("stride"),         name("requires_grad"),
             name("is_contiguous"),  name("is_neg"),
             name("data_ptr"),       name("new_empty")};
    return !PyErr_Occurred();
  }
};

inline vocabulary words;

inline PyObject* call(PyObject* object, PyObject* method) {
  return PyObject_CallMethodObjArgs(object, method, nullptr);
}

inline bool is_true(PyObject* object, PyObject* attribute) {
  const owned value(PyObject_GetAttr(object, attribute));
  return value.get() == Py_True;
}

inline bool answers_true(PyObject* object, PyObject* method) {
  const owned value(call(object, method));
  return value.get() == Py_True;
}

// The address of a tensor's memory; null, perhaps with an exception, where there is none.
inline void* address(PyObject* object) {
  const owned value(call(object, words.data_ptr));
  return value.get() == nullptr ? nullptr : PyLong_AsVoidPtr(value.get());
}

// Up to most_dims sizes or strides; -1 for more, or with an exception.
inline int integers(PyObject* tuple, std::int64_t* to) {
  const Py_ssize_t count = tuple == nullptr ? -1 : PyTuple_Size(tuple);
  if (count < 0 || count > most_dims) return -1;
  for (Py_ssize_t i = 0; i < count; ++i) to[i] = PyLong_AsLongLong(PyTuple_GetItem(tuple, i));
  return static_cast<int>(count);
}

// A plain strided CPU tensor whose entries lie one after another, or are all one number.
struct tensor {
  PyObject* object = nullptr;
  void* data = nullptr;
  int dtype = 0, dims = 0;
  std::int64_t size[most_dims];
  std::int64_t count = 0;
  bool contiguous = false;  // else it is one number, expanded

  // False for other tensors, or with an exception.
  bool read(PyObject* given) {
    object = given;
    PyObject* const type = reinterpret_cast<PyObject*>(Py_TYPE(given));
    if ((type != words.tensor && type != words.parameter) || !is_true(given, words.is_cpu)) return false;
    const owned layout(PyObject_GetAttr(given, words.layout)), kind(PyObject_GetAttr(given, words.dtype));
    if (layout.get() != words.strided) return false;
    for (dtype = 0; dtype < 4 && words.dtypes[dtype] != kind.get();) ++dtype;
    if (dtype == 4) return false;
    const owned shape(PyObject_GetAttr(given, words.shape));
    dims = integers(shape.get(), size);
    if (dims < 0) return false;
    count = 1;
    for (int i = 0; i < dims; ++i) count *= size[i];
    contiguous = answers_true(given, words.is_contiguous);
    if (!contiguous && !is_one_number()) return false;
    // One number may pass for contiguous and yet be a lazily negated view.
    if ((count < 2 || !contiguous) && answers_true(given, words.is_neg)) return false;
    data = address(given);
    return !PyErr_Occurred();
  }

  bool requires_grad() const { return is_true(object, words.requires_grad); }

 private:
  bool is_one_number() const {
    const owned strides(call(object, words.stride));
    std::int64_t stride[most_dims];
    if (integers(strides.get(), stride) < 0) return false;
    for (int i = 0; i < dims; ++i) {
      if (stride[i] != 0) return false;
    }
    return true;
  }
};

// An empty tensor of the shape of another that is contiguous.
inline PyObject* empty_like(const tensor& model) {
  return PyObject_CallFunctionObjArgs(words.empty_like, model.object, nullptr);
}

// An empty tensor with the dtype of a model, of a shape that ends in `rank` times k.
inline PyObject* empty(const tensor& model, const std::int64_t* size, int dims, int rank, std::int64_t k) {
  const owned shape(PyTuple_New(dims + rank));
  if (shape.get() == nullptr) return nullptr;
  for (int i = 0; i < dims + rank; ++i) PyTuple_SetItem(shape.get(), i, PyLong_FromLongLong(i < dims ? size[i] : k));
  return PyObject_CallMethodObjArgs(model.object, words.new_empty, shape.get(), nullptr);
}

// Does the shape of one end that of another, both without so many of their last dimensions?
inline bool ends(const tensor& inner, int inner_rank, const tensor& outer, int outer_rank) {
  const int dims = inner.dims - inner_rank, offset = outer.dims - outer_rank - dims;
  if (offset < 0) return false;
  for (int i = 0; i < dims; ++i) {
    if (inner.size[i] != outer.size[offset + i]) return false;
  }
  return true;
}

// Only an exception that says that a tensor has no memory is passed over: the formula will deal with it.
inline PyObject* none_unless_failed() {
  if (PyErr_Occurred()) {
    if (!PyErr_ExceptionMatches(PyExc_RuntimeError)) return nullptr;
    PyErr_Clear();
  }
  Py_RETURN_NONE;
}

}  // namespace reparam::python
