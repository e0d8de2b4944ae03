"""The logistic-normal law on the simplex."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from ..combinators.independent import Independent
from ..combinators.transformed import TransformedDistribution
from ..constraints import independent, positive, real_vector, simplex
from ..core.params import param
from ..core.shapes import joint
from ..special import ndtr
from ..transforms import StickBreakingTransform
from .counts import in_double
from .normal import Normal
from .smooth_means import NORMAL, mean_of


class LogisticNormal(TransformedDistribution):
    r"""The law on the simplex of K + 1 numbers that stick-breaking makes of K independent normal variables.

    .. math:: Y = \operatorname{stick}(X), \qquad X_k \sim \mathcal{N}(\mu_k, \sigma_k^2)

    See :class:`~reparam.transforms.StickBreakingTransform`. Its entropy is that of X and the mean log-volume of the
    map, a sum of one-dimensional integrals.

    Args:
        loc: means :math:`\mu` of X, real vectors ``[..., K]``.
        scale: standard deviations :math:`\sigma > 0` of X, ``[..., K]``.

    Shapes:
        The dimensions of ``loc`` and ``scale`` but the last broadcast to ``batch_shape``; ``event_shape`` is
        ``[K + 1]``. A number, or a last dimension of size 1, serves all coordinates. Support: the simplex.

    References:
        Aitchison and Shen, Logistic-normal distributions: some properties and uses, 1980.

    Example:
        >>> d = LogisticNormal(torch.zeros(2), 1.0)
        >>> d.event_shape, d.sample().sum()
        (torch.Size([3]), tensor(1.))
    """

    loc = param(real_vector, symbol=r"\mu", typical=(-1.0, 1.0))
    scale = param(independent(positive, 1), symbol=r"\sigma", typical=(0.3, 1.5))
    support = simplex
    has_rsample = True
    transforms = (StickBreakingTransform(),)

    def _prepare(self, values: dict[str, Any]) -> dict[str, Any]:
        """Numbers become vectors of one coordinate."""
        return {n: _vector(v) for n, v in values.items()}

    @property
    def base_distribution(self) -> Independent:
        """The law of X."""
        return Independent(Normal(self.loc, self.scale, validate_args=False), 1, validate_args=False)

    def _derive_event_shape(self) -> torch.Size:
        (size,) = joint(self.loc.shape[-1:], self.scale.shape[-1:])
        return torch.Size((size + 1,))

    def _entropy(self) -> Tensor:
        law = in_double(self)
        loc, scale = torch.broadcast_tensors(law.loc, law.scale)
        left = torch.arange(loc.shape[-1], 0, -1, dtype=loc.dtype, device=loc.device)
        # with x = X - log(pieces left), the volume is the sum of log z + left log(1 - z) for z = 1 / (1 + e^-x)
        location = loc - left.log()
        z = location / scale
        bend = mean_of(
            lambda x: -logsigmoid(-x),
            lambda x: torch.log1p(torch.exp(-x.abs())),
            location * ndtr(z) + scale * NORMAL[0](z),
            NORMAL,
            location,
            scale,
        )
        volume = location - (1 + left) * bend
        value: Tensor = (Normal(loc, scale, validate_args=False)._entropy() + volume).sum(-1)
        return value.to(self.dtype)


def _vector(value: Any) -> Any:
    if isinstance(value, Tensor) and value.dim() == 0:
        return value.reshape(1)
    return [value] if isinstance(value, (int, float)) else value
