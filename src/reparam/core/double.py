"""Double precision where a device has it: for what single precision loses, or has no range for."""

from __future__ import annotations

from typing import Any, TypeVar

import torch
from torch import Tensor

L = TypeVar("L", bound=Any)


def double(tensor: Tensor) -> Tensor:
    """The tensor in float64, where its device has it."""
    return tensor if tensor.device.type == "mps" else tensor.to(torch.float64)


def in_double(law: L) -> L:
    """The law in float64, where its device has it."""
    wide: L = law if law.dtype is torch.float64 or law.device.type == "mps" else law.to(torch.float64)
    return wide
