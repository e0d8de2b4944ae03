"""A law whose log-density counts only where a mask is true."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ..constraints import boolean
from ..core.params import component, param
from ..core.views import combinator
from .wrapper import Wrapper


@combinator
class Masked(Wrapper):
    r"""A law whose log-density, entropy and divergences are zero where ``where`` is false.

    .. math:: \log p(x) = m \log p_0(x), \qquad m \in \{0, 1\}

    Draws are those of the base. It makes padded entries of a batch not count.

    Args:
        base_distribution: the law; also read as ``base_dist``.
        where: a boolean, or a tensor of booleans that broadcasts with its batch shape.

    Shapes:
        As the base, broadcast with the mask. Support: that of the base.

    Raises:
        ValueError: if the mask holds anything but 0 and 1, or does not broadcast.

    References:
        Bingham and others, Pyro: deep universal probabilistic programming, 2019.

    Example:
        >>> import reparam
        >>> reparam.Normal(torch.zeros(2), 1.0).mask(torch.tensor([True, False])).log_prob(torch.zeros(2))
        tensor([-0.9189,  0.0000])
    """

    base_distribution = component()
    where = param(boolean)

    def _masked(self, value: Tensor) -> Tensor:
        return torch.where(self.where > 0, value, 0.0)

    def _log_prob(self, x: Tensor) -> Tensor:
        return self._masked(self.base_dist._log_prob(x))

    def _sample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        x, log_prob = self.base_dist._sample_and_log_prob(shape, generator)
        return x, self._masked(log_prob)

    def _rsample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        x, log_prob = self.base_dist._rsample_and_log_prob(shape, generator)
        return x, self._masked(log_prob)

    def _entropy(self) -> Tensor:
        return self._masked(self.base_dist._entropy())
