"""What programs written for ``torch.distributions`` count on: names, arguments, attributes, whole programs."""

from __future__ import annotations

import importlib
import inspect
import math
from types import ModuleType

import pytest
import torch
from torch import Tensor, distributions
from torch.distributions import constraint_registry, constraints, kl, transforms, utils

import reparam
from architecture import ROOT

LAWS = sorted(
    name
    for name in distributions.__all__
    if inspect.isclass(value := getattr(distributions, name)) and issubclass(value, distributions.Distribution)
)


# -- names ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (distributions, reparam),
        (constraints, reparam.constraints),
        (transforms, reparam.transforms),
        (constraint_registry, reparam.constraint_registry),
        (kl, reparam.kl),
    ],
    ids=lambda module: module.__name__,
)
def test_public_names_are_there(theirs: ModuleType, ours: ModuleType) -> None:
    assert set(theirs.__all__) <= set(dir(ours))


def test_helpers_are_there() -> None:
    assert set(utils.__all__) == set(reparam.utils.__all__)


@pytest.mark.parametrize("name", ["constraints", "transforms", "constraint_registry", "kl", "utils"])
def test_modules_can_be_imported(name: str) -> None:
    assert importlib.import_module(f"reparam.{name}") is getattr(reparam, name)


IMPORTS = [
    "import torch.distributions as D; D.Normal, D.kl.kl_divergence, D.constraints.positive, D.transforms.ExpTransform",
    "import torch.distributions.constraints as constraints; constraints.simplex",
    "import torch.distributions.transforms as transforms; transforms.TanhTransform",
    f"from torch.distributions import {', '.join(distributions.__all__)}",
    "from torch.distributions import constraints, transforms, kl, utils, constraint_registry",
    f"from torch.distributions.constraints import {', '.join(constraints.__all__)}",
    f"from torch.distributions.transforms import {', '.join(transforms.__all__)}",
    f"from torch.distributions.constraint_registry import {', '.join(constraint_registry.__all__)}",
    f"from torch.distributions.kl import {', '.join(kl.__all__)}",
    f"from torch.distributions.utils import {', '.join(utils.__all__)}",
]


@pytest.mark.parametrize("line", IMPORTS, ids=lambda line: line[:50])
def test_imports_move_over_by_changing_a_name(line: str) -> None:
    exec(line, {})
    found: dict[str, object] = {}
    exec(line.replace("torch.distributions", "reparam"), found)
    assert any(name != "__builtins__" for name in found)


def arguments(cls: type) -> list[str]:
    return [n for n, a in inspect.signature(cls).parameters.items() if a.kind is not a.KEYWORD_ONLY]


@pytest.mark.parametrize("name", LAWS)
def test_arguments_have_their_names_order_and_defaults(name: str) -> None:
    theirs, ours = getattr(distributions, name), getattr(reparam, name)
    if name in ("Distribution", "ExponentialFamily"):
        return
    wanted = [n for n in arguments(theirs) if n != "validate_args"]
    assert arguments(ours)[: len(wanted)] == wanted
    assert arguments(ours)[-1] == "validate_args"
    for n in wanted:
        default = inspect.signature(theirs).parameters[n].default
        if isinstance(default, (int, float)):
            assert inspect.signature(ours).parameters[n].default == default


def public(cls: type) -> set[str]:
    return {name for name in dir(cls) if not name.startswith("_")}


@pytest.mark.parametrize("name", LAWS)
def test_attributes_are_there(name: str) -> None:
    theirs, ours = getattr(distributions, name), getattr(reparam, name)
    assert public(theirs) <= public(ours)


def test_internal_names_that_programs_reach_for() -> None:
    law = reparam.Gamma(torch.ones(3), torch.ones(3))
    assert law._extended_shape((2,)) == (2, 3)
    assert isinstance(law, distributions.Distribution)
    old = distributions.Gamma(torch.ones(3), torch.ones(3))
    assert all(map(torch.equal, law._natural_params, old._natural_params))
    torch.testing.assert_close(law._log_normalizer(*law._natural_params), old._log_normalizer(*old._natural_params))


def test_validation_has_one_default() -> None:
    assert reparam.Distribution._validate_args is True
    reparam.set_default_validate_args(False)
    try:
        assert reparam.Normal(0.0, -1.0)._validate_args is False
    finally:
        reparam.set_default_validate_args(True)
    with pytest.raises(ValueError, match="True or False"):
        reparam.set_default_validate_args(2)
    with pytest.raises(ValueError, match="positive"):
        reparam.Normal(0.0, -1.0)


# -- helpers -------------------------------------------------------------------------------------------------


