"""Helpers under the names of ``torch.distributions.utils``, for programs and distributions written for it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar, overload

import torch
from torch import Tensor

__all__ = [
    "broadcast_all",
    "clamp_probs",
    "lazy_property",
    "logits_to_probs",
    "probs_to_logits",
    "tril_matrix_to_vec",
    "vec_to_tril_matrix",
]

R = TypeVar("R")
_broadcast: Callable[..., tuple[Tensor, ...]] = torch.broadcast_tensors


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Tensors of one shape from tensors and numbers.

    Args:
        *values: tensors, which keep their dtypes, and numbers, which become tensors of the dtype and on the
            device of the first floating tensor, or else of the default dtype.

    Raises:
        TypeError: if a value is neither.

    Example:
        >>> broadcast_all(torch.zeros(2), 1)
        (tensor([0., 0.]), tensor([1., 1.]))
    """
    for value in values:
        if not isinstance(value, (Tensor, int, float)):
            raise TypeError(f"broadcast_all takes tensors and numbers, not {type(value).__name__}")
    tensors = [v for v in values if isinstance(v, Tensor)]
    floating = [t for t in tensors if t.is_floating_point()]
    dtype = floating[0].dtype if floating else torch.get_default_dtype()
    device = tensors[0].device if tensors else None
    made = (v if isinstance(v, Tensor) else torch.tensor(v, dtype=dtype, device=device) for v in values)
    return tuple(_broadcast(*made))


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Probabilities from log-odds, or from unnormalised log-probabilities along the last dimension.

    Args:
        logits: log-odds if ``is_binary``, else ``[..., K]``.
        is_binary: whether each entry is a law of its own.

    Example:
        >>> logits_to_probs(torch.tensor([0.0, 0.0]))
        tensor([0.5000, 0.5000])
    """
    return torch.sigmoid(logits) if is_binary else logits.softmax(-1)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """Log-odds, or log-probabilities, of probabilities; those of 0 and 1 are infinite.

    Args:
        probs: probabilities.
        is_binary: whether to return the log-odds of each entry.

    Example:
        >>> probs_to_logits(torch.tensor([1e-30, 0.5]), is_binary=True)
        tensor([-69.0776,   0.0000])
    """
    return probs.log() - torch.log1p(-probs) if is_binary else probs.log()


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities kept an epsilon of their dtype away from 0 and 1, for programs that ask for it.

    No distribution here does: log-densities are exact for the smallest probabilities.

    Args:
        probs: probabilities, in a floating dtype.

    Example:
        >>> clamp_probs(torch.tensor([0.0, 0.5]))
        tensor([1.1921e-07, 5.0000e-01])
    """
    eps = torch.finfo(probs.dtype).eps
    return probs.clamp(eps, 1 - eps)


class assignable_property(functools.cached_property[R]):
    """A property whose value an instance may set for itself, as a subclass that knows nothing of the property does.

    It is computed anew whenever it is read; of what it derives from it takes that documentation tools know it.

    Example:
        >>> class Circle:
        ...     @assignable_property
        ...     def area(self):
        ...         return 3.14
        >>> c = Circle()
        >>> c.area = 3.0
        >>> Circle().area, c.area
        (3.14, 3.0)
    """

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> assignable_property[R]: ...
    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> R: ...
    def __get__(self, instance: object, owner: type[Any] | None = None) -> assignable_property[R] | R:
        return self if instance is None else self.func(instance)


class lazy_property(Generic[R]):
    """A property that is computed when it is first read, and then kept by the instance.

    What is kept carries its graph; distributions that live longer than one step should use plain properties.

    Example:
        >>> class Circle:
        ...     @lazy_property
        ...     def area(self):
        ...         print("computed")
        ...         return 3.14
        >>> c = Circle()
        >>> c.area, c.area
        computed
        (3.14, 3.14)
    """

    def __init__(self, wrapped: Callable[[Any], R]) -> None:
        self.wrapped = wrapped
        functools.update_wrapper(self, wrapped)  # type: ignore[arg-type]

    @overload
    def __get__(self, instance: None, owner: Any = None) -> lazy_property[R]: ...
    @overload
    def __get__(self, instance: object, owner: Any = None) -> R: ...
    def __get__(self, instance: Any, owner: Any = None) -> lazy_property[R] | R:
        if instance is None:
            return self
        with torch.enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.wrapped.__name__, value)
        return value


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """The entries on and below a diagonal, row by row.

    Args:
        mat: square matrices ``[..., n, n]``.
        diag: the diagonal; negative ones are below the main one.

    Raises:
        ValueError: if there is no such diagonal.

    Example:
        >>> tril_matrix_to_vec(torch.tensor([[1, 2], [3, 4]]))
        tensor([1, 3, 4])
    """
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"tril_matrix_to_vec: a matrix of size {n} has no diagonal {diag}")
    rows, columns = torch.tril_indices(n, n, diag, device=mat.device)
    return mat[..., rows, columns]


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """The matrix with these entries on and below a diagonal, row by row, and zeros above.

    Args:
        vec: ``[..., m]``.
        diag: the diagonal; negative ones are below the main one.

    Raises:
        ValueError: if no triangle has so many entries.

    Example:
        >>> vec_to_tril_matrix(torch.tensor([1.0, 2.0, 3.0]))
        tensor([[1., 0.],
                [2., 3.]])
    """
    m, n = vec.shape[-1], abs(diag) + 1
    while _entries(n, diag) < m:
        n += 1
    if _entries(n, diag) != m:
        raise ValueError(f"vec_to_tril_matrix: {m} entries do not fill a triangle up to diagonal {diag}")
    rows, columns = torch.tril_indices(n, n, diag, device=vec.device)
    flat = vec.new_zeros((*vec.shape[:-1], n * n))
    return flat.index_copy(-1, rows * n + columns, vec).reshape((*vec.shape[:-1], n, n))


def _entries(n: int, diag: int) -> int:
    """How many entries of a matrix of size n lie on and below a diagonal."""
    if diag < 0:
        return (n + diag) * (n + diag + 1) // 2
    return n * n - (n - diag - 1) * (n - diag) // 2


def _sum_rightmost(value: Tensor, dim: int) -> Tensor:
    """The sum over the last ``dim`` dimensions, for programs that reach for this name."""
    return value.flatten(value.ndim - dim).sum(-1) if dim else value


def _standard_normal(shape: Sequence[int], dtype: torch.dtype, device: torch.device | str | None) -> Tensor:
    """Standard normal numbers, for programs that reach for this name."""
    return torch.randn(tuple(shape), dtype=dtype, device=device)
