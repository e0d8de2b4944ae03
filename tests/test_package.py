"""The package as users meet it: what it installs, the commands, and the tour's report."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from importlib import metadata
from pathlib import Path

import pytest
import torch

import reparam
from architecture import ROOT
from reparam import cli, kernels
from reparam.cli import tour
from reparam.cli.tour.part import Finding, Part, Tick
from reparam.testing.draws import classes_in

WITHOUT_EXTRAS = f"""
import sys
sys.modules.update(dict.fromkeys({list(cli.TOUR_PACKAGES)}))
from reparam.cli import main
sys.exit(main(sys.argv[1:]))
"""


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


def test_doctor_says_what_is_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert reparam.__version__ in said
    assert torch.__version__ in said
    path = re.search(r"^kernels +(native|formulas)", said, re.MULTILINE)
    assert path is not None
    assert (path[1] == "native") == kernels.available()


BROKEN = """
import sys, types, warnings
from importlib import machinery
class Finder:
    def find_spec(self, name, path=None, target=None):
        return machinery.ModuleSpec(name, self) if name == "reparam.kernels._native" else None
    def create_module(self, spec):
        if sys.argv[1] == "loads not":
            raise ImportError("version GLIBCXX_9 not found")
        return types.SimpleNamespace(ABI_VERSION=-1)
    def exec_module(self, module): pass
sys.meta_path.insert(0, Finder())
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from reparam import Normal, cli
print(len([w for w in caught if w.category is RuntimeWarning]), "warning")
Normal(0.0, 1.0).log_prob(0.3)
cli.main(["doctor"])
"""


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("old", r"formulas only \(the native library has interface -1, this version needs \d+: install .* anew\)"),
        ("loads not", r"formulas only \(the native library does not load: version GLIBCXX_9 not found\)"),
    ],
)
def test_doctor_says_what_ails_the_native_library(fault: str, said: str) -> None:
    run = python("-c", BROKEN, fault)
    assert run.returncode == 0, run.stderr
    assert re.search(said, run.stdout) and "1 warning" in run.stdout


def test_doctor_says_when_formulas_were_asked_for() -> None:
    assert "formulas only (REPARAM_NATIVE=0" in python("-m", "reparam.cli", "doctor", REPARAM_NATIVE="0").stdout


def test_doctor_bears_a_reader_that_leaves() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        run = subprocess.run(
            [sys.executable, "-m", "reparam.cli", "doctor"], stdout=closed, stderr=subprocess.PIPE, text=True, cwd=ROOT
        )
    assert (run.returncode, run.stderr) == (0, "")


def test_doctor_needs_no_extras() -> None:
    run = python("-c", WITHOUT_EXTRAS, "doctor")
    assert run.returncode == 0, run.stderr
    assert "kernels" in run.stdout


def test_tour_without_its_packages_says_what_to_install() -> None:
    run = python("-c", WITHOUT_EXTRAS, "tour")
    assert run.returncode == 1
    assert "reparam[tour]" in run.stdout
    assert "scikit-learn" in run.stdout


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["diagnose"])
    assert "invalid choice: 'diagnose'" in capsys.readouterr().err


class Links(HTMLParser):
    """Collects what a page asks for from elsewhere, its identifiers and its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.outside: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            asks = name in {"src", "href", "xlink:href", "srcset", "data", "action", "poster"}
            if asks and not (value or "").startswith(("#", "data:image/png;base64,")):
                self.outside.append(f"{tag} {name}={value}")


def read(page: str) -> Links:
    links = Links()
    links.feed(page)
    links.outside += re.findall(r"https?:[^\s\"']*|@import|url\((?!#)[^)]*\)", page)
    return links


@pytest.mark.parametrize(
    "page",
    [
        '<img src="plot.png">',
        '<link href="style.css">',
        "<style>@import 'a.css'</style>",
        "<p style='background: url(a.png)'>",
        "<a href='https://example.org'>",
    ],
)
def test_a_page_that_needs_other_files_is_found_out(page: str) -> None:
    assert read(page).outside


