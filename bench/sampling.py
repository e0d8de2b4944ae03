"""A million draws against torch.distributions: pathwise gradients and counts, in time and in memory.

A gradient is that of the sum of ``rsample((n,))``; torch has none for VonMises, and its sampler, a Best-Fisher loop in
torch operations, stands in. Times on one thread are CPU times, those on all threads times on the clock. Memory is what
a call adds to the peak of a fresh process, in which a call of 8 draws has loaded all that it needs; it is read from
/proc, which Linux has. Run ``python -m bench.sampling [--quick] [--markdown] [--only NAME]``; with ``REPARAM_NATIVE=0``
it shows what the gradients cost without native code, in twenty thousand draws.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reparam import kernels

from .harness import Comparison, Effort, Table, Task, compare, options
from .laws import OURS, THEIRS, Draw, Law, matching

NUMBERS = 10**6
FULL = Effort(least=7, most=21, block=20e-3)
QUICK = Effort(least=3, most=3, block=0.0)
ROOT = Path(__file__).parent.parent


def fixed(*values: float) -> Draw:
    """The same numbers as the parameter of every call: one, or a vector."""
    return lambda _: torch.tensor(values if len(values) > 1 else values[0], dtype=torch.float32)


def von_mises(d: Any, validate: bool, concentration: Tensor) -> Any:
    return d.VonMises(torch.zeros(()), concentration, validate_args=validate)


def binomial(count: int) -> Any:
    return lambda d, v, p: d.Binomial(count, probs=p, validate_args=v)


def multinomial(count: int) -> Any:
    return lambda d, v, p: d.Multinomial(count, probs=p, validate_args=v)


TEN = fixed(*torch.arange(1.0, 11.0).tolist())
CONTINUOUS = (
    Law("Gamma(0.3)", lambda d, v, a, r: d.Gamma(a, r, validate_args=v), (fixed(0.3), fixed(2.0))),
    Law("Gamma(2.5)", lambda d, v, a, r: d.Gamma(a, r, validate_args=v), (fixed(2.5), fixed(2.0))),
    Law("Gamma(50)", lambda d, v, a, r: d.Gamma(a, r, validate_args=v), (fixed(50.0), fixed(2.0))),
    Law("Beta(2, 3)", lambda d, v, a, b: d.Beta(a, b, validate_args=v), (fixed(2.0), fixed(3.0))),
    Law("Dirichlet(3)", lambda d, v, a: d.Dirichlet(a, validate_args=v), (fixed(0.5, 1.5, 3.0),), 3),
    Law("StudentT(5)", lambda d, v, *p: d.StudentT(*p, validate_args=v), (fixed(5.0), fixed(1.0), fixed(2.0))),
)
CIRCULAR = tuple(Law(f"VonMises({k})", von_mises, (fixed(k),)) for k in (0.05, 1.0, 50.0))
COUNTS = (
    *(Law(f"Poisson({r:g})", lambda d, v, m: d.Poisson(m, validate_args=v), (fixed(r),)) for r in (0.3, 3, 30, 1000)),
    *(Law(f"Binomial({n}, {p})", binomial(n), (fixed(p),)) for n, p in ((10, 0.3), (100, 0.5), (1000, 0.01))),
    *(Law(f"Multinomial({n} of 10)", multinomial(n), (TEN,), 10) for n in (20, 100)),
)
MANY = (Law("Multinomial(10000 of 10)", multinomial(10_000), (TEN,), 10),)


def differentiated(law: Law, library: Any, n: int) -> Task:
    """Builds the law, draws and takes the gradient of the sum; or only draws where there is none."""
    leaves = [parameter.requires_grad_() for parameter in law.parameters(1)]
    pathwise = law.build(library, False, *leaves).has_rsample

    def task() -> None:
        d = law.build(library, False, *leaves)
        if pathwise:
            torch.autograd.grad(d.rsample((n // law.size,)).sum(), leaves)
        else:
            d.sample((n // law.size,))

    return task


def drawn(law: Law, library: Any, n: int) -> Task:
    parameters = law.parameters(1)
    return lambda: law.build(library, False, *parameters).sample((n // law.size,))


LIBRARIES = {"reparam": OURS, "torch": THEIRS}
NATIVELY = (
    ("A million draws with their gradient", 0.5, 1.0, differentiated, NUMBERS, CONTINUOUS),
    ("A million angles with their gradient", 0.05, 1.0, differentiated, NUMBERS, CIRCULAR),
    ("A million counts", 0.5, 1.0, drawn, NUMBERS, COUNTS),
    ("Ten thousand counts of many trials", 0.005, 1.0, drawn, NUMBERS // 100, MANY),
)
BY_FORMULA = (
    (
        "Twenty thousand draws with their gradient, by formula",
        10.0,
        math.inf,
        differentiated,
        20_000,
        CONTINUOUS,
    ),
)
GROUPS = NATIVELY if kernels.available() else BY_FORMULA


def status(name: str) -> int:
    """A number of bytes that Linux states of this process."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return 1024 * int(line.split()[1])


def measure_here(group: int, name: str, library: str) -> int:
    """The bytes by which one call raises the peak of this process."""
    *_, make, n, laws = GROUPS[group]
    law = next(law for law in laws if law.name == name)
    torch.set_num_threads(1)
    make(law, LIBRARIES[library], 8 * law.size)()
    task = make(law, LIBRARIES[library], n)
    Path("/proc/self/clear_refs").write_text("5")  # the peak from here on
    before = status("VmRSS")
    task()
    return status("VmHWM") - before


def peak(group: int, law: Law) -> Comparison:
    """The peaks of both sides, each in a process whose allocator gives memory back at once."""
    sizes = []
    for library in LIBRARIES:
        command = [sys.executable, "-m", "bench.sampling", "--peak", str(group), law.name, library]
        environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "OMP_NUM_THREADS": "1"}
        ended = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
        sizes.append(int(ended.stdout))
    return Comparison(sizes[0] / 1e6, sizes[1] / 1e6, sizes[0] / sizes[1], 0.0)


def main() -> None:
    threads = torch.get_num_threads()
    chosen = options(__doc__)
    effort = QUICK if chosen.quick else FULL
    print("Samplers: time and memory relative to torch.distributions (reparam / torch); ! above the bound, ~ noisy")
    for number, (title, time_bound, memory_bound, make, n, laws) in enumerate(GROUPS):
        seconds = Table(title, {"one thread": time_bound, f"{threads} threads": time_bound})
        bytes_ = Table("Peak memory", {"MB": memory_bound}, spell="{:.3g}".format)
        for law in matching(chosen.only, laws):
            ours, theirs = (make(law, library, n) for library in LIBRARIES.values())
            seconds.add(law.name, "one thread", compare(ours, theirs, effort))
            torch.set_num_threads(threads)
            seconds.add(law.name, f"{threads} threads", compare(ours, theirs, effort, time.perf_counter))
            torch.set_num_threads(1)
            if memory_bound < math.inf:
                bytes_.add(law.name, "MB", peak(number, law))
        for table in (seconds, bytes_):
            if table.cells:
                print(f"\n{table.render(chosen.markdown)}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peak"]:
        print(measure_here(int(sys.argv[2]), *sys.argv[3:]))
    else:
        main()
