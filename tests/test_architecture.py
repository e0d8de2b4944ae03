"""The house rules: floors, no circles, short files, one door to private torch, no changed globals.

Each rule is also shown a small offence, so that a rule which cannot fail would fail here.
"""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from architecture import (
    ROOT,
    circle,
    import_graph,
    is_private,
    resolves_into,
    sources,
    torch_names,
    upward_imports,
)

MODULES = sources(ROOT / "src" / "reparam")
GRAPH = import_graph(MODULES)

LONGEST = 400
CODE = {".py", ".c", ".cpp", ".h", ".hpp"}
FOLDERS = ("src/reparam", "csrc", "tests", "bench", "examples", "docs")

PRIVATE_TORCH = {"reparam._torch", "reparam.core.pytree"}
NOMINAL = {
    "reparam.constraints.base": "Constraint",
    "reparam.transforms.base": "Transform",
    "reparam.core.distribution": "Distribution",
}


def files() -> list[Path]:
    return sorted(
        path
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in CODE and "_build" not in path.parts
    )


def too_long(path: Path) -> bool:
    return len(path.read_text("utf-8").splitlines()) > LONGEST


def test_no_import_runs_upward() -> None:
    assert upward_imports(GRAPH) == []


def test_no_import_runs_in_a_circle() -> None:
    assert circle(GRAPH) == []


@pytest.mark.parametrize(
    ("modules", "complaint"),
    [
        (
            {"reparam.core.a": "from ..families import normal", "reparam.families.normal": ""},
            "above",
        ),
        ({"reparam.core.a": "from reparam import x", "reparam.__init__": ""}, "above"),
        ({"reparam.unheard_of": ""}, "no floor"),
    ],
)
def test_an_upward_import_is_found(modules: dict[str, str], complaint: str) -> None:
    (found,) = upward_imports(import_graph(modules))
    assert complaint in found


@pytest.mark.parametrize(
    "modules",
    [
        {
            "reparam.core.a": "from . import b",
            "reparam.core.b": "if True:\n    import reparam.core.a",
        },
        {
            "reparam.core.__init__": "from .a import x",
            "reparam.core.a": "from reparam.core import y",
        },
        {
            "reparam.kl.__init__": "from ..live.b import x",
            "reparam.live.b": "from ..kl.rules import y",
            "reparam.kl.rules": "",
        },
    ],
)
def test_a_circle_is_found(modules: dict[str, str]) -> None:
    assert circle(import_graph(modules))


def test_imports_in_functions_and_for_typing_make_no_circle() -> None:
    late = "def f():\n    from . import a\nif TYPE_CHECKING:\n    from .a import A"
    assert not circle(import_graph({"reparam.core.a": "from . import b", "reparam.core.b": late}))


def test_files_are_short() -> None:
    assert [str(path) for path in files() if too_long(path)] == []


def test_a_long_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text("\n" * (LONGEST + 1), "utf-8")
    assert too_long(tmp_path / "long.py")


def test_no_file_names_a_path_of_one_machine() -> None:
    pattern = re.compile(r"(?<![\w.])/(?:home|root|tmp|work|Users)/\w")
    assert pattern.search("see /home/anyone")
    own = Path(__file__)
    named = [str(p) for p in files() if p != own and pattern.search(p.read_text("utf-8"))]
    assert named == []


def test_private_torch_names_stand_in_one_place() -> None:
    found = {m for m, text in MODULES.items() if any(map(is_private, torch_names(text)))}
    assert found <= PRIVATE_TORCH


@pytest.mark.parametrize(
    "text",
    [
        "import torch._C",
        "from torch.utils import _pytree",
        "def f(a): return torch._standard_gamma(a)",
    ],
)
def test_a_private_torch_name_is_found(text: str) -> None:
    assert any(map(is_private, torch_names(text)))


def test_public_torch_names_pass() -> None:
    text = "import torch\nfrom torch import Tensor\nv = torch.__version__, torch.special.ndtr"
    assert not any(map(is_private, torch_names(text)))


def test_torch_distributions_is_only_subclassed() -> None:
    naming = {m for m, text in MODULES.items() if "torch.distributions" in " ".join(torch_names(text))}
    assert naming <= set(NOMINAL)


