// What a law asks of the library by its own attributes: are its parameters valid, and what is its log-density?
#pragma once

#include "autograd.hpp"
#include "bounds.hpp"

namespace reparam::python {

// The attributes that an object was given itself.
class attributes {
 public:
  explicit attributes(PyObject* object) : own_(PyObject_GenericGetDict(object, nullptr)) {}
  bool failed() const { return own_.get() == nullptr; }
  // A borrowed reference, or null where there is none.
  PyObject* find(PyObject* name) const { return PyDict_GetItemWithError(own_.get(), name); }

 private:
  owned own_;
};

// A bound that is a number, or the attribute that it names; null where there is none.
inline PyObject* end_of(const attributes& own, PyObject* end) { return PyUnicode_Check(end) ? own.find(end) : end; }

// Does every entry lie in the range of a tuple (..., lower, upper, lower_open, upper_open, integer)? Only a yes is final.
inline bool surely_within(const attributes& own, PyObject* values, PyObject* ends) {
  const Py_ssize_t first = PyTuple_Size(ends) - 5;
  if (first < 0) return false;
  const auto item = [&](Py_ssize_t i) { return PyTuple_GetItem(ends, first + i); };
  PyObject *const lower = end_of(own, item(0)), *const upper = end_of(own, item(1));
  if (lower == nullptr || upper == nullptr) return false;
  const owned answer(
      all_within(values, {lower, upper, item(2) == Py_True, item(3) == Py_True, item(4) == Py_True}));
  return answer.get() == Py_True;
}

// all_valid(ranges, law): does each parameter (name, lower, upper, lower_open, upper_open, integer) that the law was
// given lie in its range? Only a yes is final.
inline PyObject* all_valid(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (count != 2 || !PyTuple_Check(args[0])) {
    PyErr_SetString(PyExc_TypeError, "all_valid takes a tuple of ranges and a law");
    return nullptr;
  }
  const attributes own(args[1]);
  if (own.failed()) return nullptr;
  bool good = true;
  for (Py_ssize_t i = 0; good && i < PyTuple_Size(args[0]); ++i) {
    PyObject* const range = PyTuple_GetItem(args[0], i);
    PyObject* const values = own.find(PyTuple_GetItem(range, 0));
    good = values == nullptr || surely_within(own, values, range);
  }
  if (PyErr_Occurred()) return none_unless_failed();
  return PyBool_FromLong(good);
}

constexpr std::int64_t many = 4096;  // elements, for which one pass over memory is worth more than a node's overhead

// An entry that computes a law's log-density, as Python describes it: (index, formula, formula_of, tracked, *names).
struct density {
  PyObject *index, *formula, *formula_of;
  bool tracked;
  const reparam_entry* entry;
  PyObject* objects[most_inputs];  // the value and the parameters

  // False where the law was not given these parameters.
  bool read(PyObject* described, const attributes& own, PyObject* value) {
    const auto item = [described](Py_ssize_t i) { return PyTuple_GetItem(described, i); };
    index = item(0);
    formula = item(1);
    formula_of = item(2);
    tracked = item(3) == Py_True;
    std::int32_t entries = 0;
    entry = reparam_entries(&entries) + PyLong_AsLong(index);
    objects[0] = value;
    for (int j = 1; j < entry->inputs; ++j) {
      objects[j] = own.find(item(3 + j));
      if (objects[j] == nullptr) return false;
    }
    return true;
  }
};

// log_prob(densities, ends, law, value): by the first of the densities whose parameters the law was given; None where
// Python has to see to it. Where `ends` is a tuple, this is the whole of the public method of that name: the value is
// checked if the law validates. Where it is None, the value was seen to before.
inline PyObject* log_prob(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (count != 4 || !PyTuple_Check(args[0])) {
    PyErr_SetString(PyExc_TypeError, "log_prob takes a tuple of densities, the ends of the support, a law and a value");
    return nullptr;
  }
  PyObject *const densities = args[0], *const ends = args[1], *const law = args[2], *const value = args[3];
  const bool is_door = ends != Py_None;
  const attributes own(law);
  if (own.failed()) return nullptr;
  if (is_door && own.find(node.recipe) != nullptr) Py_RETURN_NONE;  // a live law, which has to be read
  density chosen;
  bool found = false;
  for (Py_ssize_t i = 0; !found && i < PyTuple_Size(densities); ++i) {
    found = chosen.read(PyTuple_GetItem(densities, i), own, value);
  }
  if (!found) return none_unless_failed();
  arrangement a(chosen.entry);
  if (!a.read(chosen.objects)) return none_unless_failed();
  const int tracked = wants_gradient(a);
  if (tracked < 0) Py_RETURN_NONE;
  const bool by_formula = tracked == 1 && !chosen.tracked && a.n < many;
  if (by_formula && !is_door) Py_RETURN_NONE;
  if (is_door) {
    const owned validate(PyObject_GetAttr(law, node.validate_args));
    if (validate.get() == nullptr) return nullptr;
    // The formula, unlike the entry, does not know the support.
    if ((by_formula || validate.get() == Py_True) && !surely_within(own, value, ends)) return none_unless_failed();
  }
  if (by_formula) return PyObject_CallFunctionObjArgs(chosen.formula, law, value, nullptr);
  const auto formula = [&] { return PyTuple_Pack(2, chosen.formula_of, law); };
  return evaluate(a, tracked == 1, chosen.index, formula, chosen.objects);
}

}  // namespace reparam::python
