// The distribution function of Student's t law, of which the normal one is the limit, and its logarithm.
#pragma once

#include "normal.hpp"
#include "student_tail.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

template <class Accuracy, bool Logarithm>
struct student_function {
  static constexpr unsigned differentiable = 0b11;

  static void block(int count, const double* const* in, double* value, double* const* partial) {
    const double *const df = in[0], *const t = in[1];
    student_block_tails tails;
    if (partial == nullptr) {
      find_student_tails<Accuracy, false>(count, df, t, tails);
    } else {
      find_student_tails<Accuracy, true>(count, df, t, tails);
      slopes(count, df, t, tails, partial[0], partial[1]);
    }
    values(count, df, t, tails, value);
    for (int i = 0; i < count; ++i) {
      if (df[i] == infinity<double>) normal_limit(t[i], i, value, partial);
    }
  }

 private:
  static void normal_limit(double t, int i, double* value, double* const* partial) {
    double slope[1];
    value[i] = Logarithm ? log_ndtr<double>::evaluate(slope, t) : ndtr<double>::evaluate(slope, t);
    if (partial == nullptr) return;
    partial[0][i] = t == t ? 0.0 : t;
    partial[1][i] = slope[0];
  }

  static void values(int count, const double* df, const double* t, const student_block_tails& tails,
                     double* REPARAM_RESTRICT value) {
    for (int i = 0; i < count; ++i) {
      const double log_tail = tails.log_tail[i];
      const double left = Logarithm ? log_tail : exp(log_tail);
      const double right = Logarithm ? log1p(-exp(log_tail)) : 1 - exp(log_tail);
      const double end = t[i] < 0 ? (Logarithm ? -infinity<double> : 0.0) : (Logarithm ? 0.0 : 1.0);
      const double inner = absolute(t[i]) == infinity<double> ? end : t[i] > 0 ? right : left;
      value[i] = ((df[i] > 0) & (t[i] == t[i])) ? inner : nan<double>;
    }
  }

  static void slopes(int count, const double* df, const double* t, const student_block_tails& tails,
                     double* REPARAM_RESTRICT by_df, double* REPARAM_RESTRICT by_t) {
    for (int i = 0; i < count; ++i) {
      const double log_tail = tails.log_tail[i], tail = exp(log_tail);
      const bool right = t[i] > 0, endless = absolute(t[i]) == infinity<double>;
      const bool good = (df[i] > 0) & (t[i] == t[i]);
      // the tail, over the value where that is a logarithm
      const double odds = right ? tail / (1 - tail) : 1.0;
      const double share = Logarithm ? odds : tail;
      const double slope = (right ? -share : share) * tails.slope[i];
      const double density = Logarithm ? odds * exp(tails.log_hazard[i]) : exp(log_tail + tails.log_hazard[i]);
      by_df[i] = good ? (endless ? ((Logarithm & !right) ? -infinity<double> : 0.0) : slope) : nan<double>;
      by_t[i] = good ? (endless ? 0.0 : density) : nan<double>;
    }
  }
};

template <class Accuracy>
struct stdtr : student_function<Accuracy, false> {};
template <class Accuracy>
struct log_stdtr : student_function<Accuracy, true> {};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
