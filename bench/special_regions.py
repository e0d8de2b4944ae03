"""Special functions against SciPy's, region by region: small, whole, large shapes; bodies and tails; worst first.

float64 and float32, one thread. Where a function has a distribution, its points are drawn as quantiles of
probabilities in the body or in a tail; numbers that underflow, or round to an end, are left out. Run
``python -m bench.special_regions [--quick] [--markdown] [--only NAME]``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import scipy.special
import torch
from torch import Tensor

from reparam import special

from .harness import Effort, Table, Task, compare, options
from .special import Draw, log_uniform, uniform

Arguments = Callable[[int], list[Tensor]]
COUNT = 16384
FULL = Effort(least=9, most=41, block=10e-3)
QUICK = Effort(least=3, most=3, block=0.0)
COLUMNS = {"float64": torch.float64, "float32": torch.float32}
scipy_special: Any = scipy.special


def powers(low: float, high: float) -> Draw:
    """Between two powers of ten."""
    return log_uniform(low * 2.302585092994046, high * 2.302585092994046)


def whole(low: int, high: int, offset: float = 0.0) -> Draw:
    return lambda count: torch.randint(low, high + 1, (count,)).double() + offset


def upper(count: int) -> Tensor:
    return 1 - powers(-6, -2)(count)


TINY = powers(-6, -2)
SHAPES = {
    "0.1 to 1": uniform(0.1, 1),
    "1 to 10": uniform(1, 10),
    "whole": whole(1, 20),
    "half whole": whole(0, 20, 0.5),
    "10 to 100": uniform(10, 100),
    "1e3 to 1e4": powers(3, 4),
    "1e6 to 1e8": powers(6, 8),
}
PAIRS = {name: [shape, shape] for name, shape in SHAPES.items()} | {
    "0.1 to 1, 10 to 100": [SHAPES["0.1 to 1"], SHAPES["10 to 100"]],
    "10 to 100, 0.1 to 1": [SHAPES["10 to 100"], SHAPES["0.1 to 1"]],
    "1 to 10, 1e3 to 1e4": [SHAPES["1 to 10"], SHAPES["1e3 to 1e4"]],
}
PARTS = {"body": uniform(0.01, 0.99), "lower tail": powers(-12, -2), "upper tail": upper}
SIZES = {"0 to 1": uniform(0, 1), "1 to 5": uniform(1, 5), "5 to 30": uniform(5, 30), "below 0": uniform(-5, 0)}
ORDERS = {"0 to 1": uniform(0, 1), "whole": whole(0, 10), "1 to 20": uniform(1, 20), "50 to 200": uniform(50, 200)}
POINTS = {"0.01 to 1": powers(-2, 0), "1 to 20": uniform(1, 20), "50 to 500": uniform(50, 500)}
POSITIVE = {name: SHAPES[name] for name in ("0.1 to 1", "1 to 10", "whole", "1e3 to 1e4")}
CHANCES = PARTS | {"1e-300 to 1e-20": powers(-300, -20)}
EXPONENTS = {"1 to 2": uniform(1.01, 2), "2 to 10": uniform(2, 10), "whole": whole(2, 10), "10 to 50": uniform(10, 50)}
SLOPES = {"0 to 1": uniform(0, 1), "1 to 10": uniform(1, 10)}


def drawn(*each: Draw) -> Arguments:
    return lambda count: [draw(count) for draw in each]


def through(function: Callable[..., Tensor], *each: Draw) -> Arguments:
    """What is drawn, with the function of all of it in the place of the last."""

    def draw(count: int) -> list[Tensor]:
        arguments = [one(count) for one in each]
        return [*arguments[:-1], function(*arguments)]

    return draw


def crossed(*axes: dict[str, Draw]) -> dict[str, Arguments]:
    """Each region of the first argument with each of the next."""
    return {", ".join(names): drawn(*(a[n] for a, n in zip(axes, names, strict=True))) for names in product(*axes)}


def distribution(
    cdf: Callable[..., Tensor], quantile: Callable[..., Tensor], shapes: dict[str, list[Draw]], spread: Draw
) -> tuple[dict[str, Arguments], dict[str, Arguments]]:
    """The regions of a distribution function and of its inverse; for tiny shapes, at points of the given spread."""
    tiny = [TINY] * len(shapes["whole"])
    regions = list(product(shapes, PARTS))
    forward = {f"{s}, {p}": through(quantile, *shapes[s], PARTS[p]) for s, p in regions}
    inverse = {f"{s}, {p}": drawn(*shapes[s], PARTS[p]) for s, p in regions}
    return forward | {"tiny": drawn(*tiny, spread)}, inverse | {"tiny": through(cdf, *tiny, spread)}


SINGLE = {name: [shape] for name, shape in SHAPES.items()}
GAMMA, GAMMA_INVERSE = distribution(special.gammainc, special.gammaincinv, SINGLE, powers(-3, 1))
BETA, BETA_INVERSE = distribution(special.betainc, special.betaincinv, PAIRS, uniform(0, 1))
STUDENT, STUDENT_INVERSE = distribution(special.stdtr, special.stdtrit, SINGLE, powers(-1, 2))
BESSEL, PAIR = crossed(ORDERS, POINTS), crossed(POSITIVE, POSITIVE)
REGIONS: dict[str, dict[str, Arguments]] = {
    "gammainc": GAMMA,
    "gammaincc": GAMMA,
    "gammaincinv": GAMMA_INVERSE,
    "gammainccinv": GAMMA_INVERSE | {"tiny": through(special.gammaincc, TINY, powers(-3, 1))},
    "betainc": BETA,
    "betaincc": BETA,
    "betaincinv": BETA_INVERSE,
    "betainccinv": BETA_INVERSE,
    "stdtr": STUDENT,
    "stdtrit": STUDENT_INVERSE,
    "ndtr": crossed(SIZES),
    "log_ndtr": crossed(SIZES),
    "ndtri": crossed(CHANCES),
    "ndtri_exp": {name: through(torch.log, draw) for name, draw in CHANCES.items()},
    "erfcx": crossed(SIZES),
    "owens_t": crossed(SIZES, SLOPES),
    "lgamma": crossed(POSITIVE),
    "digamma": crossed(POSITIVE),
    "trigamma": crossed(POSITIVE),
    "zeta": crossed(EXPONENTS, POSITIVE),
    "lbeta": PAIR,
    "deviance": PAIR,
    "xlogy": PAIR,
    "xlog1py": PAIR,
    "logit": crossed(CHANCES),
    "log_sigmoid": crossed(SIZES),
    "log_iv": BESSEL,
    "log_ive": BESSEL,
}
THEIRS: dict[str, Callable[..., Any]] = {
    "lgamma": scipy_special.gammaln,
    "trigamma": partial(scipy_special.polygamma, 1),
    "lbeta": scipy_special.betaln,
    "deviance": scipy_special.kl_div,
    "log_sigmoid": scipy_special.log_expit,
    "log_iv": scipy_special.iv,
    "log_ive": scipy_special.ive,
}


def tasks(name: str, region: str, dtype: torch.dtype) -> tuple[Task, Task] | None:
    """Ours and SciPy's, at the same numbers; None where the dtype has none of them."""
    arguments = [x.to(dtype) for x in REGIONS[name][region](COUNT)]
    last = arguments[-1]
    proper = (last.abs() >= torch.finfo(dtype).tiny) & (last != 1) & last.isfinite()
    if not proper.any():
        return None
    arguments = [x[proper] for x in arguments]
    arrays = [x.numpy() for x in arguments]
    ours, theirs = getattr(special, name), THEIRS.get(name) or getattr(scipy_special, name)
    return lambda: ours(*arguments), lambda: theirs(*arrays)


def main() -> None:
    chosen = options(__doc__)
    effort = QUICK if chosen.quick else FULL
    table = Table("reparam / SciPy by region", dict.fromkeys(COLUMNS, 1.0))
    for name, regions in REGIONS.items():
        for region in regions if (chosen.only or "") in name else ():
            for column, dtype in COLUMNS.items():
                if (both := tasks(name, region, dtype)) is not None:
                    table.add(f"{name}: {region}", column, compare(*both, effort))
    print("Special functions by region: ratios of times, worst first; ! above the bound, ~ noisy\n")
    print(table.worst_first().render(chosen.markdown))


if __name__ == "__main__":
    main()
