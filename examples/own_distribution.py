"""A distribution of your own in one file: declare its parameters and write its mathematics."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from reparam import Distribution, learnable, param, stack
from reparam.constraints import nonnegative, positive


class Rayleigh(Distribution):
    r"""The length of a vector whose two coordinates are independent normals of standard deviation ``scale``.

    .. math:: p(x) = \frac{x}{\sigma^2} \exp\left(-\frac{x^2}{2\sigma^2}\right), \qquad x \ge 0
    """

    scale = param(positive, symbol=r"\sigma", typical=(0.3, 3.0))
    support = nonnegative

    def _log_prob(self, x: Tensor) -> Tensor:
        return x.log() - 2 * self.scale.log() - 0.5 * (x / self.scale) ** 2

    def _log_sf(self, x: Tensor) -> Tensor:
        return -0.5 * (x / self.scale) ** 2

    def _rsample(self, shape: torch.Size, generator: Generator | None) -> Tensor:
        like = {"dtype": self.scale.dtype, "device": self.scale.device}
        exponential = torch.empty(shape, **like).exponential_(generator=generator)
        return self.scale * (2 * exponential).sqrt()


def main() -> None:
    """All that the declaration brings: cdf, tails, batches, gradients, a trainable module."""
    d = Rayleigh(2.0)
    print(d, "at its scale:", d.prob(2.0).item(), d.cdf(2.0).item(), d.log_sf(50.0).item())

    batch = stack([d, Rayleigh(3.0)])
    print(batch.batch_shape, batch[1].scale.item(), batch.sample(5).shape)

    data = d.sample(2000, generator=Generator().manual_seed(0))
    model = learnable(Rayleigh(1.0))
    optimiser = torch.optim.Adam(model.parameters(), 0.05)
    for _ in range(200):
        optimiser.zero_grad()
        (-model.log_prob(data).mean()).backward()
        optimiser.step()
    print("fitted to 2000 draws:", round(model.scale.item(), 2))


if __name__ == "__main__":
    main()
