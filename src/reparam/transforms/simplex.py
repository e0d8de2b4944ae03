"""Transforms onto the simplex: softmax and stick-breaking."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from .._torch import is_ordinary_mode
from ..constraints import real_vector, simplex
from ..kernels import all_within
from ..special.logs import softmax
from .base import Transform
from .elementwise import softplus


class SoftmaxTransform(Transform):
    r"""The map :math:`y_i = e^{x_i} / \sum_j e^{x_j}`, which acts on every coordinate alike.

    It is no bijection, as adding a constant to ``x`` changes nothing, and so has no
    log-determinant. Its pseudo-inverse is the logarithm.

    Example:
        >>> import torch
        >>> SoftmaxTransform()(torch.tensor([0.0, 0.0]))
        tensor([0.5000, 0.5000])
    """

    domain = real_vector
    codomain = simplex

    def _call(self, x: Tensor) -> Tensor:
        return softmax(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()

    def forward_shape(self, shape: Sequence[int]) -> torch.Size:
        """The same shape, of at least one dimension."""
        return _vector_shape(self, shape, 0)

    def inverse_shape(self, shape: Sequence[int]) -> torch.Size:
        """The same shape, of at least one dimension."""
        return _vector_shape(self, shape, 0)


class StickBreakingTransform(Transform):
    r"""The bijection from :math:`K - 1` real numbers to the simplex of :math:`K` entries.

    A stick of length one is broken again and again: with :math:`z_k = \sigma(x_k - \log(K - k))`,

    .. math:: y_k = z_k \prod_{j<k} (1 - z_j), \qquad y_K = \prod_{j<K} (1 - z_j),

    so that :math:`x = 0` gives the centre. The inverse adds up what is left of the stick from its
    end, so that small entries keep all their digits. The
    log-determinant is that of the first :math:`K - 1` coordinates:
    :math:`\sum_k [\log y_k + \log (1 - z_k)]`.

    References:
        Stan Development Team, "Stan Reference Manual", section "Unit simplex".

    Example:
        >>> import torch
        >>> StickBreakingTransform()(torch.zeros(3))
        tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    domain = real_vector
    codomain = simplex
    bijective = True

    def _call(self, x: Tensor) -> Tensor:
        x = x - _log_left(x)
        if is_ordinary_mode() and not (torch.is_grad_enabled() and x.requires_grad):
            return _broken(x, torch.sigmoid(-x).cumprod(-1))  # quicker, but for its derivatives
        return _broken(x, softplus(x).cumsum(-1).neg().exp())

    def _inverse(self, y: Tensor) -> Tensor:
        # contiguous: the logarithms of slices take several times as long
        piece, rest = y[..., :-1].contiguous(), y[..., 1:].flip(-1).cumsum(-1).flip(-1)
        if not all_within(y, 0.0, math.inf, lower_open=True):  # after the last break the odds are even
            spent = piece + rest == 0
            piece, rest = torch.where(spent, 1, piece), torch.where(spent, 1, rest)
        return (piece.log() - rest.log()) + _log_left(piece)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """The log-determinant of the first coordinates, from ``x`` alone."""
        left = _left(x)
        x = x - left.log()
        return torch.addcmul(x, left + 1, softplus(x), value=-1).sum(-1)

    def forward_shape(self, shape: Sequence[int]) -> torch.Size:
        """The shape with one more entry in the last dimension."""
        return _vector_shape(self, shape, 1)

    def inverse_shape(self, shape: Sequence[int]) -> torch.Size:
        """The shape with one entry less in the last dimension."""
        return _vector_shape(self, shape, -1)


def _broken(x: Tensor, left: Tensor) -> Tensor:
    """The pieces, from the log-odds of breaking off and what is left after each break."""
    # padded: the gradients of slices would each fill a tensor with zeros
    return functional.pad(x.sigmoid(), (0, 1), value=1.0) * functional.pad(left, (1, 0), value=1.0)


def _log_left(x: Tensor) -> Tensor:
    """The logarithms of the number of entries after each one of the first ``x.shape[-1]``."""
    return _left(x).log()


def _left(x: Tensor) -> Tensor:
    return torch.arange(x.shape[-1], 0, -1, dtype=x.dtype, device=x.device)


def _vector_shape(owner: Transform, shape: Sequence[int], more: int) -> torch.Size:
    if len(shape) < 1 or shape[-1] + more < 0:
        raise ValueError(f"{owner!r}: shape {tuple(shape)} has no last dimension of that use")
    return torch.Size((*shape[:-1], shape[-1] + more))
