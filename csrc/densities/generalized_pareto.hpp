// The generalised Pareto law, smooth through the exponential law at concentration 0.
#pragma once

#include "../engine/elementwise.hpp"
#include "closed_form.hpp"
#include "studentt.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// With z = (x - loc) / scale, w = k z and N = log(1 + w) / k: log p = -(1 + k) N - log(scale)
template <class Accuracy>
struct generalized_pareto_log_prob {
  template <class>
  struct function {
    static constexpr unsigned differentiable = 0b1111;
    static REPARAM_INLINE double evaluate(double (&d)[4], double x, double loc, double scale, double k) {
      const double z = (x - loc) / scale, w = k * z, rest = 1 + w;
      const bool flat = !(absolute(w) > 1e-20), small = absolute(w) < 1e-8, at_end = w <= -1;
      const double inside = at_end ? 0.0 : w, log_rest = log1p(inside);
      const double noise = flat ? z : log_rest / k;
      // dN/dk = -z^2 (log(1 + w) - w / (1 + w)) / w^2
      const double curve = small ? z * z * (0.5 - w * (2.0 / 3)) : (log1p_excess(inside, log_rest) / w) * (z / k);
      const double precision = 1 / scale;
      d[0] = at_end ? 0.0 : -(1 + k) * precision / rest;
      d[1] = -d[0];
      d[2] = (at_end ? -1.0 : (z - 1) / rest) * precision;
      d[3] = at_end ? 0.0 : (1 + k) * curve - noise;
      const double log_scale = log(scale);
      // at the upper end, the value is the limit
      const double limit = k < -1 ? infinity<double> : k > -1 ? -infinity<double> : -log_scale;
      const double value = at_end ? limit : -(1 + k) * noise - log_scale;
      // the end and x are rounded to the accuracy of the tensors
      const double reach = scale / k, rounding = 2 * double(std::numeric_limits<Accuracy>::epsilon());
      const bool beyond = (k < 0) & ((x - loc) + reach > rounding * (absolute(loc) + absolute(reach)));
      return zero_where((x < loc) | (x == infinity<double>) | beyond, value, d);
    }
  };
};

// N itself, infinite from the upper end of the support on.
template <class Accuracy>
struct generalized_pareto_noise {
  template <class>
  struct function {
    static constexpr unsigned differentiable = 0b1111;
    static REPARAM_INLINE double evaluate(double (&d)[4], double x, double loc, double scale, double k) {
      const double upper = double(Accuracy(loc) - Accuracy(scale) / Accuracy(k));
      const double z = (x - loc) / scale, w = k * z, precision = 1 / scale;
      const bool flat = !(absolute(w) > 1e-20), small = absolute(w) < 1e-8;
      const bool at_end = (w <= -1) | ((k < 0) & (x >= upper)) | (x == infinity<double>);
      const double inside = at_end ? 0.0 : w, log_rest = log1p(inside), rest = 1 + inside;
      const double curve = small ? z * z * (0.5 - w * (2.0 / 3)) : (log1p_excess(inside, log_rest) / w) * (z / k);
      d[0] = at_end ? 0.0 : precision / rest;
      d[1] = -d[0];
      d[2] = at_end ? 0.0 : -(z / rest) * precision;
      d[3] = at_end ? 0.0 : -curve;
      return at_end ? infinity<double> : flat ? z : log_rest / k;
    }
  };
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
