"""Samples of a law with the implicit gradient in all its parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .._torch import can_read, unwrapped
from ..core.pytree import flatten
from ..core.slopes import slope
from .standard import Diagonal, Jacobian, Triangular, reparameterise_by


def reparameterised(
    law: Any, sample: Tensor, standardise: Callable[..., Any] | None = None, further: Sequence[Tensor] = ()
) -> Tensor:
    """A sample of a continuous law with the gradient in the law's parameters that keeps its noise fixed.

    A law may say how its samples become noise: ``_standardize(x)`` returns a tensor of the sample's shape, whose entry
    depends on the entries of the event up to its own, and ``_standardize_jacobian(x)``, if it is there, the derivative
    in x as a :class:`Diagonal` or :class:`Triangular`. A scalar law needs neither: its noise is the logarithm of the
    smaller of its two tails, with a sign. A law may also know a quicker way to the first derivatives,
    ``_gradient_terms(x, v)``, as :func:`reparameterise_by` wants it.

    Args:
        law: resolved; its parameters are those of its pytree.
        sample: drawn from it without a gradient.
        standardise: ``(law, sample, *further)`` -> the noise and the function that makes its Jacobian, where it is not
            the law's own.
        further: tensors that the noise depends on besides the law's parameters.
    """
    standardise = standardise or standardisation
    leaves, rebuild = flatten(law._unchecked())
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor) and leaf.is_floating_point()]

    def over(parameters: tuple[Tensor, ...]) -> Any:
        values = list(leaves)
        for place, value in zip(places, parameters, strict=True):
            values[place] = value
        return rebuild(values)

    count = len(places)
    return reparameterise_by(
        lambda x, *given: standardise(over(given[:count]), x, *given[count:]),
        sample,
        [*(leaves[i] for i in places), *further],
        (lambda x, v, *given: over(given)._gradient_terms(x, v)) if hasattr(law, "_gradient_terms") else None,
    )


def standardisation(law: Any, x: Tensor) -> tuple[Tensor, Callable[[], Jacobian]]:
    """The noise that a sample stands for, and the function that makes its derivative in the sample."""
    if hasattr(law, "_standardization"):
        return law._standardization(x)  # type: ignore[no-any-return]
    if hasattr(law, "_standardize"):
        noise = law._standardize(x)
        if noise.shape != x.shape:
            made = f"noise of shape {tuple(noise.shape)} from samples of shape {tuple(x.shape)}"
            raise ValueError(f"{type(law).__name__}: _standardize makes {made}, but must keep the shape")
        return noise, partial(_stated if hasattr(law, "_standardize_jacobian") else _by_differentiation, law, x)
    return scalar_standardisation(law, x)


def scalar_standardisation(law: Any, x: Tensor) -> tuple[Tensor, Callable[[], Jacobian]]:
    """The same for a scalar law: by the logarithm of the smaller of its two tails, with a sign."""
    log_cdf, log_sf = law._log_cdf(x), law._log_sf(x)
    return smaller_tail(log_cdf, log_sf), lambda: Diagonal(torch.exp(law._log_prob(x) - torch.minimum(log_cdf, log_sf)))


def smaller_tail(log_cdf: Tensor, log_sf: Tensor) -> Tensor:
    r""":math:`\log F` where F is below one half, and :math:`-\log(1-F)` above: it grows with the sample."""
    return torch.where(log_cdf < log_sf, log_cdf, -log_sf)


def _stated(law: Any, x: Tensor) -> Jacobian:
    """The Jacobian that the law gives."""
    found: Any = law._standardize_jacobian(x)
    if isinstance(found, Tensor):
        kind = type(law).__name__
        raise TypeError(f"{kind}: _standardize_jacobian must return a Diagonal or Triangular, not a Tensor")
    return found  # type: ignore[no-any-return]


def _by_differentiation(law: Any, x: Tensor) -> Jacobian:
    """The Jacobian by automatic differentiation, one row at a time.

    Raises:
        ValueError: where an entry of the noise depends on a later entry of the event.
    """
    event_dim, noise = len(law.event_shape), law._standardize
    if event_dim == 0:
        return Diagonal(slope(noise, x))
    size = law.event_shape.numel()
    rows = []
    for place in range(size):
        chosen = torch.zeros(size, dtype=x.dtype, device=x.device)
        chosen[place] = 1.0
        rows.append(slope(noise, x, chosen.reshape(law.event_shape).expand_as(x)).flatten(x.dim() - event_dim))
    matrix = torch.stack(rows, -2)
    room = torch.finfo(x.dtype).eps ** 0.5 * matrix.abs().amax(-1, keepdim=True)
    if can_read() and not x.is_meta and bool(unwrapped(matrix.triu(1).abs() > room).any()):
        raise ValueError(
            f"{type(law).__name__}: an entry of _standardize(x) depends on a later entry of x, "
            "but may depend on those up to its own alone"
        )
    return Triangular(matrix, event_dim)
