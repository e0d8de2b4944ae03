"""The LKJ law of Cholesky factors of correlation matrices."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn.functional import logsigmoid, pad

from ..constraints import corr_cholesky, positive
from ..core.distribution import Distribution
from ..core.double import in_double
from ..core.linear import vecdot
from ..core.noise import normal
from ..core.params import param, static
from ..core.registry import kl_rules, register_kl
from ..implicit.gamma import log_standard_gamma
from ..kernels import fused
from ..special import digamma_difference, log_gamma_ratio
from ..special.polygamma import SHIFT, steps
from ..special.stirling import STIRLING_SERIES
from .beta import Beta
from .shared.log_moments import LogMoments, root_beta_moments


class LKJCholesky(Distribution):
    r"""The law of the Cholesky factor L of a random correlation matrix C with density :math:`\propto |C|^{\eta-1}`.

    .. math:: p(L) \propto \prod_{i=2}^{n} L_{ii}^{n - i + 2\eta - 2}

    The density is with respect to the entries below the diagonal. A concentration of 1 is uniform over
    correlation matrices; larger ones favour the identity. Row i of a draw is a vector of i - 1 normal numbers and
    the root of a chi-square one with :math:`n - i + 2\eta` degrees of freedom (made in log space), scaled to unit
    length: the onion method without rejection, with exact gradients.

    Args:
        dim: the size n of the matrices, at least 2.
        concentration: :math:`\eta > 0`. Default 1.

    Shapes:
        ``batch_shape`` is that of ``concentration``; ``event_shape`` is ``[n, n]``. Support: Cholesky factors of
        correlation matrices.

    Raises:
        ValueError: if ``dim`` is no integer above 1.

    References:
        Lewandowski, Kurowicka and Joe, Generating random correlation matrices based on vines and extended onion
        method, 2009.

    Example:
        >>> d = LKJCholesky(3, 1.0)
        >>> d.log_prob(torch.eye(3))
        tensor(-1.5963)
    """

    dim = static()
    concentration = param(positive, default=1.0, symbol=r"\eta", typical=(1.0, 5.0))
    support = corr_cholesky

    def _prepare(self, values: dict[str, Any]) -> dict[str, Any]:
        dim = values["dim"]
        if not isinstance(dim, int) or dim < 2:
            raise ValueError(f"LKJCholesky: dim must be an integer of at least 2; got {dim!r}")
        return values

    def _derive_event_shape(self) -> torch.Size:
        return torch.Size((self.dim, self.dim))

    def _rows(self) -> tuple[Tensor, Tensor]:
        """Of each row but the first: half the degrees of freedom of its diagonal, and of the rest."""
        half = self.dim / 2
        before = torch.arange(0.5, half, 0.5, dtype=self.dtype, device=self.device)
        return self.concentration.unsqueeze(-1) + (half - 0.5 - before), before

    @fused("lkj_log_prob", "concentration")
    def _log_prob(self, x: Tensor) -> Tensor:
        return self._log_density(x.diagonal(dim1=-2, dim2=-1)[..., 1:].log())

    def _log_density(self, logs: Tensor) -> Tensor:
        own, rest = self._rows()
        constant = self.dim * (self.dim - 1) / 4 * math.log(math.pi)
        return torch.add(log_gamma_ratio(own, rest).sum(-1) - constant, vecdot(own - 1, logs), alpha=2)

    def _draw(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor, Tensor]:
        """A draw; half the squares of the diagonal but the first, in logarithms, and of the rest, before scaling."""
        own, _ = self._rows()
        noise = math.sqrt(0.5) * normal(shape, self.concentration, generator).tril(-1)
        rest = noise.square().sum(-1)
        logs = log_standard_gamma(own, shape[:-2] + own.shape[-1:], generator)
        diagonal = pad((0.5 * logs).exp(), (1, 0), value=1.0)
        lengths = (rest + diagonal.square()).sqrt()
        least = torch.finfo(lengths.dtype).tiny  # a diagonal is positive, as rounded too
        below, diagonal = noise / lengths.unsqueeze(-1), (diagonal / lengths).clamp(min=least)
        return below + torch.diag_embed(diagonal), logs, rest[..., 1:]

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return self._draw(shape, generator)[0]

    def _rsample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        x, logs, rest = self._draw(shape, generator)
        return x, self._log_density(0.5 * logsigmoid(logs - rest.log()))

    def _entropy(self) -> Tensor:
        own, rest = self._rows()
        terms = (own - 1) * digamma_difference(own, rest) - log_gamma_ratio(own, rest) + rest * math.log(math.pi)
        return terms.sum(-1)

    def _framed(self, diagonal: Tensor, first: float, below: Tensor | float) -> Tensor:
        """The matrix with these entries on and below the diagonal, zero above."""
        ones = torch.ones((self.dim, self.dim), dtype=self.dtype, device=self.device)
        return torch.diag_embed(pad(diagonal, (1, 0), value=first)) + below * ones.tril(-1)

    def _mean(self) -> Tensor:
        own, rest = self._rows()
        half = torch.full_like(own, 0.5)
        diagonal = log_gamma_ratio(own, half) - log_gamma_ratio(own + rest, half)
        return self._framed(diagonal.exp(), 1.0, 0.0)

    def _mode(self) -> Tensor:
        """The identity; for concentrations below 1 the density has no largest value."""
        eye = torch.eye(self.dim, dtype=self.dtype, device=self.device)
        return torch.where(self.concentration[..., None, None] >= 1, eye, torch.nan)

    def _spreads(self) -> tuple[Tensor, Tensor]:
        """The variances on the diagonal but for the first, and below it."""
        own, rest = self._rows()
        # the mean of the square is a / (a + b), and minus the logarithm of its ratio to the squared mean is a gap
        a, b = (own, rest) if self.device.type == "mps" else (own.double(), rest.double())
        diagonal = -a / (a + b) * torch.expm1(-_root_gap(a, b))
        return diagonal.to(own.dtype), 0.5 / (own + rest)[..., :1, None]

    def _variance(self) -> Tensor:
        diagonal, below = self._spreads()
        return self._framed(diagonal, 0.0, below)

    def _stddev(self) -> Tensor:
        diagonal, below = self._spreads()
        return self._framed(diagonal.sqrt(), 0.0, below.sqrt())

    def _varying(self, diagonal: Tensor, below: Tensor | float) -> Tensor:
        """The matrix with these entries, undefined where those of L are constant."""
        constant = torch.ones((self.dim, self.dim), dtype=torch.bool, device=self.device).triu(1)
        return self._framed(diagonal, math.nan, below).masked_fill(constant, torch.nan)

    def _root_moments(self) -> LogMoments:
        """Of the diagonal but its first entry, whose squares have beta laws; in float64."""
        return root_beta_moments(*in_double(self)._rows())

    def _skewness(self) -> Tensor:
        """Zero below the diagonal; nowhere defined where entries are constant."""
        return self._varying(
            self._root_moments().skewness().to(self.dtype), torch.zeros((), dtype=self.dtype, device=self.device)
        )

    def _kurtosis(self) -> Tensor:
        """Below the diagonal that of a symmetric beta law of (-1, 1)."""
        own, rest = self._rows()
        below = -3 / ((own + rest)[..., :1, None] + 1)
        return self._varying(self._root_moments().kurtosis().to(self.dtype), below)

    def _median(self) -> Tensor:
        own, rest = self._rows()
        diagonal = Beta(own, rest, validate_args=False)._median().sqrt()
        return self._framed(diagonal, 1.0, 0.0)


def _root_gap(a: Tensor, b: Tensor) -> Tensor:
    r""":math:`g(a) - g(a + b) > 0` with :math:`g(z) = \log z - 2 \log\frac{\Gamma(z + 1/2)}{\Gamma(z)}`, about 1/(4z).

    By :math:`g(z) - g(z + 1) = \log(1 + \frac{1}{4z(z+1)})` up to z + 8, and there an asymptotic series in odd powers
    of 1/z, whose differences are taken term by term: every part is positive but for the smaller ones of the series.
    """
    x, shift = steps(a), b.unsqueeze(-1)
    y = x + shift
    terms = torch.log1p(shift * (x + y + 1) / (4 * x * (x + 1) * (y + 0.5).square()))
    u, v = 1 / (a + SHIFT), 1 / (a + b + SHIFT)
    gap = b * u * v
    total, first, power = terms.sum(-1), gap * (u + v), v
    for k, c in enumerate(STIRLING_SERIES):
        total = total + (4 - 0.25**k) * c * gap  # u^(2k+1) - v^(2k+1)
        gap = u * u * gap + power * first
        power = power * (v * v)
    return total


@register_kl(LKJCholesky, LKJCholesky)
def _(p: LKJCholesky, q: LKJCholesky) -> Tensor:
    """The sum over the rows, whose squared diagonals have beta laws."""
    (own, rest), (other, _) = p._rows(), q._rows()
    rule = kl_rules.dispatch(Beta, Beta)
    assert rule is not None
    laws = [Beta(b, rest, validate_args=False) for b in (own, other)]
    return rule(*laws).sum(-1)  # type: ignore[no-any-return]
