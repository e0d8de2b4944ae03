// The table of entries of one instruction set, and what it offers besides: the only names that reparam.cpp needs.
#pragma once

#include "../densities/bernoulli.hpp"
#include "../densities/beta.hpp"
#include "../densities/binomial.hpp"
#include "../densities/categorical.hpp"
#include "../densities/dirichlet.hpp"
#include "../densities/gamma.hpp"
#include "../densities/multivariate_normal.hpp"
#include "../densities/normal.hpp"
#include "../densities/studentt.hpp"
#include "../matrices/cholesky.hpp"
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
          Function<double>::differentiable,
          0,
          0,
          0,
          0,
          grain,
          {elementwise<Function, float, double, Indices>::run, elementwise<Function, double, double, Indices>::run}};
}

// What sets an entry apart whose inputs are not all elements of the floating dtype: masks, and the largest k.
struct layout {
  std::uint32_t rows = 0, matrices = 0, integers = 0, summable = 0;
  std::int32_t longest = 0;
};

template <class Single, class Double>
constexpr reparam_entry structured(const char* name, std::int32_t inputs, std::uint32_t differentiable, layout shape,
                                   std::int32_t grain) {
  return {name,           inputs,        differentiable, shape.summable, shape.rows,
          shape.matrices, shape.integers, shape.longest,  grain,          {Single::run, Double::run}};
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
    structured<dirichlet_log_prob<float>, dirichlet_log_prob<double>>("dirichlet_log_prob", 2, 0b11, {0b11}, 8192),
    structured<categorical_log_prob<float, by_logits>, categorical_log_prob<double, by_logits>>(
        "categorical_logits_log_prob", 2, 0b10, {0b10, 0, 0b01}, 65536),
    structured<categorical_log_prob<float, by_probs>, categorical_log_prob<double, by_probs>>(
        "categorical_probs_log_prob", 2, 0b10, {0b10, 0, 0b01}, 65536),
    structured<multivariate_normal_log_prob<float, by_factor>, multivariate_normal_log_prob<double, by_factor>>(
        "multivariate_normal_factor_log_prob", 3, 0b111, {0b011, 0b100, 0, 0b111, largest_matrix}, 65536),
    structured<multivariate_normal_log_prob<float, by_covariance>, multivariate_normal_log_prob<double, by_covariance>>(
        "multivariate_normal_covariance_log_prob", 3, 0b111, {0b011, 0b100, 0, 0b111, largest_matrix}, 32768),
    structured<multivariate_normal_draw<float>, multivariate_normal_draw<double>>(
        "multivariate_normal_draw", 3, 0b111, {0b1011, 0b0100, 0, 0b111, largest_matrix}, 65536),
    structured<cholesky_factor<float>, cholesky_factor<double>>("cholesky", 1, 0b1, {0, 0b11, 0, 0, largest_matrix},
                                                                32768),
};

}  // namespace reparam::REPARAM_LEVEL
