"""The native kernels of small matrices: against mpmath, against their formulas, and the checks of structure."""

from __future__ import annotations

import itertools
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from mpmath import mp
from torch import Tensor

from reparam import MultivariateNormal, kernels
from reparam.constraints import lower_cholesky, positive_definite, simplex
from reparam.constraints.structured import Symmetric, rounding
from reparam.core.checks import Checker
from reparam.kernels import kernel
from reparam.kernels.checks import all_lower_cholesky, all_positive_definite, all_simplex

pytestmark = pytest.mark.skipif(not kernels.available(), reason="the native library was not built")

LAW = "multivariate_normal_"
SIZES = (1, 2, 7, 8, 9, 32)
EPS = 2.0**-52


def formula_of(name: str) -> Callable[..., Tensor]:
    """What an entry computes, by torch."""

    def by_factor(x: Tensor, loc: Tensor, factor: Tensor) -> Tensor:
        white = torch.linalg.solve_triangular(factor, (x - loc)[..., None], upper=False)[..., 0]
        log_diagonal = factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return -0.5 * (white * white).sum(-1) - log_diagonal - 0.5 * math.log(2 * math.pi) * x.shape[-1]

    def cholesky(matrix: Tensor) -> Tensor:
        return torch.linalg.cholesky((matrix + matrix.mT) / 2)

    def draw(noise: Tensor, loc: Tensor, factor: Tensor) -> Tensor:
        return loc + (factor.tril() @ noise[..., None])[..., 0]

    return {
        LAW + "factor_log_prob": by_factor,
        LAW + "covariance_log_prob": lambda x, loc, matrix: by_factor(x, loc, cholesky(matrix)),
        LAW + "draw": draw,
        "long_normal_log_prob": by_factor,
        "long_normal_draw": draw,
        "cholesky": cholesky,
        "symmetric_part": lambda matrix: (matrix + matrix.mT) / 2,
    }[name]


def forbidden(*_: Tensor) -> Tensor:
    raise AssertionError("the formula ran in place of the kernel")


