"""A variational autoencoder of binary images with one bright bar.

``run(D)`` works with ``torch.distributions`` as D and with ``reparam``.
"""

from __future__ import annotations

import sys
from types import ModuleType

import torch
from torch import Tensor, nn

SIDE, LATENT, STEPS = 6, 2, 60


def bars(n: int) -> Tensor:
    """Images ``[n, SIDE * SIDE]`` with one bright row or column."""
    generator = torch.Generator().manual_seed(5)
    where = torch.randint(SIDE, (n,), generator=generator)
    image = torch.zeros(n, SIDE, SIDE, dtype=torch.float64)
    image[torch.arange(n), where] = 1
    turned = torch.rand(n, generator=generator) < 0.5
    return torch.where(turned[:, None, None], image.mT, image).flatten(1)


class Autoencoder(nn.Module):
    """A normal posterior, a standard normal prior and a Bernoulli likelihood."""

    def __init__(self, D: ModuleType) -> None:
        super().__init__()
        self.D = D
        self.encoder = nn.Sequential(nn.Linear(SIDE**2, 32), nn.Tanh(), nn.Linear(32, 2 * LATENT))
        self.decoder = nn.Sequential(nn.Linear(LATENT, 32), nn.Tanh(), nn.Linear(32, SIDE**2))
        self.double()

    def posterior(self, x: Tensor):
        """q(z | x)."""
        loc, log_scale = self.encoder(x).chunk(2, -1)
        return self.D.Independent(self.D.Normal(loc, log_scale.exp()), 1)

    def prior(self, like: Tensor):
        """p(z)."""
        return self.D.Independent(self.D.Normal(torch.zeros_like(like), torch.ones_like(like)), 1)

    def likelihood(self, z: Tensor):
        """p(x | z)."""
        return self.D.Independent(self.D.Bernoulli(logits=self.decoder(z)), 1)

    def elbo(self, x: Tensor) -> Tensor:
        """The evidence lower bound of each image, by one draw."""
        posterior = self.posterior(x)
        z = posterior.rsample()
        return self.likelihood(z).log_prob(x) - self.D.kl_divergence(posterior, self.prior(z))


def run(D: ModuleType) -> dict[str, Tensor]:
    """Fit it.

    Returns:
        The bounds along the way, the posterior means of some images, and the probabilities of their pixels.
    """
    torch.manual_seed(1)
    model, data, history = Autoencoder(D), bars(200), []
    optimiser = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(STEPS):
        bound = model.elbo(data).mean()
        optimiser.zero_grad()
        (-bound).backward()
        optimiser.step()
        history.append(bound.detach())
    posterior = model.posterior(data[:10])
    pixels = model.likelihood(posterior.mean).mean
    return {"elbo": torch.stack(history), "latent": posterior.mean.detach(), "pixels": pixels.detach()}


if __name__ == "__main__":
    import reparam

    bound = run(torch.distributions if "torch" in sys.argv else reparam)["elbo"]
    print(f"evidence lower bound: {bound[0].item():.2f} at first, {bound[-1].item():.2f} at last")
