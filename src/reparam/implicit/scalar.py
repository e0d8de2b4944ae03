r"""The implicit gradient of a scalar sample, written once.

A sample z of a law with cdf F has, at fixed probability, :math:`dz/d\theta = -\partial_\theta F(z) / p(z)`.
Only F is differentiated; nothing is inverted.

References:
    Figurnov, Mohamed and Mnih, Implicit reparameterization gradients, 2018.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .. import _torch

Slope = Callable[[Tensor, Tensor], Tensor]


class _Implicit(torch.autograd.Function):
    """z with dz/d(parameter) = slope(parameter, z); it saves its output, so that higher orders are right."""

    generate_vmap_rule = True

    @staticmethod
    def forward(parameter: Tensor, sample: Tensor, slope: Slope) -> Tensor:
        return sample.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Slope], output: Tensor) -> None:
        parameter, _, ctx.slope = inputs
        ctx.save_for_backward(parameter, output)
        ctx.save_for_forward(parameter, output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        parameter, sample = ctx.saved_tensors
        slope: Tensor = ctx.slope(parameter, sample)
        return grad * slope, None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, _: Any, __: Any) -> Tensor:
        return _torch.seen_around(lambda t, *at: t * ctx.slope(*at), tangent, *ctx.saved_tensors)


class _Plain(torch.autograd.Function):
    """The same in plain eager mode, at less cost."""

    @staticmethod
    def forward(ctx: Any, parameter: Tensor, sample: Tensor, slope: Slope) -> Tensor:
        output = sample.view_as(sample)
        ctx.slope = slope
        ctx.save_for_backward(parameter, output)
        return output

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        parameter, sample = ctx.saved_tensors
        return grad * ctx.slope(parameter, sample), None, None


# ``Function.apply`` unwraps what functorch left behind, which plain eager mode rules out, and then calls this.
_plainly: Callable[..., Tensor] = super(torch.autograd.Function, _Plain).apply


def reparameterise(parameter: Tensor, sample: Tensor, slope: Slope) -> Tensor:
    r"""``sample`` with the gradient in ``parameter`` that keeps its probability fixed.

    Args:
        parameter: :math:`\theta`, of the sample's shape.
        sample: z, drawn without a gradient.
        slope: :math:`(\theta, z) \mapsto dz/d\theta`, differentiable in both arguments.

    Returns:
        The sample; differentiable to second order, in forward mode and under ``torch.func``, and to first order
        under ``torch.compile``.
    """
    if _torch.is_ordinary_mode():
        return _plainly(parameter, sample, slope)
    if _torch.is_compiling():
        if not parameter.requires_grad:
            return sample
        fixed = slope(parameter.detach(), sample)
        return sample + (parameter - parameter.detach()) * fixed
    return _Implicit.apply(parameter, sample, slope)  # type: ignore[no-any-return,no-untyped-call]
