"""What is particular to some transforms: saturation, signs, events, pieces, and what they refuse."""

from __future__ import annotations

import math

import mpmath
import pytest
import torch

from reparam import constraints as c
from reparam import transforms as t
from transform_cases import CHAIN, F64, close, tensor

EPS64, EPS32 = torch.finfo(torch.float64).eps, torch.finfo(torch.float32).eps

FAR = [-100.0, -50.0, -20.5, -5.0, -1e-3, 0.0, 1e-3, 5.0, 20.5, 50.0, 100.0]
EXACT = {
    t.TanhTransform: (mpmath.tanh, lambda x: 2 * (mpmath.log(2) - abs(x) - mpmath.log1p(mpmath.exp(-2 * abs(x))))),
    t.SigmoidTransform: (
        lambda x: 1 / (1 + mpmath.exp(-x)),
        lambda x: -abs(x) - 2 * mpmath.log1p(mpmath.exp(-abs(x))),
    ),
    t.SoftplusTransform: (lambda x: mpmath.log1p(mpmath.exp(x)), lambda x: -mpmath.log1p(mpmath.exp(-x))),
}


@pytest.mark.parametrize("kind", EXACT)
@pytest.mark.parametrize(("dtype", "eps"), [(torch.float32, EPS32), (F64, EPS64)])
def test_saturation(kind, dtype, eps):
    """Values and log-determinants within 4 ulp of the truth, on the whole line.

    The log-determinant of tanh vanishes at 0, as a difference of numbers of size one: its error
    is measured against that size there.
    """
    x = torch.tensor(FAR, dtype=dtype)
    y, ldj = kind().forward_and_ldj(x)
    value, log_derivative = EXACT[kind]
    tiny = torch.finfo(dtype).tiny
    with mpmath.workdps(60):
        for xi, yi, li in zip(x.tolist(), y.tolist(), ldj.tolist(), strict=True):
            truth, log_truth = value(mpmath.mpf(xi)), log_derivative(mpmath.mpf(xi))
            assert abs(yi - truth) <= 4 * eps * abs(truth) + tiny
            floor = 1 if kind is t.TanhTransform else 0
            assert abs(li - log_truth) <= 4 * eps * max(abs(log_truth), floor) + tiny


def test_gradients_in_the_saturated_region():
    x = torch.tensor([-50.0, 0.0, 50.0], requires_grad=True)
    for transform, slope in [(t.TanhTransform(), 2.0), (t.SigmoidTransform(), 1.0)]:
        _, ldj = transform.forward_and_ldj(x)
        (gradient,) = torch.autograd.grad(ldj.sum(), x, create_graph=True)
        assert gradient.tolist() == [slope, 0.0, -slope]
        (curvature,) = torch.autograd.grad(gradient.sum(), x)
        assert curvature.tolist() == pytest.approx([0.0, -(slope**2) / 2, 0.0], abs=1e-6)


def test_interval_is_exact_at_both_ends():
    onto = t.IntervalTransform(-1.1, 0.3)
    far = torch.linspace(-200, 200, 4001)
    y = onto(far)
    assert c.interval(-1.1, 0.3).check(y).all() and (y.diff() >= 0).all()
    assert y[0] == torch.tensor(-1.1) and y[-1] == torch.tensor(0.3)
    below_zero = t.IntervalTransform(-1.0, 0.0)
    x = torch.tensor([-10.0, 0.0, 10.0, 50.0, 80.0])
    close(below_zero.inv(below_zero(x))[1:], x[1:], 8 * EPS32)
    assert below_zero(x)[-1] == -torch.sigmoid(torch.tensor(-80.0))


def test_stick_breaking_in_the_tails():
    """Entries of 1e-35 keep their digits on the way there and back."""
    transform = t.StickBreakingTransform()
    x = torch.tensor([-80.0, 40.0, 40.0, 0.5], dtype=F64)
    y, ldj = transform.forward_and_ldj(x)
    with mpmath.workdps(60):
        left, total = mpmath.mpf(1), mpmath.mpf(0)
        for k, xk in enumerate(x.tolist()):
            odds = mpmath.exp(mpmath.mpf(xk)) / (4 - k)
            piece = left * odds / (1 + odds)
            left /= 1 + odds
            total += mpmath.log(piece) - mpmath.log1p(odds)
            assert abs(y[k].item() - piece) <= 200 * EPS64 * piece
        assert abs(y[-1].item() - left) <= 200 * EPS64 * left
        assert abs(ldj.item() - total) <= 8 * EPS64 * abs(total)
    close(transform.inv(y), x, 1e-13)
    assert c.simplex.check(transform(torch.randn(20, 999, generator=torch.Generator().manual_seed(0)))).all()
    vertices = torch.eye(3)
    assert torch.equal(transform(transform.inv(vertices)), vertices)
    close(transform(torch.zeros(3)), torch.full((4,), 0.25), 4 * EPS32)


