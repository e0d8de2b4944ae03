"""Every special function in every mode of torch, with every kind of argument."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from reparam import special

# torch.func.jvp loads torch's own deprecated scripts.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")

# A point for each function, well inside its domain
POINTS: dict[str, tuple[float, ...]] = {
    "bessel_ratio": (0.7, 1.4),
    "bessel_ratio_inverse": (0.7, 0.4),
    "betainc": (1.3, 2.4, 0.4),
    "betainc_odds": (1.3, 2.4, 0.4, 0.7),
    "betaincc": (1.3, 2.4, 0.4),
    "betainccinv": (1.3, 2.4, 0.4),
    "betainccinv_exp": (1.3, 2.4, -0.4),
    "betaincinv": (1.3, 2.4, 0.4),
    "betaincinv_exp": (1.3, 2.4, -0.9),
    "betaincinv_odds": (1.3, 2.4, 0.4),
    "deviance": (1.3, 0.4),
    "digamma": (1.3,),
    "digamma_difference": (1.3, 0.4),
    "erfcx": (0.7,),
    "gammainc": (1.3, 0.4),
    "gammaincc": (0.3, 0.4),
    "gammainccinv": (1.3, 0.4),
    "gammainccinv_exp": (1.3, -0.4),
    "gammaincinv": (1.3, 0.4),
    "gammaincinv_exp": (1.3, -0.4),
    "lbeta": (1.3, 9.4),
    "lgamma": (1.3,),
    "log1mexp": (-0.3,),
    "log_betainc": (1.3, 2.4, 0.4),
    "log_betainc_odds": (1.3, 2.4, 0.4, 0.7),
    "log_betaincc": (1.3, 2.4, 0.4),
    "log_binomial": (7.3, 2.4),
    "log_erfc": (0.7,),
    "log_expm1": (0.3,),
    "log_factorial": (1.3,),
    "log_gamma_quantile_grad": (1.3, 0.4),
    "log_gamma_ratio": (1.3, 0.4),
    "log_gammainc": (1.3, 2.4),
    "log_gammaincc": (1.3, 2.4),
    "log_iv": (0.7, 1.4),
    "log_ive": (0.7, 1.4),
    "log_minus_digamma": (1.3,),
    "log_ndtr": (-0.3,),
    "log_ndtr_difference": (-0.3, 0.9),
    "log_sigmoid": (-0.3,),
    "log_stdtr": (3.3, -0.7),
    "log_von_mises_cdf": (-0.7, 1.4),
    "logit": (0.3,),
    "logit_complement": (0.3,),
    "logit_exp": (-0.3,),
    "logsubexp": (1.3, 0.4),
    "ndtr": (-0.3,),
    "ndtri": (0.3,),
    "ndtri_exp": (-0.3,),
    "owens_t": (0.7, 1.4),
    "stdtr": (3.3, -0.7),
    "stdtrit": (3.3, 0.3),
    "stdtrit_exp": (3.3, -1.2),
    "stirling_bregman": (1.3, 0.4),
    "stirling_error": (1.3,),
    "trigamma": (1.3,),
    "trigamma_excess": (1.3,),
    "von_mises_cdf": (-0.7, 1.4),
    "von_mises_icdf": (0.3, 1.4),
    "von_mises_quantile_grad": (-0.7, 1.4),
    "xlog1py": (1.3, 0.4),
    "xlogy": (1.3, 0.4),
    "zeta": (2.3, 0.7),
}
CASES = [(name, i) for name, point in POINTS.items() for i in range(len(point))]
# The modes evaluate the same formulas in another order at most: what they differ by is rounding.
CLOSE = {"rtol": 1e-11, "atol": 1e-12}


def _arguments(name: str, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    scale = torch.tensor([1.0, 1.1, 0.9], dtype=torch.float64)
    return [(v * scale).to(dtype) for v in POINTS[name]]


def _jet(name: str, i: int) -> tuple[Tensor, Tensor, Tensor]:
    """The value and its first two derivatives in argument i, by backward passes."""
    x = _arguments(name)
    x[i].requires_grad_()
    value = getattr(special, name)(*x)
    (first,) = torch.autograd.grad(value.sum(), x[i], create_graph=True)
    second = torch.zeros_like(first)
    if first.requires_grad:
        (second,) = torch.autograd.grad(first.sum(), x[i])
    return value.detach(), first.detach(), second


def test_every_function_has_a_point() -> None:
    public = {name for name, f in vars(special).items() if callable(f) and not name.startswith("_")}
    assert public == set(POINTS) | {"multigammaln", "polygamma", "softplus_inverse"}


@pytest.mark.parametrize(("name", "i"), CASES)
def test_function_transforms(name: str, i: int) -> None:
    f, x = getattr(special, name), _arguments(name)
    value, first, second = _jet(name, i)

    def total(v: Tensor) -> Tensor:
        return f(*x[:i], v, *x[i + 1 :]).sum()

    torch.testing.assert_close(torch.vmap(f)(*x), value, **CLOSE)
    torch.testing.assert_close(torch.func.grad(total)(x[i]), first, **CLOSE)
    torch.testing.assert_close(torch.vmap(torch.func.grad(f, argnums=i))(*x), first, **CLOSE)
    torch.testing.assert_close(torch.func.jvp(total, (x[i],), (torch.ones_like(value),))[1], first.sum(), **CLOSE)
    torch.testing.assert_close(torch.func.hessian(total)(x[i]).diag(), second, **CLOSE)
    one = tuple(0 if j == i else None for j in range(len(x)))
    mixed = torch.vmap(f, in_dims=one)(*(v if j == i else v[0] for j, v in enumerate(x)))
    torch.testing.assert_close(mixed[0], value[0], **CLOSE)


@pytest.mark.parametrize("name", ["log_ndtr", "gammaincc", "stdtr"])
def test_forward_mode_nests(name: str) -> None:
    f, x = getattr(special, name), _arguments(name)
    nested = torch.func.jacfwd(torch.func.jacfwd(f))
    torch.testing.assert_close(torch.vmap(nested)(*x), _jet(name, 0)[2], **CLOSE)


def test_compile() -> None:
    """One graph of all functions of one argument; the tables have every function compiled, in the first stage alone."""
    names = [name for name, point in POINTS.items() if len(point) == 1]
    x = [_arguments(name)[0].requires_grad_() for name in names]

    def program(*x: Tensor) -> list[Tensor]:
        return [getattr(special, name)(v) for name, v in zip(names, x, strict=True)]

    torch.compiler.reset()
    values = torch.compile(program, fullgraph=True, backend="aot_eager")(*x)
    slopes = torch.autograd.grad(sum(v.sum() for v in values), x)
    for name, value, slope in zip(names, values, slopes, strict=True):
        expected, first, _ = _jet(name, 0)
        torch.testing.assert_close(value.detach(), expected, **CLOSE)
        torch.testing.assert_close(slope, first, **CLOSE)


@pytest.mark.parametrize("name", ["log_ndtr", "digamma", "erfcx", "log_gamma_quantile_grad", "von_mises_icdf"])
def test_compile_of_transforms(name: str) -> None:
    f, x = getattr(special, name), _arguments(name)
    torch.compiler.reset()
    mapped = torch.compile(torch.vmap(torch.func.grad(f)), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(mapped(*x), _jet(name, 0)[1], **CLOSE)


@pytest.mark.parametrize("name", POINTS)
def test_dtypes(name: str) -> None:
    f = getattr(special, name)
    value = f(*_arguments(name))
    # Half the inputs' last bit, magnified by the condition: below 40 at all points.
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        got = f(*_arguments(name, dtype))
        assert got.dtype == dtype
        torch.testing.assert_close(got.double(), value, rtol=40 * torch.finfo(dtype).eps, atol=0.0)
    assert f(*(v[:0] for v in _arguments(name))).shape == (0,)
    assert f(*(v.reshape(3, 1) for v in _arguments(name)[:1]), *_arguments(name)[1:]).ndim == 2


def test_numbers_and_integers() -> None:
    x = torch.tensor([3.0, 4.0])
    torch.testing.assert_close(special.deviance(x, 2.0), special.deviance(x, torch.tensor(2.0)))
    torch.testing.assert_close(special.deviance(2, x), special.deviance(torch.tensor(2.0), x))
    assert special.lgamma(torch.tensor([3, 4])).dtype == torch.get_default_dtype()
    assert special.lbeta(x, x.double()).dtype == torch.float64
    assert special.log_ndtr(-1.0).dtype == torch.get_default_dtype()


def test_nan_passes_through() -> None:
    for name, point in POINTS.items():
        for i in range(len(point)):
            x = [torch.tensor(v if j != i else math.nan) for j, v in enumerate(point)]
            assert getattr(special, name)(*x).isnan(), f"{name}, argument {i}"


@pytest.mark.parametrize(
    ("name", "points"),
    [
        ("xlogy", [(0.0, 0.0), (0.0, 2.0)]),
        ("xlog1py", [(0.0, -1.0), (0.0, 2.0)]),
        ("logsubexp", [(0.0, -math.inf), (1000.0, -1000.0)]),
        ("log1mexp", [(-1e-300,), (-1e3,), (-math.inf,)]),
        ("log_expm1", [(1e-300,), (1e4,)]),
        ("log_ndtr", [(-1e150,), (-1.0,), (0.0,), (40.0,), (1e150,)]),
        ("ndtri_exp", [(-1e12,), (-50.0,), (-math.log(2),), (-1e-300,)]),
        ("deviance", [(1e-300, 3.0), (3.0, 3.0), (1e-200, 1e100), (1e100, 1e-200)]),
        ("gammainc", [(2.0, 0.0), (2.0, math.inf), (1e8, 1e-300), (1e-8, 1e300)]),
        ("gammaincc", [(2.0, 0.0), (2.0, math.inf), (1e8, 1e-300), (1e-8, 1e300)]),
        ("log_gammaincc", [(2.0, 0.0), (1e8, 1e-300), (1e-8, 1e150)]),
        ("gammaincinv", [(1e-4, 1e-20), (1e12, 1e-300), (1e-8, 0.9), (3.0, 1.0 - 2.0**-53)]),
        ("gammainccinv", [(1e-4, 1e-20), (1e12, 1e-300), (1e-8, 0.9), (3.0, 1.0 - 2.0**-53)]),
        ("gammaincinv_exp", [(1e-4, -1e300), (1e12, -1e300), (1e-8, -1e-8), (3.0, -1e-300)]),
        ("gammainccinv_exp", [(1e-4, -1e300), (1e12, -1e300), (1e-8, -1e-8), (3.0, -1e-290)]),
        ("log_gamma_quantile_grad", [(1e-8, -1e9), (1e12, -1e3), (1e-3, 700.0), (1e10, 30.0)]),
    ],
)
def test_gradients_are_finite_where_the_function_is(name: str, points: list[tuple[float, ...]]) -> None:
    x = [torch.tensor(c, dtype=torch.float64, requires_grad=True) for c in zip(*points, strict=True)]
    for f in (getattr(special, name), getattr(special, name).__wrapped__):
        value = f(*x)
        assert value.isfinite().all()
        for slope in torch.autograd.grad(value.sum(), x):
            assert slope.isfinite().all(), f"{slope.tolist()}"


@pytest.mark.parametrize(
    ("name", "point"),
    [
        ("erfcx", (math.inf,)),
        ("ndtr", (math.inf,)),
        ("ndtr", (-math.inf,)),
        ("log_ndtr", (math.inf,)),
        ("zeta", (2.0, math.inf)),
        ("betainc_odds", (1.3, 2.4, math.inf, 0.7)),
        ("betainc_odds", (1.3, 2.4, 0.4, math.inf)),
    ],
)
def test_functions_that_level_off_have_slopes_of_zero_at_infinity(name: str, point: tuple[float, ...]) -> None:
    """By formula, of first and second order."""
    f, everywhere = getattr(special, name).formula, tuple(range(len(point)))
    x = tuple(torch.tensor(v, dtype=torch.float64) for v in point)
    for slope in torch.func.jacrev(f, everywhere)(*x):
        assert slope == 0
    for row in torch.func.hessian(f, everywhere)(*x):
        assert all(entry == 0 for entry in row), row
