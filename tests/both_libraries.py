"""One program under torch.distributions and under reparam."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, distributions

import reparam


def assert_same_answers(program: Callable[[ModuleType], list[Any]]) -> None:
    """Formulas of a few operations in float32: 1e-5 is some 80 of its epsilons."""
    theirs, ours = program(distributions), program(reparam)
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if isinstance(b, Tensor):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5, msg=lambda text, i=i: f"answer {i}: {text}")
        else:
            assert a == b, f"answer {i}"
