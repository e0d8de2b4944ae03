from collections.abc import Callable

from torch import Tensor
from torch.autograd import Function

ABI_VERSION: int

def connect(
    function: type[Function], is_ordinary_mode: Callable[[], bool], is_grad_enabled: Callable[[], bool]
) -> None: ...
def evaluate(entry: int, formula: Callable[..., Tensor], *tensors: object) -> Tensor | None: ...
def forward(ctx: object, entry: int, formula: Callable[..., Tensor], value: Tensor, *tensors: Tensor) -> Tensor: ...
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
def noise(law: int, draws: Tensor, key: Tensor) -> None: ...
def categorical(
    dtype: int, logarithms: bool, rows: int, k: int, n: int, weights: int, key: int, draws: int, threads: int
) -> None: ...
def entries() -> list[tuple[str, int, int, int, int, int, int, int, int]]: ...
def simd_level() -> str: ...