@pytest.mark.parametrize(("module", "name"), NOMINAL.items())
def test_no_attribute_resolves_into_torch_distributions(module: str, name: str) -> None:
    base = getattr(importlib.import_module(module), name)
    home = torch.distributions.constraints if name == "Constraint" else torch.distributions
    assert issubclass(base, getattr(home, name))
    importlib.import_module("reparam")
    family = [base]
    for cls in family:
        family += [sub for sub in cls.__subclasses__() if sub not in family and sub.__module__.startswith("reparam")]
    wrong = {cls.__qualname__: resolves_into(cls, "torch.distributions") for cls in family}
    assert {name: found for name, found in wrong.items() if found} == {}


def test_an_inherited_attribute_is_found() -> None:
    class Inherits(torch.distributions.Distribution):
        pass

    class Borrows:
        sample = torch.distributions.Distribution.sample
        mean = torch.distributions.Distribution.mean

    assert "log_prob" in resolves_into(Inherits, "torch.distributions")
    assert resolves_into(Borrows, "torch.distributions") == ["mean", "sample"]


SNAPSHOT = """
import json, sys, warnings
import torch, torch.distributions

def snapshot():
    return {
        "default dtype": str(torch.get_default_dtype()),
        "default device": str(torch.get_default_device()),
        "grad mode": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "anomaly mode": torch.is_anomaly_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "threads": [torch.get_num_threads(), torch.get_num_interop_threads()],
        "matmul precision": torch.get_float32_matmul_precision(),
        "tf32": [torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32],
        "generator": torch.get_rng_state().sum().item(),
        "warnings": [str(f) for f in warnings.filters],
        "validation": torch.distributions.Distribution._validate_args,
        "print options": str(torch._tensor_str.PRINT_OPTS),
        "optional packages": sorted(
            {"gymnasium", "matplotlib", "rich", "scipy", "sklearn"} & set(sys.modules)
        ),
    }

# What torch changes by itself on first use comes before the count.
torch.broadcast_shapes((1,), (1,))
"""


def changed_by(code: str, first: str = "") -> dict[str, list[object]]:
    """The globals that code leaves changed, in a process of its own: name -> [old, new]."""
    steps = (
        SNAPSHOT,
        first,
        "before = snapshot()",
        code,
        "print(json.dumps([before, snapshot()]))",
    )
    script = "\n".join(map(textwrap.dedent, steps))
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    before, after = json.loads(run.stdout.splitlines()[-1])
    return {name: [before[name], after[name]] for name in before if before[name] != after[name]}


def test_importing_and_building_change_no_global() -> None:
    code = """
        import reparam
        generator = torch.Generator().manual_seed(1)
        d = reparam.Normal(torch.zeros(3, requires_grad=True), 1.0)
        x = d.rsample((5,), generator=generator)
        d.log_prob(x).sum().backward()
        reparam.kl_divergence(d, reparam.Normal(1.0, 2.0))
    """
    assert changed_by(code) == {}


def test_a_changed_global_is_found() -> None:
    code = """
        torch.set_default_dtype(torch.float64)
        torch.distributions.Distribution.set_default_validate_args(False)
        warnings.simplefilter("ignore")
    """
    assert set(changed_by(code)) == {"default dtype", "validation", "warnings"}


def test_compiling_leaves_validation_on() -> None:
    code = """
        import reparam

        def loss(loc):
            d = reparam.Normal(loc, 1.0)
            return d.log_prob(d.rsample()).sum()

        torch.compile(loss, fullgraph=True, backend="eager")(torch.zeros(3))
        try:
            reparam.Normal(0.0, -1.0)
        except ValueError:
            pass
        else:
            raise SystemExit("a negative scale was accepted after torch.compile")
    """
    first = """
        torch.compile(lambda x: x + 1, fullgraph=True, backend="eager")(torch.zeros(3))
        torch.distributions.Distribution.set_default_validate_args(True)
    """
    allowed = {"generator", "validation"}  # drawn from; torch's flag, which torch.compile turns off
    assert set(changed_by(code, first)) <= allowed
