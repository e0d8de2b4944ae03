"""Transforms against torch.distributions: forward, inverse, log-determinant, and the value with its log-determinant.

Each transform is built once; small calls are of 64 rows, large ones of a million numbers, with and without a backward
pass. Run ``python -m bench.transforms [--quick] [--markdown] [--only NAME]``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .harness import Effort, Table, Task, compare, options
from .laws import EVENT, OURS, THEIRS, Draw, logits, positive, real, unit, vector

SIZES = {"small": 64, "large": 10**6}
FULL = {"small": Effort(least=21, most=121, block=2e-3), "large": Effort(least=7, most=21, block=20e-3)}
QUICK = {"small": Effort(least=7, most=15, block=1e-3), "large": Effort(least=3, most=3, block=0.0)}
BOUND = 1.0  # of torch's time


@dataclass(frozen=True)
class Map:
    """A transform to time.

    Args:
        name: as the tables show it.
        build: from the module of transforms, the same call for both libraries.
        draw: what draws a batch of arguments.
        size: how many numbers one argument of the batch holds.
        bijective: whether it has a log-determinant.
    """

    name: str
    build: Callable[[Any], Any]
    draw: Draw
    size: int = 1
    bijective: bool = True


def correlations(batch: int) -> Tensor:
    return torch.randn(batch, EVENT * (EVENT - 1) // 2)


def matrix(batch: int) -> Tensor:
    return 0.3 * torch.randn(batch, EVENT, EVENT).tril()


MAPS = (
    Map("Exp", lambda t: t.ExpTransform(), real),
    Map("Power(2.5)", lambda t: t.PowerTransform(torch.tensor(2.5)), positive),
    Map("Sigmoid", lambda t: t.SigmoidTransform(), real),
    Map("Tanh", lambda t: t.TanhTransform(), real),
    Map("Softplus", lambda t: t.SoftplusTransform(), real),
    Map("Affine", lambda t: t.AffineTransform(torch.tensor(1.0), torch.tensor(2.0)), real),
    Map("Affine(vector)", lambda t: t.AffineTransform(torch.ones(EVENT), 2 * torch.ones(EVENT), 1), vector, EVENT),
    Map("Compose(Affine, Sigmoid)", lambda t: t.ComposeTransform([t.AffineTransform(1.0, 2.0), t.SigmoidTransform()]),
        real),
    Map("Independent(Exp)", lambda t: t.IndependentTransform(t.ExpTransform(), 1), vector, EVENT),
    Map("Exp inverse", lambda t: t.ExpTransform().inv, positive),
    Map("Sigmoid inverse", lambda t: t.SigmoidTransform().inv, unit),
    Map("Reshape", lambda t: t.ReshapeTransform((EVENT,), (2, EVENT // 2)), vector, EVENT),
    Map("Abs", lambda t: t.AbsTransform(), real, bijective=False),
    Map("Softmax", lambda t: t.SoftmaxTransform(), logits, 10, bijective=False),
    Map("StickBreaking", lambda t: t.StickBreakingTransform(), vector, EVENT),
    Map("CorrCholesky", lambda t: t.CorrCholeskyTransform(), correlations, EVENT * (EVENT - 1) // 2),
    Map("LowerCholesky", lambda t: t.LowerCholeskyTransform(), matrix, EVENT**2, bijective=False),
    Map("PositiveDefinite", lambda t: t.PositiveDefiniteTransform(), matrix, EVENT**2, bijective=False),
    Map("CumulativeDistribution", lambda t: t.CumulativeDistributionTransform(NORMALS[t]), real),
)  # fmt: skip
NORMALS = {library.transforms: library.Normal(0.0, 1.0) for library in (OURS, THEIRS)}

Use = Callable[[Any, Any, Tensor, Tensor], tuple[Tensor, ...]]


def forward(t: Any, of: Any, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    return (t(x),)


def inverse(t: Any, of: Any, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    return (t.inv(y),)


def log_determinant(t: Any, of: Any, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    return (t.log_abs_det_jacobian(x, y),)


def both(t: Any, of: Any, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    """One call of ours, two of torch's."""
    if of is OURS:
        value, ldj = t.forward_and_ldj(x)
    else:
        value = t(x)
        ldj = t.log_abs_det_jacobian(x, value)
    return value, ldj


USES: dict[str, Use] = {"forward": forward, "inverse": inverse, "ldj": log_determinant, "forward and ldj": both}


def task(of: Any, map: Map, use: Use, x: Tensor, y: Tensor, backward: bool) -> Task:
    t = map.build(of.transforms)
    if not backward:
        return lambda: use(t, of, x, y)
    x, y = (value.clone().requires_grad_() for value in (x, y))

    def tracked() -> None:
        total = sum(value.sum() for value in use(t, of, x, y) if value.requires_grad)
        if isinstance(total, Tensor):
            total.backward()
        x.grad = y.grad = None

    return tracked


def measure(map: Map, size: str, effort: Effort, table: Table, backward: bool) -> None:
    """One row of a table."""
    x = map.draw(max(1, SIZES[size] // map.size) if size == "large" else SIZES[size])
    y = map.build(THEIRS.transforms)(x)
    for name, use in USES.items():
        if map.bijective or "ldj" not in name:
            ours, theirs = (task(of, map, use, x, y, backward) for of in (OURS, THEIRS))
            try:
                theirs()
            except NotImplementedError:
                continue  # torch.distributions does not have it
            table.add(map.name, name, compare(ours, theirs, effort))


def main() -> None:
    chosen = options(__doc__)
    maps = [map for map in MAPS if (chosen.only or "").lower() in map.name.lower()]
    print("Transforms: time relative to torch.distributions (reparam / torch); ! above the bound, ~ noisy\n")
    for backward in (False, True):
        for size in SIZES:
            table = Table(f"{size}, with a backward pass" if backward else size, dict.fromkeys(USES, BOUND))
            for map in maps:
                measure(map, size, (QUICK if chosen.quick else FULL)[size], table, backward)
            print(table.worst_first().render(chosen.markdown), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
