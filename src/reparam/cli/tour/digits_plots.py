"""Pictures of the autoencoder: the plane of its latents, and digits next to their reconstructions."""

from __future__ import annotations

from typing import Protocol

import torch
from matplotlib.axes import Axes
from torch import Tensor

from ... import Bernoulli, Distribution, Independent
from ...plots.style import axes, legend, to_svg
from .part import Plot

SIDE = 12
SHOWN = 12


class Model(Protocol):
    """What is asked of an autoencoder."""

    prior: Distribution

    def posterior(self, images: Tensor) -> Independent:
        """The law of the latents, given images."""

    def likelihood(self, latents: Tensor) -> Bernoulli:
        """The law of each pixel, given latents."""


def show(ax: Axes, image: Tensor) -> None:
    """An image in grey, without axes."""
    ax.imshow(image.numpy(), cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    ax.set_axis_off()


def tiles(images: Tensor, rows: int) -> Tensor:
    """Images ``[rows * columns, 64]`` laid side by side as one."""
    columns = len(images) // rows
    grid = images.reshape(rows, columns, 8, 8)
    return grid.transpose(1, 2).reshape(8 * rows, 8 * columns)


@torch.no_grad()
def latent_plane(model: Model, images: Tensor, labels: Tensor, name: str = "plane") -> Plot:
    """Where the test digits lie in two dimensions, and what the decoder makes of that plane."""
    left, right = axes(2, height=3.2)
    place = model.prior.cdf(model.posterior(images).mean)
    colours = left.scatter(place[:, 0].tolist(), place[:, 1].tolist(), c=labels.tolist(), cmap="tab10", s=7)
    handles, digits = colours.legend_elements()
    where = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "ncols": 5}
    legend(left, handles=handles, labels=digits, handletextpad=0, columnspacing=1.0, **where)
    left.set_xlabel("$F(z_1)$")
    left.set_ylabel("$F(z_2)$")
    left.set(aspect="equal", xlim=(0, 1), ylim=(0, 1))
    steps = (torch.arange(SIDE) + 0.5) / SIDE
    plane = torch.cartesian_prod(steps.flip(0), steps).flip(-1)
    show(right, tiles(model.likelihood(model.prior.icdf(plane)).mean, SIDE))
    return Plot(
        to_svg(left, name),
        "Left: held-out digits in the plane of two latents, by the probabilities F that the prior gives to smaller "
        "ones. Right: digits decoded from that plane.",
    )


@torch.no_grad()
def reconstructions(model: Model, images: Tensor) -> Plot:
    """Held-out digits, and what ten latents keep of them."""
    (ax,) = axes(width=6.4, height=1.3)
    shown = images[:SHOWN]
    above, below = tiles(shown, 1), tiles(model.likelihood(model.posterior(shown).mean).mean, 1)
    show(ax, torch.cat([above, torch.zeros_like(above[:2]), below]))
    return Plot(
        to_svg(ax, "reconstructions"),
        "Above: held-out digits. Below: the same, decoded from ten latent dimensions.",
    )
