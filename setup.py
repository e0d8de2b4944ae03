"""Builds the native kernels as an optional extension: without a C++ compiler the package installs without them."""

from __future__ import annotations

import sys

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

SOURCES = [
    "src/reparam/kernels/_native.cpp",
    "csrc/reparam.cpp",
    "csrc/levels/baseline.cpp",
    "csrc/levels/avx2.cpp",
    "csrc/levels/avx512.cpp",
]
HEADERS = [
    "csrc/reparam.h",
    "csrc/platform.hpp",
]
PORTABLE = ["-std=c++17", "-O3", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden", "-g0"]
MICROSOFT = ["/std:c++17", "/O2", "/fp:precise"]
ABI = "0x030A0000"


class BuildKernels(build_ext):
    """Chooses the flags of the compiler found."""

    def build_extensions(self) -> None:
        """Compiles with the flags that the compiler understands."""
        microsoft = self.compiler.compiler_type == "msvc"
        for extension in self.extensions:
            extension.extra_compile_args = MICROSOFT if microsoft else PORTABLE
            extension.extra_link_args = [] if microsoft or sys.platform == "darwin" else ["-pthread"]
        super().build_extensions()


class StableWheel(bdist_wheel):
    """Tags the wheel for every Python from 3.10 on."""

    def finalize_options(self) -> None:
        """Asks for the stable ABI."""
        self.py_limited_api = "cp310"
        super().finalize_options()


setup(
    ext_modules=[
        Extension(
            "reparam.kernels._native",
            sources=SOURCES,
            depends=HEADERS,
            include_dirs=["csrc"],
            define_macros=[("Py_LIMITED_API", ABI)],
            py_limited_api=True,
            optional=True,
            language="c++",
        )
    ],
    cmdclass={"build_ext": BuildKernels, "bdist_wheel": StableWheel},
)
