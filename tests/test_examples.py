"""The examples run, and print what they promise."""

from __future__ import annotations

import math
import re
import runpy

import pytest

from architecture import ROOT


def printed(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    runpy.run_path(str(ROOT / "examples" / f"{name}.py"), run_name="__main__")
    return capsys.readouterr().out


def test_every_example_is_tested() -> None:
    found = {path.stem for path in (ROOT / "examples").glob("*.py")}
    assert found == {"live_parameters", "own_distribution"}


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
