"""Laws of shapes: what every door gives for scalar, batched, expanded and empty laws, and for views of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from ..core.views import cat, stack
from .compare import agree
from .draws import Family
from .registry import (
    BATCH_SUMMARIES,
    EVENT_SUMMARIES,
    PROBABILITY_DOORS,
    SAMPLING_DOORS,
    VALUE_DOORS,
    call,
    has,
    law,
    shared_value,
    values_of,
)

SAMPLE_SHAPES: tuple[Any, ...] = ((), 4, (2,), (5, 2), torch.Size([3]))


def _batches(family: Family) -> Iterator[tuple[str, Any]]:
    yield "scalar", family.law()
    yield "batched", family.law((2, 3))
    yield "expanded", family.law((3,)).expand((2, 3))
    yield "broadcast", family.build(**_mixed(family))
    yield "empty", family.law((0,))
    yield "expanded to none", family.law((1, 3)).expand((0, 3))


def _mixed(family: Family) -> dict[str, Tensor]:
    """The first parameter with batch shape (2, 1), the others with (3,)."""
    wide, narrow = family.parameters((2, 1)), family.parameters((3,))
    return {n: (wide if i == 0 else narrow)[n] for i, n in enumerate(wide)}


def _expect(where: str, found: Any, shape: tuple[int, ...]) -> None:
    assert isinstance(found, Tensor), f"{where} gives {type(found).__name__}, not a tensor"
    assert tuple(found.shape) == tuple(shape), f"{where} has shape {tuple(found.shape)}, expected {tuple(shape)}"


@law()
def samples_have_shapes(family: Family) -> None:
    """Draws have shape ``sample_shape + batch_shape + event_shape``, their densities ``sample_shape + batch_shape``."""
    for label, d in _batches(family):
        batch, event = tuple(d.batch_shape), tuple(d.event_shape)
        for sample_shape in SAMPLE_SHAPES:
            lead = (sample_shape,) if isinstance(sample_shape, int) else tuple(sample_shape)
            for door in SAMPLING_DOORS:
                if not has(family.example, door):
                    continue
                where = f"{family} ({label}).{door}({sample_shape})"
                found = call(d, door, sample_shape)
                x, *densities = found if isinstance(found, tuple) else (found,)
                _expect(where, x, lead + batch + event)
                expected = d.sample_dtype or d.dtype
                assert x.dtype == expected, f"{where} has dtype {x.dtype}, expected {expected}"
                for density in densities:
                    _expect(f"{where}[1]", density, lead + batch)


@law()
def values_have_shapes(family: Family) -> None:
    """Densities and probabilities broadcast values with the batch; summaries have the batch's shape."""
    for label, d in _batches(family):
        batch, event = tuple(d.batch_shape), tuple(d.event_shape)
        single = shared_value(d if d.batch_shape.numel() else family.example)
        for door in filter(lambda name: has(family.example, name), VALUE_DOORS):
            where = f"{family} ({label}).{door}"
            _expect(f"{where} of one value", call(d, door, single), batch)
            for lead in ((), (2,), (5, 1)):
                found = call(d, door, values_of(d, lead))
                _expect(f"{where} of values {lead}", found, lead + batch)
        for door in filter(lambda name: has(family.example, name), PROBABILITY_DOORS):
            p = torch.full((4,) + (1,) * len(batch), 0.3, dtype=d.dtype)
            found = call(d, door, p)
            for part in found if isinstance(found, tuple) else (found,):
                _expect(f"{family} ({label}).{door}", part, (4, *batch))
        for door in filter(lambda name: has(family.example, name), EVENT_SUMMARIES):
            _expect(f"{family} ({label}).{door}", call(d, door), batch + event)
        for door in filter(lambda name: has(family.example, name), BATCH_SUMMARIES):
            _expect(f"{family} ({label}).{door}", call(d, door), batch)
        if has(family.example, "covariance"):
            _expect(f"{family} ({label}).covariance", d.covariance, batch + event + event)


@law(lambda family: has(family.example, "enumerate_support"))
def enumerated_support_has_shapes(family: Family) -> None:
    """All values come as ``[n, *batch, *event]``, are distinct, lie in the support and hold all the probability."""
    for d in (family.law(), family.law((3,), seed=2)[:1].expand((2, 3))):
        values = d.enumerate_support()
        n = len(values)
        batch, event = tuple(d.batch_shape), tuple(d.event_shape)
        _expect(f"{family}.enumerate_support()", values, (n, *batch, *event))
        short = d.enumerate_support(expand=False)
        _expect(f"{family}.enumerate_support(expand=False)", short, (n, *(1 for _ in batch), *event))
        assert len(short.reshape(n, -1).unique(dim=0)) == n, f"{family}: enumerated values repeat"
        total = d.log_prob(values).exp().sum(0)
        agree(f"{family}: the sum over enumerate_support", total, torch.ones(batch), 1e-12)


