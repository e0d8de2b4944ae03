r"""The implicit gradient of a sample by the standardisation of its law, written once.

A standardisation :math:`S_\theta` takes a sample z to noise whose law does not depend on :math:`\theta`: a cdf, or one
conditional cdf after another. With :math:`J = \partial S/\partial z`, at fixed noise

.. math:: \frac{dz}{d\theta} = -J^{-1} \frac{\partial S_\theta(z)}{\partial\theta}.

Only S is differentiated; nothing is inverted but J, which is diagonal or triangular.

References:
    Figurnov, Mohamed and Mnih, Implicit reparameterization gradients, 2018.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from .._torch import is_compiling, is_ordinary_mode, seen_around
from ..core.slopes import push_forward


class Jacobian(Protocol):
    """The derivative of a standardisation in the sample."""

    def solve(self, v: Tensor, transposed: bool) -> Tensor:
        """The solution x of J x = v, or of J^T x = v."""
        ...


# (sample, *parameters) -> the noise, and the function that makes its Jacobian
Standardisation = Callable[..., tuple[Tensor, Callable[[], Jacobian]]]
# (sample, v, *parameters) -> pieces of a sum that has the gradient of the sample weighted by v: terms and their weights
Terms = Callable[..., Iterable[Sequence[tuple[Tensor, Tensor]]]]


class Diagonal:
    """A Jacobian that takes every entry for itself.

    Args:
        diagonal: of the sample's shape.
    """

    def __init__(self, diagonal: Tensor) -> None:
        self.diagonal = diagonal

    def solve(self, v: Tensor, transposed: bool) -> Tensor:
        """The quotient."""
        return v / self.diagonal


class Triangular:
    """A lower triangular Jacobian of every event, whose entries are taken in the order of memory.

    Args:
        matrix: ``[*batch, D, D]`` for events of D entries.
        event_dim: the number of dimensions of an event.
    """

    def __init__(self, matrix: Tensor, event_dim: int = 1) -> None:
        self.matrix = matrix
        self.event_dim = event_dim

    def solve(self, v: Tensor, transposed: bool) -> Tensor:
        """By substitution."""
        flat = v.flatten(v.dim() - self.event_dim).unsqueeze(-1)
        matrix = self.matrix.mT if transposed else self.matrix
        found: Tensor = torch.linalg.solve_triangular(matrix, flat, upper=transposed)
        return found.reshape(v.shape)


class _Implicit(torch.autograd.Function):
    """The sample with its implicit gradient; it saves its output, so that higher orders are right."""

    generate_vmap_rule = True

    @staticmethod
    def forward(standardise: Standardisation, terms: Terms | None, sample: Tensor, *parameters: Tensor) -> Tensor:
        return sample.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.standardise, ctx.terms, _, *parameters = inputs
        ctx.save_for_backward(output, *parameters)
        ctx.save_for_forward(output, *parameters)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        sample, *parameters = ctx.saved_tensors
        wanted, ordinary = ctx.needs_input_grad[3:], is_ordinary_mode()
        if ordinary and ctx.terms is not None and not torch.is_grad_enabled():
            return None, None, None, *_summed(ctx.terms, sample, parameters, wanted, grad)
        pull = _pulled_back if ordinary else _pulled_back_by_func
        return None, None, None, *pull(ctx.standardise, sample, parameters, wanted, grad)

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> Tensor:
        places = [i for i, t in enumerate(tangents[3:]) if t is not None]
        moves = [t for t in tangents[3:] if t is not None]

        def along(sample: Tensor, *tensors: Tensor) -> Tensor:
            parameters, moved = tensors[: -len(moves)], tensors[-len(moves) :]
            noise = _at(ctx.standardise, sample, parameters, places)
            shift = push_forward(noise, [parameters[i] for i in places], moved)
            return -ctx.standardise(sample, *parameters)[1]().solve(shift, False)  # type: ignore[no-any-return]

        return seen_around(along, *ctx.saved_tensors, *moves)


def _at(
    standardise: Standardisation, sample: Tensor, parameters: Sequence[Tensor], places: Sequence[int]
) -> Callable[..., Tensor]:
    """The noise as a function of the parameters at some places."""

    def noise(*given: Tensor) -> Tensor:
        values = list(parameters)
        for place, value in zip(places, given, strict=True):
            values[place] = value
        return standardise(sample, *values)[0]

    return noise


def _pulled_back(
    standardise: Standardisation, sample: Tensor, parameters: Sequence[Tensor], wanted: Sequence[bool], grad: Tensor
) -> list[Tensor | None]:
    """The gradients in the wanted parameters; noise and Jacobian come from one evaluation."""
    create_graph = torch.is_grad_enabled()
    with torch.enable_grad():
        # aliases: where one parameter is a function of another, its gradient must not run on into that one
        values = [
            t.view_as(t) if t.requires_grad else t.detach().requires_grad_(want) for t, want in zip(parameters, wanted)
        ]
        noise, jacobian = standardise(sample, *values)
    v = -jacobian().solve(grad, True)
    chosen = [value for value, want in zip(values, wanted, strict=True) if want]
    slopes = iter(torch.autograd.grad(noise, chosen, v, create_graph=create_graph, allow_unused=True))
    return [next(slopes) if want else None for want in wanted]


def _summed(
    terms: Terms, sample: Tensor, parameters: Sequence[Tensor], wanted: Sequence[bool], grad: Tensor
) -> list[Tensor | None]:
    """The same, to first order, as the gradients of a sum."""
    values = [t.detach().requires_grad_(want) for t, want in zip(parameters, wanted, strict=True)]
    chosen = [value for value, want in zip(values, wanted, strict=True) if want]
    total: list[Tensor | None] = [None] * len(chosen)
    with torch.enable_grad():
        for piece in terms(sample.detach(), grad, *values):
            moving = [term for term in piece if term[0].requires_grad]
            found = torch.autograd.grad([of for of, _ in moving], chosen, [by for _, by in moving], allow_unused=True)
            total = [new if old is None else old if new is None else old + new for old, new in zip(total, found)]
    slopes = iter(total)
    return [next(slopes) if want else None for want in wanted]


def _pulled_back_by_func(
    standardise: Standardisation, sample: Tensor, parameters: Sequence[Tensor], wanted: Sequence[bool], grad: Tensor
) -> list[Tensor | None]:
    """The same where functorch is at work."""
    v = -standardise(sample, *parameters)[1]().solve(grad, True)
    places = [i for i, want in enumerate(wanted) if want]
    noise = _at(standardise, sample, parameters, places)
    slopes = iter(torch.func.vjp(noise, *(parameters[i] for i in places))[1](v))
    return [next(slopes) if want else None for want in wanted]


def reparameterise_by(
    standardise: Standardisation, sample: Tensor, parameters: Sequence[Tensor], terms: Terms | None = None
) -> Tensor:
    """The sample with the gradient in the parameters that keeps its noise fixed.

    Args:
        standardise: ``(sample, *parameters) ->`` the noise, of the sample's shape, and a function that makes its
            Jacobian in the sample.
        sample: drawn without a gradient.
        parameters: tensors.
        terms: ``(sample, v, *parameters) ->`` functions of the parameters with their weights, piece by piece, whose
            sum has the gradient of the sample weighted by v: a quicker way to first derivatives.

    Returns:
        The sample; differentiable to second order, in forward mode and under ``torch.func``, and to first order
        under ``torch.compile``.
    """
    if not is_compiling():
        return _Implicit.apply(standardise, terms, sample, *parameters)  # type: ignore[no-any-return,no-untyped-call]
    if not any(t.requires_grad for t in parameters):
        return sample
    noise = standardise(sample, *parameters)[0]
    fixed = standardise(sample, *(t.detach() for t in parameters))[1]()
    return sample - fixed.solve(noise - noise.detach(), False)
