"""Laws of parameters that are given by their logarithms."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..live import live
from .compare import EPS, agree
from .draws import Family, Parameters
from .refusals import refusal
from .registry import law, values_of


def _keywords(family: Family) -> dict[str, str]:
    """The keywords of a class for logarithms, and the parameters that they give."""
    if family.build is not type(family.example):
        return {}
    return {keyword: name for keyword, name in family.example._logarithms.items() if name in family.fields}


@law(lambda family: bool(_keywords(family)))
def logarithms_give_the_same_law(family: Family) -> None:
    """A positive parameter by its logarithm, ordinary or live: the same law, the slopes times the parameter.

    Both laws are computed alike, with one value for each, so that the slopes differ by the rounding of one product.
    """
    values = family.parameters((2,))
    keywords = _keywords(family)
    x = values_of(family.build(**values), ())
    together: Parameters = {n: v for n, v in values.items() if n not in keywords.values()}
    for keyword, name in keywords.items():
        log = values[name].log()
        together[keyword] = log
        others = {n: v for n, v in values.items() if n != name}
        free, value = log.clone().requires_grad_(), log.exp().requires_grad_()
        plain = family.build(**others, **{name: value})
        (wanted,) = torch.autograd.grad(plain.log_prob(x).sum(), value)
        ways: dict[str, Any] = {
            keyword: family.build(**others, **{keyword: free}),
            f"live {keyword}": family.build(**others, **{keyword: live(free)}),
            f"replace({keyword})": family.build(**values).replace(**{keyword: free}),
        }
        for label, found in ways.items():
            what = f"{family} by {label}"
            agree(f"{what}: {name}", getattr(found, name), value, 0.0)
            _same_density(what, found, plain, x)
            (slope,) = torch.autograd.grad(found.log_prob(x).sum(), free)
            agree(f"{what}: the slope of log_prob", slope, value * wanted, EPS)
        twice = {**values, keyword: log}
        message = refusal(f"{family} by {name} and {keyword}", lambda twice=twice: family.build(**twice))  # type: ignore[misc]
        assert f"{name}, {keyword}" in message, f"{family}: the message does not name {keyword}: {message}"
    agreed = {n: values[n].log().exp() if n in keywords.values() else v for n, v in values.items()}
    _same_density(f"{family} by {', '.join(keywords)}", family.build(**together), family.build(**agreed), x)


def _same_density(what: str, found: Any, expected: Any, x: Tensor) -> None:
    agree(f"{what}: log_prob", found.log_prob(x), expected.log_prob(x), 0.0)
