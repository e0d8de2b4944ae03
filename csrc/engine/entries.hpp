// The table of entries of one instruction set, and what it offers besides: the only names that reparam.cpp needs.
#pragma once

#include "../densities/bernoulli.hpp"
#include "../densities/beta.hpp"
#include "../densities/binomial.hpp"
#include "../densities/categorical.hpp"
#include "../densities/dirichlet.hpp"
#include "../densities/gamma.hpp"
#include "../densities/normal.hpp"
#include "../densities/studentt.hpp"
#include "../reparam.h"
#include "../special/functions.hpp"
#include "../special/normal.hpp"
#include "elementwise.hpp"

namespace reparam::REPARAM_LEVEL {

// An entry whose inputs are elements of the floating dtype; the computation is in double for both.
template <template <class> class Function, std::size_t Inputs>
constexpr reparam_entry elements(const char* name, std::int32_t grain) {
  using Indices = std::make_index_sequence<Inputs>;
  return {name,
          Inputs,
          Function<double>::differentiable,
          0,
          0,
          grain,
          {elementwise<Function, float, double, Indices>::run, elementwise<Function, double, double, Indices>::run}};
}

inline constexpr reparam_entry entries[] = {
    elements<normal_log_prob, 3>("normal_log_prob", 65536),
    elements<uniform_log_prob, 3>("uniform_log_prob", 65536),
    elements<gamma_log_prob, 3>("gamma_log_prob", 16384),
    elements<beta_log_prob, 3>("beta_log_prob", 8192),
    elements<studentt_log_prob, 4>("studentt_log_prob", 8192),
    elements<bernoulli_probs_log_prob, 2>("bernoulli_probs_log_prob", 65536),
    elements<bernoulli_logits_log_prob, 2>("bernoulli_logits_log_prob", 32768),
    elements<binomial_probs_log_prob, 3>("binomial_probs_log_prob", 8192),
    elements<binomial_logits_log_prob, 3>("binomial_logits_log_prob", 8192),
    elements<log_ndtr, 1>("log_ndtr", 32768),
    elements<stirling_error, 1>("stirling_error", 32768),
    elements<deviance_function, 2>("deviance", 32768),
    {"dirichlet_log_prob", 2, 0b11, 0b11, 0, 8192, {dirichlet_log_prob<float>::run, dirichlet_log_prob<double>::run}},
    {"categorical_logits_log_prob", 2, 0b10, 0b10, 0b01, 65536,
     {categorical_log_prob<float, by_logits>::run, categorical_log_prob<double, by_logits>::run}},
    {"categorical_probs_log_prob", 2, 0b10, 0b10, 0b01, 65536,
     {categorical_log_prob<float, by_probs>::run, categorical_log_prob<double, by_probs>::run}},
};

}  // namespace reparam::REPARAM_LEVEL
