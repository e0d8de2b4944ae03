"""Draws of mixtures of normals with their pathwise gradient, against the same implicit gradient written out in torch.

The other side takes the conditional cdfs of the coordinates as a function, its Jacobian by ``torch.func.jacrev`` and
the gradient by a triangular solve; a few hundred draws at a time, as that Jacobian is large. Run ``python -m
bench.mixtures [--quick] [--markdown] [--only NAME]``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

import reparam

from .harness import Effort, Table, Task, compare, options

FULL = Effort(least=7, most=21, block=20e-3)
QUICK = Effort(least=3, most=3, block=0.0)
TOGETHER = 2**17  #: numbers of draws times components times coordinates that the other side takes at once


@dataclass(frozen=True)
class Size:
    """How many components, coordinates and draws."""

    components: int
    coordinates: int
    draws: int

    @property
    def name(self) -> str:
        """As the table shows it."""
        return f"K = {self.components}, D = {self.coordinates}, n = {self.draws}"

    def parameters(self) -> list[Tensor]:
        """Logits, means and standard deviations."""
        shape = (self.components, self.coordinates)
        return [torch.randn(self.components), torch.randn(shape), 0.5 + torch.rand(shape)]


MANY = (Size(5, 50, 10_000), Size(20, 20, 10_000))
FEW = (Size(8, 2, 1000), Size(20, 1, 100_000), Size(5, 10, 10_000))
GROUPS = (("Many coordinates", 0.25, MANY), ("Few coordinates", 1.0, FEW))


def loss(x: Tensor) -> Tensor:
    """A function that is no sum over the coordinates."""
    return (x.cos().prod(-1) + x.square().sum(-1)).sum()


def ours(size: Size, parameters: list[Tensor]) -> Task:
    leaves = [p.clone().requires_grad_() for p in parameters]

    def task() -> list[Tensor]:
        logits, loc, scale = leaves
        parts = reparam.Independent(reparam.Normal(loc, scale, validate_args=False), 1, validate_args=False)
        choice = reparam.Categorical(logits=logits, validate_args=False)
        d = reparam.MixtureSameFamily(choice, parts, validate_args=False)
        return list(torch.autograd.grad(loss(d.rsample((size.draws,))), leaves))

    return task


def conditional_cdfs(x: Tensor, logits: Tensor, loc: Tensor, scale: Tensor) -> Tensor:
    """The conditional cdf of each coordinate of a vector given those before it."""
    z = (x - loc) / scale
    past = (-0.5 * z**2 - scale.log()).cumsum(-1)
    before = torch.cat([torch.zeros_like(past[:, :1]), past[:, :-1]], -1)
    return (torch.softmax(logits[:, None] + before, 0) * torch.special.ndtr(z)).sum(0)


def written_out(size: Size, parameters: list[Tensor]) -> Task:
    leaves = [p.clone().requires_grad_() for p in parameters]
    cdfs = torch.func.vmap(conditional_cdfs, in_dims=(0, None, None, None))
    jacobians = torch.func.vmap(torch.func.jacrev(conditional_cdfs), in_dims=(0, None, None, None))
    rows = max(1, TOGETHER // (size.components * size.coordinates))

    def task() -> list[Tensor]:
        logits, loc, scale = (leaf.detach() for leaf in leaves)
        k = torch.multinomial(logits.softmax(-1), size.draws, replacement=True)
        draws = loc[k] + scale[k] * torch.randn(size.draws, size.coordinates)
        total = [torch.zeros_like(leaf) for leaf in leaves]
        for x in draws.split(rows):
            x.requires_grad_()
            (grad,) = torch.autograd.grad(loss(x), x)
            x = x.detach()
            matrix = jacobians(x, logits, loc, scale)
            v = torch.linalg.solve_triangular(matrix.mT, grad.unsqueeze(-1), upper=True).squeeze(-1)
            found = torch.autograd.grad(cdfs(x, *leaves), leaves, -v)
            total = [old + new for old, new in zip(total, found, strict=True)]
        return total

    return task


def main() -> None:
    chosen = options(__doc__)
    print(
        "Mixtures of normals: time relative to the gradient written out (reparam / torch); ! above the bound, ~ noisy"
    )
    for title, bound, sizes in GROUPS:
        table = Table(title, {"rsample + backward": bound})
        for size in sizes:
            if chosen.only is None or chosen.only in size.name:
                parameters = size.parameters()
                tasks = ours(size, parameters), written_out(size, parameters)
                table.add(size.name, "rsample + backward", compare(*tasks, QUICK if chosen.quick else FULL))
        if table.cells:
            print(f"\n{table.render(chosen.markdown)}")


if __name__ == "__main__":
    main()
