"""Topics of Reuters stories: an amortised model whose shares of topics are Dirichlet, against logistic-normal ones."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import util

import torch
from torch import Tensor, nn

from reparam import Dirichlet, Distribution, Independent, Normal, kl_divergence, learnable
from reparam.cli.tour.part import Finding, Part, Plot, Tick
from reparam.plots.style import BLUE, GREEN, ORANGE, axes, legend, to_svg
from reparam.special import digamma

from .command import main

TOPICS = 20
ROUNDS = 15  # of mean-field inference, before the encoder's perceptron
SPREAD = 5**0.5  # of the prior of a word's log-odds in a topic against the whole corpus
CONCENTRATION = 0.1
SEEDS = (0, 1, 2)
STEPS, BATCH, LEARNING_RATE = 400, 64, 1e-2
EVERY = 20
SPLIT_SEED = 7
SHOWN = 6  # topics in the report
GOAL, SHARE_OF_UNIGRAM = 2130, 0.75


@dataclass(frozen=True)
class Corpus:
    """Counts ``[documents, words]`` to train on and held out, and the words."""

    trained_on: Tensor
    held_out: Tensor
    words: tuple[str, ...]


def reuters() -> Corpus:
    """The stories that the package ``lda`` ships: 395 documents, 4258 words; a fifth is held out."""
    from lda.datasets import load_reuters, load_reuters_vocab

    counts = torch.as_tensor(load_reuters(), dtype=torch.float32)
    order = torch.randperm(len(counts), generator=torch.Generator().manual_seed(SPLIT_SEED))
    counts = counts[order]
    return Corpus(counts[: -(len(counts) // 5)], counts[-(len(counts) // 5) :], load_reuters_vocab())


@dataclass(frozen=True)
class Law:
    """The law of a document's topics.

    Args:
        posterior: the law, given numbers near the logarithms of the words of each topic, and as many others.
        prior: the law before the document is read.
        shares: of the topics, from a draw.
    """

    posterior: Callable[[Tensor, Tensor], Distribution]
    prior: Distribution | nn.Module
    shares: Callable[[Tensor], Tensor]


def dirichlet() -> Law:
    """Shares are the draw; the gradient passes through it implicitly."""
    return Law(lambda h, _: Dirichlet(h.exp()), Dirichlet(torch.full((TOPICS,), CONCENTRATION)), lambda draw: draw)


def logistic_normal() -> Law:
    """Shares are the softmax of a normal vector, whose prior is learnt."""
    prior = learnable(Normal(torch.zeros(TOPICS), torch.full((TOPICS,), 2.0)).to_event(1))
    return Law(lambda h, s: Independent(Normal(h, s.exp()), 1), prior, lambda draw: draw.softmax(-1))


LAWS: dict[str, Callable[[], Law]] = {"Dirichlet": dirichlet, "logistic-normal": logistic_normal}


class TopicModel(nn.Module):
    """Topics, and an encoder from a document to the law of its shares of them.

    Args:
        law: of the shares.
        counts: the documents to train on.
    """

    def __init__(self, law: Law, counts: Tensor) -> None:
        super().__init__()
        self.law, self.prior = law, law.prior
        self.register_buffer("background", smoothed(counts, 1.0).log())
        # a topic begins halfway between the corpus and one of its documents
        one = counts[torch.randperm(len(counts))[:TOPICS]]
        mixed = (one / one.sum(-1, keepdim=True) + self.background.exp()) / 2
        self.log_odds = nn.Parameter(mixed.log() - self.background)
        self.straight = nn.Linear(TOPICS, 2 * TOPICS)
        last = nn.Linear(16, 2 * TOPICS)
        self.bent = nn.Sequential(nn.Linear(TOPICS, 16), nn.SiLU(), nn.Dropout(0.3), last)
        for layer in (self.straight, last):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        nn.init.eye_(self.straight.weight)

    def topics(self) -> Tensor:
        """The probability of each word in each topic."""
        return (self.background + self.log_odds).softmax(-1)

    def posterior(self, counts: Tensor) -> Distribution:
        """The law of the draw, given documents."""
        found = mean_field(counts, self.topics().detach()).log()
        near, other = (self.straight(found) + self.bent(found - found.mean(-1, keepdim=True))).chunk(2, -1)
        return self.law.posterior(near, other)

    def bound(self, counts: Tensor, draws: int = 1) -> tuple[Tensor, Tensor]:
        """The expected log-likelihood of each document, and its divergence: their difference is the bound."""
        posterior = self.posterior(counts)
        shares = self.law.shares(posterior.rsample((draws,)))
        fit = (counts * (shares @ self.topics()).log()).sum(-1).mean(0)
        return fit, kl_divergence(posterior, self.prior)


def mean_field(counts: Tensor, topics: Tensor) -> Tensor:
    """About how many words of each document belong to each topic, with a prior count added."""
    found = CONCENTRATION + counts.sum(-1, keepdim=True) / TOPICS * counts.new_ones(TOPICS)
    for _ in range(ROUNDS):
        weights = digamma(found).exp()
        found = CONCENTRATION + weights * ((counts / (weights @ topics)) @ topics.T)
    return found


def smoothed(counts: Tensor, added: float) -> Tensor:
    """The probability of each word in a corpus, with ``added`` to its counts."""
    total = counts.sum(0) + added
    return total / total.sum()


def train(model: TopicModel, corpus: Corpus, steps: int, tick: Tick) -> list[float]:
    """Adam on random batches, the divergence weighed in slowly; held-out perplexities along the way."""
    counts = corpus.trained_on
    optimiser = torch.optim.Adam(model.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps)
    prior, curve = Normal(0.0, SPREAD), []
    for step in range(1, steps + 1):
        batch = counts[torch.randperm(len(counts))[:BATCH]]
        fit, divergence = model.bound(batch)
        weight = min(1.0, step / (0.3 * steps))
        topics = prior.log_prob(model.log_odds).sum() / len(counts)
        loss = -(fit - weight * divergence + topics).sum() / batch.sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % EVERY == 0:
            curve.append(perplexity(model, corpus.held_out, 1))
            tick(step / steps, f"perplexity {curve[-1]:.0f}")
    return curve


@torch.no_grad()
def perplexity(model: TopicModel, counts: Tensor, draws: int) -> float:
    """The exponential of minus the bound per word, an upper bound of the model's own perplexity."""
    model.eval()
    fit, divergence = model.bound(counts, draws)
    model.train()
    return (-(fit - divergence).sum() / counts.sum()).exp().item()


