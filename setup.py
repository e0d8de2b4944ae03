"""Builds the native kernels as an optional extension: without a C++ compiler the package installs without them."""

from __future__ import annotations

import os
import platform
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

LEVELS = sorted(str(path) for path in Path("csrc/levels").glob("*.cpp"))
SOURCES = [*LEVELS, "csrc/reparam.cpp", "src/reparam/kernels/_native.cpp"]
HEADERS = sorted(str(path) for path in Path("csrc").rglob("*.h*"))
# Nothing here lets the compiler forget NaN or infinities, or reorder sums.
PORTABLE = ["-std=c++17", "-O3", "-g0", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden"]
# On x86-64 the baseline only serves processors without AVX2, and need not take as long to compile as what others run.
QUICK = ["-O2"] if platform.machine().lower() in ("x86_64", "amd64") else []
MICROSOFT = ["/std:c++17", "/O2", "/fp:precise"]


class BuildKernels(build_ext):
    """Compiles with the flags that the compiler found understands."""

    def build_extensions(self) -> None:
        """Sets the flags, then builds."""
        microsoft = self.compiler.compiler_type == "msvc"
        for extension in self.extensions:
            extension.extra_compile_args = MICROSOFT if microsoft else PORTABLE
            extension.extra_link_args = ["-pthread"] if sys.platform.startswith("linux") else []
        compile_one_after_the_other = self.compiler.compile

        def compile_side_by_side(sources: list[str], *args: Any, extra_postargs: list[str], **kwargs: Any) -> list[str]:
            def compile_one(source: str) -> list[str]:
                quick = not microsoft and Path(source).name.startswith("baseline")
                flags = [*extra_postargs, *(QUICK if quick else [])]
                return compile_one_after_the_other([source], *args, extra_postargs=flags, **kwargs)

            # What takes longest comes first, so that processors finish together.
            longest_first = sorted(sources, key=lambda source: ("_special" not in source, "_samplers" in source))
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                return [name for part in pool.map(compile_one, longest_first) for name in part]

        self.compiler.compile = compile_side_by_side
        super().build_extensions()


class StableWheel(bdist_wheel):
    """One wheel for every Python from 3.10 on."""

    def finalize_options(self) -> None:
        """Tags the wheel with the stable ABI."""
        self.py_limited_api = "cp310"
        super().finalize_options()


setup(
    ext_modules=[
        Extension(
            "reparam.kernels._native",
            sources=SOURCES,
            depends=HEADERS,
            include_dirs=["csrc"],
            define_macros=[("Py_LIMITED_API", "0x030A0000")],
            py_limited_api=True,
            optional=True,
            language="c++",
        )
    ],
    cmdclass={"build_ext": BuildKernels, "bdist_wheel": StableWheel},
)
