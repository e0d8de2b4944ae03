"""The cost of one small call, against torch.distributions: what a training loop pays at every step.

Each law is built and used anew, with validation on and off, for batches of 1 and 64.
Run ``python -m bench.small_calls [--quick] [--markdown] [--only NAME]``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from .harness import FULL, QUICK, Effort, Table, Task, compare, options
from .laws import OURS, THEIRS, Law, matching

BATCHES = (1, 64)
BOUNDS = {True: 0.6, False: 0.7}  # of torch's time, by validation
Maker = Callable[[Law, Any, bool, list[Tensor]], Task]


def build_and_log_prob(law: Law, library: Any, validate: bool, parameters: list[Tensor]) -> Task:
    build, value = law.build, law.value(parameters)
    return lambda: build(library, validate, *parameters).log_prob(value)


def build_draw_and_backward(law: Law, library: Any, validate: bool, parameters: list[Tensor]) -> Task:
    build, pathwise = law.build, law.differentiable()
    leaves = [parameter.clone().requires_grad_() for parameter in parameters]

    def task() -> None:
        d = build(library, validate, *leaves)
        value = d.rsample() if pathwise else d.sample()
        d.log_prob(value).sum().backward()
        for leaf in leaves:
            leaf.grad = None

    return task


TASKS: dict[str, Maker] = {
    "build + log_prob": build_and_log_prob,
    "build + (r)sample + log_prob + backward": build_draw_and_backward,
}


def measure(title: str, make: Maker, laws: list[Law], effort: Effort, bounds: dict[bool, float]) -> Table:
    """One table: a row for each law, a column for each way to validate and each batch size."""
    settings = {
        f"validation {'on' if validate else 'off'}, batch {batch}": (validate, batch)
        for validate in bounds
        for batch in BATCHES
    }
    table = Table(title, {name: bounds[v] for name, (v, _) in settings.items()})
    for law in laws:
        for column, (validate, batch) in settings.items():
            parameters = law.parameters(batch)
            ours, theirs = (make(law, library, validate, parameters) for library in (OURS, THEIRS))
            try:
                theirs()
            except NotImplementedError:
                continue  # torch.distributions does not have it
            table.add(law.name, column, compare(ours, theirs, effort))
    return table


def main() -> None:
    chosen = options(__doc__)
    laws, effort = matching(chosen.only), QUICK if chosen.quick else FULL
    print("Small calls: time relative to torch.distributions (reparam / torch); ! above the bound, ~ noisy\n")
    missed = []
    for title, make in TASKS.items():
        table = measure(title, make, laws, effort, BOUNDS)
        print(table.render(chosen.markdown), end="\n\n", flush=True)
        missed += table.missed()
    print("\n".join(["Above their bounds:", *missed]) if missed else "All within their bounds.")


if __name__ == "__main__":
    main()
