"""Laws of layouts: parameters that repeat along the batch, or lie scattered in memory, give what whole ones give."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Generator, Tensor

from .compare import agree
from .draws import Family, Parameters, fits
from .registry import has, law, reparameterised, values_of

BATCH = (2, 3)

Layout = tuple[str, Parameters, Callable[[Tensor], Tensor]]
"""How messages call it, leaves of memory, and what makes a parameter of one."""


def _layouts(family: Family, typical: Parameters) -> Iterator[Layout]:
    for name in typical if len(typical) > 1 else ():
        alone = {**typical, name: typical[name][0, 0].clone()}
        whole = {n: _whole(v, typical[n]) for n, v in alone.items()}
        if all(fits(f.constraint, whole, whole[n]) for n, f in family.fields.items()):
            yield f"{name} for all", alone, lambda t: t
    yield "all repeat", family.parameters((1, 3)), lambda t: t.expand(BATCH + t.shape[2:])
    yield "scattered", {n: v.movedim(-1, 0).contiguous() for n, v in typical.items()}, lambda t: t.movedim(0, -1)


def _whole(value: Tensor, like: Tensor) -> Tensor:
    """A parameter with memory of its own for each law of the batch."""
    return value.expand(like.shape).clone(memory_format=torch.contiguous_format)


def _answers(family: Family, d: Any, x: Tensor) -> Iterator[tuple[str, Tensor]]:
    yield "log_prob", d.log_prob(x)
    if family.scalar and has(family.example, "cdf"):
        yield "cdf", d.cdf(x)
    if has(family.example, "mean"):
        yield "mean", d.mean
    generator = Generator().manual_seed(4)
    if reparameterised(family):
        draws, log_prob = d.rsample_and_log_prob((2,), generator=generator)
        yield "rsample_and_log_prob", torch.cat([draws.flatten(), log_prob.flatten()])
    else:
        yield "sample", d.sample((2,), generator=generator)


@law()
def layouts_agree(family: Family) -> None:
    """Results and their gradients do not depend on how the parameters repeat, or lie in memory.

    The ways differ in the order of sums: 1e-9 is some 5e6 epsilons, more than the condition of typical laws.
    """
    typical = family.parameters(BATCH)
    for label, leaves, lay in _layouts(family, typical):
        leaves = {n: v.requires_grad_(n in family.smooth) for n, v in leaves.items()}
        laid = {n: lay(v) for n, v in leaves.items()}
        plain = family.build(**{n: _whole(v, typical[n]) for n, v in laid.items()})
        x = values_of(plain, (2,))
        smooth = [leaves[n] for n in family.smooth]
        pairs = zip(_answers(family, family.build(**laid), x), _answers(family, plain, x), strict=True)
        for (door, found), (_, expected) in pairs:
            where = f"{family}, {label}: {door}"
            agree(where, found, expected, 1e-9, 1e-9)
            if not found.requires_grad:
                continue
            for name, slope, truth in zip(
                family.smooth, _slopes(found, smooth), _slopes(expected, smooth), strict=True
            ):
                agree(f"{where}, by {name}", slope, truth, 1e-9, 1e-9 * (1 + float(truth.abs().max())))


def _slopes(value: Tensor, leaves: list[Tensor]) -> list[Tensor]:
    found = torch.autograd.grad(value.sum(), leaves, allow_unused=True, retain_graph=True)
    return [torch.zeros_like(leaf) if slope is None else slope for slope, leaf in zip(found, leaves, strict=True)]
