// The samplers: the third table of entries, compiled apart. Included once by one file of levels/ for each instruction
// set, which defines REPARAM_LEVEL.
#pragma once

#include "../engine/system.hpp"

#include "../engine/dispatch.hpp"
#include "continuous_bernoulli.hpp"
#include "dirichlet.hpp"
#include "gamma.hpp"
#include "geometric.hpp"
#include "inversion.hpp"
#include "multinomial.hpp"
#include "poisson.hpp"
#include "von_mises.hpp"

namespace reparam::REPARAM_LEVEL {

inline constexpr reparam_entry samplers[] = {
    draws<log_gamma_draw, 1>("log_gamma_draw", 2048),
    draws<gamma_draw, 2>("gamma_draw", 2048),
    draws<chi2_draw, 1>("chi2_draw", 2048),
    draws<beta_draw, 2>("beta_draw", 1024),
    draws<student_draw, 3>("student_draw", 2048),
    draws<von_mises_draw, 2>("von_mises_draw", 2048),
    draws<continuous_bernoulli_probs_draw, 1>("continuous_bernoulli_probs_draw", 2048),
    draws<continuous_bernoulli_logits_draw, 1>("continuous_bernoulli_logits_draw", 2048),
    draws<geometric_draw, 1>("geometric_draw", 4096),
    draws<poisson_draw, 1>("poisson_draw", 2048),
    draws<binomial_draw, 2>("binomial_draw", 2048),
    draws<kumaraswamy_draw, 2>("kumaraswamy_draw", 8192),
    structured<dirichlet_draw<float>, dirichlet_draw<double>>("dirichlet_draw", 2, 0b10, {0b110, 0, 0b01, 0b10}, 2048),
    structured<multinomial_draw<float>, multinomial_draw<double>>("multinomial_draw", 3, 0, {0b1100, 0, 0b001}, 2048),
};

extern const entry_table sampler_entries;
const entry_table sampler_entries = {samplers, sizeof samplers / sizeof samplers[0]};

}  // namespace reparam::REPARAM_LEVEL
