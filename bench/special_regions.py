"""Special functions against SciPy's, region by region: small, whole, large shapes; bodies and tails; worst first.

float64 and float32, one thread. Where a function has a distribution, its points are drawn as quantiles of
probabilities in the body or in a tail; numbers that underflow, or round to an end, are left out. Run
``python -m bench.special_regions [--quick] [--markdown] [--only NAME]``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
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


def around(centre: float) -> Draw:
    """Within a hundredth of a number, on both sides, at all distances down to 1e-12."""

    def draw(count: int) -> Tensor:
        side = 2 * torch.randint(0, 2, (count,)).double() - 1
        return centre + side * powers(-12, -2)(count)

    return draw


def minus(draw: Draw) -> Draw:
    return lambda count: -draw(count)


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
DEEP = {"1e-300 to 1e-20": powers(-300, -20)}
SIZES = {"0 to 1": uniform(0, 1), "1 to 5": uniform(1, 5), "5 to 30": uniform(5, 30), "below 0": uniform(-5, 0)}
FAR = {"1e-30 to 1e-4": powers(-30, -4), "30 to 1e6": powers(1.5, 6), "-25 to -5": uniform(-25, -5)}
FAR_BELOW = {"-1e6 to -30": minus(powers(1.5, 6))}
ORDERS = {"0 to 1": uniform(0, 1), "whole": whole(0, 10), "1 to 20": uniform(1, 20), "50 to 200": uniform(50, 200)}
ORDERS |= {"half whole": whole(0, 20, 0.5), "1e3 to 1e4": powers(3, 4)}
POINTS = {"0.01 to 1": powers(-2, 0), "1 to 20": uniform(1, 20), "50 to 500": uniform(50, 500)}
POINTS |= {"1e-12 to 1e-4": powers(-12, -4), "1e4 to 1e8": powers(4, 8)}
POSITIVE = {name: SHAPES[name] for name in ("0.1 to 1", "1 to 10", "whole", "1e3 to 1e4")}
WIDE = POSITIVE | {"half whole": SHAPES["half whole"], "1e-12 to 1e-4": powers(-12, -4), "1e8 to 1e12": powers(8, 12)}
WIDE |= {"about 1": around(1), "about 2": around(2)}
CHANCES = PARTS | DEEP | {"about 1/2": around(0.5)}
EXPONENTS = {"1 to 2": uniform(1.01, 2), "2 to 10": uniform(2, 10), "whole": whole(2, 10), "10 to 50": uniform(10, 50)}
EXPONENTS |= {"about 1": lambda count: 1 + powers(-12, -2)(count), "100 to 1000": uniform(100, 1000)}
STARTS = POSITIVE | {"1e-12 to 1e-4": powers(-12, -4), "1e8 to 1e12": powers(8, 12)}
SLOPES = {
    "0 to 1": uniform(0, 1),
    "1 to 10": uniform(1, 10),
    "1e-12 to 1e-4": powers(-12, -4),
    "10 to 1e6": powers(1, 6),
}


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
    parts = PARTS | DEEP
    regions = list(product(shapes, parts))
    forward = {f"{s}, {p}": through(quantile, *shapes[s], parts[p]) for s, p in regions}
    inverse = {f"{s}, {p}": drawn(*shapes[s], parts[p]) for s, p in regions}
    return forward | {"tiny": drawn(*tiny, spread)}, inverse | {"tiny": through(cdf, *tiny, spread)}


SINGLE = {name: [shape] for name, shape in SHAPES.items()}
GAMMA, GAMMA_INVERSE = distribution(special.gammainc, special.gammaincinv, SINGLE, powers(-3, 1))
BETA, BETA_INVERSE = distribution(special.betainc, special.betaincinv, PAIRS, uniform(0, 1))
STUDENT, STUDENT_INVERSE = distribution(special.stdtr, special.stdtrit, SINGLE, powers(-1, 2))
NEAR_ONE = (SHAPES["1 to 10"], around(1))
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
    "ndtr": crossed(SIZES | FAR),
    "log_ndtr": crossed(SIZES | FAR | FAR_BELOW),
    "ndtri": crossed(CHANCES),
    "ndtri_exp": {name: through(torch.log, draw) for name, draw in CHANCES.items()}
    | crossed({"-1e-4 to -1e-300": minus(powers(-300, -4)), "-1e12 to -1e3": minus(powers(3, 12))}),
    "erfcx": crossed(SIZES | FAR),
    "owens_t": crossed(SIZES | FAR, SLOPES),
    "lgamma": crossed(WIDE),
    "digamma": crossed(WIDE),
    "trigamma": crossed(WIDE),
    "polygamma": crossed(WIDE),
    "multigammaln": crossed({"1 to 10": uniform(1, 10), "1e3 to 1e4": powers(3, 4), "1e8 to 1e12": powers(8, 12)}),
    "log_factorial": crossed(WIDE),
    "zeta": crossed(EXPONENTS, STARTS),
    "lbeta": crossed(STARTS, STARTS),
    "deviance": PAIR | {"equal": lambda count: [x := POSITIVE["1 to 10"](count), x]},
    "xlogy": PAIR | {"1 to 10, about 1": drawn(*NEAR_ONE)},
    "xlog1py": PAIR | crossed({"1 to 10": NEAR_ONE[0]}, {"1e-12 to 1e-4": powers(-12, -4)}),
    "logit": crossed(CHANCES),
    "log_sigmoid": crossed(SIZES | FAR | FAR_BELOW),
    "log_iv": BESSEL,
    "log_ive": BESSEL,
}
OURS: dict[str, Callable[..., Tensor]] = {
    "polygamma": partial(special.polygamma, 4),
    "multigammaln": lambda x: special.multigammaln(x, 3),
}
THEIRS: dict[str, Callable[..., Any]] = {
    "lgamma": scipy_special.gammaln,
    "trigamma": partial(scipy_special.polygamma, 1),
    "polygamma": partial(scipy_special.polygamma, 4),
    "multigammaln": lambda x: scipy_special.multigammaln(x, 3),
    "log_factorial": lambda n: scipy_special.gammaln(n + 1),
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
    proper = reduce(torch.logical_and, [x.isfinite() for x in arguments])
    proper &= (last.abs() >= torch.finfo(dtype).tiny) & (last != 1)
    if not proper.any():
        return None
    places = proper.nonzero().flatten()
    places = places[torch.arange(COUNT) % len(places)]
    arguments = [x[places] for x in arguments]
    arrays = [x.numpy() for x in arguments]
    ours, theirs = OURS.get(name) or getattr(special, name), THEIRS.get(name) or getattr(scipy_special, name)
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
