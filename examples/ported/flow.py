"""A normalising flow of coupling layers, with a transform of its own, fitted to two crescents.

``run(D)`` works with ``torch.distributions`` as D and with ``reparam``.
"""

from __future__ import annotations

import math
import sys
from types import ModuleType

import torch
from torch import Tensor, nn

LAYERS, STEPS = 4, 50


def crescents(n: int) -> Tensor:
    """Points ``[n, 2]`` on two crescents that hook into each other."""
    angle = math.pi * torch.rand(n, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    upper = torch.arange(n) % 2 == 0
    x = torch.where(upper, angle.cos(), 1 - angle.cos())
    y = torch.where(upper, angle.sin(), 0.5 - angle.sin())
    noise = torch.randn(n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    return torch.stack([x, y], -1) + 0.1 * noise


def coupling(D: ModuleType, net: nn.Module, first: int):
    """A transform that moves one coordinate by a function of the other."""

    class Coupling(D.Transform):
        domain = D.constraints.real_vector
        codomain = D.constraints.real_vector
        bijective = True

        def _split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            shift, log_scale = net(x[..., first : first + 1]).chunk(2, -1)
            return x[..., 1 - first].unsqueeze(-1), shift, torch.tanh(log_scale)

        def _joined(self, kept: Tensor, moved: Tensor) -> Tensor:
            parts = [kept[..., first : first + 1], moved]
            return torch.cat(parts if first == 0 else parts[::-1], -1)

        def _call(self, x: Tensor) -> Tensor:
            moved, shift, log_scale = self._split(x)
            return self._joined(x, moved * log_scale.exp() + shift)

        def _inverse(self, y: Tensor) -> Tensor:
            moved, shift, log_scale = self._split(y)
            return self._joined(y, (moved - shift) * (-log_scale).exp())

        def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
            return self._split(x)[2].squeeze(-1)

    return Coupling()


def run(D: ModuleType) -> dict[str, Tensor]:
    """Fit the flow by maximum likelihood.

    Returns:
        The mean log-densities along the way, and draws of the fitted flow with their log-densities.
    """
    torch.manual_seed(2)
    nets = [nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 2)).double() for _ in range(LAYERS)]
    loc = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    scale = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    positive = D.transform_to(D.constraints.positive)

    def flow():
        base = D.Independent(D.Normal(loc, positive(scale)), 1)
        layers = [coupling(D, net, i % 2) for i, net in enumerate(nets)]
        stretch = D.IndependentTransform(D.AffineTransform(0.5, 1.5), 1)
        return D.TransformedDistribution(base, [*layers, stretch])

    data, history = crescents(300), []
    weights = [p for net in nets for p in net.parameters()]
    optimiser = torch.optim.Adam([*weights, loc, scale], 0.02)
    for _ in range(STEPS):
        loss = -flow().log_prob(data).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append(-loss.detach())
    torch.manual_seed(3)
    fitted = flow()
    with torch.no_grad():
        draws = fitted.sample((5,))
        return {"fit": torch.stack(history), "draws": draws, "density": fitted.log_prob(draws)}


if __name__ == "__main__":
    import reparam

    fit = run(torch.distributions if "torch" in sys.argv else reparam)["fit"]
    print(f"mean log-density: {fit[0].item():.3f} at first, {fit[-1].item():.3f} at last")
