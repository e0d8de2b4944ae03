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

// DLPack's C interface, by which torch shows its tensors to other libraries: its memory layout in version 1.
struct shown_tensor {
  void* data;
  struct { std::int32_t type, index; } device;
  std::int32_t dims;
  struct { std::uint8_t code, bits; std::uint16_t lanes; } dtype;
  std::int64_t *size, *stride;
  std::uint64_t offset;
};

struct exchange_table {
  std::uint32_t major, minor;
  exchange_table* previous;
  void *allocate, *export_tensor, *import_tensor;
  int (*show)(void* object, shown_tensor* to);
  void* stream;
};

// The objects of torch, and the names of the attributes of its tensors, that are asked for in every call.
struct vocabulary {
  PyObject *tensor, *parameter, *empty_like, *get_num_threads, *requires_grad, *is_neg, *new_empty;
  const exchange_table* exchange;

  // False, with an exception, where something is missing.
  bool find() {
    const owned torch(PyImport_ImportModule("torch")), nn(PyImport_ImportModule("torch.nn"));
    if (torch.get() == nullptr || nn.get() == nullptr) return false;
    const auto of_torch = [&](const char* name) { return PyObject_GetAttrString(torch.get(), name); };
    const auto name = [](const char* text) { return PyUnicode_InternFromString(text); };
    *this = {of_torch("Tensor"),      PyObject_GetAttrString(nn.get(), "Parameter"),
             of_torch("empty_like"),  of_torch("get_num_threads"),
             name("requires_grad"),   name("is_neg"),
             name("new_empty"),       nullptr};
    if (PyErr_Occurred()) return false;
    const owned capsule(PyObject_GetAttrString(tensor, "__dlpack_c_exchange_api__"));
    if (capsule.get() == nullptr) return false;
    exchange = static_cast<const exchange_table*>(PyCapsule_GetPointer(capsule.get(), "dlpack_exchange_api"));
    while (exchange != nullptr && exchange->major != 1) exchange = exchange->previous;
    if (exchange == nullptr && !PyErr_Occurred()) {
      PyErr_SetString(PyExc_ImportError, "this torch does not show its tensors by version 1 of DLPack");
    }
    return !PyErr_Occurred();
  }
};

inline vocabulary words;

inline bool is_true(PyObject* object, PyObject* attribute) {
  const owned value(PyObject_GetAttr(object, attribute));
  return value.get() == Py_True;
}

// The address of a tensor's memory; null, with an exception, where there is none.
inline void* address(PyObject* object) {
  shown_tensor seen;
  return words.exchange->show(object, &seen) == 0 ? static_cast<char*>(seen.data) + seen.offset : nullptr;
}

// The dtype by its code and size, or -1 where it is none of ours.
inline int dtype_of(const shown_tensor& seen) {
  constexpr int integer = 0, floating = 2, boolean = 6;
  const int code = seen.dtype.code, bits = seen.dtype.bits;
  if (code == floating && bits == 32) return REPARAM_FLOAT32;
  if (code == floating && bits == 64) return REPARAM_FLOAT64;
  if (code == integer && bits == 64) return REPARAM_INT64;
  return code == boolean && bits == 8 ? REPARAM_BOOL : -1;
}

// A plain strided CPU tensor whose entries lie one after another, or are all one number.
struct tensor {
  PyObject* object = nullptr;
  void* data = nullptr;
  int dtype = 0, dims = 0;
  std::int64_t size[most_dims], stride[most_dims];
  std::int64_t count = 0;
  bool contiguous = false, one_number = false;  // the latter: expanded

  // False for other tensors, or with an exception. Entries that lie anyhow are taken where that is said to be welcome.
  bool read(PyObject* given, bool anyhow = false) {
    object = given;
    PyObject* const type = reinterpret_cast<PyObject*>(Py_TYPE(given));
    constexpr int cpu = 1;
    shown_tensor seen;
    if ((type != words.tensor && type != words.parameter) || words.exchange->show(given, &seen) != 0) return false;
    dtype = dtype_of(seen);
    dims = seen.dims;
    if (seen.device.type != cpu || dtype < 0 || dims > most_dims) return false;
    data = static_cast<char*>(seen.data) + seen.offset;
    contiguous = true;
    one_number = true;
    count = 1;
    for (int i = dims - 1; i >= 0; --i) {
      size[i] = seen.size[i];
      stride[i] = seen.stride[i];
      contiguous &= size[i] == 1 || stride[i] == count;
      one_number &= stride[i] == 0;
      count *= size[i];
    }
    contiguous |= count == 0;
    if (!contiguous && !one_number && !anyhow) return false;
    // One number may pass for contiguous and yet be a lazily negated view.
    return (count > 1 && contiguous) || !is_negated();
  }

  bool requires_grad() const { return is_true(object, words.requires_grad); }

  std::int64_t bytes() const { return dtype == REPARAM_BOOL ? 1 : dtype == REPARAM_FLOAT32 ? 4 : 8; }  // of one entry

  // Copies the entries one after another.
  template <class T>
  void copy(void* to) const {
    T* out = static_cast<T*>(to);
    std::int64_t index[most_dims] = {};
    const T* from = static_cast<const T*>(data);
    for (std::int64_t n = 0; n < count; ++n) {
      *out++ = *from;
      for (int i = dims - 1; i >= 0; --i) {
        from += stride[i];
        if (++index[i] < size[i]) break;
        from -= stride[i] * size[i];
        index[i] = 0;
      }
    }
  }

 private:
  bool is_negated() const {
    const owned value(PyObject_CallMethodObjArgs(object, words.is_neg, nullptr));
    return value.get() != Py_False;
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

// Only an exception that says that a tensor cannot be shown is passed over: the formula will deal with it.
inline PyObject* none_unless_failed() {
  if (PyErr_Occurred()) {
    if (!PyErr_ExceptionMatches(PyExc_RuntimeError) && !PyErr_ExceptionMatches(PyExc_BufferError)) return nullptr;
    PyErr_Clear();
  }
  Py_RETURN_NONE;
}

}  // namespace reparam::python
