"""What libraries built on ``torch.distributions`` do with it: mixins, modules, rules for groups of laws."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, distributions, nn

import reparam
from both_libraries import assert_same_answers

SUBMODULES = sorted(module.name for module in pkgutil.iter_modules(distributions.__path__))


@pytest.mark.parametrize("name", SUBMODULES)
def test_classes_are_found_in_the_modules_that_torch_has(name: str) -> None:
    theirs, ours = (importlib.import_module(f"{library}.{name}") for library in ("torch.distributions", "reparam"))
    assert ours is getattr(reparam, name)
    for each in set(theirs.__all__) & set(distributions.__all__):
        assert getattr(ours, each) is getattr(reparam, each)
    found: dict[str, Any] = {}
    exec(f"from reparam.{name} import *", found)
    assert set(theirs.__all__) <= found.keys()


def test_modules_beyond_those_are_missed_by_name() -> None:
    assert "normal" not in dir(reparam)
    with pytest.raises(AttributeError, match=r"module 'reparam' has no attribute 'norml'"):
        importlib.import_module("reparam").norml()
    with pytest.raises(ImportError, match="Nrmal"):
        exec("from reparam.normal import Nrmal")
    with pytest.raises(ModuleNotFoundError, match=r"reparam\.norml"):
        importlib.import_module("reparam.norml")


def test_helpers_with_an_underscore_that_libraries_import() -> None:
    x = torch.arange(24.0).reshape(2, 3, 4)
    for dim in range(4):
        expected = distributions.utils._sum_rightmost(x, dim)
        torch.testing.assert_close(reparam.utils._sum_rightmost(x, dim), expected, rtol=0.0, atol=0.0)
    drawn = []
    for library in (distributions, reparam):
        torch.manual_seed(0)
        drawn.append(library.utils._standard_normal(torch.Size((2, 3)), dtype=torch.float64, device="cpu"))
    torch.testing.assert_close(*drawn, rtol=0.0, atol=0.0)
    transform = reparam.ExpTransform()
    assert isinstance(transform.inv, reparam.transforms._InverseTransform)
    assert transform.inv._inv is transform


def kinds(D: ModuleType) -> list[bool]:
    """Of which class, by the names that these have in torch, each constraint is."""
    c, names = D.constraints, vars(distributions.constraints).items()
    classes = sorted(n for n, v in names if isinstance(v, type) and n[0] == "_" and not n.startswith("_Integer"))
    made = [c.greater_than(1.0), c.less_than(1.0), c.interval(0.0, 2.0), c.half_open_interval(0.0, 2.0)]
    made += [c.integer_interval(0, 3), c.independent(c.positive, 1), c.multinomial(3), c.stack([c.real, c.positive])]
    made += [c.cat([c.real, c.positive]), c.real, c.real_vector, c.simplex, c.boolean, c.one_hot, c.unit_interval]
    made += [c.positive, c.nonnegative, c.lower_cholesky, c.lower_triangular, c.corr_cholesky, c.square, c.symmetric]
    made += [c.positive_definite, c.positive_semidefinite, c.dependent]
    return [type(one) is getattr(c, name) for name in classes for one in made]


# -- laws that are modules, with what they share in a class of its own ---------------------------------------


def prior(D: ModuleType) -> Any:
    """The base of laws of parameters: modules that score what a function makes of a value."""

    class Prior(D.Distribution, nn.Module):
        def log_prob(self, value: Tensor) -> Tensor:
            return super().log_prob(self.function(value))

        def __setattr__(self, name: str, value: Any) -> None:
            if hasattr(self, name) and name.startswith("kept_"):
                raise AssertionError("kept attributes are never set twice")
            super().__setattr__(name, value)

    return Prior


def modules(D: ModuleType) -> list[Any]:
    """Laws whose parameters are buffers, so that they are saved and loaded."""

    class GammaPrior(prior(D), D.Gamma):
        def __init__(self, concentration: Tensor, rate: Tensor) -> None:
            nn.Module.__init__(self)
            D.Gamma.__init__(self, concentration, rate)
            for name in ("concentration", "rate"):
                value = getattr(self, name).clone()
                delattr(self, name)
                self.register_buffer(name, value)
            self.function = torch.exp

    law = GammaPrior(torch.tensor([2.0, 3.0]), torch.tensor([1.0, 4.0]))
    x, found = torch.tensor([0.3, 0.2]), []

    def look() -> list[Any]:
        return [law.log_prob(x), law.mean, law.variance, law.entropy(), law.batch_shape, law.sample((3,)).shape]

    found += [*look(), sorted(law.state_dict()), D.Independent(law, 1).log_prob(x)]
    law.load_state_dict({"concentration": torch.tensor([5.0, 1.0]), "rate": torch.tensor([2.0, 2.0])})
    found += look()
    law.rate = torch.tensor([1.0, 1.0])
    return [*found, *look(), law.state_dict()["rate"]]


def matrices(D: ModuleType) -> list[Any]:
    """A module whose attributes are asked for before they are there, some of which follow from others."""

    class Prior(prior(D), D.MultivariateNormal):
        def __init__(self, loc: Tensor, covariance_matrix: Tensor) -> None:
            nn.Module.__init__(self)
            D.MultivariateNormal.__init__(self, loc, covariance_matrix=covariance_matrix)
            self.function = torch.exp

    law = Prior(torch.zeros(2), 2 * torch.eye(2))
    return [law.log_prob(torch.ones(2)), law.event_shape, law.variance]


def cooperating(D: ModuleType) -> list[Any]:
    """Classes that leave the start of a module to ``super().__init__``."""

    class Shift(D.Transform, nn.Module):
        domain = codomain = D.constraints.real
        bijective, sign = True, 1

        def __init__(self) -> None:
            super().__init__(cache_size=1)
            self.by = nn.Parameter(torch.tensor(2.0))

        def _call(self, x: Tensor) -> Tensor:
            return x + self.by

        def _inverse(self, y: Tensor) -> Tensor:
            return y - self.by

        def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
            return torch.zeros_like(x)

    class Mapped(D.Distribution, nn.Module):
        arg_constraints: ClassVar[Any] = {}
        support = D.constraints.real

        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(1, 1, bias=False)

        def log_prob(self, value: Tensor) -> Tensor:
            return -0.5 * (value * self.layer.weight[0, 0].detach() ** 0) ** 2

    shift, mapped = Shift(), Mapped()
    moved = D.TransformedDistribution(D.Normal(0.0, 1.0), [shift])
    moved.log_prob(torch.tensor(0.5)).backward()
    shapes = [p.shape for p in mapped.parameters()]
    return [moved.log_prob(torch.tensor(1.0)).detach(), shift.by.grad, shapes, mapped.log_prob(torch.tensor(2.0))]


# -- rules for whole groups of laws --------------------------------------------------------------------------


def rules(D: ModuleType) -> list[Any]:
    """A point mass that says it may be anywhere, of numbers, with a rule for every other law."""

    class Point(D.Distribution):
        arg_constraints: ClassVar[Any] = {}
        support = D.constraints.real

        def __init__(self, at: Tensor) -> None:
            self.at = at
            super().__init__(at.shape)

    @D.register_kl(Point, D.Distribution)
    def _(p: Any, q: Any) -> Tensor:
        return -q.log_prob(p.at)

    at = torch.tensor([0.5, 2.0])
    vectors = D.MultivariateNormal(torch.zeros(2), torch.eye(2))
    laws = [D.Normal(0.0, 1.0), D.HalfNormal(1.0), D.Gamma(2.0, 1.0), D.Exponential(1.0), vectors]
    return [D.kl_divergence(Point(at), law) for law in laws]


@pytest.mark.parametrize(
    "program", [kinds, modules, matrices, cooperating, rules], ids=lambda program: program.__name__
)
def test_both_libraries_give_the_same(program: Any) -> None:
    assert_same_answers(program)


def test_rules_of_programs_that_fit_equally_well_are_refused() -> None:
    class Left(reparam.Normal):
        pass

    class Right(reparam.Normal):
        pass

    for types in ((Left, reparam.Normal), (reparam.Normal, Right)):
        reparam.register_kl(*types)(lambda p, q: torch.zeros(()))
    with pytest.raises(TypeError, match=r"\(Left, Right\)"):
        reparam.kl_divergence(Left(0.0, 1.0), Right(0.0, 1.0))
