"""Comparisons that say what differs, where, and by how much."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

EPS = torch.finfo(torch.float64).eps


def agree(what: str, found: Tensor, expected: Any, relative: Any, absolute: Any = 0.0) -> None:
    """Require ``|found - expected| <= absolute + relative * |expected|``; equal infinities and NaNs agree.

    Args:
        what: the quantity, for the message.
        found: the value under test.
        expected: the value it must have, of the same shape.
        relative: the tolerance relative to ``expected``, a number or a tensor that broadcasts.
        absolute: the further absolute tolerance.

    Raises:
        AssertionError: naming the worst entry, what was expected, found and allowed.
    """
    expected = torch.as_tensor(expected, dtype=torch.float64).detach()
    actual = found.detach().double()
    assert actual.shape == expected.shape, f"{what} has shape {tuple(actual.shape)}, expected {tuple(expected.shape)}"
    if not actual.numel():
        return
    allowed = torch.as_tensor(absolute + relative * expected.abs()).detach().double()
    allowed = torch.where(allowed.isfinite(), allowed, 0.0).expand(actual.shape)
    same = (actual == expected) | (actual.isnan() & expected.isnan())
    excess = torch.where(same, 0.0, (actual - expected).abs() - allowed)
    excess = torch.where(excess.isnan(), torch.inf, excess)
    worst = int(excess.argmax())
    if float(excess.flatten()[worst]) > 0:
        index = tuple(int(i) for i in torch.unravel_index(torch.tensor(worst), actual.shape))
        raise AssertionError(
            f"{what}{list(index) if index else ''} is {float(actual[index])!r}, expected "
            f"{float(expected[index])!r}, allowed difference {float(allowed[index]):.3g} "
            f"({int((excess > 0).sum())} of {actual.numel()} differ)"
        )
