"""Kullback-Leibler divergences between any two laws that have one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

import torch
from torch import Generator, Tensor

from ..core.checks import surely
from ..core.deferred import read
from ..core.distribution import Distribution
from ..core.registry import is_own, kl_rules, register_kl
from ..core.shapes import broadcast
from . import counts as counts
from . import cross as cross
from . import normal_vectors as normal_vectors
from . import structural as structural
from . import truncated as truncated
from .fallback import METHODS, Estimate, estimate, exact
from .support import covers

__all__ = ["Estimate", "kl_divergence", "register_kl"]


@overload
def kl_divergence(p: Any, q: Any) -> Tensor: ...
@overload
def kl_divergence(
    p: Any, q: Any, fallback: str, *, samples: int = 10_000, generator: Generator | None = None
) -> Estimate: ...
def kl_divergence(
    p: Any, q: Any, fallback: str | None = None, *, samples: int = 10_000, generator: Generator | None = None
) -> Tensor | Estimate:
    r""":math:`KL(p\,\|\,q) = E_p[\log p(X) - \log q(X)]`, in nats.

    It is infinite where q gives no density to values that p draws; this follows from the two supports and needs
    no rule. Otherwise the most specific rule registered with :func:`register_kl` is used; one that a program has
    registered answers for the supports itself. With a ``fallback``, a pair without a rule is answered by a number with
    an estimate of its error.

    Args:
        p: the law of the expectation.
        q: the other law. The batch shapes broadcast.
        fallback: ``"quadrature"`` (of scalar laws) or ``"monte_carlo"``, for pairs that no rule knows.
        samples: the number of draws for ``"monte_carlo"``.
        generator: draws from it instead of torch's default one.

    Returns:
        The divergence, of the broadcast batch shape; never negative. With a ``fallback``, the value, its error and the
        method in a tuple; a value by sampling may be negative.

    Raises:
        NotImplementedError: if no rule matches and the divergence may be finite, or the fallback does not apply.
        AmbiguousRuleError: if two rules match and neither is more specific.
        ValueError: if the event shapes differ, or the fallback is unknown.

    Example:
        >>> import reparam
        >>> reparam.kl_divergence(reparam.Normal(0.0, 1.0), reparam.Normal(1.0, 1.0))
        tensor(0.5000)
        >>> reparam.kl_divergence(reparam.Normal(0.0, 1.0), reparam.Gamma(1.0, 1.0))
        tensor(inf)
        >>> reparam.kl_divergence(reparam.Normal(0.0, 1.0), reparam.StudentT(5.0), fallback="quadrature").value
        tensor(0.0334)
    """
    if fallback is None:
        return _known(p, q)
    if fallback not in METHODS:
        raise ValueError(f"kl_divergence: fallback must be one of {', '.join(METHODS)}, not {fallback!r}")
    try:
        return exact(_known(p, q))
    except NotImplementedError:
        return estimate(read(p), read(q), fallback, samples, generator)


def _known(p: Any, q: Any) -> Tensor:
    """The divergence by the supports or by a rule."""
    p, q = read(p), read(q)
    for law in (p, q):
        if not isinstance(law, Distribution):
            kind = f"{type(law).__module__}.{type(law).__qualname__}"
            raise TypeError(f"kl_divergence takes reparam distributions, not {kind}")
    if not (p._plain and q._plain):
        half = torch.promote_types(p.dtype, q.dtype)
        return _known(p.to(torch.float32), q.to(torch.float32)).to(half)
    rule: Callable[[Any, Any], Tensor] = kl_rules.dispatch(type(p), type(q)) or _no_rule
    if not is_own(rule):
        return rule(p, q)  # which answers for events and supports itself
    if p._event_shape != q._event_shape:
        raise ValueError(
            f"KL of laws over different events: {type(p).__name__} has event_shape {tuple(p.event_shape)}, "
            f"{type(q).__name__} has {tuple(q.event_shape)}"
        )
    shape = p._batch_shape
    if shape != q._batch_shape:
        shape = broadcast((shape, q._batch_shape), "kl_divergence", ("p", "q"))
    covered = covers(p, q)
    if covered is False:
        return torch.full(shape, torch.inf, dtype=p.dtype, device=p.device)
    try:
        value = rule(p, q)
    except NotImplementedError:
        if isinstance(covered, Tensor) and surely(~covered):
            return torch.full(shape, torch.inf, dtype=p.dtype, device=p.device)
        raise
    value = value if value.shape == shape else value.expand(shape)
    return value if covered is True else value.masked_fill(~covered, torch.inf)


def _no_rule(p: Any, q: Any) -> Tensor:
    first, second = type(p).__name__, type(q).__name__
    raise NotImplementedError(
        f"no KL divergence from {first} to {second} is known; register a rule with @register_kl({first}, {second}), "
        f"or estimate it with kl_divergence(p, q, fallback='quadrature') or fallback='monte_carlo'"
    )
