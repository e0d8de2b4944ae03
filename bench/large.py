"""A million numbers at once, against torch.distributions: densities and samplers, with and without a backward pass.

The laws are built anew in every call, as some of the work may happen there; validation is off and one thread runs.
Run ``python -m bench.large [--quick] [--markdown] [--only NAME]``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .harness import Effort, Table, Task, compare, options
from .laws import OURS, THEIRS, Law, matching

Use = Callable[[Any, Tensor], Tensor]
NUMBERS = 10**6
FULL = Effort(least=7, most=21, block=20e-3)
QUICK = Effort(least=3, most=3, block=0.0)


def density(d: Any, value: Tensor) -> Tensor:
    log_prob: Tensor = d.log_prob(value)
    return log_prob


def draw(d: Any, value: Tensor) -> Tensor:
    x: Tensor = d.sample()
    return x


def differentiable_draw(d: Any, value: Tensor) -> Tensor:
    x: Tensor = d.rsample()
    return x


FORWARD = {"log_prob": density, "sample": draw}
BACKWARD = {"log_prob + backward": density, "rsample + backward": differentiable_draw}


def forward(law: Law, library: Any, parameters: list[Tensor], value: Tensor, use: Use) -> Task:
    return lambda: use(law.build(library, False, *parameters), value)


def backward(law: Law, library: Any, parameters: list[Tensor], value: Tensor, use: Use) -> Task:
    leaves = [parameter.clone().requires_grad_() for parameter in parameters]

    def task() -> None:
        total = use(law.build(library, False, *leaves), value).sum()
        torch.autograd.backward(total, inputs=leaves)
        for leaf in leaves:
            leaf.grad = None

    return task


def measure(law: Law, effort: Effort, table: Table) -> None:
    """One row of the table."""
    parameters = law.parameters(NUMBERS // law.size)
    value = law.value(parameters)
    for make, uses in ((forward, FORWARD), (backward, BACKWARD)):
        for name, use in uses.items():
            if use is not differentiable_draw or law.differentiable():
                ours, theirs = (make(law, library, parameters, value, use) for library in (OURS, THEIRS))
                table.add(law.name, name, compare(ours, theirs, effort))


def main() -> None:
    chosen = options(__doc__)
    table = Table("A million numbers", dict.fromkeys([*FORWARD, *BACKWARD]))
    for law in matching(chosen.only):
        measure(law, QUICK if chosen.quick else FULL, table)
    print("Large batches: time relative to torch.distributions (reparam / torch); ~ noisy\n")
    print(table.render(chosen.markdown))


if __name__ == "__main__":
    main()
