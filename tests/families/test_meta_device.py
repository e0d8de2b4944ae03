"""Laws on the meta device, where tensors have shapes and no numbers: for planning memory and for shapes alone."""

from __future__ import annotations

import pytest
import torch

from reparam import (
    Binomial,
    Categorical,
    Distribution,
    LowRankMultivariateNormal,
    MixtureSameFamily,
    Multinomial,
    MultivariateNormal,
    Normal,
    Wishart,
)

ZEROS, EYE = torch.zeros(4, 2, device="meta"), torch.eye(2, device="meta")
LAWS = [
    MultivariateNormal(ZEROS, EYE),
    MultivariateNormal(ZEROS, precision_matrix=EYE),
    MultivariateNormal(ZEROS, scale_tril=EYE),
    LowRankMultivariateNormal(ZEROS, EYE, ZEROS[0]),
    Wishart(ZEROS[..., 0], scale_tril=EYE),
    MixtureSameFamily(Categorical(ZEROS), Normal(ZEROS, 1.0)),
]


@pytest.mark.parametrize("validate", [True, False])
@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_shapes_without_numbers(law: Distribution, validate: bool) -> None:
    law = law.replace(validate_args=validate)
    event = law.event_shape
    for draw in (law.sample((3,)), law.rsample((3,))):
        assert draw.is_meta and draw.shape == (3, 4, *event)
    density = law.log_prob(draw)
    assert density.is_meta and density.shape == (3, 4)
    for summary in (law.mean, law.variance):
        assert summary.is_meta and summary.shape == (4, *event)
    assert law.entropy().shape == (4,)


@pytest.mark.parametrize("form", ["covariance_matrix", "precision_matrix", "scale_tril", "precision_tril"])
def test_forms_of_a_covariance_without_numbers(form: str) -> None:
    law = MultivariateNormal(ZEROS, **{form: EYE})
    for name in ("covariance_matrix", "precision_matrix", "scale_tril", "precision_tril"):
        matrix = getattr(law, name)
        assert matrix.is_meta and matrix.shape == (4, 2, 2)


@pytest.mark.parametrize("law", [Binomial(5, ZEROS), Multinomial(5, ZEROS)], ids=repr)
def test_counts_without_numbers(law: Distribution) -> None:
    draw = law.sample((3,))
    assert draw.is_meta and draw.shape == (3, *law.batch_shape, *law.event_shape)
