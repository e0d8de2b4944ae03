"""Pathwise: a variational autoencoder on scikit-learn's handwritten digits, with latents of any family."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from ... import Bernoulli, Distribution, Independent, Normal, kl_divergence
from .digits_plots import latent_plane, reconstructions
from .part import Finding, Part, Tick

TEST = 297
BATCH = 50
HIDDEN = 256
LEARNING_RATE = 3e-3
DRAWS = 2  # of each image's latents, in a step of training
WARM = 0.3  # of training passes before the divergence has its full weight
EPOCHS = {2: 100, 10: 150}
GOALS = {2: -24.3, 10: -23.8}


@dataclass(frozen=True)
class Latent:
    """The law of a latent.

    Args:
        posterior: the law, given two numbers from the encoder.
        prior: the law before an image is seen.
        seen: what the decoder sees of draws ``[..., latents]``.
    """

    posterior: Callable[[Tensor, Tensor], Distribution]
    prior: Distribution
    seen: Callable[[Tensor], Tensor] = lambda draws: draws


NORMAL = Latent(lambda a, b: Normal(a, b.exp()), Normal(0.0, 1.0))


class Autoencoder(nn.Module):
    """Encoder, decoder, and the evidence lower bound that trains both.

    Args:
        latents: how many there are.
        images: those to train on. The encoder sees, and the decoder says, how an image differs from their mean.
        law: the law of each latent.
    """

    mean: Tensor
    spread: Tensor
    plain: Tensor

    def __init__(self, latents: int, images: Tensor, law: Latent = NORMAL) -> None:
        super().__init__()
        self.law = law
        self.register_buffer("mean", images.mean(0))
        self.register_buffer("spread", images.std())
        # with an image of ink and one of paper added, every logit is finite
        self.register_buffer("plain", ((images.sum(0) + 1) / (len(images) + 2)).logit())
        self.encoder = perceptron(64, 2 * latents)
        self.decoder = perceptron(law.seen(torch.zeros(latents)).numel(), 64)
        self.prior = law.prior

    def posterior(self, images: Tensor) -> Independent:
        """The law of the latents, given images."""
        numbers = self.encoder((images - self.mean) / self.spread)
        return Independent(self.law.posterior(*numbers.chunk(2, -1)), 1)

    def likelihood(self, latents: Tensor) -> Bernoulli:
        """The law of each pixel, given latents: whether a sheet of ink covers it."""
        return Bernoulli(logits=self.plain + self.decoder(self.law.seen(latents)))

    def elbo(self, images: Tensor, draws: int = 1, weight: float = 1.0) -> Tensor:
        """The evidence lower bound of each image, in nats; in training, the divergence may have less weight."""
        posterior = self.posterior(images)
        pixel = self.likelihood(posterior.rsample((draws,)))
        # A pixel of grey level g is ink with probability g: the mean over both outcomes is exact.
        ink, paper = pixel.log_prob(torch.tensor(1.0)), pixel.log_prob(torch.tensor(0.0))
        fit = (images * ink + (1 - images) * paper).sum(-1).mean(0)
        return fit - weight * kl_divergence(posterior.base_dist, self.prior).sum(-1)


def perceptron(inputs: int, outputs: int) -> nn.Sequential:
    """Three hidden layers."""
    widths = [inputs, HIDDEN, HIDDEN, HIDDEN]
    layers = [layer for a, b in pairwise(widths) for layer in (nn.Linear(a, b), nn.SiLU())]
    return nn.Sequential(*layers, nn.Linear(HIDDEN, outputs))


def data() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The digits in an order of its own seed: images to train on, `TEST` held-out ones, and the labels of both."""
    images, labels = load_digits(return_X_y=True)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    pixels = (torch.as_tensor(images, dtype=torch.float32) / 16)[order]
    names = torch.as_tensor(labels)[order]
    return pixels[:-TEST], pixels[-TEST:], names[:-TEST], names[-TEST:]


def train(model: Autoencoder, images: Tensor, epochs: int, tick: Tick) -> None:
    """Adam on shuffled batches, the learning rate rising and falling once, the divergence weighed in slowly.

    At full weight from the start, latents that say little as yet are pulled to the prior and never come back.
    """
    optimiser = torch.optim.Adam(model.parameters(), LEARNING_RATE)
    steps = epochs * len(images) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps)
    for epoch in range(epochs):
        weight = min(1.0, epoch / (WARM * epochs))
        total = 0.0
        for chosen in torch.randperm(len(images)).view(-1, BATCH):
            batch = images[chosen]
            loss = -model.elbo(batch, DRAWS, weight).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total -= loss.item()
        tick((epoch + 1) / epochs, f"{'ELBO' if weight == 1 else 'warming up'} {total * BATCH / len(images):.2f}")


def run(tick: Tick, quick: bool) -> Part:
    """Train with 2 latent dimensions, to look at, and with 10, to compress."""
    trained_on, held_out, _, labels = data()
    part = Part(
        title="Pathwise: a variational autoencoder of digits",
        text=(
            f"The {len(trained_on) + TEST} handwritten digits that scikit-learn ships, 8 by 8 pixels; {TEST} of "
            "them, held out, are scored. The posterior and the prior are Normals, the draw is "
            "rsample, and the divergence between the two is exact."
        ),
        code=inspect.getsource(Autoencoder.elbo),
    )
    models = {}
    share, all_epochs = 0.0, sum(EPOCHS.values())
    for latent, epochs in EPOCHS.items():
        weight = epochs / all_epochs
        model = models[latent] = Autoencoder(latent, trained_on)

        def inner(done: float, what: str, latent: int = latent, share: float = share, weight: float = weight) -> None:
            tick(share + weight * done, f"{latent} dimensions, {what}")

        train(model, trained_on, 1 if quick else epochs, inner)
        share += weight
        part.findings += scores(model, latent, trained_on, held_out)
    part.plots = [
        latent_plane(models[2], held_out, labels),
        reconstructions(models[10], held_out),
    ]
    return part


@torch.no_grad()
def bound(model: Autoencoder, images: Tensor, draws: int) -> tuple[float, float]:
    """The evidence lower bound per image, and its standard error over images."""
    elbo = model.elbo(images, draws)
    return elbo.mean().item(), (elbo.std() / len(elbo) ** 0.5).item()


def scores(model: Autoencoder, latent: int, trained_on: Tensor, held_out: Tensor) -> list[Finding]:
    """The bound per image, on the images trained on and on those held out."""
    mean, error = bound(model, held_out, draws=100)
    goal = GOALS[latent]
    return [
        Finding(
            f"test ELBO per image, {latent} latent dimensions",
            f"{mean:.2f} ± {error:.2f} nats",
            f"at least {goal}",
            mean >= goal,
        ),
        Finding(
            f"training ELBO per image, {latent} latent dimensions",
            f"{bound(model, trained_on, draws=10)[0]:.2f} nats",
        ),
    ]
