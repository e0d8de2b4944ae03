"""When a kernel runs and when its formula does, how tensors of any layout reach it, and the native range check."""

from __future__ import annotations

import gc
import itertools
import math
import weakref
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import reparam
from reparam import kernels
from reparam.core.noise import uniform_bits
from reparam.families import bernoulli
from reparam.kernels import all_within, fused, kernel
from reparam.kernels.layout import repeated

pytestmark = pytest.mark.skipif(not kernels.available(), reason="the native library was not built")

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def normal_formula(x: Tensor, loc: Tensor, scale: Tensor) -> Tensor:
    return -0.5 * ((x - loc) / scale) ** 2 - scale.log() - HALF_LOG_2PI


class Counted:
    """The normal formula, counting its calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.function = kernel("normal_log_prob")(self.formula)

    def formula(self, x: Tensor, loc: Tensor, scale: Tensor) -> Tensor:
        self.calls += 1
        return normal_formula(x, loc, scale)


def draws(*shapes: tuple[int, ...], dtype: torch.dtype = torch.float64) -> list[Tensor]:
    return [torch.rand(shape, dtype=dtype) + 0.5 for shape in shapes]


def close(got: Tensor, want: Tensor, terms: int = 1) -> None:
    """Equal but for a few roundings of sums of positive and negative terms of order one."""
    eps = torch.finfo(got.dtype).eps
    torch.testing.assert_close(got, want, rtol=16 * eps, atol=16 * eps * terms)


SHAPES = [(), (1,), (3,), (2, 3), (1, 3), (2, 1), (4, 2, 3), (4, 1, 1)]


def agrees_with_formula(tensors: list[Tensor]) -> None:
    counted = Counted()
    leaves = [t.clone().requires_grad_() for t in tensors]
    value = counted.function(*leaves)
    want_leaves = [t.clone().requires_grad_() for t in tensors]
    want = normal_formula(*want_leaves)
    weight = torch.rand_like(want)
    (value * weight).sum().backward()
    (want * weight).sum().backward()
    assert counted.calls == 0
    close(value, want)
    for leaf, want_leaf in zip(leaves, want_leaves, strict=True):
        close(leaf.grad, want_leaf.grad, terms=value.numel())


@pytest.mark.parametrize("shape", SHAPES)
def test_broadcasting_of_values_and_gradients(shape: tuple[int, ...]) -> None:
    for others in itertools.product(SHAPES, repeat=2):
        agrees_with_formula(draws(shape, *others))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("columns", [1, 2, 7, 8, 9, 15, 16, 17, 255, 256, 257, 300])
def test_lengths_that_do_and_do_not_fill_vectors_and_blocks(columns: int, dtype: torch.dtype) -> None:
    for rows in (1, 3, 256):
        agrees_with_formula(draws((rows, columns), (columns,), (rows, 1), dtype=dtype))


def layouts() -> list[Tensor]:
    base = torch.rand(4, 6, dtype=torch.float64) + 0.5
    lazily_negative = torch.complex(base[0], -base[0]).conj().imag  # a negated view of -base[0]
    return [
        base.T,
        base[:, ::2],
        base[1].expand(5, 6),
        base[0, 0].expand(5, 6),
        base[:, :1].expand(4, 6),
        base.reshape(2, 2, 6).transpose(0, 1),
        lazily_negative,
        lazily_negative[:1],
        base[0, :1].as_strided((1, 3), (7, 0)),
    ]


@pytest.mark.parametrize("which", range(len(layouts())))
def test_strided_expanded_and_negated_tensors(which: int) -> None:
    tensor = layouts()[which]
    counted = Counted()
    one = torch.ones((), dtype=torch.float64)
    for arguments in ((tensor, one, one), (tensor.clone(), tensor, one), (one, one, tensor)):
        close(counted.function(*arguments), normal_formula(*arguments))
    assert counted.calls == 0
    core, period = repeated(tensor, tensor.shape)
    flat = core.resolve_neg().as_strided((period,), (1,)) if period > 1 else core.flatten()[:1]
    assert torch.equal(flat.repeat(tensor.numel() // period).view(tensor.shape), tensor)


def test_a_gradient_that_is_expanded_or_strided() -> None:
    leaves = [t.requires_grad_() for t in draws((4, 6), (6,), ())]
    value = kernel("normal_log_prob")(normal_formula)(*leaves)
    want = normal_formula(*leaves)
    base = torch.rand(6, 4, dtype=torch.float64)
    for grad in (base.T, base[:, 0].expand(4, 6), base[0, 0].expand(4, 6), torch.zeros(4, 6, dtype=torch.float64)):
        got = torch.autograd.grad(value, leaves, grad, retain_graph=True)
        for left, right in zip(got, torch.autograd.grad(want, leaves, grad, retain_graph=True), strict=True):
            close(left, right, terms=24)


def test_rows_broadcast_over_sample_shapes() -> None:
    logits = torch.randn(2, 5, dtype=torch.float64)
    index = torch.randint(5, (1000, 2))
    entry = kernel("categorical_logits_log_prob")
    want = logits.log_softmax(-1).expand(1000, 2, 5).gather(-1, index[..., None])[..., 0]

    def forbidden(*_: Tensor) -> Tensor:
        raise AssertionError("the formula ran")

    close(entry(forbidden)(index, logits), want)
    close(entry(forbidden)(index[:1], logits), want[:1])
    with pytest.raises(AssertionError, match="the formula ran"):  # repeated rows need a sum: torch's
        entry(forbidden)(index, logits.clone().requires_grad_())


def test_large_calls_do_not_depend_on_the_number_of_threads() -> None:
    x, scale = draws((300_000,), ())
    loc = torch.zeros((), dtype=torch.float64, requires_grad=True)
    found = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            value = kernel("normal_log_prob")(normal_formula)(x, loc, scale)
            found.append((value.detach(), *torch.autograd.grad(value.sum(), loc)))
    finally:
        torch.set_num_threads(before)
    for value, grad in found[1:]:
        assert torch.equal(value, found[0][0])
        close(grad / len(x), found[0][1] / len(x))


def test_formula_runs_where_the_kernel_may_not() -> None:
    x, loc, scale = draws((3,), (3,), (3,))
    unusual = {
        "jvp": lambda f: torch.func.jvp(lambda t: f(x, t, scale), (loc,), (loc,))[1],
        "mixed dtypes": lambda f: f(x.float(), loc, scale),
        "half": lambda f: f(x.half(), loc.half(), scale.half()),
        "meta": lambda f: f(x.to("meta"), loc.to("meta"), scale.to("meta")),
        "number": lambda f: f(x, 0.0, scale),
        "empty": lambda f: f(x[:0], loc[:0], scale[:0]),
    }
    for name, call in unusual.items():
        counted = Counted()
        got, want = call(counted.function), call(normal_formula)
        assert counted.calls == 1, name
        assert got.shape == want.shape
        assert got.dtype == want.dtype
        if not got.is_meta:
            torch.testing.assert_close(got, want)
    with pytest.raises(RuntimeError, match="size"):
        kernel("normal_log_prob")(normal_formula)(x, loc[:2], scale)


def test_compiled_code_holds_the_formula() -> None:
    function = kernel("normal_log_prob")(normal_formula)
    compiled = torch.compile(lambda *t: 2 * function(*t), fullgraph=True, backend="aot_eager")
    tensors = draws((3,), (3,), ())
    close(compiled(*tensors), 2 * normal_formula(*tensors))


def test_second_derivatives_and_batched_gradients() -> None:
    function = kernel("normal_log_prob")(normal_formula)
    tensors = [t.requires_grad_() for t in draws((3,), (3,), (3,))]
    assert torch.autograd.gradcheck(function, tensors)
    assert torch.autograd.gradgradcheck(function, tensors)
    value, want = function(*tensors), normal_formula(*tensors)
    basis = torch.eye(3, dtype=torch.float64)
    got = torch.autograd.grad(value, tensors, basis, is_grads_batched=True)
    for left, right in zip(got, torch.autograd.grad(want, tensors, basis, is_grads_batched=True), strict=True):
        close(left, right)


class Law:
    """The least that a distribution must offer to ``fused``."""

    def __init__(self, **parameters: Tensor) -> None:
        self.__dict__.update(parameters)
        self.calls = 0

    def _with_parameters(self, parameters: dict[str, Tensor]) -> Law:
        return Law(**parameters)

    @fused("bernoulli_probs_log_prob", "probs")
    @fused("bernoulli_logits_log_prob", "logits")
    def log_prob(self, x: Tensor) -> Tensor:
        self.calls += 1
        logits = self.__dict__["logits"] if "logits" in self.__dict__ else self.probs.logit()
        return -torch.nn.functional.softplus((1 - 2 * x) * logits)


def test_fused_alternatives() -> None:
    x = torch.tensor([0.0, 1.0], dtype=torch.float64)
    probs = torch.tensor([0.2, 0.7], dtype=torch.float64, requires_grad=True)
    logits = probs.detach().logit().requires_grad_()
    by_probs, by_logits = Law(probs=probs), Law(logits=logits)
    close(by_probs.log_prob(x), by_logits.log_prob(x))
    assert by_probs.calls == by_logits.calls == 0
    first = torch.autograd.grad(by_logits.log_prob(x).sum(), logits, create_graph=True)[0]
    second = torch.autograd.grad(first.sum(), logits)[0]
    close(second, -(probs * (1 - probs)).detach())
    by_logits.log_prob(x.clone().requires_grad_())  # no kernel offers a derivative in x
    by_logits.log_prob(x.float())
    assert by_logits.calls == 2


NAN, INF = math.nan, math.inf
TABLES = {
    torch.float64: [-INF, -1.0, -5e-324, -0.0, 0.0, 5e-324, 0.5, 1.0, 1.0 + 2**-52, 3.0, 1e300, INF, NAN],
    torch.float32: [-INF, -1.0, -1e-45, 0.0, 1e-45, 0.5, 1.0, 1.0 + 2**-23, 3.0, 1e38, INF, NAN],
    torch.int64: [-(2**63), -1, 0, 1, 3, 2**62, 2**63 - 1],
    torch.bool: [False, True],
}
BOUNDS = [(-INF, INF), (0.0, INF), (-INF, 0.0), (0.0, 1.0), (-1.0, 3.0), (0.5, 0.5), (1.0, 3.0)]


@pytest.mark.parametrize("dtype", list(TABLES), ids=str)
@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("opened", list(itertools.product((False, True), repeat=2)))
@pytest.mark.parametrize("integer", [False, True])
def test_all_within(dtype: torch.dtype, bounds: tuple[float, float], opened: tuple[bool, bool], integer: bool) -> None:
    for entry in torch.tensor(TABLES[dtype], dtype=dtype):
        v = entry.item()
        (lower, upper), (lower_open, upper_open) = bounds, opened
        want = (lower < v if lower_open else lower <= v) and (v < upper if upper_open else v <= upper)
        want = want and (not integer or (math.isfinite(v) and v == math.floor(v)))
        good = torch.ones(5000, dtype=dtype) if lower < 1 < upper else entry.repeat(5000)
        good[4321] = entry
        assert all_within(good, lower, upper, lower_open, upper_open, integer) is want, v
        assert all_within(entry, lower, upper, lower_open, upper_open, integer) is want, v
        assert all_within(entry.expand(2, 3), lower, upper, lower_open, upper_open, integer) is want, v
    assert all_within(torch.tensor([], dtype=dtype), 1.0, 0.0) is True


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("opened", list(itertools.product((False, True), repeat=2)))
@pytest.mark.parametrize("integer", [False, True])
def test_all_within_tensors(dtype: torch.dtype, opened: tuple[bool, bool], integer: bool) -> None:
    lower, upper = torch.tensor([0.0, -INF, 2.0], dtype=dtype), torch.tensor([1.0, 3.0, 2.0], dtype=dtype)
    asked = set()
    for entries in itertools.product((0.0, 0.5, 1.0, 2.0, 3.0, INF, NAN), (-INF, 0.0, 3.0), (2.0, 2.5)):
        x = torch.tensor(entries, dtype=dtype)
        above, below = x > lower if opened[0] else x >= lower, x < upper if opened[1] else x <= upper
        whole = x.frac() == 0 if integer else x == x
        want = bool((above & below & whole).all())
        asked.add(want)
        for value in (x, x.expand(4, 3).contiguous(), x.expand(4, 3)):
            assert all_within(value, lower, upper, *opened, integer) in (want, None)
        assert all_within(x, lower, upper, *opened, integer) is want
        assert all_within(x[:1], lower[0], 1.0, *opened, integer) is bool((above & below & whole)[0])
    assert asked == ({False} if any(opened) else {False, True})  # the last range is one point


def test_all_within_leaves_the_rest_to_torch() -> None:
    assert all_within(torch.ones(3), torch.zeros(3, dtype=torch.float64), 2.0) is None
    assert all_within(torch.ones(3), torch.zeros(2), 2.0) is None
    assert all_within(torch.ones(3, dtype=torch.float16), 0.0, 2.0) is None
    assert all_within(torch.ones(3, device="meta"), 0.0, 2.0) is None
    torch.vmap(lambda t: t if all_within(t, 0.0, 2.0) is None else 1 / 0)(torch.ones(3))


def test_memory_exchanged_between_forward_and_backward_is_read_anew() -> None:
    x, loc, scale = draws((64,), (64,), (64,))
    leaf = loc.clone().requires_grad_()
    y = reparam.Normal(leaf, scale).log_prob(x)
    other = loc + 1.0
    leaf.data = other
    y.sum().backward()
    # what the saved tensor holds now is what autograd differentiates at, as for torch's own operators
    torch.testing.assert_close(leaf.grad, (x - other) / scale**2)


def test_a_lazily_negated_gradient_keeps_its_sign() -> None:
    x, loc, scale = draws((64,), (64,), (64,))
    leaf = loc.clone().requires_grad_()
    grad = torch.complex(torch.zeros_like(x), torch.ones_like(x)).conj().imag
    assert grad.is_neg()
    reparam.Normal(leaf, scale).log_prob(x).backward(grad)
    torch.testing.assert_close(leaf.grad, -(x - loc) / scale**2)


def outcome(call: Callable[[], Tensor]) -> object:
    """What a call returns, or the words of its refusal."""
    try:
        value = call()
    except ValueError as error:
        return str(error)
    return value.dtype, value.requires_grad, value.shape, value.detach().nan_to_num(nan=123.0).tolist()


@pytest.mark.parametrize("validate", [True, False])
@pytest.mark.parametrize("tracked", [True, False])
@pytest.mark.parametrize("name", ["Normal", "Uniform", "Gamma", "Bernoulli", "Poisson", "Dirichlet", "Categorical"])
def test_the_short_way_of_a_density_says_what_the_long_one_says(name: str, tracked: bool, validate: bool) -> None:
    half = torch.full((2, 3), 0.5, requires_grad=tracked)
    given = {"Bernoulli": {"logits": half}, "Dirichlet": {"concentration": half}, "Categorical": {"logits": half}}
    numbers = (half, half + 1) if name in ("Normal", "Uniform", "Gamma") else (half,)
    law_of = getattr(reparam, name)
    law = law_of(**given[name], validate_args=validate) if name in given else law_of(*numbers, validate_args=validate)
    shapes = [(), (3,), (2, 3), (2, 1), (5, 2, 3), (5, 1, 3), (4,), (2,), (0, 2, 3)]
    values = [torch.full(shape, value) for shape in shapes for value in (1.0, -1.0, 0.75, math.nan, math.inf)]
    values += [values[0].double(), torch.ones(2, 3).double(), torch.ones(2, 3, dtype=torch.int64), torch.ones(3, 2).T]
    values += [torch.full((2, 3), 1 / 3), torch.zeros(2, dtype=torch.int64), torch.full((5, 2), 7)]
    long_way = law_of.log_prob.__wrapped__
    for value in values:
        assert outcome(lambda: law.log_prob(value)) == outcome(lambda: long_way(law, value))  # noqa: B023


def test_a_derivative_of_a_derivative_through_the_short_way() -> None:
    loc, scale, x = (t.requires_grad_() for t in draws((3,), (3,), (3,)))
    slope = torch.autograd.grad(reparam.Normal(loc, scale).log_prob(x).sum(), scale, create_graph=True)[0]
    got = torch.autograd.grad(slope.sum(), (loc, scale, x))
    z = (x - loc) / scale
    for left, right in zip(got, (-2 * z / scale**2, (1 - 3 * z**2) / scale**2, 2 * z / scale**2), strict=True):
        close(left, right, terms=16)  # quotients by the square of a scale above one half


def test_a_tracked_value_is_no_view_and_is_freed_with_its_node() -> None:
    value = reparam.Normal(torch.zeros(3).requires_grad_(), 1.0).log_prob(torch.ones(3))
    node = weakref.ref(value.grad_fn)
    assert not value._is_view()
    gc.disable()  # without a cycle nothing waits for the collector
    try:
        del value
        assert node() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_bernoulli_draws_are_those_of_the_formula(dtype: torch.dtype) -> None:
    # both compare the same 53 bits: they differ where these fall between two roundings of a probability, by a chance
    # of about 1e-16 a draw in float64 and, where the formula rounds to single precision, of 6e-8 a draw
    bits = uniform_bits(torch.Size((10_000,)), torch.zeros(()), torch.Generator().manual_seed(1))
    logits = torch.linspace(-5, 5, 10_000, dtype=dtype)
    drawn = bernoulli._draw(bits, logits)
    assert drawn.dtype is dtype
    assert torch.equal(drawn, bernoulli._draw.formula(bits, logits))
    assert bits.min() >= 0 and 2**52 < bits.max() < 2**53
