"""Build a distribution once over live parameters, and let an optimiser move it."""

from __future__ import annotations

import torch

from reparam import Normal, kl_divergence, live


def main() -> None:
    """Minimise the divergence from a target by its Monte Carlo estimate."""
    torch.manual_seed(0)
    loc, log_std = torch.tensor(1.0, requires_grad=True), torch.tensor(1.0, requires_grad=True)
    dist, target = Normal(loc, live(torch.exp, log_std)), Normal(5.0, 5.0)

    optim = torch.optim.Adam([loc, log_std], 5e-3)
    for _ in range(2000):
        optim.zero_grad()
        samples = dist.rsample((1000,))
        cost = -(target.log_prob(samples) - dist.log_prob(samples)).mean()
        cost.backward()
        optim.step()
    print(f"mean {dist.mean:.2f}, standard deviation {dist.stddev:.2f}")
    print(f"divergence from the target: {kl_divergence(dist, target):.0e}")


if __name__ == "__main__":
    main()
