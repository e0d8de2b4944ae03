"""``reparam doctor``: which code path is in use, on what, and which optional packages are there."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping
from importlib import metadata, util

import torch

from .. import __version__, kernels


def missing(packages: Mapping[str, str]) -> list[str]:
    """The installable names of the packages that cannot be imported here.

    Args:
        packages: importable name -> installable name.

    Example:
        >>> missing({"torch": "torch", "no_such_module": "no-such-package"})
        ['no-such-package']
    """
    return [name for module, name in packages.items() if util.find_spec(module) is None]


def version(package: str) -> str:
    """The installed version of a package, or ``not installed``.

    Args:
        package: its installable name.
    """
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def native_path() -> str:
    """In words: whether calls run native kernels, and what they are made for."""
    found = kernels.info()
    if not found["compiled"]:
        return f"formulas only ({found['reason']})"
    entries = found["entries"]
    assert isinstance(entries, Iterable)
    return f"native, {found['simd']}, {len(list(entries))} entries, C interface {found['abi']}"


def accelerators() -> str:
    """The devices that torch can use besides the CPU; there every call runs its formula."""
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        names.append("Apple GPU")
    return ", ".join(names) or "none"


def facts() -> dict[str, str]:
    """What ``reparam doctor`` prints, line by line."""
    optional = ("numpy", "scipy", "gymnasium", "matplotlib", "rich", "scikit-learn")
    return {
        "reparam": __version__,
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "torch": torch.__version__,
        "kernels": native_path(),
        "threads": f"{torch.get_num_threads()} of {os.cpu_count()} cores",
        "accelerators": accelerators(),
        **{f"optional: {name}": version(name) for name in optional},
    }


def show() -> None:
    """Print the facts."""
    found = facts()
    width = max(map(len, found))
    for name, fact in found.items():
        print(f"{name:<{width}}  {fact}")
