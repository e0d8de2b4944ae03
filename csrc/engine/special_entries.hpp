// The special functions: the second table of entries, compiled apart. Included once by one file of levels/ for each
// instruction set, which defines REPARAM_LEVEL.
#pragma once

#include "system.hpp"

#include "dispatch.hpp"
#include "entry.hpp"

#include "../special/bessel.hpp"
#include "../special/bessel_zero.hpp"
#include "../special/beta_functions.hpp"
#include "../special/beta_inverse.hpp"
#include "../special/functions.hpp"
#include "../special/gamma_functions.hpp"
#include "../special/gamma_inverse.hpp"
#include "../special/gamma_quantile.hpp"
#include "../special/hyperbolic.hpp"
#include "../special/normal.hpp"
#include "../special/normal_difference.hpp"
#include "../special/owens.hpp"
#include "../special/quotients.hpp"
#include "../special/student_functions.hpp"
#include "../special/student_inverse.hpp"
#include "../special/von_mises_inverse.hpp"
#include "../special/zeta.hpp"

namespace reparam::REPARAM_LEVEL {

inline constexpr reparam_entry special_functions[] = {
    // elementary
    elements<xlogy, 2>("xlogy", 32768),
    elements<xlog1py, 2>("xlog1py", 32768),
    elements<log1mexp, 1>("log1mexp", 32768),
    elements<log_expm1, 1>("log_expm1", 32768),
    elements<logsubexp, 2>("logsubexp", 32768),
    elements<logit, 1>("logit", 32768),
    elements<logit_exp, 1>("logit_exp", 32768),
    light_elements<log_sigmoid, 1>("log_sigmoid", 32768),
    light_elements<sigmoid, 1>("sigmoid", 32768),
    light_elements<log_logistic, 1>("log_logistic", 32768),
    light_elements<hyperbolic_tangent, 1>("tanh", 32768),
    elements<log_cosh, 1>("log_cosh", 32768),
    elements<log_ratio, 2>("log_ratio", 32768),
    elements<exp_remainder, 1>("exp_remainder", 32768),
    elements<exp_remainder_of_size, 1>("exp_remainder_of_size", 32768),
    elements<expm1_quotient, 2>("expm1_quotient", 32768),
    elements<log1p_quotient, 2>("log1p_quotient", 32768),
    elements<log_inverse_cloglog, 1>("log_inverse_cloglog", 32768),
    // of the normal law
    elements<ndtr, 1>("ndtr", 32768),
    elements<log_ndtr, 1>("log_ndtr", 32768),
    blocks<ndtri, 1>("ndtri", 16384),
    blocks<ndtri_exp, 1>("ndtri_exp", 16384),
    blocks<log_ndtr_difference, 2>("log_ndtr_difference", 4096),
    elements<erfcx_function, 1>("erfcx", 32768),
    elements<log_erfc, 1>("log_erfc", 32768),
    blocks<owens_t, 2>("owens_t", 4096),
    // of the gamma function
    elements<lgamma, 1>("lgamma", 16384),
    elements<digamma, 1>("digamma", 16384),
    elements<trigamma, 1>("trigamma", 16384),
    elements<log_minus_digamma, 1>("log_minus_digamma", 16384),
    elements<trigamma_excess, 1>("trigamma_excess", 16384),
    elements<stirling_error, 1>("stirling_error", 32768),
    elements<log_factorial, 1>("log_factorial", 16384),
    elements<deviance_function, 2>("deviance", 32768),
    elements<digamma_difference, 2>("digamma_difference", 8192),
    elements<log_gamma_ratio, 2>("log_gamma_ratio", 8192),
    elements<lbeta, 2>("lbeta", 8192),
    elements<log_binomial, 2>("log_binomial", 8192),
    elements<stirling_bregman, 2>("stirling_bregman", 8192),
    blocks<zeta, 2>("zeta", 4096),
    // gamma
    blocks<gammainc, 2>("gammainc", 2048),
    blocks<gammaincc, 2>("gammaincc", 2048),
    blocks<log_gammainc, 2>("log_gammainc", 2048),
    blocks<log_gammaincc, 2>("log_gammaincc", 2048),
    blocks<log_gamma_quantile_grad, 2>("log_gamma_quantile_grad", 2048),
    blocks<gammaincinv, 2>("gammaincinv", 1024),
    blocks<gammainccinv, 2>("gammainccinv", 1024),
    blocks<gammaincinv_exp, 2>("gammaincinv_exp", 1024),
    blocks<gammainccinv_exp, 2>("gammainccinv_exp", 1024),
    // beta and Student's t
    blocks<betainc, 3>("betainc", 2048),
    blocks<betaincc, 3>("betaincc", 2048),
    blocks<log_betainc, 3>("log_betainc", 2048),
    blocks<log_betaincc, 3>("log_betaincc", 2048),
    blocks<betainc_odds, 4>("betainc_odds", 2048),
    blocks<log_betainc_odds, 4>("log_betainc_odds", 2048),
    blocks<stdtr, 2>("stdtr", 2048),
    blocks<log_stdtr, 2>("log_stdtr", 2048),
    blocks<betaincinv, 3>("betaincinv", 512),
    blocks<betainccinv, 3>("betainccinv", 512),
    blocks<betaincinv_exp, 3>("betaincinv_exp", 512),
    blocks<betainccinv_exp, 3>("betainccinv_exp", 512),
    blocks<betaincinv_odds, 3>("betaincinv_odds", 512),
    blocks<stdtrit, 2>("stdtrit", 512),
    blocks<stdtrit_exp, 2>("stdtrit_exp", 512),
    // Bessel functions and the von Mises law
    blocks<log_iv, 2>("log_iv", 2048),
    blocks<log_ive, 2>("log_ive", 2048),
    blocks<bessel_ratio, 2>("bessel_ratio", 2048),
    blocks<bessel_ratio_inverse, 2>("bessel_ratio_inverse", 512),
    graded_elements<log_i0e, 1>("log_i0e", 16384),
    blocks<circular_variance, 1>("circular_variance", 4096),
    blocks<circular_spread, 1>("circular_spread", 4096),
    blocks<von_mises_cdf, 2>("von_mises_cdf", 2048),
    blocks<log_von_mises_cdf, 2>("log_von_mises_cdf", 2048),
    blocks<von_mises_quantile_grad, 2>("von_mises_quantile_grad", 2048),
    blocks<von_mises_icdf, 2>("von_mises_icdf", 512),
};

extern const entry_table special_entries;
const entry_table special_entries = {special_functions, sizeof special_functions / sizeof special_functions[0]};

}  // namespace reparam::REPARAM_LEVEL
