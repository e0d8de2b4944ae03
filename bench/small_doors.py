"""The cost of small entropies and divergences, against torch.distributions; the worst ratio first.

Run ``python -m bench.small_doors [--quick] [--markdown] [--only NAME]``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from .harness import FULL, QUICK, Task, options
from .laws import Law, matching
from .small_calls import Maker, measure

BOUNDS = {True: 0.9, False: 0.9}  # of torch's time, by validation


def build_and_entropy(law: Law, library: Any, validate: bool, parameters: list[Tensor]) -> Task:
    build = law.build
    return lambda: build(library, validate, *parameters).entropy()


def build_two_and_kl(law: Law, library: Any, validate: bool, parameters: list[Tensor]) -> Task:
    build, divergence = law.build, _divergence(library)
    other = law.parameters(len(parameters[0]))
    return lambda: divergence(build(library, validate, *parameters), build(library, validate, *other))


def _divergence(library: Any) -> Callable[[Any, Any], Tensor]:
    found: Callable[[Any, Any], Tensor] = library.kl_divergence
    return found


TASKS: dict[str, Maker] = {"build + entropy": build_and_entropy, "build two + KL": build_two_and_kl}


def main() -> None:
    chosen = options(__doc__)
    print("Small entropies and divergences: time relative to torch.distributions; ! above the bound, ~ noisy\n")
    missed = []
    for title, make in TASKS.items():
        table = measure(title, make, matching(chosen.only), QUICK if chosen.quick else FULL, BOUNDS)
        print(table.worst_first().render(chosen.markdown), end="\n\n", flush=True)
        missed += table.missed()
    print("\n".join(["Above their bounds:", *missed]) if missed else "All within their bounds.")


if __name__ == "__main__":
    main()
