r"""The implicit gradient of a sample by the standardisation of its law, written once.

A standardisation :math:`S_\theta` takes a sample z to noise whose law does not depend on :math:`\theta`: a cdf, or one
conditional cdf after another. With :math:`J = \partial S/\partial z`, at fixed noise

.. math:: \frac{dz}{d\theta} = -J^{-1} \frac{\partial S_\theta(z)}{\partial\theta}.

Only S is differentiated; nothing is inverted but J, which is diagonal or triangular.

References:
    Figurnov, Mohamed and Mnih, Implicit reparameterization gradients, 2018.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from .._torch import is_compiling, is_ordinary_mode

Standardisation = Callable[..., Tensor]


class Jacobian(Protocol):
    """The derivative of a standardisation in the sample."""

    def solve(self, v: Tensor, transposed: bool) -> Tensor:
        """The solution x of J x = v, or of J^T x = v."""
        ...


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
    def forward(
        standardise: Standardisation, jacobian: Callable[..., Jacobian], sample: Tensor, *parameters: Tensor
    ) -> Tensor:
        return sample.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.standardise, ctx.jacobian, _, *parameters = inputs
        ctx.save_for_backward(output, *parameters)
        ctx.save_for_forward(output, *parameters)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        sample, *parameters = ctx.saved_tensors
        v = -ctx.jacobian(sample, *parameters).solve(grad, True)
        wanted = ctx.needs_input_grad[3:]
        return None, None, None, *_pulled_back(ctx.standardise, sample, parameters, wanted, v)

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> Tensor:
        sample, *parameters = ctx.saved_tensors
        moved = [t for t in tangents[3:] if t is not None]
        places = [i for i, t in enumerate(tangents[3:]) if t is not None]

        def along(*given: Tensor) -> Tensor:
            values = list(parameters)
            for place, value in zip(places, given, strict=True):
                values[place] = value
            return ctx.standardise(sample, *values)  # type: ignore[no-any-return]

        shift = torch.func.jvp(along, tuple(parameters[i] for i in places), tuple(moved))[1]
        return -ctx.jacobian(sample, *parameters).solve(shift, False)  # type: ignore[no-any-return]


def _pulled_back(
    standardise: Standardisation, sample: Tensor, parameters: Sequence[Tensor], wanted: Sequence[bool], v: Tensor
) -> list[Tensor | None]:
    """The products of v with the derivatives of the standardisation in the wanted parameters."""
    places = [i for i, want in enumerate(wanted) if want]

    def of(*given: Tensor) -> Tensor:
        values = list(parameters)
        for place, value in zip(places, given, strict=True):
            values[place] = value
        return standardise(sample, *values)

    chosen = [parameters[i] for i in places]
    if is_ordinary_mode():
        create_graph = torch.is_grad_enabled()
        with torch.enable_grad():
            # aliases: where one parameter is a function of another, its gradient must not run on into that one
            chosen = [t.view_as(t) if t.requires_grad else t.detach().requires_grad_() for t in chosen]
            noise = of(*chosen)
        slopes = torch.autograd.grad(noise, chosen, v, create_graph=create_graph, allow_unused=True)
    else:
        slopes = torch.func.vjp(of, *chosen)[1](v)
    found: list[Tensor | None] = [None] * len(parameters)
    for place, slope in zip(places, slopes, strict=True):
        found[place] = slope
    return found


def reparameterise_by(
    standardise: Standardisation,
    jacobian: Callable[..., Jacobian],
    sample: Tensor,
    parameters: Sequence[Tensor],
) -> Tensor:
    """The sample with the gradient in the parameters that keeps its noise fixed.

    Args:
        standardise: ``(sample, *parameters) -> noise``, of the sample's shape.
        jacobian: ``(sample, *parameters) ->`` its derivative in the sample.
        sample: drawn without a gradient.
        parameters: tensors.

    Returns:
        The sample; differentiable to second order, in forward mode and under ``torch.func``, and to first order
        under ``torch.compile``.
    """
    if not is_compiling():
        return _Implicit.apply(standardise, jacobian, sample, *parameters)  # type: ignore[no-any-return,no-untyped-call]
    if not any(t.requires_grad for t in parameters):
        return sample
    noise = standardise(sample, *parameters)
    fixed = jacobian(sample, *(t.detach() for t in parameters))
    return sample - fixed.solve(noise - noise.detach(), False)
