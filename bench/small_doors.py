"""The cost of the other doors of small laws, against torch.distributions; the worst ratio first.

Each law is built and used anew, as in ``bench.small_calls``; in the second half a backward pass follows.
Run ``python -m bench.small_doors [--quick] [--markdown] [--only NAME] [--door NAME]``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .harness import FULL, QUICK, Task, options
from .laws import Law, matching
from .small_calls import Maker, measure

BOUNDS = {True: 0.9, False: 0.9}  # of torch's time, by validation
Call = Callable[[Any], Any]


def on_the_law(call: Call) -> Maker:
    """What a law answers without an argument."""

    def make(law: Law, library: Any, validate: bool, parameters: list[Tensor]) -> Task:
        build = law.build
        return lambda: call(build(library, validate, *parameters))

    return make


def at_a_value(law: Law, library: Any, validate: bool, parameters: list[Tensor]) -> Task:
    build, value = law.build, law.value(parameters)
    return lambda: build(library, validate, *parameters).cdf(value)


def at_a_probability(law: Law, library: Any, validate: bool, parameters: list[Tensor]) -> Task:
    build, p = law.build, 0.05 + 0.9 * torch.rand(len(parameters[0]))
    return lambda: build(library, validate, *parameters).icdf(p)


def of_two(law: Law, library: Any, validate: bool, parameters: list[Tensor]) -> Task:
    build, divergence = law.build, library.kl_divergence
    other = law.parameters(len(parameters[0]))
    return lambda: divergence(build(library, validate, *parameters), build(library, validate, *other))


def with_backward(make: Maker) -> Maker:
    """The same with a backward pass to the parameters, where the answer moves with them."""

    def made(law: Law, library: Any, validate: bool, parameters: list[Tensor]) -> Task:
        leaves = [parameter.clone().requires_grad_() for parameter in parameters]
        answer = make(law, library, validate, leaves)

        def task() -> None:
            value = answer()
            if value.requires_grad:
                value.sum().backward()
            for leaf in leaves:
                leaf.grad = None

        return task

    return made


TRACKED: dict[str, Maker] = {
    "build + entropy": on_the_law(lambda d: d.entropy()),
    "build two + KL": of_two,
    "build + mean": on_the_law(lambda d: d.mean),
    "build + variance": on_the_law(lambda d: d.variance),
    "build + cdf": at_a_value,
    "build + icdf": at_a_probability,
    "build + rsample": on_the_law(lambda d: d.rsample()),
}
TASKS: dict[str, Maker] = {
    **TRACKED,
    "build": on_the_law(lambda d: d),
    "build + sample": on_the_law(lambda d: d.sample()),
    "build + enumerate_support": on_the_law(lambda d: d.enumerate_support()),
    "build + expand": on_the_law(lambda d: d.expand((2, *d.batch_shape))),
    **{f"{name} + backward": with_backward(make) for name, make in TRACKED.items()},
}


def main() -> None:
    chosen = options(__doc__, door="only the doors whose names contain this")
    print("Doors of small laws: time relative to torch.distributions; ! above the bound, ~ noisy\n")
    missed = []
    for title, make in TASKS.items():
        if (chosen.door or "").lower() in title.lower():
            table = measure(title, make, matching(chosen.only), QUICK if chosen.quick else FULL, BOUNDS)
            print(table.worst_first().render(chosen.markdown), end="\n\n", flush=True)
            missed += table.missed()
    print("\n".join(["Above their bounds:", *missed]) if missed else "All within their bounds.")


if __name__ == "__main__":
    main()
