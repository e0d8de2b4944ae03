"""The examples run, and print what they promise."""

from __future__ import annotations

import importlib
import math
import re
import runpy
from pathlib import Path
from types import ModuleType

import pytest
import torch

from architecture import ROOT

#: Experiments that a quick run covers, and something that each says.
SMALL = {
    "digits_vae": "VonMises, 10 latents",
    "mixture_posterior": "divergence with 8",
    "rejection_toy": "total variance",
}


@pytest.fixture
def experiment(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.syspath_prepend(str(ROOT))
    return lambda name: importlib.import_module(f"examples.experiments.{name}")


def printed(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    runpy.run_path(str(ROOT / "examples" / f"{name}.py"), run_name="__main__")
    return capsys.readouterr().out


def test_every_example_is_tested() -> None:
    found = {path.stem for path in (ROOT / "examples").glob("*.py")}
    assert found == {"live_parameters", "own_distribution"}
    found = {path.stem for path in (ROOT / "examples" / "experiments").glob("*.py")}
    assert found == {"__init__", "command", "topic_model", *SMALL}


def test_own_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    said = printed("own_distribution", capsys)
    prob, cdf, log_sf = map(float, re.findall(r"-?\d+\.\d+", said.splitlines()[0])[1:])
    # At x = scale = 2 the density is exp(-1/2) / 2; float32 and a handful of operations.
    assert prob == pytest.approx(math.exp(-0.5) / 2, rel=1e-6)
    assert cdf == pytest.approx(-math.expm1(-0.5), rel=1e-6)
    assert log_sf == -312.5
    # The estimate's standard error is scale / (2 sqrt(n)) = 0.022; five of them, 6e-7 false alarms.
    fitted = float(said.split()[-1])
    assert fitted == pytest.approx(2.0, abs=0.11 + 0.005)


def test_live_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    said = printed("live_parameters", capsys)
    assert float(said.split()[-1]) < 1e-3


@pytest.mark.parametrize(("name", "said"), SMALL.items())
def test_a_quick_experiment_writes_its_report(
    name: str, said: str, experiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module: ModuleType = experiment(name)
    assert experiment("command").main(name, module.run, ["--quick", "--output", str(tmp_path / "new")]) == 0
    page = (tmp_path / "new" / f"{name}.html").read_text("utf-8")
    assert said in page
    assert "<svg" in page
    assert f"{name}.html" in capsys.readouterr().out.replace("\n", "")


@pytest.mark.parametrize("name", ["implicit", "rejection, raised by 10", "rejection, raised by 1", "score function"])
def test_the_gradients_of_the_toy_are_unbiased(name: str, experiment) -> None:
    toy = experiment("rejection_toy")
    torch.manual_seed(0)
    counts = toy.published()
    variance, off = toy.total_variance(toy.ESTIMATORS[name], counts + 1, counts, 2000)
    # off^2 is the mean of a hundred squares of standard normals, nearly: above 2.25 once in 1e10 runs
    assert off < 1.5
    # the estimators are told apart by orders of magnitude: 13, 25, 3e4, 2e7
    least, most = {"implicit": (8, 15), "score function": (1e7, 4e7)}.get(name, (16, 1e6))
    assert least < variance < most


def test_the_exact_variance_of_the_toy_is_that_of_its_draws(experiment) -> None:
    toy = experiment("rejection_toy")
    torch.manual_seed(0)
    counts = toy.published()
    exact, off = toy.exact_variance(counts + 1, counts)
    # the mean is at most about 100 and is summed from terms of its own size
    assert off < 100 * 100 * torch.finfo(torch.float64).eps
    alpha = counts + 1
    gradients = toy.implicit(alpha.expand(20_000, -1).clone(), counts)
    mean = counts * torch.polygamma(1, alpha) - counts.sum() * torch.polygamma(1, alpha.sum())
    squares = (gradients - mean).square().sum(-1)
    # five standard errors: one false alarm in 1.7 million runs
    assert abs(squares.mean() - exact) < 5 * squares.std() / len(squares) ** 0.5


def test_the_topic_model_finds_topics(experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    model = experiment("topic_model")
    for name, value in {"TOPICS": 6, "BATCH": 32, "SHOWN": 3}.items():
        monkeypatch.setattr(model, name, value)
    torch.manual_seed(0)
    counts = torch.zeros(75, 30)
    for i in range(75):  # fifty words out of the ten of one topic
        words = 10 * (i % 3) + torch.randint(10, (50,))
        counts[i] = torch.bincount(words, minlength=30)
    corpus = model.Corpus(counts[:60], counts[60:], tuple(map(str, range(30))))
    part = model.compare([corpus], 120, lambda share, what: None)
    values = {f.name: f.value for f in part.findings}
    for name in model.LAWS:
        # who knows all has 10 exactly, the frequencies about 30, and the bound lies above
        assert 9.9 < float(values[f"held-out perplexity, {name}"].split()[0]) < 15
    assert float(values["held-out perplexity, unigram, 1 added to counts"]) > 29
    shown = [{int(word) // 10 for word in values[f"topic {i}"].split(", ")} for i in (1, 2, 3)]
    assert sorted(map(sorted, shown)) == [[0], [1], [2]]


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # lda leaves its files to the garbage collector
def test_the_corpus_is_split_as_the_manual_says(experiment) -> None:
    pytest.importorskip("lda")
    model = experiment("topic_model")
    folds = model.reuters()
    for corpus in folds:
        assert (len(corpus.trained_on), len(corpus.held_out), len(corpus.words)) == (316, 79, 4258)
    assert model.frequencies(folds[0], 0.1) == pytest.approx(2858.58, abs=0.01)
    everything = folds[0].trained_on.sum(0) + folds[0].held_out.sum(0)
    assert torch.equal(sum(corpus.held_out.sum(0) for corpus in folds), everything)
