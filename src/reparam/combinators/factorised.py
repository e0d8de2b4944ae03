"""Laws of vectors given by one conditional law after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Generator, Tensor

from ..constraints import Constraint, real_vector
from ..core.distribution import Distribution
from ..core.params import component, static
from ..core.pytree import register_node
from ..core.shapes import broadcasts_to
from ..implicit.law import standardisation
from . import sequential
from .implicit import pathwise

Conditional = Callable[[Tensor], Distribution]


class _Functions:
    """Functions that are no part of a law's tensors."""

    def __init__(self, functions: Sequence[Conditional]) -> None:
        self.functions = tuple(functions)

    def __repr__(self) -> str:
        return f"{len(self.functions)} functions"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Functions) and self.functions == other.functions

    def __hash__(self) -> int:
        return hash(self.functions)


register_node(_Functions, lambda held: ([], held), lambda _, held: held)


class Factorised(Distribution):
    r"""The law of a vector whose coordinates have known conditional laws.

    .. math:: p(x) = p_1(x_1) \prod_{d=2}^D p_d(x_d \mid x_1, \dots, x_{d-1})

    A draw takes one coordinate after another, each with its pathwise gradient (implicit where the conditional law has
    only a cdf), so that the whole has the gradient in every parameter and through every earlier coordinate; where one
    is discrete there is ``sample`` alone. Moments
    and the entropy of up to four coordinates are those of the conditional laws, integrated over the quantiles of the
    earlier ones: right to about 1e-12 where these depend smoothly on them (1e-9 for four).

    Args:
        first: the law of the first coordinate.
        rest: a function for each further coordinate, from the earlier ones ``[..., d]`` to the scalar law of the next.
            Tensors that such a function holds are its own: views of the law do not expand, index or move them.

    Shapes:
        ``batch_shape`` is that of ``first``; ``event_shape`` is ``(1 + len(rest),)``. Support: real vectors; outside
        the conditional supports the density is zero.

    Raises:
        TypeError: if ``rest`` holds something that cannot be called, or it returns no scalar law.
        ValueError: if the law that a function returns has a dimension too many.

    References:
        Rosenblatt, Remarks on a multivariate transformation, 1952.

    Example:
        >>> import reparam
        >>> banana = Factorised(reparam.Normal(0.0, 2.0), [lambda x: reparam.Normal(x[..., 0] ** 2 / 4, 1.0)])
        >>> banana.event_shape, banana.log_prob(torch.tensor([2.0, 1.0]))
        (torch.Size([2]), tensor(-3.0310))
    """

    first = component()
    rest = static()
    support: Constraint = real_vector
    has_rsample = True

    def _prepare(self, values: dict[str, Any]) -> dict[str, Any]:
        rest = values["rest"]
        if isinstance(rest, _Functions):
            return values
        if callable(rest):
            raise TypeError(f"Factorised: rest must be a sequence of functions, [{rest!r:.60}] for example")
        wrong = [f for f in rest if not callable(f)]
        if wrong:
            raise TypeError(f"Factorised: rest holds {wrong[0]!r:.60}, which is no function of the earlier coordinates")
        return {**values, "rest": _Functions(rest)}

    def _check(self) -> None:
        if self.first.event_shape:
            raise TypeError(
                f"Factorised: first has event_shape {tuple(self.first.event_shape)}, but must be a scalar law"
            )

    def _derive_event_shape(self) -> torch.Size:
        return torch.Size((1 + len(self.rest.functions),))

    def _law(self, d: int, earlier: Tensor) -> Distribution:
        """The law of coordinate d given those before it."""
        if d == 0:
            return self.first._unchecked()  # type: ignore[no-any-return]
        law = self.rest.functions[d - 1](earlier)
        if not isinstance(law, Distribution) or law.event_shape:
            raise TypeError(f"Factorised: the function of coordinate {d} returned {law!r:.60}, which is no scalar law")
        batch, rows = law.batch_shape, earlier.shape[:-1]
        if len(batch) > len(rows) or not broadcasts_to(batch, rows):
            raise ValueError(
                f"Factorised: the function of coordinate {d} returned a law of batch_shape {tuple(batch)} for earlier "
                f"coordinates of shape {tuple(earlier.shape)}; take one of them by x[..., 0], without its dimension"
            )
        return law._resolved()._unchecked()

    def _laws(self, x: Tensor) -> Iterator[tuple[Distribution, Tensor]]:
        """The law of each coordinate, and the coordinate."""
        for d in range(self._event_shape[0]):
            yield pathwise(self._law(d, x[..., :d])), x[..., d]

    def _log_prob(self, x: Tensor) -> Tensor:
        total: Tensor = sum(law._log_prob(value) for law, value in self._laws(x))  # type: ignore[assignment]
        return total

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return self._one_by_one(shape, lambda law: pathwise(law)._rsample(shape[:-1], generator))

    def _sample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        return self._one_by_one(shape, lambda law: law._sample(shape[:-1], generator))

    def _one_by_one(self, shape: torch.Size, draw: Callable[[Any], Tensor]) -> Tensor:
        x = self._first_tensor().new_empty((*shape[:-1], 0))
        for d in range(shape[-1]):
            x = torch.cat([x, draw(self._law(d, x)).unsqueeze(-1)], -1)
        return x

    # -- summaries: quadrature over the earlier coordinates ----------------------------------------------------------

    def _mean(self) -> Tensor:
        return sequential.means(self)

    def _variance(self) -> Tensor:
        return sequential.central_moments(self, 2, "variance")[0]

    def _skewness(self) -> Tensor:
        second, third = sequential.central_moments(self, 3, "skewness")
        return third * second**-1.5

    def _kurtosis(self) -> Tensor:
        second, _, fourth = sequential.central_moments(self, 4, "kurtosis")
        return fourth / second**2 - 3

    def _covariance(self) -> Tensor:
        return sequential.covariance(self)

    def _entropy(self) -> Tensor:
        return sequential.entropy(self)

    def _standardize(self, x: Tensor) -> Tensor:
        noise = (standardisation(law, value)[0].expand(value.shape) for law, value in self._laws(x))
        return torch.stack(list(noise), -1)