def test_broadcast_all() -> None:
    x = torch.zeros(2, 1, dtype=torch.float64)
    for values in ((x, 1), (x, torch.ones(3)), (1, 2.5)):
        found = reparam.utils.broadcast_all(*values)
        assert all(map(torch.equal, found, utils.broadcast_all(*values)))
    assert reparam.utils.broadcast_all(x, 0.1)[1].dtype == torch.float64
    assert reparam.utils.broadcast_all(torch.tensor([1, 2]), 0.5)[1].tolist() == [0.5, 0.5]
    with pytest.raises(TypeError, match="not str"):
        reparam.utils.broadcast_all(x, "1")


@pytest.mark.parametrize("n", [1, 2, 5])
def test_triangles_and_vectors(n: int) -> None:
    for diag in range(1 - n, n):
        matrix = torch.randn(2, n, n).tril(diag)
        vector = utils.tril_matrix_to_vec(matrix, diag)
        assert torch.equal(reparam.utils.tril_matrix_to_vec(matrix, diag), vector)
        assert torch.equal(reparam.utils.vec_to_tril_matrix(vector, diag), matrix)
    with pytest.raises(ValueError, match="no diagonal"):
        reparam.utils.tril_matrix_to_vec(torch.zeros(n, n), n)
    with pytest.raises(ValueError, match="4 entries"):
        reparam.utils.vec_to_tril_matrix(torch.zeros(4))


def test_probabilities_and_logits() -> None:
    logits = torch.tensor([-2.0, 0.5, 3.0], dtype=torch.float64)
    for binary in (False, True):
        p = reparam.utils.logits_to_probs(logits, binary)
        torch.testing.assert_close(p, utils.logits_to_probs(logits, binary))
        torch.testing.assert_close(reparam.utils.probs_to_logits(p, binary), utils.probs_to_logits(p, binary))
        assert torch.equal(reparam.utils.clamp_probs(p.round()), utils.clamp_probs(p.round()))
    assert reparam.utils.probs_to_logits(torch.tensor([0.0, 1.0]), is_binary=True).tolist() == [-math.inf, math.inf]


def test_lazy_properties_are_computed_once() -> None:
    class Counted:
        count = 0

        @reparam.utils.lazy_property
        def value(self) -> Tensor:
            """What is counted."""
            self.count += 1
            return torch.ones(())

    law = Counted()
    assert law.value is law.value
    assert law.count == 1
    assert Counted.value.__doc__ == "What is counted."


def test_a_subclass_may_set_its_base_first() -> None:
    """As the squashed normal laws of actor-critic programs do."""

    class Squashed(reparam.TransformedDistribution):
        def __init__(self, loc: Tensor, scale: Tensor) -> None:
            self.base_dist = reparam.Normal(loc, scale)
            super().__init__(self.base_dist, [reparam.transforms.TanhTransform(cache_size=1)])

    law = Squashed(torch.zeros(3), torch.ones(3))
    assert law.batch_shape == (3,)
    assert law.base_dist.loc.shape == (3,)
    old = distributions.TransformedDistribution(distributions.Normal(0.0, 1.0), [distributions.TanhTransform()])
    torch.testing.assert_close(law.log_prob(torch.tensor(0.5)), old.log_prob(torch.tensor(0.5)).expand(3))


# -- whole programs ------------------------------------------------------------------------------------------


def outcomes(name: str, **options: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What a program gives with ``torch.distributions`` and with ``reparam``, from one seed."""
    path = ROOT / "examples" / "ported" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    found = []
    for library in (distributions, reparam):
        torch.manual_seed(0)
        found.append(program.run(library, **options))
    return found[0], found[1]


@pytest.mark.parametrize("name", ["vae", "flow", "gaussian_process"])
def test_programs_of_one_result(name: str) -> None:
    """Both draw the same normal numbers; rounding, eps = 2e-16, grows over 60 steps of training, to less than 1e-8."""
    theirs, ours = outcomes(name)
    assert theirs.keys() == ours.keys()
    for key, value in theirs.items():
        torch.testing.assert_close(ours[key], value, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", ["actor_critic", "bayesian_regression"])
def test_programs_of_random_results(name: str) -> None:
    """The means over independent runs agree within 5.5 standard errors of their difference.

    With at most 11 numbers compared, false alarms are below 1e-6; the seed is fixed.
    """
    theirs, ours = outcomes(name)
    for key, value in theirs.items():
        error = ((value.var(0) + ours[key].var(0)) / len(value)).sqrt()
        assert bool(((value.mean(0) - ours[key].mean(0)).abs() < 5.5 * error).all()), key