def test_quick_tour_writes_a_report_that_stands_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    assert cli.main(["tour", "--quick", "--output", str(tmp_path / "new" / "report.html")]) == 0
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)

    page = (tmp_path / "new" / "report.html").read_text("utf-8")
    links = read(page)
    assert links.outside == []
    assert "script" not in links.tags
    assert len(links.ids) == len(set(links.ids))
    assert links.tags.count("h2") == len(tour.PARTS)
    families = re.search(r"families shown</td><td>(\d+)", page)
    assert families is not None
    assert links.tags.count("svg") == links.tags.count("figure") == int(families[1]) + 6

    said = capsys.readouterr().out
    for figure in ("mean return", "upright", "test ELBO", "divergence", "families shown"):
        assert figure in said
        assert figure in page


@pytest.mark.parametrize("met", [True, False])
def test_the_tour_succeeds_when_its_goals_are_met(
    met: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def part(tick: Tick, quick: bool) -> Part:
        tick(0.5, "half")
        return Part("Title", "Text.", findings=[Finding("figure", "1", "2", met)])

    monkeypatch.setattr(tour, "PARTS", {"only": part})
    assert cli.main(["tour", "--output", str(tmp_path / "report.html")]) == (0 if met else 1)
    assert ("Missed: figure" in capsys.readouterr().out) is not met


def test_it_is_typed_and_licensed() -> None:
    assert (Path(reparam.__file__).parent / "py.typed").exists()
    assert metadata.metadata("reparam")["License-Expression"] == "BSD-3-Clause"
    assert metadata.version("reparam") == reparam.__version__


def requirements() -> dict[str, list[str]]:
    """The names of the required packages, by extra; the core under an empty name."""
    found: dict[str, list[str]] = {}
    for line in metadata.requires("reparam") or []:
        extra = re.search(r"extra == ['\"](\w+)['\"]", line)
        name = re.match(r"[\w.-]+", line)
        assert name is not None
        found.setdefault(extra[1] if extra else "", []).append(name[0].lower())
    return found


def test_the_core_needs_torch_alone() -> None:
    needed = requirements()
    assert needed[""] == ["torch"]
    assert set(needed) == {"", "dev", "docs", "experiments", "plots", "tour"}
    assert set(cli.TOUR_PACKAGES.values()) == set(needed["tour"])


def test_every_package_used_in_development_is_pinned() -> None:
    text = (ROOT / "constraints.txt").read_text("utf-8")
    pinned = set(re.findall(r"^([\w.-]+)==", text, re.MULTILINE))
    assert "torch==2.13.0" in text
    assert set().union(*requirements().values()) <= pinned


def test_the_manual_lists_every_distribution() -> None:
    manual = (ROOT / "docs" / "distributions.md").read_text("utf-8")
    listed = set(re.findall(r"autoclass:: ([\w.]+)", manual))
    relatives = {"Distribution", "ExponentialFamily", "reparam.families.relaxed_categorical.ExpRelaxedCategorical"}
    assert listed == {cls.__name__ for cls in classes_in(reparam)} | relatives


def test_without_a_compiler_it_installs_and_runs_on_formulas(tmp_path: Path) -> None:
    project = tmp_path / "project"
    ignore = shutil.ignore_patterns("*.so", "*.pyd", "*.egg-info", "__pycache__")
    for folder in ("src", "csrc"):
        shutil.copytree(ROOT / folder, project / folder, ignore=ignore)
    for file in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, project)

    options = ("--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(tmp_path))
    nothing = str(tmp_path / "no-compiler")
    built = python("-m", "pip", "wheel", *options, str(project), CC=nothing, CXX=nothing)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("reparam-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "installed")
    assert "reparam/py.typed" in names
    assert "reparam/cli/tour/style.css" in names
    assert not [name for name in names if name.endswith((".so", ".pyd", ".cpp"))]

    run = python("-m", "reparam.cli", "doctor", PYTHONPATH=str(tmp_path / "installed"))
    assert run.returncode == 0, run.stderr
    assert re.search(r"^kernels +formulas only", run.stdout, re.MULTILINE)
