"""Kullback-Leibler divergences between any two laws that have one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..core.deferred import read
from ..core.distribution import Distribution
from ..core.registry import kl_rules, register_kl
from ..core.shapes import joint
from . import cross as cross
from . import structural as structural
from .support import covers

__all__ = ["kl_divergence", "register_kl"]


def kl_divergence(p: Any, q: Any) -> Tensor:
    r""":math:`KL(p\,\|\,q) = E_p[\log p(X) - \log q(X)]`, in nats.

    It is infinite where q gives no density to values that p draws; this follows from the two supports and needs
    no rule. Otherwise the most specific rule registered with :func:`register_kl` is used.

    Args:
        p: the law of the expectation.
        q: the other law. The batch shapes broadcast.

    Returns:
        The divergence, of the broadcast batch shape; never negative.

    Raises:
        NotImplementedError: if no rule matches and the divergence may be finite.
        AmbiguousRuleError: if two rules match and neither is more specific.

    Example:
        >>> import reparam
        >>> reparam.kl_divergence(reparam.Normal(0.0, 1.0), reparam.Normal(1.0, 1.0))
        tensor(0.5000)
        >>> reparam.kl_divergence(reparam.Normal(0.0, 1.0), reparam.Gamma(1.0, 1.0))
        tensor(inf)
    """
    p, q = read(p), read(q)
    for law in (p, q):
        if not isinstance(law, Distribution):
            raise TypeError(f"kl_divergence takes reparam distributions, not {type(law).__name__}")
    if not (p._plain and q._plain):
        half = torch.promote_types(p.dtype, q.dtype)
        return kl_divergence(p.to(torch.float32), q.to(torch.float32)).to(half)
    if p.event_shape != q.event_shape:
        raise ValueError(
            f"KL of laws over different events: {type(p).__name__} has event_shape {tuple(p.event_shape)}, "
            f"{type(q).__name__} has {tuple(q.event_shape)}"
        )
    covered = covers(p, q)
    shape = joint(p.batch_shape, q.batch_shape)
    if covered is False:
        return torch.full(shape, torch.inf, dtype=p.dtype, device=p.device)
    rule = kl_rules.dispatch(type(p), type(q))
    if rule is None:
        raise NotImplementedError(
            f"no KL divergence from {type(p).__name__} to {type(q).__name__} is known; register a rule with "
            f"@register_kl({type(p).__name__}, {type(q).__name__}), or estimate it with "
            f"(p.log_prob(x) - q.log_prob(x)).mean(0) for x = p.rsample((n,))"
        )
    value: Tensor = rule(p, q)
    value = value.expand(shape)
    return value if covered is True else torch.where(covered, value, torch.inf)
