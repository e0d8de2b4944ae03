"""Laws of all transforms: inverses, log-determinants, shapes, func and compile, equality, pytrees."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
import torch
from torch import distributions as torch_distributions
from torch.func import jacfwd, jacrev, jvp, vmap
from torch.utils import _pytree

from reparam import constraints as c
from reparam import transforms as t
from transform_cases import BIJECTIONS, CASES, F64, close, coordinates, each, point, restored, tensor

# torch.func loads decompositions that are still written in TorchScript.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")

EPS32 = torch.finfo(torch.float32).eps


def test_every_class_has_a_case():
    def inside(transform):
        children = getattr(transform, "parts", []) or getattr(transform, "transforms", [])
        return {type(transform)}.union(*map(inside, children))

    covered = set().union(*map(inside, CASES)) | {t.InverseTransform, t.Transform}
    public = {getattr(t, name) for name in t.__all__}
    assert {k for k in public if isinstance(k, type) and issubclass(k, t.Transform)} <= covered
    assert set(torch_distributions.transforms.__all__) <= set(t.__all__)


@each(CASES)
def test_domain_codomain_and_shapes(transform):
    x = point(transform)
    y = transform(x)
    assert transform.domain.check(x).all() and transform.codomain.check(y).all()
    assert transform.forward_shape(x.shape) == y.shape
    assert transform.inverse_shape(y.shape) == x.shape
    assert transform.forward_shape(tuple(x.shape)) == transform.inv.inverse_shape(x.shape)
    assert transform.inv.domain == transform.codomain and transform.inv.codomain == transform.domain
    empty = x[:0]
    assert transform(empty).shape == transform.forward_shape(empty.shape)


@each(CASES)
def test_inverse(transform):
    x = point(transform)
    y = transform(x)
    inverse = transform.inv
    assert inverse.inv is transform and inverse == transform.inv and inverse.bijective == transform.bijective
    back = inverse(y)
    assert torch.equal(back, transform._inv_call(y)) and torch.equal(inverse._inv_call(x), y)
    close(transform(back), y, 1e-12)
    if transform.bijective:
        close(back, x, 1e-12)


@each([*BIJECTIONS, *(b.inv for b in BIJECTIONS)])
def test_log_determinant_is_that_of_the_jacobian(transform):
    x = point(transform, batch=()) if transform in BIJECTIONS else transform.inv(point(transform.inv, batch=()))

    def flat(coords):
        return coordinates(transform.codomain, transform(restored(transform.domain, coords, x)))

    jacobian = jacfwd(flat)(coordinates(transform.domain, x))
    expected = torch.linalg.slogdet(jacobian).logabsdet
    y, ldj = transform.forward_and_ldj(x)
    assert torch.equal(y, transform(x))
    close(ldj.sum(), expected, 1e-10)
    close(transform.log_abs_det_jacobian(x, y), ldj, 1e-10)
    close(transform.inverse_and_ldj(y)[1], -ldj, 1e-9)


@each(BIJECTIONS)
def test_log_determinant_has_the_batch_shape(transform):
    x = point(transform, batch=(4, 2))
    y, ldj = transform.forward_and_ldj(x)
    assert ldj.shape == y.shape[: y.dim() - transform.codomain.event_dim]
    assert ldj.shape == x.shape[: x.dim() - transform.domain.event_dim]
    assert transform.log_abs_det_jacobian(x, y).shape == ldj.shape
    back, inverse_ldj = transform.inv.forward_and_ldj(y)
    close(back, x, 1e-11)
    close(inverse_ldj, -ldj, 1e-10)


@each(CASES)
def test_under_func(transform):
    x = point(transform, batch=(2,))

    def total(x):
        if not transform.bijective:
            return transform(x).square().sum() + transform.inv(transform(x)).sum()
        y, ldj = transform.forward_and_ldj(x)
        back, inverse_ldj = transform.inv.forward_and_ldj(y)
        return (y.square().sum() + ldj.square().sum() + (back * inverse_ldj.sum()).sum()) / 10

    batched = vmap(total)(x)
    close(batched, torch.stack([total(x[0]), total(x[1])]), 1e-12)
    gradient = jacrev(total)(x[0])
    assert gradient.isfinite().all()
    tangent = torch.randn(x[0].shape, generator=torch.Generator().manual_seed(1), dtype=F64)
    close(jvp(total, (x[0],), (tangent,))[1], (gradient * tangent).sum(), 1e-10)
    leaf = x[0].clone().requires_grad_()
    (first,) = torch.autograd.grad(total(leaf), leaf, create_graph=True)
    close(first, gradient, 1e-10)
    if not first.requires_grad:
        return
    (second,) = torch.autograd.grad((first * tangent).sum(), leaf)
    step = 1e-5
    ahead, behind = (jacrev(total)(x[0] + s * step * tangent) for s in (1, -1))
    close(second, (ahead - behind) / (2 * step), 1e-6 * max(1.0, float(second.abs().max())))


def test_compiled_without_a_break():
    points = [point(transform) for transform in CASES]

    def everything(points):
        results = []
        for transform, x in zip(CASES, points, strict=True):
            y = transform(x)
            results += [y, transform.inv(y)]
            if transform.bijective:
                results += [transform.forward_and_ldj(x)[1], transform.inv.forward_and_ldj(y)[1]]
        return results

    compiled = torch.compile(everything, fullgraph=True, backend="aot_eager")(points)
    for one, other in zip(compiled, everything(points), strict=True):
        close(one, other, 1e-12)


@each(CASES)
def test_single_precision(transform):
    """Against the same in double precision, at points where no condition number exceeds 100."""
    single = transform._map_tensors(torch.Tensor.float)
    x = point(transform, dtype=torch.float32)
    y = single(x)
    assert y.dtype == torch.float32
    close(y.double(), transform(x.double()), 100 * EPS32)
    if transform.bijective:
        ldj = single.forward_and_ldj(x)[1]
        assert ldj.dtype == torch.float32
        close(ldj.double(), transform.forward_and_ldj(x.double())[1], 100 * EPS32)


class OneWay(t.Transform):
    """A transform that cannot be inverted, to show that nothing tries to."""

    domain = codomain = c.real
    bijective = True

    def _call(self, x):
        return 2 * x

    def log_abs_det_jacobian(self, x, y):
        return torch.full_like(x, math.log(2.0))


@each(
    [
        t.ComposeTransform([OneWay(), t.TanhTransform(), OneWay()]),
        t.IndependentTransform(OneWay(), 1),
        t.CatTransform([OneWay(), t.ExpTransform()], -1, [1, 2]),
        t.StackTransform([OneWay()] * 3, -1),
        t.InverseTransform(t.InverseTransform(OneWay())),
    ]
)
def test_forward_path_never_inverts(transform):
    x = torch.ones(2, 3)
    y, ldj = transform.forward_and_ldj(x)
    assert y.shape == x.shape and ldj.isfinite().all()
    assert transform.log_abs_det_jacobian(x, y).shape == ldj.shape
    with pytest.raises(NotImplementedError, match="OneWay has no inverse"):
        transform.inv(y)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@each(BIJECTIONS)
def test_half_precision(transform, dtype):
    """All doors keep the dtype; values are right to a few of its digits at moderate points."""
    low = transform._map_tensors(lambda parameter: parameter.to(dtype))
    x = point(transform, dtype=dtype)
    y, ldj = low.forward_and_ldj(x)
    back, inverse_ldj = low.inv.forward_and_ldj(y)
    assert {y.dtype, ldj.dtype, back.dtype, inverse_ldj.dtype} == {dtype}
    close(y.double(), transform(x.double()), 20 * torch.finfo(dtype).eps)


@each([*CASES, *(case.inv for case in CASES)])
def test_objects(transform):
    twins = [copy.copy(transform), copy.deepcopy(transform), transform.with_cache(1)]
    if "distribution" not in repr(transform):
        twins.append(pickle.loads(pickle.dumps(transform)))
        leaves, spec = _pytree.tree_flatten(transform)
        assert all(isinstance(leaf, torch.Tensor) for leaf in leaves)
        twins.append(_pytree.tree_unflatten(leaves, spec))
        numbers = _pytree.tree_unflatten(list(range(len(leaves))), spec)
        assert _pytree.tree_flatten(numbers)[1] == spec
        twins.append(_pytree.tree_map(lambda leaf: leaf.clone(), transform))
    else:
        twins = [twins[0], twins[2]]
    for twin in twins:
        assert twin == transform and (twin != transform) is False and hash(twin) == hash(transform)
        assert repr(twin) == repr(transform)
    everything = [*CASES, *(case.inv for case in CASES)]
    same = [other for other in everything if transform == other]
    assert len(same) == 1 or transform == t.identity_transform


def test_equality():
    assert t.identity_transform == t.identity_transform.inv
    assert t.AffineTransform(0, 2.0) == t.AffineTransform(torch.tensor(0.0), torch.tensor(2.0))
    assert t.AffineTransform(0.0, 2.0) != t.AffineTransform(torch.zeros(2), 2.0)
    assert t.AffineTransform(0.0, 2.0) != t.AffineTransform(0.0, 2.0, event_dim=1)
    assert t.ExpTransform() != t.ComposeTransform([t.ExpTransform()])
    assert t.ExpTransform() != t.ExpTransform().inv and t.ExpTransform() != "ExpTransform()"


def test_transforms_cross_vmap_and_grad():
    scales = tensor(1.0, 2.0)
    batch = vmap(lambda s: t.AffineTransform(0.0, s))(scales)
    assert batch == t.AffineTransform(0.0, scales)
    chain = t.ComposeTransform([batch, t.ExpTransform()])
    assert vmap(lambda chain, x: chain(x))(chain, tensor(1.0, 1.0)).tolist() == pytest.approx([math.e, math.e**2])
    slope = torch.func.grad(lambda chain: chain(tensor(1.0, 1.0)).sum())(chain)
    assert slope.parts[0].scale.tolist() == pytest.approx([math.e, math.e**2])


@pytest.mark.parametrize("cache_size", [0, 1])
def test_cache_size_changes_nothing(cache_size):
    chain = t.ComposeTransform([t.TanhTransform(), t.AffineTransform(0.0, 2.0)]).with_cache(cache_size)
    assert chain._cache_size == cache_size
    x = torch.tensor(0.5, requires_grad=True)
    y = chain(x)
    assert chain.inv(y) is not x and "Tensor" not in str(vars(chain))
    (gradient,) = torch.autograd.grad(chain.inv(y), y)
    assert gradient.item() == pytest.approx(0.5 / (1 - math.tanh(0.5) ** 2), rel=1e-6)
    with pytest.raises(ValueError, match="cache_size must be 0 or 1"):
        chain.with_cache(2)


@pytest.mark.parametrize("exponent", [-0.5, 0.3, torch.tensor(0.25)])
def test_log_determinants_of_roots_that_overflow(exponent):
    """That of y^(1/a) is (1/a - 1) log y - log |a|, to 8 eps of its terms, as is its slope."""
    y = torch.tensor([1e-38, 1e-30, 1e20, 1e38], requires_grad=True)
    _, ldj = t.PowerTransform(exponent).inverse_and_ldj(y)
    (slope,) = torch.autograd.grad(ldj.sum(), y)
    a, eps = float(exponent), torch.finfo(torch.float32).eps
    wide = y.detach().double()
    expected = (1 / a - 1) * wide.log() - math.log(abs(a))
    size = abs(1 / a - 1) * wide.log().abs() + abs(math.log(abs(a)))
    assert ((ldj - expected).abs() <= 8 * eps * size).all()
    torch.testing.assert_close(slope.double() * wide, torch.full_like(wide, 1 / a - 1), rtol=8 * eps, atol=0)
