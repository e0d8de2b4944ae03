"""Native functions under ``grad`` and ``vmap`` of ``torch.func``: they run, and every derivative is the formula's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd.forward_ad import dual_level, make_dual, unpack_dual
from torch.func import grad, hessian, jacrev, jvp, vjp, vmap

import reparam
from reparam.families import gamma
from reparam.kernels import dispatch
from reparam.kernels.library import native
from reparam.special import gammainc

ROWS = 4

# Functions of two vectors and a matrix or vector of values: elementwise, with rows, with whole matrices.
CASES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "Gamma": lambda a, b, x: reparam.Gamma(a, b).log_prob(x).sum(),
    "StudentT": lambda a, b, x: reparam.StudentT(a, x, b).log_prob(x * b).sum(),
    "Normal of many": lambda a, b, x: reparam.Normal(a, b).log_prob(x.expand(dispatch.MANY, 3)).mean(0).sum(),
    "Poisson": lambda a, b, x: reparam.Poisson(a * b).log_prob((4 * x).round()).sum(),
    "Categorical": lambda a, b, x: reparam.Categorical(logits=a * b).log_prob(torch.tensor(1)) * x.sum(),
    "Dirichlet": lambda a, b, x: reparam.Dirichlet(a).log_prob((b * x).softmax(-1)).sum(),
    "MultivariateNormal": lambda a, b, x: reparam.MultivariateNormal(a, b.diag() + a.outer(a)).log_prob(x).sum(),
    "gammainc": lambda a, b, x: (gammainc(a, b) * x).sum(),
}


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    a, b, x = (torch.rand(ROWS, 3, generator=generator, dtype=torch.float64) + 0.5 for _ in range(3))
    return a, b, x


def agree(found: Tensor, expected: Tensor) -> None:
    """Two routes of the same sums: to 1e4 roundings of float64."""
    torch.testing.assert_close(found, expected, rtol=2e-12, atol=2e-12)


@pytest.mark.parametrize("name", CASES)
def test_derivatives_are_those_of_backward(name: str) -> None:
    f, (a, b, x) = CASES[name], inputs()
    row = a[0], b[0], x[0]
    tracked = [t.clone().requires_grad_() for t in row]
    first = torch.autograd.grad(f(*tracked), tracked[0], create_graph=True)[0]
    second = torch.stack([torch.autograd.grad(entry, tracked[0], retain_graph=True)[0] for entry in first])
    agree(grad(f)(*row), first)
    for hessian_of in (jacrev(grad(f)), hessian(f), jacrev(jacrev(f))):
        agree(hessian_of(*row), second)
    agree(grad(lambda a: grad(f)(a, *row[1:]).sum())(row[0]), second.sum(0))
    agree(vmap(grad(f))(a, b, x), torch.stack([grad(f)(*at) for at in zip(a, b, x)]))
    # over one argument only: what all rows share gets the sum of their gradients, or each row its own
    agree(vmap(grad(f, argnums=1), (0, None, None))(a, b[0], x[0]), torch.stack([grad(f, 1)(c, b[0], x[0]) for c in a]))
    total = grad(lambda b: vmap(f, (0, None, None))(a, b, x[0]).sum())(b[0])
    agree(total, sum(grad(f, 1)(c, b[0], x[0]) for c in a))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["Gamma", "Dirichlet", "gammainc"])
def test_a_graph_outside_the_transforms_goes_on(name: str) -> None:
    f, (a, b, x) = CASES[name], inputs()
    outer = a.clone().requires_grad_()
    found = torch.autograd.grad(vmap(grad(f))(outer, b, x).sum(), outer)[0]
    agree(found, torch.stack([hessian(f)(*at).sum(0) for at in zip(a, b, x)]))


@pytest.mark.parametrize("name", ["Gamma", "Dirichlet", "gammainc"])
def test_forward_mode_around_a_backward_pass(name: str) -> None:
    """The pullback is linear: its derivative along a direction is its value there."""
    f, (a, b, x) = CASES[name], inputs()
    _, pull = vjp(lambda a: vmap(f)(a, b, x), a)
    at, along = torch.randn(2, ROWS, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    value, moved = jvp(lambda g: pull(g)[0], (at,), (along,))
    agree(value, pull(at)[0])
    agree(moved, pull(along)[0])
    with dual_level():
        agree(unpack_dual(pull(make_dual(at, along))[0]).tangent, moved)


@pytest.mark.skipif(native is None, reason="the native library was not built")
def test_the_formula_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one level of ``grad``, mapped or not: before, everything took seven times as long by the formula."""

    def refuse(*_: object) -> None:
        raise AssertionError("a first derivative takes no formula")

    monkeypatch.setattr(dispatch, "_vjp", refuse)
    monkeypatch.setattr(gamma, "share_density", refuse)
    f, (a, b, x) = CASES["Gamma"], inputs()
    assert vmap(grad(f))(a, b, x).isfinite().all()
    assert grad(f)(a[0], b[0], x[0]).isfinite().all()
