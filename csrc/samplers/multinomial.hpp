// Multinomial draws as a tree of binomial ones, each of which parts a count between two halves of the categories.
#pragma once

#include "../engine/rows.hpp"
#include "binomial.hpp"

namespace reparam::REPARAM_LEVEL {
namespace {

// A tree above k leaves, level after level: of the nodes of one level two by two are children of the next one's.
struct halving_tree {
  std::vector<std::int64_t> first, width;  // of each level, from the leaves to the root
  std::int64_t nodes = 0;

  explicit halving_tree(std::int64_t k) {
    for (std::int64_t size = k;; size = (size + 1) / 2) {
      first.push_back(nodes);
      width.push_back(size);
      nodes += size;
      if (size == 1) break;
    }
  }
};

// Binomial draws that wait until there is a block of them.
class parting_counts {
 public:
  explicit parting_counts(std::uint64_t key) : key_(key) {}

  // Parts the count at `whole` between `left` and `left + 1`, which the chance is for.
  void add(std::uint64_t element, const double* whole, double chance, double* left) {
    element_[count_] = element;
    trials_[count_] = *whole;
    chance_[count_] = chance;
    left_[count_] = left;
    if (++count_ == sampler_block) finish();
  }

  void finish() {
    binomial_draws(key_, count_, element_, trials_, chance_, draw_);
    for (int i = 0; i < count_; ++i) {
      left_[i][0] = draw_[i];
      left_[i][1] = trials_[i] - draw_[i];
    }
    count_ = 0;
  }

 private:
  std::uint64_t key_, element_[sampler_block];
  alignas(64) double trials_[sampler_block], chance_[sampler_block], draw_[sampler_block];
  double* left_[sampler_block];
  int count_ = 0;
};

template <class Storage>
struct multinomial_draw {
  static void run(const reparam_call* call, std::int64_t begin, std::int64_t end, double* const*) {
    const auto* trials = static_cast<const Storage*>(call->in[1]);
    const auto* probs = static_cast<const Storage*>(call->in[2]);
    auto* values = static_cast<Storage*>(call->value);
    const std::int64_t k = call->k;
    const halving_tree tree(k);
    const std::int64_t nodes = tree.nodes, together = rows_at_once(nodes);
    row_buffer mass_rows(nodes), count_rows(nodes);
    double *mass = mass_rows.data(), *counts = count_rows.data();
    parting_counts parting(key_of(*call));
    for (std::int64_t at = begin; at < end; at += together) {
      const std::int64_t rows = std::min(together, end - at);
      for (std::int64_t i = 0; i < rows; ++i) {
        double* const row = mass + i * nodes;
        load_rows(probs, call->period[2], at + i, 1, k, row);
        for (std::size_t level = 1; level < tree.width.size(); ++level) {
          const double* const below = row + tree.first[level - 1];
          for (std::int64_t j = 0; j < tree.width[level]; ++j) {
            const bool pair = 2 * j + 1 < tree.width[level - 1];
            row[tree.first[level] + j] = below[2 * j] + (pair ? below[2 * j + 1] : 0.0);
          }
        }
        counts[(i + 1) * nodes - 1] = double(trials[(at + i) % call->period[1]]);
      }
      for (std::size_t level = tree.width.size() - 1; level > 0; --level) {
        for (std::int64_t i = 0; i < rows; ++i) {
          part(tree, level, at + i, mass + i * nodes, counts + i * nodes, parting);
        }
        parting.finish();
      }
      for (std::int64_t i = 0; i < rows; ++i) store_flat(counts + i * nodes, k, values + (at + i) * k);
    }
  }

 private:
  static void part(const halving_tree& tree, std::size_t level, std::int64_t row, const double* mass, double* counts,
                   parting_counts& parting) {
    for (std::int64_t j = 0; j < tree.width[level]; ++j) {
      const std::int64_t parent = tree.first[level] + j, left = tree.first[level - 1] + 2 * j;
      const bool pair = 2 * j + 1 < tree.width[level - 1];
      if (!pair || counts[parent] == 0) {
        counts[left] = counts[parent];
        if (pair) counts[left + 1] = 0;
      } else {
        const std::uint64_t element = std::uint64_t(row * tree.nodes + parent);
        parting.add(element, counts + parent, mass[left] / mass[parent], counts + left);
      }
    }
  }
};

}  // namespace
}  // namespace reparam::REPARAM_LEVEL
