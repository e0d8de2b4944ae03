// Slopes at very many points of a few laws: exact ones on a grid, and between them polynomials of degree 5.
#pragma once

#include "draws.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

struct ends {
  double low, high;
};

// In single precision the error of the polynomials is far below a rounding. Double precision, and what lies beyond the
// grid, are for exact(count, parameter, x, slope); `reach` gives the ends of the grid for a parameter.
template <class Accuracy, class Law>
class slope_table {
 public:
  // Of elements whose parameters are `factor` times `laws` numbers, again and again.
  template <class Storage>
  slope_table(bool wanted, const Storage* parameters, std::int64_t laws, double factor, std::int64_t elements)
      : laws_(laws) {
    if (!std::is_same_v<Accuracy, float> || !wanted || laws > most_laws || elements / laws < fewest) return;
    values_.resize(static_cast<std::size_t>(laws * points));
    std::vector<double> parameter(points), x(points);
    for (std::int64_t law = 0; law < laws; ++law) {
      const double at = factor * double(parameters[law]);
      const ends end = Law::reach(at);
      const double step = (end.high - end.low) / (points - 6), first = end.low - 2 * step;
      low_.push_back(end.low);
      per_step_.push_back(1 / step);
      std::fill(parameter.begin(), parameter.end(), at);
      for (int i = 0; i < points; ++i) x[static_cast<std::size_t>(i)] = first + i * step;
      double* const to = values_.data() + law * points;
      for (int i = 0; i < points; i += sampler_block) {
        Law::template exact<Accuracy>(sampler_block, parameter.data() + i, x.data() + i, to + i);
      }
    }
  }

  // Of elements begin <= i < begin + count.
  void slopes(std::int64_t begin, int count, const double* parameter, const double* x, double* slope) const {
    if (values_.empty()) return Law::template exact<Accuracy>(count, parameter, x, slope);
    alignas(64) double place[sampler_block];
    alignas(64) std::int32_t offset[sampler_block];
    if (laws_ == 1) {
      for (int i = 0; i < count; ++i) place[i] = (x[i] - low_[0]) * per_step_[0];
      std::fill_n(offset, count, 0);
    }
    for (std::int64_t i = 0, law = begin % laws_; i < count && laws_ > 1; ++i) {
      place[i] = (x[i] - low_[static_cast<std::size_t>(law)]) * per_step_[static_cast<std::size_t>(law)];
      offset[i] = std::int32_t(law) * points;
      law = law + 1 == laws_ ? 0 : law + 1;
    }
    interpolate(count, values_.data(), offset, place, slope);
    beyond(count, place, parameter, x, slope);
  }

 private:
  static constexpr int points = 2 * sampler_block;
  static constexpr std::int64_t most_laws = 64, fewest = 8192;

  static void interpolate(int count, const double* REPARAM_RESTRICT values, const std::int32_t* REPARAM_RESTRICT offset,
                          const double* REPARAM_RESTRICT place, double* REPARAM_RESTRICT slope) {
    for (int i = 0; i < count; ++i) {
      const double above = place[i] >= 0 ? place[i] : 0.0, inside = above < points - 6 ? above : points - 7.0;
      const auto cell = static_cast<std::int32_t>(inside), f = offset[i] + cell;  // at -2, and from there on to 3
      const double t = inside - double(cell);
      const double a = t + 2, b = t + 1, c = t - 1, d = t - 2, e = t - 3;
      const double at = a * t, bc = b * c, de = d * e;
      const double outer = 0.1 * (at * bc * d * values[f + 5] - b * t * c * de * values[f]);
      const double middle = 0.5 * (at * c * de * values[f + 1] - at * bc * e * values[f + 4]);
      slope[i] = (1.0 / 12) * (outer + middle + a * de * (t * b * values[f + 3] - bc * values[f + 2]));
    }
  }

  static void beyond(int count, const double* place, const double* parameter, const double* x, double* slope) {
    int from[sampler_block], some = 0;
    for (int i = 0; i < count; ++i) {
      from[some] = i;
      some += !((place[i] >= 0) & (place[i] < points - 6));
    }
    if (some == 0) return;
    alignas(64) double p[sampler_block], at[sampler_block], found[sampler_block];
    for (int i = 0; i < some; ++i) {
      p[i] = parameter[from[i]];
      at[i] = x[from[i]];
    }
    Law::template exact<Accuracy>(some, p, at, found);
    for (int i = 0; i < some; ++i) slope[from[i]] = found[i];
  }

  std::int64_t laws_;
  std::vector<double> values_, low_, per_step_;
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
