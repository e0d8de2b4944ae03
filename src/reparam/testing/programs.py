"""Laws of programs: distributions pass through copies, pickles, pytrees, ``torch.func``, ``vmap`` and ``compile``."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..core.pytree import leaves, tree_map
from ..core.registry import kl_rules
from ..kl import kl_divergence
from ..live import live
from .compare import agree
from .draws import Family, Parameters
from .registry import VALUE_DOORS, call, has, law, values_of

N = 4  #: laws in a batch to map over


def _log_prob(family: Family, x: Tensor) -> Callable[[Parameters], Tensor]:
    return lambda at: family.build(**at).log_prob(x).sum()


def _tracked(values: Parameters, family: Family) -> Parameters:
    return {n: v.clone().requires_grad_(n in family.smooth) for n, v in values.items()}


@law()
def copies_are_equal(family: Family) -> None:
    """``copy``, ``deepcopy`` (also of a law with a graph) and pickle give laws with the same densities."""
    d = family.law((2,))
    x = values_of(d, (3,))
    expected = d.log_prob(x)
    copies = {
        "copy.copy": copy.copy(d),
        "copy.deepcopy": copy.deepcopy(d),
        "pickle": pickle.loads(pickle.dumps(d)),
    }
    free = _tracked(family.parameters((2,)), family)
    with_graph = family.build(**{n: v * 1 for n, v in free.items()})
    copies["copy.deepcopy with a graph"] = copy.deepcopy(with_graph)
    for label, twin in copies.items():
        assert type(twin) is type(d), f"{family}: {label} gives a {type(twin).__name__}"
        assert repr(twin) == repr(d), f"{family}: {label} gives {twin!r}, not {d!r}"
        agree(f"{family}: log_prob after {label}", twin.log_prob(x), expected, 1e-13, 1e-13)
    inputs = [v for v in free.values() if v.requires_grad]
    twin = copies["copy.deepcopy with a graph"]
    slopes, wanted = (
        torch.autograd.grad(law_.log_prob(x).sum(), inputs, retain_graph=True, materialize_grads=True)
        for law_ in (twin, with_graph)
    )
    for slope, want in zip(slopes, wanted, strict=True):
        agree(f"{family}: a gradient through the deep copy", slope, want, 1e-12)


@law()
def laws_are_pytrees(family: Family) -> None:
    """The leaves are the parameters, and a law is rebuilt from leaves of another shape or dtype."""
    d = family.law((2,))
    found = leaves(d)
    tensors = [t for t in found if isinstance(t, Tensor)]
    assert len(tensors) >= len(family.fields), f"{family}: {len(tensors)} leaves for {list(family.fields)}"
    x = values_of(d, ())
    agree(f"{family}: log_prob of the rebuilt law", tree_map(lambda t: t, d).log_prob(x), d.log_prob(x), 0.0)
    picked = tree_map(lambda t: t[1] if isinstance(t, Tensor) and t.dim() else t, d)
    assert picked.batch_shape == (), f"{family}: leaves without a batch give batch_shape {picked.batch_shape}"
    agree(f"{family}: log_prob of the picked law", picked.log_prob(x[1]), d.log_prob(x)[1], 1e-12)


@law()
def vmap_maps_over_laws(family: Family) -> None:
    """``vmap`` over parameters agrees with a batch, builds and returns laws, and draws."""
    values = family.parameters((N,))
    d = family.build(**values)
    x = values_of(d, ())

    def density(at: Parameters, x: Tensor) -> Tensor:
        return family.build(**at).log_prob(x)

    agree(f"{family}: log_prob under vmap", torch.vmap(density)(values, x), d.log_prob(x), 1e-10, 1e-12)
    built = torch.vmap(lambda at: family.build(**at))(values)
    assert built.batch_shape == (N,), f"{family}: vmap returns a law of batch_shape {built.batch_shape}"
    agree(f"{family}: log_prob of the law that vmap returns", built.log_prob(x), d.log_prob(x), 1e-12)
    again = torch.vmap(lambda law_, x: law_.log_prob(x))(d, x)
    agree(f"{family}: log_prob of a law passed to vmap", again, d.log_prob(x), 1e-10, 1e-12)
    doors = ("sample", "rsample") if d.has_rsample else ("sample",)
    for door in doors:
        drawn = torch.vmap(lambda at, door=door: getattr(family.build(**at), door)((5,)), randomness="different")(
            values
        )
        assert drawn.shape == (N, 5, *d.event_shape), f"{family}: {door} under vmap has shape {tuple(drawn.shape)}"
        assert bool(d[:, None].support.closure().check(drawn).all()), f"{family}: {door} under vmap leaves the support"
        if not family.discrete:
            same = torch.equal(drawn[:, 0], drawn[:, 1])
            assert not same, f"{family}: {door} under vmap repeats itself"


@law()
def vmap_shares_its_random_numbers(family: Family) -> None:
    """Rows of equal parameters have equal draws if ``vmap`` shares its random numbers, and unlike ones otherwise."""
    values = {n: v.repeat(N, *[1] * (v.dim() - 1)) for n, v in family.parameters((1,)).items()}
    fixed = family.law((N,))
    for door in ("sample", "rsample") if fixed.has_rsample else ("sample",):
        for randomness in ("same", "different"):

            def drawn(at: Parameters, door: str = door, law_: Any = None) -> Tensor:
                return getattr(law_ or family.build(**at), door)((40,))  # type: ignore[no-any-return]

            over = torch.vmap(drawn, randomness=randomness)(values)
            constant = torch.vmap(partial(drawn, law_=fixed), randomness=randomness)(values)
            for label, x in (("parameters", over), ("nothing", constant)):
                equal = torch.equal(x[0], x[1])
                where = f"{family}: {door} under vmap(randomness={randomness!r}) over {label}"
                assert equal == (randomness == "same"), f"{where} has {'equal' if equal else 'unlike'} rows"


@law()
def transforms_of_functions_agree(family: Family) -> None:
    """``torch.func`` grad, jvp and jacrev of every value door give what ``backward`` gives; grad of grad too."""
    values = family.parameters()
    x = values_of(family.build(**values), ())
    smooth = {n: values[n] for n in family.smooth}
    rest = {n: v for n, v in values.items() if n not in smooth}
    if not smooth:
        return
    tangents = {n: torch.ones_like(v) for n, v in smooth.items()}
    for door in filter(lambda name: has(family.example, name), VALUE_DOORS):

        def f(at: Parameters, door: str = door) -> Tensor:
            return call(family.build(**at, **rest), door, x)  # type: ignore[no-any-return]

        free = {n: v.clone().requires_grad_() for n, v in smooth.items()}
        value = f(free)
        if not value.requires_grad:
            continue
        backward = torch.autograd.grad(value, list(free.values()), create_graph=True, materialize_grads=True)
        expected = dict(zip(free, backward, strict=True))
        where = f"{family}.{door}"
        for label, found in (("grad", torch.func.grad(f)(smooth)), ("jacrev", torch.func.jacrev(f)(smooth))):
            for n, g in expected.items():
                agree(f"{where}: torch.func.{label} in {n}", found[n], g, 1e-9, 1e-12)
        total = torch.stack([g.sum() for g in backward]).sum()
        along = torch.func.jvp(f, (smooth,), (tangents,))[1]
        agree(f"{where}: torch.func.jvp", along, total, 1e-8, 1e-10)
        if total.requires_grad:
            second = torch.autograd.grad(total, list(free.values()), materialize_grads=True)
            nested = torch.func.grad(partial(_total_slope, f))(smooth)
            for n, want in zip(free, second, strict=True):
                agree(f"{where}: grad of grad in {n}", nested[n], want, 1e-7, 1e-9)


def _total_slope(f: Callable[[Parameters], Tensor], at: Parameters) -> Tensor:
    return torch.stack([g.sum() for g in torch.func.grad(f)(at).values()]).sum()


@law()
def live_parameters_are_read_anew(family: Family) -> None:
    """A law over live parameters, and views of it, follow their tensors and pass gradients to them."""
    first, second = family.parameters((2,), 0), family.parameters((2,), 1)
    held = {n: v.clone() for n, v in first.items()}
    d = family.build(**{n: live(v) * 1.0 for n, v in held.items()})
    views = {"itself": d, "d[0]": d[0], "expand": d.expand((3, 2)), "to_event": d.to_event(1)}
    for values in (first, second):
        for n, v in held.items():
            v.copy_(values[n])
        plain = family.build(**values)
        x = values_of(plain, ())
        still = {"itself": plain, "d[0]": plain[0], "expand": plain.expand((3, 2)), "to_event": plain.to_event(1)}
        for label, view in views.items():
            at = x[0] if label == "d[0]" else x
            agree(f"{family} over live parameters, {label}", view.log_prob(at), still[label].log_prob(at), 1e-12)
            assert view.batch_shape == still[label].batch_shape, (
                f"{family}: live {label} has batch_shape {view.batch_shape}"
            )


@law(lambda family: family.principal)
def compiled_programs_agree(family: Family) -> None:
    """One full graph builds a law with validation on, draws, scores and compares it, and agrees with eager mode."""
    compile_and_compare(family, "aot_eager")


def compile_and_compare(family: Family, backend: str) -> None:
    """Compile a program that builds, draws, scores and compares with ``torch.compile(fullgraph=True)``, and compare it.

    Args:
        family: the laws.
        backend: such as ``"aot_eager"`` or ``"inductor"``.
    """
    kind = type(family.example)
    with_kl = kl_rules.dispatch(kind, kind) is not None
    values, others = family.parameters((2,), 0), family.parameters((2,), 0)
    x = values_of(family.build(**values), ())

    def program(at: Parameters, other: Parameters, x: Tensor) -> tuple[Tensor, ...]:
        p, q = family.build(**at), family.build(**other)
        drawn = p.rsample((3,)) if p.has_rsample else p.sample((3,))
        results = [drawn, p.log_prob(x)]
        if with_kl:
            results.append(kl_divergence(p, q))
        return tuple(results)

    torch.compiler.reset()
    compiled = torch.compile(program, fullgraph=True, backend=backend)
    free, frozen = _tracked(values, family), _tracked(values, family)
    found = compiled(free, others, x)
    expected = program(frozen, others, x)
    assert found[0].shape == expected[0].shape, f"{family}: a compiled draw has shape {tuple(found[0].shape)}"
    support = family.build(**values).support.closure()
    assert bool(support.check(found[0]).all()), f"{family}: a compiled draw leaves the support"
    for label, one, two in zip(("log_prob", "kl"), found[1:], expected[1:], strict=False):
        agree(f"{family}: compiled {label}", one, two, 1e-9, 1e-10)
    inputs, wanted = ([v for v in side.values() if v.requires_grad] for side in (free, frozen))
    if not inputs:
        return
    slopes = torch.autograd.grad(sum(t.sum() for t in found[1:]), inputs, materialize_grads=True, retain_graph=True)  # type: ignore[arg-type]
    exact = torch.autograd.grad(sum(t.sum() for t in expected[1:]), wanted, materialize_grads=True)  # type: ignore[arg-type]
    for slope, want in zip(slopes, exact, strict=True):
        agree(f"{family}: a gradient of the compiled program", slope, want, 1e-8, 1e-9)
    if expected[0].requires_grad:
        pathwise = torch.autograd.grad(found[0].sum(), inputs, materialize_grads=True)
        assert all(bool(g.isfinite().all()) for g in pathwise), f"{family}: a compiled pathwise gradient is not finite"
