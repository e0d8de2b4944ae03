"""Standard parameters from mean parameters, for exponential families without a closed form: Newton's method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...core.checks import surely
from ...core.params import param
from ...core.shapes import joint
from ...transforms import biject_to

STEPS = 40
LONGEST = 4.0  #: the longest step of a free coordinate: positive parameters move by a factor of 55 at most
HALVINGS = 8
SETTLED = 1e-6  #: a step whose square is lost in the coordinates


class _Free:
    """The laws of a class over rows of unconstrained coordinates, all its parameters side by side."""

    def __init__(self, cls: Any, mean: Sequence[Tensor], known: dict[str, Any]) -> None:
        fields = {n: f for n, f in cls._fields.items() if isinstance(f, param) and n not in known}
        self.names = [n for n, f in fields.items() if f.group[:1] in ((), (n,))]
        if len(self.names) != len(mean):
            raise TypeError(f"{cls.__name__}: {len(self.names)} mean parameters are needed; got {len(mean)}")
        events = [t.shape[t.dim() - fields[n].event_dim :] for n, t in zip(self.names, mean)]
        self.batch = joint(*(t.shape[: t.dim() - len(e)] for t, e in zip(mean, events)))
        self.onto = [biject_to(fields[n].constraint) for n in self.names]
        self.cls, self.known, self.events = cls, known, events
        self.mean = torch.cat([t.expand(self.batch + e).reshape(-1, e.numel()) for t, e in zip(mean, events)], -1)

    def arguments(self, free: Tensor) -> dict[str, Tensor]:
        """The parameters at coordinates ``[..., m]``."""
        parts = free.split([e.numel() for e in self.events], -1)
        rows = free.shape[:-1]
        shaped = (part.reshape(rows + e) for part, e in zip(parts, self.events))
        return {n: onto(part) for n, onto, part in zip(self.names, self.onto, shaped)}

    def law(self, free: Tensor) -> Any:
        """The law at the coordinates of one row."""
        return self.cls(**self.arguments(free), **self.known, validate_args=False)

    def excess(self, free: Tensor, mean: Tensor) -> Tensor:
        """Its mean parameters less the wanted ones."""
        return torch.cat([t.reshape(-1) for t in self.law(free).mean_parameters]) - mean

    def objective(self, free: Tensor, mean: Tensor) -> Tensor:
        """The divergence from the wanted law, up to a constant."""
        law = self.law(free)
        natural = torch.cat([t.reshape(-1) for t in law.natural_parameters])
        value: Tensor = law.log_normalizer - (natural * mean).sum()
        return value

    def step(self, free: Tensor) -> Tensor:
        """The Newton step to where the excess is zero, for every row."""
        excess = torch.vmap(self.excess)(free, self.mean)
        jacobian = torch.vmap(torch.func.jacrev(self.excess))(free, self.mean)
        solved: Tensor = torch.linalg.solve(jacobian, excess)
        return -solved


def arguments_of_mean(cls: Any, *mean: Any, **known: Any) -> dict[str, Any]:
    """The constructor's arguments of the law with these mean parameters.

    Newton's method in unconstrained coordinates, each step shortened until the divergence from the wanted law does
    not grow. Two further steps are differentiable: from the solution, they carry derivatives up to the third.

    Args:
        cls: an exponential family with one standard parameter for each mean parameter, of its shape.
        *mean: the mean parameters.
        **known: arguments of the constructor that are given.

    Raises:
        TypeError: if their numbers differ.
    """
    tensors = [torch.as_tensor(t) for t in mean]
    dtype = tensors[0].dtype if tensors[0].is_floating_point() else torch.get_default_dtype()
    laws = _Free(cls, [t.double() for t in tensors], known)
    with torch.no_grad():
        free = torch.zeros_like(laws.mean)
        for _ in range(STEPS):
            before, free = free, _improved(laws, free)
            if surely((free - before).abs() < SETTLED):
                break
    for _ in range(2):
        free = free + laws.step(free)
    found = laws.arguments(free.reshape(laws.batch + free.shape[-1:]))
    return {n: v.to(dtype) for n, v in found.items()} | known


def _improved(laws: _Free, free: Tensor) -> Tensor:
    """One guarded Newton step: the longest of its halvings that does not lose."""
    objective = torch.vmap(laws.objective)
    longest = laws.step(free).nan_to_num(0.0).clamp(-LONGEST, LONGEST)
    share = 0.5 ** torch.arange(HALVINGS, dtype=free.dtype, device=free.device)
    tried = free + share[:, None, None] * longest
    values = torch.vmap(objective)(tried, laws.mean.expand_as(tried))
    here = objective(free, laws.mean)
    good = values <= here + 1e-13 * (1 + here.abs())
    chosen = torch.where(good.any(0), good.int().argmax(0), HALVINGS - 1)
    picked: Tensor = tried.gather(0, chosen[None, :, None].expand_as(tried[:1]))[0]
    return picked
