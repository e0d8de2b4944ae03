"""Special functions: each value against SciPy's, where SciPy has it, and all derivatives against the value alone.

float64, one thread, a million elements; fewer for the functions that take more than 0.1 s for them. The derivatives
are those of a forward and a backward pass. Run ``python -m bench.special [--quick] [--markdown] [--only NAME]``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import scipy.special
import torch
from torch import Tensor

from reparam import special

from .harness import Effort, Table, Task, compare, options

Draw = Callable[[int], Tensor]
COUNTS = (10**6, 10**5, 10**4)
LONGEST = 0.1  # seconds
FULL = Effort(least=7, most=21, block=20e-3)
QUICK = Effort(least=3, most=3, block=0.0)
SCIPY, DERIVATIVES = "value: reparam / SciPy", "value and derivatives / value"
scipy_special: Any = scipy.special


class Case(NamedTuple):
    """What a function is timed at, SciPy's way to its value, and how it is called."""

    arguments: Callable[[int], list[Tensor]]
    scipy: Callable[..., Any] | None = None
    call: Callable[..., Tensor] | None = None


def uniform(low: float, high: float) -> Draw:
    return lambda count: low + (high - low) * torch.rand(count, dtype=torch.float64)


def log_uniform(low: float, high: float) -> Draw:
    return lambda count: uniform(low, high)(count).exp()


def negative(count: int) -> Tensor:
    return -log_uniform(-8, 5)(count)


def real(count: int) -> Tensor:
    return 3 * torch.randn(count, dtype=torch.float64)


def draws(*each: Draw) -> Callable[[int], list[Tensor]]:
    """The arguments, drawn independently."""
    return lambda count: [draw(count) for draw in each]


def near(count: int) -> list[Tensor]:
    """A shape, and a number around it."""
    shape = positive(count)
    return [shape, shape * log_uniform(-1, 1)(count)]


def log_near(count: int) -> list[Tensor]:
    shape, x = near(count)
    return [shape, x.log()]


def below(count: int) -> list[Tensor]:
    """Two numbers, the smaller one last."""
    x = real(count)
    return [x, x - positive(count)]


def above(count: int) -> list[Tensor]:
    return below(count)[::-1]


def choices(count: int) -> list[Tensor]:
    """Whole numbers n and k <= n."""
    n = (10 * positive(count)).floor() + 1
    return [n, (n * unit(count)).floor()]


positive, unit, angle = log_uniform(-3, 5), uniform(0, 1), uniform(-3.14, 3.14)
one, two, four = (draws(*[positive] * n) for n in (1, 2, 4))
shares, log_shares = draws(positive, positive, unit), draws(positive, positive, negative)
quantiles, log_quantiles = draws(positive, unit), draws(positive, negative)
student = draws(positive, real)