def factors(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Lower triangular matrices with diagonals in (1, 2) and rows below it of length < 1: conditions stay near 10."""
    d = shape[-1]
    below = (torch.rand(*shape, d, dtype=dtype) - 0.5).tril(-1) / d**0.5
    return below + torch.diag_embed(torch.rand(shape, dtype=dtype) + 1)


def inputs(name: str, d: int, batches: tuple[tuple[int, ...], ...], dtype: torch.dtype = torch.float64) -> list[Tensor]:
    factor = factors(*batches[-1], d, dtype=dtype)
    matrix = factor @ factor.mT if name in OF_SYMMETRIC else factor
    return [torch.randn(*batch, d, dtype=dtype) for batch in batches[:-1]] + [matrix]


OF_SYMMETRIC = (LAW + "covariance_log_prob", "cholesky")
SMALL = {LAW + "factor_log_prob": 3, LAW + "covariance_log_prob": 3, LAW + "draw": 3, "cholesky": 1}
ENTRIES = {**SMALL, "long_normal_log_prob": 3, "long_normal_draw": 3, "symmetric_part": 1}
BATCHES = [(), (3,), (1,), (17, 3), (17, 1)]


@pytest.mark.parametrize("d", SIZES)
@pytest.mark.parametrize("name", ENTRIES)
def test_values_and_gradients_of_every_broadcast(name: str, d: int) -> None:
    """Sums of up to ``n d^2`` terms of order one, condition near 10 and entries of gradients up to ``d``."""
    torch.manual_seed(0)
    count = ENTRIES[name]
    for batches in itertools.product(BATCHES if d < 9 else BATCHES[:2], repeat=count):
        tensors = [t.requires_grad_() for t in inputs(name, d, batches)]
        value, want = kernel(name)(forbidden_if_unshared(batches, name))(*tensors), formula_of(name)(*tensors)
        weight = torch.randn_like(want)
        n = math.prod(torch.broadcast_shapes(*batches))
        scale = 64 * EPS * d * max(n, d)
        torch.testing.assert_close(value, want, rtol=scale, atol=scale)
        got = torch.autograd.grad(value, tensors, weight)
        for left, right in zip(got, torch.autograd.grad(want, tensors, weight), strict=True):
            torch.testing.assert_close(left, right, rtol=scale, atol=scale)


def forbidden_if_unshared(batches: tuple[tuple[int, ...], ...], name: str) -> Callable[..., Tensor]:
    """The formula where it has to serve: no kernel sums the gradients of expanded inputs of other shapes."""
    full = torch.broadcast_shapes(*batches)
    fits = all(batch in ((), full[len(full) - len(batch) :]) for batch in batches)
    return forbidden if fits else formula_of(name)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
def test_against_mpmath_at_an_ill_conditioned_matrix(dtype: torch.dtype) -> None:
    """The Hilbert matrix of size 5: condition k = 5e5, and the density's logarithm moves by ``k eps`` of x' A^-1 x."""
    d = 5
    x = torch.linspace(-1, 1, d, dtype=dtype)
    hilbert = 1 / (1 + torch.arange(d, dtype=dtype)[:, None] + torch.arange(d, dtype=dtype))
    with mp.workdps(60):
        matrix, vector = mp.matrix(hilbert.tolist()), mp.matrix(x.tolist())
        square = (vector.T * mp.lu_solve(matrix, vector))[0]
        truth = -(square + mp.log(mp.det(matrix)) + d * mp.log(2 * mp.pi)) / 2
        exact = torch.tensor((mp.cholesky(matrix)).tolist(), dtype=torch.float64)
    value = kernel(LAW + "covariance_log_prob")(forbidden)(x, torch.zeros_like(x), hilbert)
    eps = torch.finfo(dtype).eps
    # computed in double: a float32 result is the rounding of one that is off by k 2^-52 < 2^-24
    allowed = eps / 2 * float(abs(truth)) + 5e5 * EPS * float(square)
    assert abs(value.item() - float(truth)) <= allowed
    factor = kernel("cholesky")(forbidden)(hilbert)
    assert torch.allclose(factor.double(), exact, rtol=eps / 2 + 5e5 * EPS, atol=0)


@pytest.mark.parametrize("name", ENTRIES)
def test_second_derivatives(name: str) -> None:
    torch.manual_seed(0)
    tensors = [t.requires_grad_() for t in inputs(name, 2, ((3,),) * ENTRIES[name])]
    function = kernel(name)(formula_of(name))
    assert torch.autograd.gradcheck(function, tensors)
    assert torch.autograd.gradgradcheck(function, tensors)


@pytest.mark.parametrize("name", ENTRIES)
def test_large_batches_and_threads(name: str) -> None:
    torch.manual_seed(0)
    n, found, before = 20_000, [], torch.get_num_threads()
    batches = ((n,),) if ENTRIES[name] == 1 else ((n,), (), (n,))
    tensors = [t.requires_grad_() for t in inputs(name, 3, batches)]
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            value = kernel(name)(forbidden)(*tensors)
            found.append((value.detach(), *torch.autograd.grad(value.sum(), tensors)))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found[0][0], found[1][0])
    for left, right in zip(*found, strict=True):
        torch.testing.assert_close(left, right, rtol=n * EPS, atol=n * EPS)


def test_what_is_left_to_the_formula() -> None:
    bad = torch.tensor([[1.0, 2.0], [2.0, 1.0]])
    nan = torch.full((2, 2), math.nan)
    for matrix, wanted in itertools.product((bad, nan), (False, True)):
        law = MultivariateNormal(torch.zeros(2), matrix.clone().requires_grad_(wanted), validate_args=False)
        for call in (lambda law=law: law.log_prob(torch.zeros(2)), law.rsample):
            with pytest.raises(torch.linalg.LinAlgError):
                call()
    for name, count in SMALL.items():
        with pytest.raises(AssertionError, match="the formula ran"):
            kernel(name)(forbidden)(*inputs(name, 33, ((),) * count))  # too large
    with pytest.raises(AssertionError, match="the formula ran"):
        kernel("cholesky")(forbidden)(torch.ones(2, 3))


@pytest.mark.parametrize("name", [name for name in ENTRIES if name not in SMALL])
def test_matrices_of_any_size(name: str) -> None:
    """Sizes about the widths of tiles and of vectors; sums of ``d`` terms of order one, conditions near 10."""
    torch.manual_seed(0)
    for d in (15, 16, 17, 31, 65, 100):
        tensors = [t.requires_grad_() for t in inputs(name, d, ((3,),) * ENTRIES[name])]
        value, want = kernel(name)(forbidden)(*tensors), formula_of(name)(*tensors)
        torch.testing.assert_close(value, want, rtol=64 * EPS * d, atol=64 * EPS * d)
        weight = torch.randn_like(want)
        slopes = (torch.autograd.grad(f, tensors, weight) for f in (value, want))
        for left, right in zip(*slopes, strict=True):
            torch.testing.assert_close(left, right, rtol=64 * EPS * d, atol=64 * EPS * d)


def test_one_matrix_for_few_or_many_vectors() -> None:
    """A law of 40 coordinates has one density and one draw for its noise, however many vectors come at once."""
    torch.manual_seed(0)
    law = MultivariateNormal(torch.randn(40, dtype=torch.float64), scale_tril=factors(40))
    x = torch.randn(9, 40, dtype=torch.float64)
    together, one_by_one = law.log_prob(x), torch.stack([law.log_prob(row) for row in x])
    torch.testing.assert_close(one_by_one, together, rtol=64 * 40 * EPS, atol=64 * 40 * EPS)
    for noise in (x, x[:1]):
        drawn = law._coloured(noise, False, law.scale_tril)
        torch.testing.assert_close(drawn, law.loc + noise @ law.scale_tril.mT, rtol=64 * 40 * EPS, atol=64 * 40 * EPS)


@pytest.mark.parametrize("form", ["scale_tril", "covariance_matrix"])
def test_a_law_under_transforms(form: str) -> None:
    torch.manual_seed(0)
    matrix = factors(4, 3)
    matrix = matrix if form == "scale_tril" else matrix @ matrix.mT
    x, loc = torch.randn(2, 4, 3, dtype=torch.float64)

    def log_prob(x: Tensor, loc: Tensor, matrix: Tensor) -> Tensor:
        return MultivariateNormal(loc, **{form: matrix}, validate_args=False).log_prob(x)

    want = log_prob(x, loc, matrix)
    for got in (
        torch.vmap(log_prob)(x, loc, matrix),
        torch.compile(log_prob, fullgraph=True, backend="aot_eager")(x, loc, matrix),
    ):
        torch.testing.assert_close(got, want, rtol=100 * EPS, atol=100 * EPS)


PRINT_ALL = f"""
import json, torch
from reparam import kernels
from reference import test_kernel_matrices as tests
torch.manual_seed(0)
table = []
for name, count in {ENTRIES!r}.items():
    tensors = [t.requires_grad_() for t in tests.inputs(name, 5, ((11,),) * count)]
    value = kernels.kernel(name)(tests.forbidden)(*tensors)
    table.append([t.flatten().tolist() for t in (value, *torch.autograd.grad(value.sum(), tensors))])
print(json.dumps([kernels.info()["simd"], table]))
"""


def test_instruction_sets_agree() -> None:
    """They differ in fused multiply-adds: one rounding of each of some ``d^2`` operations, condition near 10."""
    tables = {}
    for level in ("baseline", "avx2", "avx512"):
        path = os.pathsep.join([os.path.dirname(os.path.dirname(__file__)), *sys.path])
        environment = {**os.environ, "REPARAM_SIMD": level, "PYTHONPATH": path}
        run = subprocess.run([sys.executable, "-c", PRINT_ALL], env=environment, check=True, capture_output=True)
        used, tables[level] = json.loads(run.stdout)
        assert used in tables
    for level in ("avx2", "avx512"):
        for entry, reference in zip(tables[level], tables["baseline"], strict=True):
            for got, want in zip(entry, reference, strict=True):
                assert got == pytest.approx(want, rel=250 * EPS, abs=250 * EPS)


def set_entry(matrix: Tensor, index: tuple[int, ...], value: float) -> Tensor:
    changed = matrix.clone()
    changed[index] = value
    return changed


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("d", [1, 3, 8, 20])
def test_checks_of_structure(d: int, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    rows = torch.rand(19, d, dtype=dtype) + 0.1
    rows /= rows.sum(-1, keepdim=True)
    lower = factors(19, d, dtype=dtype)
    definite = lower @ lower.mT
    last = (18, d - 1, d - 1)
    off = 32 * d * torch.finfo(torch.float32).eps
    cases = [
        (simplex, rows, True),
        (simplex, set_entry(rows, (18, d - 1), rows[18, d - 1].item() + off), False),
        (simplex, set_entry(rows, (18, d - 1), -0.1), False),
        (simplex, set_entry(rows, (3, 0), math.nan), False),
        (lower_cholesky, lower, True),
        (lower_cholesky, set_entry(lower, last, 0.0), False),
        (lower_cholesky, set_entry(lower, (2, d - 1, 0), math.nan), False),
        (positive_definite, definite, True),
        (positive_definite, set_entry(definite, last, -1.0), False),
        (positive_definite, set_entry(definite, (0, d - 1, 0), math.nan), False),
        (positive_definite, torch.zeros(2, d, d, dtype=dtype), False),
    ]
    if d > 1:
        cases += [
            (lower_cholesky, set_entry(lower, (18, 0, d - 1), 1e-30), False),
            (positive_definite, set_entry(definite, (18, 0, d - 1), definite[18, 0, d - 1].item() + 0.1), False),
            (positive_definite, torch.ones(2, d, d, dtype=dtype), False),
        ]
    native = {
        simplex: lambda t: all_simplex(t, rounding(t, t.shape[-1])),
        lower_cholesky: all_lower_cholesky,
        positive_definite: lambda t: all_positive_definite(t, Symmetric.tolerance(t)),
    }
    for constraint, tensor, good in cases:
        assert bool(constraint.check(tensor).all()) is good
        assert (native[constraint](tensor) or False) is good, constraint
        assert Checker(constraint)(None, tensor) is good
        strided = torch.stack([tensor, tensor], dim=-1)[..., 0]
        assert (native[constraint](strided.expand(2, *tensor.shape)) or False) is good
        assert native[constraint](tensor.half()) is None