def _views() -> dict[str, tuple[Callable[[Any], Any], Callable[[Tensor], Tensor]]]:
    """Views of a law of batch (2, 3), and what each does to a result of the law."""
    mask = torch.tensor([[True, False, True], [False, True, False]])
    return {
        "d[1]": (lambda d: d[1], lambda t: t[1]),
        "d[..., :2]": (lambda d: d[..., :2], lambda t: t[..., :2]),
        "d[:, None]": (lambda d: d[:, None], lambda t: t[:, None]),
        "d[1, 2]": (lambda d: d[1, 2], lambda t: t[1, 2]),
        "d[mask]": (lambda d: d[mask], lambda t: t[mask]),
        "d[tensor]": (lambda d: d[torch.tensor([1, 0])], lambda t: t[torch.tensor([1, 0])]),
        "expand": (lambda d: d.expand((4, 2, 3)), lambda t: t.expand(4, 2, 3)),
        "expand(-1)": (lambda d: d.expand((4, -1, -1)), lambda t: t.expand(4, 2, 3)),
        "expand_by": (lambda d: d.expand_by(4), lambda t: t.expand(4, 2, 3)),
        "detach": (lambda d: d.detach(), lambda t: t),
        "to(float64)": (lambda d: d.to(torch.float64), lambda t: t),
        "replace()": (lambda d: d.replace(), lambda t: t),
        "stack": (lambda d: stack([d, d], -1), lambda t: torch.stack([t, t], -1)),
        "cat": (lambda d: cat([d, d[:1]], 0), lambda t: torch.cat([t, t[:1]], 0)),
        "cat of its rows": (lambda d: stack(list(d)), lambda t: t),
    }


@law()
def views_are_the_same_law(family: Family) -> None:
    """Density, mean and entropy of every view are the views of density, mean and entropy."""
    d = family.law((2, 3))
    x = shared_value(d)
    for label, (view, same) in _views().items():
        seen = view(d)
        where = f"{family}: {label}"
        expected = same(d.log_prob(x))
        assert tuple(seen.batch_shape) == tuple(expected.shape), (
            f"{where} has batch_shape {tuple(seen.batch_shape)}, expected {tuple(expected.shape)}"
        )
        assert seen.event_shape == d.event_shape, f"{where} has event_shape {tuple(seen.event_shape)}"
        assert type(seen) is type(d), f"{where} is a {type(seen).__name__}"
        agree(f"{where}: log_prob", seen.log_prob(x), expected, 1e-12)
        if has(family.example, "entropy"):
            agree(f"{where}: entropy", seen.entropy(), same(d.entropy()), 1e-12)
        drawn = seen.sample((2,))
        assert drawn.shape[1:] == seen.batch_shape + seen.event_shape, f"{where}: draws have shape {tuple(drawn.shape)}"


@law()
def events_and_masks_sum_and_silence(family: Family) -> None:
    """``to_event`` sums densities over batch dimensions, ``mask`` silences entries."""
    d = family.law((2, 3))
    x = values_of(d, (4,))
    log_p = d.log_prob(x)
    for n in (1, 2, None):
        joined = d.to_event(n)
        dims = (-1,) if n == 1 else (-2, -1)
        agree(f"{family}.to_event({n}).log_prob", joined.log_prob(x), log_p.sum(dims), 1e-12)
        kept = d.batch_shape[: 2 - len(dims)]
        assert joined.batch_shape == kept, f"{family}.to_event({n}) has batch_shape {joined.batch_shape}"
    mask = torch.tensor([True, False, True])
    agree(f"{family}.mask().log_prob", d.mask(mask).log_prob(x), torch.where(mask, log_p, 0.0), 1e-12)


@law()
def shapes_that_do_not_fit_are_refused(family: Family) -> None:
    """A value or a view of the wrong shape raises an error that names the class and the shapes."""
    d = family.law((2, 3))
    value = values_of(d, ())
    wrong = torch.cat([value, value], 1)
    message = _refusal(family, "a value of a wrong batch shape", ValueError, lambda: d.log_prob(wrong))
    for part in (type(d).__name__, str(tuple(wrong.shape)), "(2, 3)"):
        assert part in message, f"{family}: the message lacks {part!r}: {message}"
    _refusal(family, "expand to a shape that does not fit", ValueError, lambda: d.expand((2, 4)))
    _refusal(family, "an index beyond the batch", IndexError, lambda: d[5])
    _refusal(family, "too many indices", IndexError, lambda: d[0, 0, 0])
    if d.event_shape:
        short = value[..., :-1]
        _refusal(family, "a value of a wrong event shape", ValueError, lambda: d.log_prob(short))


def _refusal(family: Family, what: str, kind: type[Exception], action: Callable[[], Any]) -> str:
    try:
        action()
    except kind as error:
        return str(error)
    raise AssertionError(f"{family}: {what} was accepted")