def run(tick: Tick, quick: bool) -> Part:
    """Train topic models of Reuters stories with Dirichlet and with logistic-normal shares of topics."""
    return compare(reuters(), tick, quick)


def compare(corpus: Corpus, tick: Tick, quick: bool) -> Part:
    """Train a model for each law and seed; report perplexities, and the topics of the first Dirichlet model."""
    part = Part(
        title="Topics: Dirichlet against logistic-normal shares",
        text=(
            f"{len(corpus.trained_on)} documents are trained on and {len(corpus.held_out)} held out, with "
            f"{len(corpus.words)} words and {TOPICS} topics. The encoder unrolls {ROUNDS} rounds of mean-field "
            "inference and corrects them by a perceptron; only the law of the shares differs. Perplexity is "
            "exp(-bound / words) over all words of the held-out documents."
        ),
        code="\n\n".join(map(inspect.getsource, (dirichlet, logistic_normal, TopicModel))),
    )
    unigram = {added: frequencies(corpus, added) for added in (0.1, 1.0)}
    steps, seeds = (EVERY, SEEDS[:1]) if quick else (STEPS, SEEDS)
    finals: dict[str, list[float]] = {}
    curves: dict[str, list[list[float]]] = {}
    for i, (name, law) in enumerate(LAWS.items()):
        for j, seed in enumerate(seeds):

            def inner(done: float, what: str, at: int = i * len(seeds) + j, name: str = name) -> None:
                tick((at + done) / (len(LAWS) * len(seeds)), f"{name}, {what}")

            torch.manual_seed(seed)
            model = TopicModel(law(), corpus.trained_on)
            curves.setdefault(name, []).append(train(model, corpus, steps, inner))
            finals.setdefault(name, []).append(perplexity(model, corpus.held_out, 100))
            if name == "Dirichlet" and seed == seeds[0]:
                topics = list(top_words(model, corpus))
    means = {name: sum(values) / len(values) for name, values in finals.items()}
    best = min(GOAL, SHARE_OF_UNIGRAM * unigram[1.0])
    ahead = means["Dirichlet"] < means["logistic-normal"]
    goals = {"Dirichlet": (f"at most {best:.0f}, below the other", means["Dirichlet"] <= best and ahead)}
    for name, values in finals.items():
        value = f"{means[name]:.1f} ({', '.join(f'{v:.1f}' for v in values)})"
        part.findings.append(Finding(f"held-out perplexity, {name}", value, *goals.get(name, ())))
    for added, value in unigram.items():
        part.findings.append(Finding(f"held-out perplexity, unigram, {added:g} added to counts", f"{value:.1f}"))
    part.findings += [Finding(f"topic {i}", words) for i, words in enumerate(topics, 1)]
    part.plots.append(picture(curves, unigram[1.0]))
    return part


def frequencies(corpus: Corpus, added: float) -> float:
    """The held-out perplexity of the words' frequencies."""
    log_p = smoothed(corpus.trained_on, added).log()
    return (-(corpus.held_out @ log_p).sum() / corpus.held_out.sum()).exp().item()


@torch.no_grad()
def top_words(model: TopicModel, corpus: Corpus, words: int = 8) -> list[str]:
    """The likeliest words of the topics that most of the held-out words belong to."""
    used = mean_field(corpus.held_out, model.topics()).sum(0).topk(SHOWN).indices
    return [", ".join(corpus.words[i] for i in row) for row in model.topics()[used].topk(words).indices.tolist()]


def picture(curves: dict[str, list[list[float]]], unigram: float) -> Plot:
    """Held-out perplexities as training goes on."""
    (ax,) = axes(width=6.4, height=3.2)
    for (name, runs), colour in zip(curves.items(), (BLUE, ORANGE), strict=True):
        for i, curve in enumerate(runs):
            steps = [EVERY * (k + 1) for k in range(len(curve))]
            ax.plot(steps, curve, color=colour, linewidth=1.2, label=name if i == 0 else None)
    ax.axhline(unigram, color=GREEN, linewidth=1, linestyle="--", label="unigram")
    ax.set_xlabel("step of Adam")
    ax.set_ylabel("held-out perplexity")
    legend(ax)
    return Plot(to_svg(ax, "perplexity"), "Held-out perplexity in training, one line for each seed.")


if __name__ == "__main__":
    if util.find_spec("lda") is None:
        sys.exit("The topic model needs the corpus of lda: pip install 'reparam[experiments]'")
    sys.exit(main("topic_model", run))
