"""Variational autoencoders of digits whose latents are normal, gamma, beta or angles, in one training loop."""

from __future__ import annotations

import inspect
import sys
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import softplus

from reparam import Beta, Gamma, VonMises
from reparam.cli.tour.digits import EPOCHS, NORMAL, Autoencoder, Latent, bound, data, train
from reparam.cli.tour.digits_plots import latent_plane
from reparam.cli.tour.part import Finding, Part, Tick

from .command import main

SHORT = 50  # images of a quick run

#: The law of each latent. Nothing else differs between the runs.
LATENTS = {
    "Normal": NORMAL,
    "Gamma": Latent(lambda a, b: Gamma(softplus(a) + 1e-3, b.exp()), Gamma(0.3, 0.3)),
    # The decoder sees the draws with the spread of a standard normal.
    "Beta": Latent(lambda a, b: Beta(a.exp(), b.exp()), Beta(1.0, 1.0), lambda z: 12**0.5 * (z - 0.5)),
    # The encoder points in a direction. So wide a prior is uniform on the circle, to rounding; and the decoder sees
    # a point of the circle, which does not jump.
    "VonMises": Latent(
        lambda a, b: VonMises(torch.atan2(b, a), 30 * torch.hypot(a, b)),
        VonMises(0.0, 1e-6),
        lambda z: torch.cat([z.cos(), z.sin()], -1),
    ),
}

#: Nats per image that minus the bound may be at most, on the images held out.
GOALS = {
    ("Normal", 2): 24.3,
    ("Normal", 10): 23.3,
    ("Gamma", 2): 24.5,
    ("Gamma", 10): 23.9,
    ("VonMises", 2): 24.5,
    ("VonMises", 10): 24.2,
}


def run(tick: Tick, quick: bool) -> Part:
    """Train an autoencoder of scikit-learn's digits for each law of the latents, with 2 and with 10 of them."""
    part = Part(
        title="Digits: one autoencoder, four laws of its latents",
        text=(
            "Each image is a mean over draws of ink and paper, so that the bound has no noise of its own. The laws "
            "of the latents change; the encoder gives two numbers for each, and encoder, decoder, bound and training "
            "stay as they are. Minus the bound is in nats per image: on held-out images, with its standard error over "
            "them, and on those trained on."
        ),
        code="\n\n".join(map(inspect.getsource, (Latent, Autoencoder, train))),
    )
    seed = torch.initial_seed()
    trained_on, held_out, _, labels = data()
    if quick:
        trained_on, held_out, labels = trained_on[:SHORT], held_out[:SHORT], labels[:SHORT]
    work = [(name, size) for name in LATENTS for size in EPOCHS]
    for i, (name, size) in enumerate(work):

        def inner(done: float, what: str, i: int = i) -> None:
            tick((i + done) / len(work), f"{work[i][0]}, {work[i][1]} latents, {what}")

        torch.manual_seed(seed)
        model = Autoencoder(size, trained_on, LATENTS[name])
        train(model, trained_on, 1 if quick else EPOCHS[size], inner)
        part.findings.append(finding(model, name, size, trained_on, held_out, draws=1 if quick else 100))
        if size == 2:
            plot = latent_plane(model, held_out, labels, name)
            part.plots.append(replace(plot, caption=f"{name} latents. {plot.caption}"))
    return part


def finding(model: Autoencoder, name: str, size: int, trained_on: Tensor, held_out: Tensor, draws: int) -> Finding:
    """Minus the bound per image, held out and trained on."""
    mean, error = bound(model, held_out, draws)
    known, _ = bound(model, trained_on, min(draws, 10))
    goal = GOALS.get((name, size))
    return Finding(
        f"{name}, {size} latents",
        f"{-mean:.2f} ± {error:.2f} held out, {-known:.2f} trained on",
        "" if goal is None else f"at most {goal}, held out",
        goal is None or -mean <= goal,
    )


if __name__ == "__main__":
    sys.exit(main("digits_vae", run))
