// Range checks of whole tensors, against numbers or other tensors.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensors.hpp"

namespace reparam::python {

// A range, open or closed at either end.
struct range {
  PyObject *lower, *upper;  // each a number or a tensor
  bool lower_open, upper_open, integer;
};

// The next number of the dtype after an end that is itself excluded.
inline double inside(double bound, double towards, int dtype) {
  if (dtype == REPARAM_FLOAT32) return std::nextafter(static_cast<float>(bound), static_cast<float>(towards));
  if (dtype == REPARAM_FLOAT64) return std::nextafter(bound, towards);
  if (std::isinf(bound)) return bound;  // no whole number is infinite
  return towards > bound ? std::floor(bound) + 1 : std::ceil(bound) - 1;
}

inline PyObject* within_numbers(const tensor& values, const range& given) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  double lower = PyFloat_AsDouble(given.lower), upper = PyFloat_AsDouble(given.upper);
  if (PyErr_Occurred()) return nullptr;
  if (given.lower_open) lower = inside(lower, infinity, values.dtype);
  if (given.upper_open) upper = inside(upper, -infinity, values.dtype);
  const std::int64_t n = values.contiguous ? values.count : std::min<std::int64_t>(values.count, 1);
  return PyBool_FromLong(reparam_all_within(values.dtype, n, values.data, lower, upper, given.integer));
}

// One end of a range of tensors: an array that repeats.
template <class T>
struct bound {
  const T* data;
  std::int64_t period;
  T number;

  const T* at(std::int64_t i) const { return period == 1 ? data : data + i % period; }
  std::int64_t step() const { return period == 1 ? 0 : 1; }
};

template <class T>
bool all_between(std::int64_t n, const bound<T> (&of)[3], const range& given) {
  std::int64_t part = n;
  for (const bound<T>& each : of) part = each.period == 1 ? part : std::min(part, each.period);
  for (std::int64_t begin = 0; begin < n; begin += part) {
    const T *value = of[0].at(begin), *lower = of[1].at(begin), *upper = of[2].at(begin);
    unsigned good = 1;
    for (std::int64_t i = 0; i < part; ++i) {
      const T x = value[i * of[0].step()], low = lower[i * of[1].step()], high = upper[i * of[2].step()];
      good &= unsigned((x > low) | (!given.lower_open & (x == low)));
      good &= unsigned((x < high) | (!given.upper_open & (x == high)));
    }
    for (std::int64_t i = 0; given.integer && i < part; ++i) {
      const T x = value[i * of[0].step()];
      good &= unsigned((std::trunc(x) == x) & (x - x == 0));
    }
    if (!good) return false;
  }
  return true;
}

template <class T>
PyObject* within_tensors(const tensor (&read)[3], const bool (&is_tensor)[3], const range& given) {
  const auto number = [](PyObject* end) { return PyFloat_AsDouble(end); };
  const double numbers[3] = {0, is_tensor[1] ? 0 : number(given.lower), is_tensor[2] ? 0 : number(given.upper)};
  if (PyErr_Occurred()) return nullptr;
  const tensor* leader = &read[0];
  for (int j = 1; j < 3; ++j) {
    const bool longer = read[j].dims > leader->dims;
    const bool larger = read[j].dims == leader->dims && read[j].count > leader->count;
    if (is_tensor[j] && (longer || larger)) leader = &read[j];
  }
  bound<T> of[3];
  for (int j = 0; j < 3; ++j) {
    of[j].number = static_cast<T>(numbers[j]);
    if (!is_tensor[j]) {
      of[j].data = &of[j].number;
      of[j].period = 1;
    } else if (read[j].dtype == read[0].dtype && ends(read[j], 0, *leader, 0)) {
      of[j].data = static_cast<const T*>(read[j].data);
      of[j].period = read[j].contiguous ? read[j].count : 1;
    } else {
      Py_RETURN_NONE;
    }
  }
  return PyBool_FromLong(all_between(leader->count, of, given));
}

// True or False, or None where torch has to find out.
inline PyObject* all_within(PyObject* values, const range& given) {
  const auto is_number = [](PyObject* end) { return PyFloat_Check(end) || PyLong_Check(end); };
  const bool is_tensor[3] = {true, !is_number(given.lower), !is_number(given.upper)};
  PyObject* const objects[3] = {values, given.lower, given.upper};
  tensor read[3];
  for (int j = 0; j < 3; ++j) {
    if (is_tensor[j] && !read[j].read(objects[j])) return none_unless_failed();
  }
  if (!is_tensor[1] && !is_tensor[2]) return within_numbers(read[0], given);
  if (read[0].dtype == REPARAM_FLOAT32) return within_tensors<float>(read, is_tensor, given);
  if (read[0].dtype == REPARAM_FLOAT64) return within_tensors<double>(read, is_tensor, given);
  Py_RETURN_NONE;
}

}  // namespace reparam::python
