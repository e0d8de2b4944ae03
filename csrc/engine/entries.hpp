// The densities, and the operations on rows and matrices: the first of the three tables of entries.
#pragma once

#include "../densities/bernoulli.hpp"
#include "../densities/beta.hpp"
#include "../densities/binomial.hpp"
#include "../densities/categorical.hpp"
#include "../densities/categorical_entropy.hpp"
#include "../densities/closed_form.hpp"
#include "../densities/continuous_bernoulli.hpp"
#include "../densities/counts.hpp"
#include "../densities/dirichlet.hpp"
#include "../densities/dirichlet_summaries.hpp"
#include "../densities/divergences.hpp"
#include "../densities/entropies.hpp"
#include "../densities/fisher_snedecor.hpp"
#include "../densities/gamma.hpp"
#include "../densities/generalized_pareto.hpp"
#include "../densities/log_spreads.hpp"
#include "../densities/long_normal.hpp"
#include "../densities/low_rank_normal.hpp"
#include "../densities/mixture.hpp"
#include "../densities/multivariate_normal.hpp"
#include "../densities/normal.hpp"
#include "../densities/normal_vectors.hpp"
#include "../densities/quantiles.hpp"
#include "../densities/relaxed_bernoulli.hpp"
#include "../densities/studentt.hpp"
#include "../densities/von_mises.hpp"
#include "../densities/weighted.hpp"
#include "../densities/wishart.hpp"
#include "../matrices/cholesky.hpp"
#include "../matrices/symmetric.hpp"
#include "entry.hpp"