CASES = {
    "xlogy": Case(two, scipy_special.xlogy),
    "xlog1py": Case(two, scipy_special.xlog1py),
    "log1mexp": Case(draws(negative)),
    "log_expm1": Case(one),
    "softplus_inverse": Case(one),
    "logsubexp": Case(below),
    "logit": Case(draws(unit), scipy_special.logit),
    "logit_complement": Case(draws(unit)),
    "logit_exp": Case(draws(negative)),
    "log_sigmoid": Case(draws(real), scipy_special.log_expit),
    "ndtr": Case(draws(real), scipy_special.ndtr),
    "log_ndtr": Case(draws(real), scipy_special.log_ndtr),
    "ndtri": Case(draws(unit), scipy_special.ndtri),
    "ndtri_exp": Case(draws(negative), scipy_special.ndtri_exp),
    "log_ndtr_difference": Case(above),
    "erfcx": Case(draws(real), scipy_special.erfcx),
    "log_erfc": Case(draws(real)),
    "owens_t": Case(draws(real, positive), scipy_special.owens_t),
    "lgamma": Case(one, scipy_special.gammaln),
    "digamma": Case(one, scipy_special.psi),
    "trigamma": Case(one, lambda x: scipy_special.polygamma(1, x)),
    "polygamma": Case(one, lambda x: scipy_special.polygamma(4, x), lambda x: special.polygamma(4, x)),
    "zeta": Case(draws(log_uniform(0.1, 3), positive), scipy_special.zeta),
    "multigammaln": Case(draws(log_uniform(1, 5)), None, lambda x: special.multigammaln(x, 3)),
    "log_minus_digamma": Case(one),
    "trigamma_excess": Case(one),
    "digamma_difference": Case(two),
    "stirling_error": Case(one),
    "stirling_bregman": Case(two),
    "deviance": Case(two, scipy_special.kl_div),
    "log_factorial": Case(one, lambda n: scipy_special.gammaln(n + 1)),
    "log_gamma_ratio": Case(two),
    "lbeta": Case(two, scipy_special.betaln),
    "log_binomial": Case(choices),
    "gammainc": Case(near, scipy_special.gammainc),
    "gammaincc": Case(near, scipy_special.gammaincc),
    "log_gammainc": Case(near),
    "log_gammaincc": Case(near),
    "log_gamma_quantile_grad": Case(log_near),
    "gammaincinv": Case(quantiles, scipy_special.gammaincinv),
    "gammainccinv": Case(quantiles, scipy_special.gammainccinv),
    "gammaincinv_exp": Case(log_quantiles),
    "gammainccinv_exp": Case(log_quantiles),
    "betainc": Case(shares, scipy_special.betainc),
    "betaincc": Case(shares, scipy_special.betaincc),
    "log_betainc": Case(shares),
    "log_betaincc": Case(shares),
    "betainc_odds": Case(four),
    "log_betainc_odds": Case(four),
    "betaincinv": Case(shares, scipy_special.betaincinv),
    "betainccinv": Case(shares, scipy_special.betainccinv),
    "betaincinv_exp": Case(log_shares),
    "betaincinv_odds": Case(shares),
    "betainccinv_exp": Case(log_shares),
    "stdtr": Case(student, scipy_special.stdtr),
    "log_stdtr": Case(student),
    "stdtrit": Case(quantiles, scipy_special.stdtrit),
    "stdtrit_exp": Case(log_quantiles),
    "log_iv": Case(two, scipy_special.iv),
    "log_ive": Case(two, scipy_special.ive),
    "bessel_ratio": Case(two),
    "bessel_ratio_inverse": Case(quantiles),
    "von_mises_cdf": Case(draws(angle, positive)),
    "log_von_mises_cdf": Case(draws(angle, positive)),
    "von_mises_icdf": Case(draws(unit, positive)),
    "von_mises_quantile_grad": Case(draws(angle, positive)),
}


class Tasks(NamedTuple):
    """The value, the value with all derivatives, and SciPy's value, of the same arguments."""

    value: Task
    derivatives: Task
    scipy: Task | None


def tasks(name: str, count: int) -> Tasks:
    case = CASES[name]
    call, theirs = case.call or getattr(special, name), case.scipy
    arguments = case.arguments(count)
    leaves = [x.clone().requires_grad_() for x in arguments]
    arrays, ones = [x.numpy() for x in arguments], torch.ones(count, dtype=torch.float64)
    return Tasks(
        lambda: call(*arguments),
        lambda: torch.autograd.grad(call(*leaves), leaves, ones),
        None if theirs is None else lambda: theirs(*arrays),
    )


def affordable(name: str) -> int:
    """How many elements to time the function at."""
    few = COUNTS[-1]
    task = tasks(name, few).value
    task()
    start = time.process_time()
    task()
    each = (time.process_time() - start) / few
    return next((count for count in COUNTS if count * each < LONGEST), few)


def measure(name: str, effort: Effort, table: Table) -> None:
    """One row of the table."""
    count = affordable(name)
    its = tasks(name, count)
    row = name if count == COUNTS[0] else f"{name} ({count})"
    if its.scipy is not None:
        table.add(row, SCIPY, compare(its.value, its.scipy, effort))
    table.add(row, DERIVATIVES, compare(its.derivatives, its.value, effort))


def main() -> None:
    chosen = options(__doc__)
    table = Table("A million numbers, or as many as stated", {SCIPY: 1.0, DERIVATIVES: 3.0})
    for name in CASES:
        if (chosen.only or "") in name:
            measure(name, QUICK if chosen.quick else FULL, table)
    print("Special functions: ratios of times; ! above the bound, ~ noisy\n")
    print(table.render(chosen.markdown))


if __name__ == "__main__":
    main()
