"""Loads the native library, where there is one, and says what it offers."""

from __future__ import annotations

import os
import sys
import warnings
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple

import torch

ABI_VERSION = 5
DTYPES = {torch.float32: 0, torch.float64: 1, torch.int64: 2, torch.bool: 3}


class Absence(NamedTuple):
    """Why no native library is in use.

    Args:
        reason: in words.
        unwanted: whether one was built and is of no use, which deserves a warning.
    """

    reason: str
    unwanted: bool


def _load() -> tuple[Any, Absence | None]:
    """The extension module, or None and why there is none to use."""
    if os.environ.get("REPARAM_NATIVE") == "0":
        return None, Absence("REPARAM_NATIVE=0 asks for them", unwanted=False)
    try:
        module = import_module("._native", __package__)
    except ModuleNotFoundError:
        return None, Absence("no native library was built; a C++17 compiler makes one", unwanted=False)
    except ImportError as error:
        return None, Absence(f"the native library does not load: {error}", unwanted=True)
    if module.ABI_VERSION != ABI_VERSION:
        made, needed = f"has interface {module.ABI_VERSION}", f"this version needs {ABI_VERSION}"
        return None, Absence(f"the native library {made}, {needed}: install the package anew", unwanted=True)
    return module, None


native, absence = _load()
if absence is not None and absence.unwanted:
    warnings.warn(f"reparam runs on formulas: {absence.reason}", RuntimeWarning, stacklevel=2)


@dataclass(frozen=True, slots=True)
class Entry:
    """One native function, as the library describes it.

    Args:
        index: its place in the library's table.
        name: what it computes.
        inputs: the number of tensors it takes.
        differentiable: for each input, whether the partial derivative is offered.
        summable: for each input, whether that derivative can be summed over the repetitions of an input.
        ranks: for each input, the number of its trailing dimensions that the function needs whole: 1 where it
            consists of rows, 2 for square matrices.
        value_rank: likewise, for the values.
        integers: for each input, whether it is int64 whatever the floating dtype.
        longest: the largest size of a row or matrix.
        grain: the number of elements from which a second thread pays.
        elementwise: whether all inputs are of the floating dtype and none has rows.
    """

    index: int
    name: str
    inputs: int
    differentiable: tuple[bool, ...]
    summable: tuple[bool, ...]
    ranks: tuple[int, ...]
    value_rank: int
    integers: tuple[bool, ...]
    longest: int
    grain: int
    elementwise: bool


def _read_entries() -> dict[str, Entry]:
    if native is None:
        return {}
    found = {}
    for index, (name, inputs, *masks, longest, grain) in enumerate(native.entries()):
        slopes, sums, rows, matrices, integers = (
            tuple(bool(mask >> j & 1) for j in range(inputs + 1)) for mask in masks
        )
        *ranks, value_rank = (row + 2 * matrix for row, matrix in zip(rows, matrices, strict=True))
        found[name] = Entry(
            index, name, inputs, slopes[:-1], sums[:-1], tuple(ranks), value_rank, integers[:-1],
            longest or sys.maxsize, grain, not any((*ranks, value_rank, *integers)),
        )  # fmt: skip
    return found


ENTRIES = _read_entries()


def available() -> bool:
    """True if the native library was built and loads; otherwise every function runs its formula."""
    return native is not None


def info() -> dict[str, object]:
    """What ``reparam doctor`` prints about the native library.

    Returns:
        ``compiled`` (bool), ``simd`` (the instruction set in use: ``"baseline"``, ``"avx2"``, ``"avx512"``, or
        None), ``reason`` (why there is no library in use, or None), ``abi`` (the version of the C interface),
        ``threads`` (as many as torch uses) and ``entries`` (the names of the native functions).

    Example:
        >>> sorted(info())
        ['abi', 'compiled', 'entries', 'reason', 'simd', 'threads']
    """
    return {
        "compiled": available(),
        "simd": None if native is None else native.simd_level(),
        "reason": None if absence is None else absence.reason,
        "abi": ABI_VERSION,
        "threads": torch.get_num_threads(),
        "entries": sorted(ENTRIES),
    }