namespace reparam::REPARAM_LEVEL {

inline constexpr reparam_entry entries[] = {
    elements<normal_log_prob, 3>("normal_log_prob", 65536),
    elements<log_normal_log_prob, 3>("log_normal_log_prob", 32768),
    elements<tanh_normal_log_prob, 3>("tanh_normal_log_prob", 16384),
    elements<uniform_log_prob, 3>("uniform_log_prob", 65536),
    elements<gamma_log_prob, 3>("gamma_log_prob", 16384),
    elements<chi2_log_prob, 2>("chi2_log_prob", 16384),
    elements<beta_log_prob, 3>("beta_log_prob", 8192),
    elements<studentt_log_prob, 4>("studentt_log_prob", 8192),
    elements<bernoulli_probs_log_prob, 2>("bernoulli_probs_log_prob", 65536),
    light_elements<bernoulli_logits_log_prob, 2>("bernoulli_logits_log_prob", 32768),
    structured<bernoulli_logits_draw<float>, bernoulli_logits_draw<double>>("bernoulli_logits_draw", 2, 0, {0, 0, 0b01},
                                                                            65536),
    elements<binomial_probs_log_prob, 3>("binomial_probs_log_prob", 8192),
    elements<binomial_logits_log_prob, 3>("binomial_logits_log_prob", 8192),
    elements<poisson_log_prob, 2>("poisson_log_prob", 16384),
    light_elements<geometric_probs_log_prob, 2>("geometric_probs_log_prob", 32768),
    elements<geometric_logits_log_prob, 2>("geometric_logits_log_prob", 32768),
    elements<negative_binomial_probs_log_prob, 3>("negative_binomial_probs_log_prob", 8192),
    elements<negative_binomial_logits_log_prob, 3>("negative_binomial_logits_log_prob", 8192),
    elements<relaxed_bernoulli_log_prob, 3>("relaxed_bernoulli_log_prob", 16384),
    light_elements<exponential_log_prob, 2>("exponential_log_prob", 65536),
    elements<laplace_log_prob, 3>("laplace_log_prob", 65536),
    light_elements<gumbel_log_prob, 3>("gumbel_log_prob", 65536),
    light_elements<cauchy_log_prob, 3>("cauchy_log_prob", 32768),
    elements<pareto_log_prob, 3>("pareto_log_prob", 32768),
    elements<weibull_log_prob, 3>("weibull_log_prob", 16384),
    elements<kumaraswamy_log_prob, 3>("kumaraswamy_log_prob", 16384),
    graded_elements<generalized_pareto_log_prob, 4>("generalized_pareto_log_prob", 16384),
    elements<continuous_bernoulli_probs_log_prob, 2>("continuous_bernoulli_probs_log_prob", 16384),
    elements<continuous_bernoulli_logits_log_prob, 2>("continuous_bernoulli_logits_log_prob", 16384),
    graded_elements<von_mises_log_prob, 3>("von_mises_log_prob", 16384),
    elements<fisher_snedecor_log_prob, 3>("fisher_snedecor_log_prob", 8192),
    structured<dirichlet_log_prob<float>, dirichlet_log_prob<double>>("dirichlet_log_prob", 2, 0b11, {0b11}, 8192),
    structured<categorical_log_prob<float, by_logits>, categorical_log_prob<double, by_logits>>(
        "categorical_logits_log_prob", 2, 0b10, {0b10, 0, 0b01}, 65536),
    structured<categorical_log_prob<float, by_probs>, categorical_log_prob<double, by_probs>>(
        "categorical_probs_log_prob", 2, 0b10, {0b10, 0, 0b01}, 65536),
    structured<multinomial_log_prob<float, false>, multinomial_log_prob<double, false>>("multinomial_probs_log_prob", 3,
                                                                                        0b100, {0b101}, 8192),
    structured<multinomial_log_prob<float, true>, multinomial_log_prob<double, true>>("multinomial_logits_log_prob", 3,
                                                                                      0b100, {0b101}, 8192),
    structured<relaxed_categorical_log_prob<float, false>, relaxed_categorical_log_prob<double, false>>(
        "relaxed_categorical_probs_log_prob", 3, 0b111, {0b101}, 16384),
    structured<relaxed_categorical_log_prob<float, true>, relaxed_categorical_log_prob<double, true>>(
        "relaxed_categorical_logits_log_prob", 3, 0b111, {0b101}, 16384),
    structured<log_mixture<float, true>, log_mixture<double, true>>("log_mixture_logits", 2, 0b11, {0b11, 0, 0, 0b01},
                                                                    65536),
    structured<log_mixture<float, false>, log_mixture<double, false>>("log_mixture_probs", 2, 0b11, {0b11, 0, 0, 0b01},
                                                                      65536),
    structured<multivariate_normal_log_prob<float, by_factor>, multivariate_normal_log_prob<double, by_factor>>(
        "multivariate_normal_factor_log_prob", 3, 0b111, {0b011, 0b100, 0, 0b111, largest_matrix}, 65536),
    structured<multivariate_normal_log_prob<float, by_covariance>, multivariate_normal_log_prob<double, by_covariance>>(
        "multivariate_normal_covariance_log_prob", 3, 0b111, {0b011, 0b100, 0, 0b111, largest_matrix}, 32768),
    structured<multivariate_normal_draw<float>, multivariate_normal_draw<double>>(
        "multivariate_normal_draw", 3, 0b111, {0b1011, 0b0100, 0, 0b111, largest_matrix}, 65536),
    structured<long_normal_log_prob<float>, long_normal_log_prob<double>>("long_normal_log_prob", 3, 0b111,
                                                                          {0b011, 0b100, 0, 0b111}, 65536),
    structured<long_normal_draw<float>, long_normal_draw<double>>("long_normal_draw", 3, 0b111,
                                                                  {0b1011, 0b0100, 0, 0b111}, 65536),
    structured<low_rank_normal_log_prob<float>, low_rank_normal_log_prob<double>>(
        "low_rank_normal_log_prob", 4, 0b1111, {0b1011, 0b0100, 0, 0b1111, largest_root}, 32768),
    structured<wishart_factor_log_prob<float>, wishart_factor_log_prob<double>>(
        "wishart_factor_log_prob", 3, 0b111, {0, 0b101, 0, 0b111, largest_matrix}, 32768),
    structured<lkj_log_prob<float>, lkj_log_prob<double>>("lkj_log_prob", 2, 0b11, {0, 0b01, 0, 0b11}, 32768),
    structured<cholesky_factor<float>, cholesky_factor<double>>("cholesky", 1, 0b1, {0, 0b11, 0, 0, largest_matrix},
                                                                32768),
    structured<root_divergence<float>, root_divergence<double>>("root_divergence", 3, 0,
                                                                {0b001, 0b110, 0, 0, largest_root}, 32768),
    structured<low_rank_root<float>, low_rank_root<double>>("low_rank_root", 2, 0, {0b010, 0b101, 0, 0, largest_root},
                                                            32768),
    structured<symmetric_part<float>, symmetric_part<double>>("symmetric_part", 1, 0b1, {0, 0b11}, 65536),
    elements<gamma_entropy, 1>("gamma_entropy", 16384),
    elements<beta_entropy, 2>("beta_entropy", 8192),
    elements<binary_entropy_probs, 1>("binary_entropy_probs", 16384),
    elements<binary_entropy_logits, 1>("binary_entropy_logits", 16384),
    elements<geometric_entropy_logits, 1>("geometric_entropy_logits", 16384),
    elements<continuous_bernoulli_entropy, 1>("continuous_bernoulli_entropy", 16384),
    structured<categorical_logits_entropy<float>, categorical_logits_entropy<double>>("entropy_of_logits", 1, 0b1,
                                                                                      {0b1}, 65536),
    structured<dirichlet_entropy<float>, dirichlet_entropy<double>>("dirichlet_entropy", 1, 0b1, {0b1}, 8192),
    elements<normal_divergence, 4>("normal_divergence", 16384),
    elements<laplace_divergence, 4>("laplace_divergence", 16384),
    elements<cauchy_divergence, 4>("cauchy_divergence", 16384),
    elements<gamma_divergence, 4>("gamma_divergence", 8192),
    structured<dirichlet_divergence<float>, dirichlet_divergence<double>>("dirichlet_divergence", 2, 0b11, {0b11}, 8192),
    elements<geometric_probs_divergence, 2>("geometric_probs_divergence", 16384),
    elements<geometric_logits_divergence, 2>("geometric_logits_divergence", 16384),
    elements<continuous_bernoulli_divergence, 2>("continuous_bernoulli_divergence", 4096),
    elements<continuous_bernoulli_mean, 1>("continuous_bernoulli_mean", 16384),
    elements<continuous_bernoulli_variance, 1>("continuous_bernoulli_variance", 16384),
    elements<continuous_bernoulli_icdf, 2>("continuous_bernoulli_icdf", 8192),
    graded_elements<generalized_pareto_noise, 4>("generalized_pareto_noise", 16384),
    elements<weibull_log_spread, 1>("weibull_log_spread", 8192),
    elements<kumaraswamy_log_spread, 2>("kumaraswamy_log_spread", 1024),
    elements<asinh_function, 1>("asinh", 32768),
    elements<laplace_cdf, 1>("laplace_cdf", 32768),
    elements<laplace_icdf, 1>("laplace_icdf", 32768),
    elements<cauchy_icdf, 1>("cauchy_icdf", 32768),
};

}  // namespace reparam::REPARAM_LEVEL
