"""The code in the README runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture(scope="module")
def namespace() -> dict[str, object]:
    torch.manual_seed(0)
    names: dict[str, object] = {}
    for block in BLOCKS:
        exec(block, names)
    return names


def test_the_ten_lines_reach_the_target(namespace):
    assert namespace["kl_divergence"](namespace["dist"], namespace["target"]).item() < 1e-3


def test_the_law_of_the_readme_satisfies_the_laws(namespace):
    law = namespace["Rayleigh"](torch.tensor([0.5, 2.0]))
    x = law.rsample((200_000,), generator=torch.Generator().manual_seed(1))
    # the mean of a Rayleigh law is scale * sqrt(pi / 2), its variance (2 - pi / 2) scale^2: 5 standard errors
    mean, sd = law.scale * (torch.pi / 2) ** 0.5, law.scale * (2 - torch.pi / 2) ** 0.5
    assert bool(((x.mean(0) - mean).abs() < 5 * sd / 200_000**0.5).all())
    assert "scale" in repr(law) and law[0].batch_shape == ()