def test_a_stick_without_breaks_is_whole() -> None:
    whole, log_det = t.StickBreakingTransform().forward_and_ldj(torch.zeros(2, 0))
    assert torch.equal(whole, torch.ones(2, 1)) and torch.equal(log_det, torch.zeros(2))


def test_correlation_factors_near_one():
    transform = t.CorrCholeskyTransform()
    x = torch.tensor([20.0, -15.0, 10.0])
    y, ldj = transform.forward_and_ldj(x)
    assert c.corr_cholesky.check(y)
    close(transform.inv(y), x, 1e-5)
    with mpmath.workdps(60):
        log_cosh = [mpmath.log(mpmath.cosh(v)) for v in x.tolist()]
        truth = -(2 * log_cosh[0] + 3 * log_cosh[1] + 2 * log_cosh[2])
    assert ldj.item() == pytest.approx(float(truth), rel=4 * EPS32)
    diagonal = [0.0, -log_cosh[0], -log_cosh[1] - log_cosh[2]]
    close(y.diagonal().log(), torch.tensor([*map(float, diagonal)]), 4 * EPS32)


def test_factors_of_which_the_squares_underflow():
    """Rows end in numbers below 1e-23; each is off by as many roundings as it has factors, 119, and so is the ratio."""
    transform = t.CorrCholeskyTransform()
    x = torch.tensor([1.0, -1.0]).repeat(120 * 119 // 4)
    y = transform(x)
    assert c.corr_cholesky.check(y) and y.diagonal()[-1] < 1e-22
    leaf = y.clone().requires_grad_()
    back = transform.inv(leaf)
    close(back, x, 2 * 119 * EPS32)
    (slope,) = torch.autograd.grad(back.tanh().sum(), leaf)
    assert slope.isfinite().all()


def test_signs():
    assert (t.ExpTransform().sign, t.AffineTransform(0.0, -2.0).sign) == (1, -1)
    assert (t.PowerTransform(-0.5).sign, t.PowerTransform(-0.5).inv.sign) == (-1, -1)
    both = t.ComposeTransform([t.AffineTransform(0.0, torch.tensor([-2.0, 3.0])), t.PowerTransform(-1.0)])
    assert both.sign.tolist() == [1.0, -1.0]
    assert t.IndependentTransform(t.TanhTransform(), 1).sign == 1
    for transform in (t.AbsTransform(), t.StickBreakingTransform()):
        with pytest.raises(NotImplementedError, match="no monotone map"):
            _ = transform.sign


def test_parameters_broadcast():
    affine = t.AffineTransform(torch.zeros(3, 1), torch.ones(2), event_dim=1)
    assert affine(torch.ones(2)).shape == affine.forward_shape((2,)) == (3, 2)
    assert affine.forward_and_ldj(torch.ones(2))[1].shape == (3,)
    wide = t.AffineTransform(0.0, 2.0 * torch.ones(4, 1), event_dim=1).forward_and_ldj(torch.ones(5))[1]
    assert wide.tolist() == pytest.approx([5 * math.log(2.0)] * 4)
    power = t.PowerTransform(torch.ones(4, 1))
    assert power.inverse_shape((2,)) == power.inv(torch.ones(2)).shape == (4, 2)


def test_event_dimensions_of_compositions():
    assert (CHAIN.domain.event_dim, CHAIN.codomain.event_dim) == (1, 2)
    assert CHAIN.domain == c.real_vector and CHAIN.inv.codomain == CHAIN.domain
    with pytest.raises(ValueError, match=r"domain\.event_dim or codomain\.event_dim"):
        _ = CHAIN.event_dim
    matrices = t.ComposeTransform([t.ExpTransform(), t.LowerCholeskyTransform(), t.AffineTransform(0.0, 2.0)])
    assert matrices.domain == c.independent(c.real, 2) and matrices.event_dim == 2
    assert matrices.forward_and_ldj(torch.rand(5, 3, 3))[1].shape == (5,)
    empty = t.identity_transform
    assert empty.domain is c.real and empty.forward_and_ldj(torch.ones(2))[1].tolist() == [0.0, 0.0]


def test_tensors_are_mapped_with_their_event_dimensions():
    seen = []

    def note(tensor, event_dim):
        seen.append((tuple(tensor.shape), event_dim))
        return tensor + 1

    chain = t.ComposeTransform(
        [
            t.IndependentTransform(t.PowerTransform(torch.ones(3)), 1),
            t.ReshapeTransform((4,), (2, 2)),
            t.AffineTransform(0.0, torch.ones(2, 2)).inv,
            t.StackTransform([t.AffineTransform(torch.ones(2), 1.0), t.identity_transform], dim=-1),
            t.CatTransform([t.AffineTransform(torch.ones(5, 1, 1), 1.0)], dim=0),
        ]
    )
    mapped = chain._map(note, 1)
    assert seen == [((3,), 1), ((2, 2), 2), ((2,), 1), ((5, 1, 1), 2)]
    assert mapped.parts[2].base.scale.tolist() == [[2.0, 2.0], [2.0, 2.0]] and mapped.parts[2].base.loc == 0.0
    seen.clear()
    flat = t.ComposeTransform([t.PowerTransform(torch.ones(4)), t.ReshapeTransform((4,), (2, 2))])
    t.InverseTransform(flat)._map(note, 2)
    assert seen == [((4,), 1)]
    assert chain._map_tensors(lambda tensor: tensor + 1) == mapped != chain


def test_pieces_add_up_within_an_event_and_stay_apart_outside():
    x = tensor(0.1, 0.2, 0.3)
    apart = t.CatTransform([t.ExpTransform(), t.TanhTransform()], 0, [1, 2])
    assert apart.forward_and_ldj(x)[1].shape == (3,) and apart.length == 3
    parts = [t.IndependentTransform(t.ExpTransform(), 1), t.IndependentTransform(t.TanhTransform(), 1)]
    joint = t.CatTransform(parts, 0, [1, 2])
    assert joint.event_dim == 1
    close(joint.forward_and_ldj(x)[1], apart.forward_and_ldj(x)[1].sum(), 1e-15)
    square = x.repeat(3, 1)
    stacked = t.StackTransform([parts[0]] * 3, dim=-1)
    assert stacked.domain.event_dim == 2
    close(stacked.forward_and_ldj(square)[1], square.sum(), 1e-15)
    rows = t.StackTransform([parts[0]] * 3, dim=-2)
    assert rows.forward_and_ldj(square)[1].shape == (3,)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: t.AffineTransform(0.0, 0), ValueError, "scale must not be 0"),
        (lambda: t.PowerTransform(0.0), ValueError, "exponent must not be 0"),
        (lambda: t.IntervalTransform(1.0, 1.0), ValueError, "lower must be below upper"),
        (lambda: t.IndependentTransform(t.ExpTransform(), -1), ValueError, "at least 0"),
        (lambda: t.IndependentTransform(torch.exp, 1), TypeError, "transform of reparam"),
        (lambda: t.IndependentTransform(t.ExpTransform(), 1)(torch.ones(())), ValueError, "shape"),
        (lambda: t.ComposeTransform([t.ExpTransform, t.ExpTransform()]), TypeError, "transform of"),
        (lambda: t.ReshapeTransform((2,), (3,)), ValueError, "different numbers of entries"),
        (lambda: t.ReshapeTransform((4,), (2, 2))(torch.ones(3)), ValueError, "does not end in"),
        (lambda: t.StackTransform([t.ExpTransform()])(torch.ones(2)), ValueError, "size 1"),
        (lambda: t.CatTransform([]), ValueError, "at least one piece"),
        (lambda: t.CatTransform([t.ExpTransform()], dim=-2).forward_shape((2,)), ValueError, "does not have"),
        (lambda: t.CorrCholeskyTransform()(torch.ones(2)), ValueError, "do not fill a triangle"),
        (lambda: t.LowerTriangularTransform().inv(torch.ones(2, 3)), ValueError, "square"),
        (lambda: t.StickBreakingTransform().forward_shape(()), ValueError, "last dimension"),
        (
            lambda: t.SoftmaxTransform().log_abs_det_jacobian(torch.ones(2), torch.ones(2)),
            NotImplementedError,
            "no Jac",
        ),
        (lambda: t.AffineTransform(0.0, 1.0, 1).forward_and_ldj(torch.ones(())), ValueError, "dimensions"),
        (lambda: t.Transform().domain, NotImplementedError, "domain"),
        (lambda: t.ExpTransform(cache_size=3), ValueError, "cache_size must be 0 or 1"),
    ],
)
def test_bad_arguments(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_undefined_entries_of_a_simplex_stay_undefined():
    """A piece needs itself and what comes after it."""
    for i in range(3):
        y = torch.tensor([0.2, 0.3, 0.5]).index_fill(0, torch.tensor(i), torch.nan)
        assert t.StickBreakingTransform().inv(y).isnan().tolist() == [True, i > 0]


def test_scales_of_whole_numbers_and_of_broadcast_points():
    scale = torch.tensor([2.0, 4.0])
    y = torch.tensor([3, 5])
    assert torch.equal(t.AffineTransform(1, 2).inv.forward_and_ldj(y)[1], torch.full((2,), -math.log(2)))
    assert torch.equal(t.AffineTransform(0.0, scale).inv.forward_and_ldj(torch.tensor(1.0))[1], -scale.log())
