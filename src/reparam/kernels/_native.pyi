from collections.abc import Sequence

from torch import Tensor

ABI_VERSION: int

def evaluate(entry: int, recording: bool, *tensors: object) -> tuple[Tensor, bool] | None: ...
def pull_back(
    entry: int, grad: Tensor, wanted: tuple[bool, ...], *tensors: Tensor
) -> Sequence[Tensor | None] | None: ...
def all_within(
    values: Tensor,
    lower: float | Tensor,
    upper: float | Tensor,
    lower_open: bool,
    upper_open: bool,
    integer: bool,
) -> bool | None: ...
def run(entry: int, dtype: int, n: int, k: int, threads: int, *addresses_and_periods: int) -> bool: ...
def all_structured(structure: int, dtype: int, n: int, k: int, values: int, tolerance: float) -> bool: ...
def standard_gamma_log(
    dtype: int,
    n: int,
    period: int,
    concentration: int,
    key: int,
    log_sample: int,
    derivative: int,
    threads: int,
) -> None: ...
def categorical(
    dtype: int, logarithms: bool, rows: int, k: int, n: int, weights: int, key: int, draws: int, threads: int
) -> None: ...
def entries() -> list[tuple[str, int, int, int, int, int, int, int, int]]: ...
def simd_level() -> str: ...
