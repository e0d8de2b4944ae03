"""The law of the inverse of a Wishart matrix."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ..constraints import greater_than, lower_cholesky, positive_definite
from ..core.linear import (
    inverse_triangular,
    log_diagonal,
    product,
    shrunk,
    solve_triangular,
    square,
    symmetric_cholesky,
)
from ..core.params import one_of, param
from ..core.registry import register_kl
from ..special import multigammaln
from .wishart import (
    BartlettFamily,
    bartlett,
    bartlett_entropy,
    bartlett_log_density,
    definite_square,
    diagonal_products,
    freedom_of_mean,
    half_freedom,
    joined,
    mean_log_det,
    safe_cholesky,
    wishart_divergence,
)


class InverseWishart(BartlettFamily):
    r"""The law of :math:`X` whose inverse is Wishart: the conjugate prior of a normal law's covariance.

    .. math:: p(X) = \frac{|\Psi|^{\nu/2} |X|^{-(\nu+p+1)/2} e^{-\operatorname{tr}(\Psi X^{-1})/2}}
        {2^{\nu p/2} \Gamma_p(\nu/2)}

    The density is with respect to the entries of the lower triangle. :math:`X^{-1}` has the law
    :class:`Wishart` with ``df`` and the precision matrix :math:`\Psi`. A draw inverts a triangle alone; draws
    carry exact gradients. Near the bound of ``df``, where draws exceed every range, they are as large as their
    dtype holds.

    Args:
        df: degrees of freedom :math:`\nu > p - 1`.
        scale_matrix: :math:`\Psi`, positive definite, ``[..., p, p]``; the mean is :math:`\Psi / (\nu - p - 1)`.
        scale_tril: its lower Cholesky factor. Give exactly one of the two.

    Shapes:
        ``df`` and the matrix without its last two dimensions broadcast to ``batch_shape``; ``event_shape`` is
        ``[p, p]``. Support: positive-definite matrices.

    Raises:
        ValueError: if ``df`` is not above p - 1.

    References:
        Gelman and others, Bayesian Data Analysis, 2013, section 3.6.

    Example:
        >>> d = InverseWishart(torch.tensor(5.0), torch.eye(2))
        >>> d.mean
        tensor([[0.5000, 0.0000],
                [0.0000, 0.5000]])
    """

    df = param(greater_than("lowest_df"), symbol=r"\nu", typical=(9.0, 20.0))
    scale_matrix, scale_tril = one_of(
        scale_matrix=param(positive_definite, symbol=r"\Psi", derived=lambda d: d._full(square(d._factor()))),
        scale_tril=param(lower_cholesky, symbol="L", derived=lambda d: d._full(d._factor())),
    )

    def _full(self, matrix: Tensor) -> Tensor:
        """A matrix for each law of the batch."""
        return matrix.expand(self.df.shape + matrix.shape[-2:])

    def _factor(self) -> Tensor:
        name = self._given[-1]
        value = shrunk(self.__dict__[name], 2)
        return value if name == "scale_tril" else symmetric_cholesky(value)

    # X = L (B B')^-1 L' with B upper triangular; reversed in both directions, B is Bartlett's lower triangle.

    def _log_prob(self, x: Tensor) -> Tensor:
        ours, theirs = joined(self._factor(), safe_cholesky(x))
        triangle = solve_triangular(theirs, ours, upper=False).mT.flip((-2, -1))
        fit = bartlett_log_density(triangle, None, half_freedom(self.df, self._size()))
        return fit + (self._size() + 1) * (log_diagonal(ours) - 2 * log_diagonal(theirs))

    def _draw(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor, Tensor]:
        """A draw, the triangle it is made of, and the logarithms of that triangle's diagonal."""
        triangle, logs = bartlett(half_freedom(self.df, self._size()), shape, generator)
        reach = torch.finfo(logs.dtype).tiny ** 0.5
        short = torch.diag_embed((reach - logs.detach().exp()).clamp(min=0))
        inverse = inverse_triangular((triangle + short).flip((-2, -1)), upper=True).mT
        return definite_square(_within_range(product(self._factor(), inverse))), triangle, logs

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return self._draw(shape, generator)[0]

    def _rsample_and_log_prob(self, shape: torch.Size, generator: Generator | None) -> tuple[Tensor, Tensor]:
        x, triangle, logs = self._draw(shape, generator)
        fit = bartlett_log_density(triangle, logs, half_freedom(self.df, self._size()))
        return x, fit + (self._size() + 1) * (2 * logs.sum(-1) - log_diagonal(self._factor()))

    def _entropy(self) -> Tensor:
        p = self._size()
        change = log_diagonal(self._factor()) - mean_log_det(self.df, p)
        return bartlett_entropy(self.df, p) + (p + 1) * change

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return -0.5 * self.scale_matrix, -0.5 * (self.df + self._size() + 1)

    @staticmethod
    def _log_normalizer(a: Tensor, b: Tensor) -> Tensor:
        p = a.shape[-1]
        half = -b - 0.5 * (p + 1)
        return multigammaln(half, p) - 2 * half * log_diagonal(symmetric_cholesky(-a))

    def _sufficient_statistics(self, x: Tensor) -> tuple[Tensor, ...]:
        return x.inverse(), x.logdet()

    @classmethod
    def _from_natural(cls, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        return {"df": -2 * b - a.shape[-1] - 1, "scale_matrix": -2 * a}

    @classmethod
    def _from_mean(cls, inverse: Tensor, log_det: Tensor) -> dict[str, Tensor]:
        df = freedom_of_mean(-log_det - inverse.logdet(), inverse.shape[-1])
        return {"df": df, "scale_matrix": df[..., None, None] * inverse.inverse()}

    def _mean(self) -> Tensor:
        """Beyond the reach of the mean, infinite on the diagonal and undefined off it."""
        psi, rest = self.scale_matrix, (self.df - self._size() - 1)[..., None, None]
        exists = rest > 0
        diagonal = torch.eye(self._size(), dtype=torch.bool, device=psi.device)
        absent = torch.where(diagonal, torch.full_like(psi, torch.inf), torch.nan)
        return torch.where(exists, psi / torch.where(exists, rest, 1.0), absent)

    def _mode(self) -> Tensor:
        return self.scale_matrix / (self.df + self._size() + 1)[..., None, None]

    def _variance(self) -> Tensor:
        psi, rest = self.scale_matrix, (self.df - self._size())[..., None, None]
        exists = rest > 3
        safe = torch.where(exists, rest, 4.0)
        spread = (safe + 1) * psi.square() + (safe - 1) * diagonal_products(psi)
        absent = torch.where(rest > 1, torch.full_like(rest, torch.inf), torch.nan)
        return torch.where(exists, spread / (safe * (safe - 1) ** 2 * (safe - 3)), absent)

    # An entry is X_ii Y with X_ii inverse-gamma and Y, independent of it, a Student's t variable whose location is the
    # correlation r: central moments are rational in r and n = df - p, positive term by term where they exist.

    def _correlations(self) -> tuple[Tensor, Tensor]:
        """Those of the scale matrix, and df - p in the same number of dimensions."""
        psi = self.scale_matrix
        return psi / diagonal_products(psi).sqrt(), (self.df - self._size())[..., None, None]

    def _skewness(self) -> Tensor:
        """Where the third moment does not exist but the variance does, infinite on the diagonal alone."""
        r, rest = self._correlations()
        exists = rest > 5
        n, share = torch.where(exists, rest, 6.0), r * r
        spread = (1 + 1 / n) * share + (1 - 1 / n)
        third = 4 * r * ((1 + 3 / n) * share + 3 * (1 - 1 / n)) / spread**1.5
        diagonal = torch.eye(self._size(), dtype=torch.bool, device=r.device)
        absent = torch.where(diagonal & (rest > 3), torch.full_like(rest, torch.inf), torch.nan)
        return torch.where(exists, third * (n - 3).sqrt() / (n - 5), absent)

    def _kurtosis(self) -> Tensor:
        r, rest = self._correlations()
        exists = rest > 7
        n, share = torch.where(exists, rest, 8.0), r * r
        v = 1 / n
        both = 5 + v * (2 + v * (-120 + v * (174 + 35 * v)))
        mixed = 15 + v * (-75 + v * (73 + 35 * v))
        alone = 5 + v * (-28 + 35 * v)
        fourth = share * share * both + (1 - v) * (2 * share * mixed + (1 - v) * alone)
        spread = (n - 7) * (1 - 5 * v) * (1 - 2 * v) * ((1 + v) * share + (1 - v)) ** 2
        absent = torch.where(rest > 3, torch.full_like(rest, torch.inf), torch.nan)
        return torch.where(exists, 6 * fourth / spread, absent)


def _within_range(root: Tensor) -> Tensor:
    """``root``, or as much of it as has a square that its dtype holds."""
    limit: float = (torch.finfo(root.dtype).max / (8 * root.shape[-1])) ** 0.5
    largest = root.detach().abs().amax((-2, -1), keepdim=True)
    share: Tensor = (limit / largest).clamp(max=1.0)
    return root * share


@register_kl(InverseWishart, InverseWishart)
def _(p: InverseWishart, q: InverseWishart) -> Tensor:
    """That of the inverses, which are Wishart laws."""
    first, second = joined(p._factor(), q._factor())
    return wishart_divergence(p.df, q.df, solve_triangular(first, second, upper=False))
