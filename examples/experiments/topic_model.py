"""Topics of Reuters stories: an amortised model whose shares of topics are Dirichlet, against logistic-normal ones."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Sequence
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
FOLDS = 5  # each is held out once
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


def reuters() -> list[Corpus]:
    """The stories that the package ``lda`` ships, 395 documents of 4258 words: each fifth of them held out in turn."""
    from lda.datasets import load_reuters, load_reuters_vocab

    counts = torch.as_tensor(load_reuters(), dtype=torch.float32)
    order = torch.randperm(len(counts), generator=torch.Generator().manual_seed(SPLIT_SEED))
    *others, last = counts[order].chunk(FOLDS)
    folds = [last, *others]
    words = load_reuters_vocab()
    return [Corpus(torch.cat(folds[:i] + folds[i + 1 :]), held_out, words) for i, held_out in enumerate(folds)]


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


def train(model: TopicModel, corpus: Corpus, steps: int, seed: int, tick: Tick) -> list[float]:
    """Adam on random batches, the divergence weighed in slowly; held-out perplexities along the way.

    The batches have a generator of their own, so that models of unlike laws see the same ones.
    """
    counts, batches = corpus.trained_on, torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(model.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps)
    prior, curve = Normal(0.0, SPREAD), []
    for step in range(1, steps + 1):
        batch = counts[torch.randperm(len(counts), generator=batches)[:BATCH]]
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
    return compare(reuters()[: 1 if quick else FOLDS], EVERY if quick else STEPS, tick)


def compare(folds: Sequence[Corpus], steps: int, tick: Tick) -> Part:
    """Train a model for each fold and law; report perplexities, what parts them, and topics of the first Dirichlet."""
    first = folds[0]
    part = Part(
        title="Topics: Dirichlet against logistic-normal shares",
        text=(
            f"{len(first.trained_on) + len(first.held_out)} documents with {len(first.words)} words and {TOPICS} "
            f"topics; each of {len(folds)} parts is held out once, and both laws are trained on the others, from the "
            f"same first topics and by the same batches. The encoder unrolls {ROUNDS} rounds of mean-field "
            "inference and corrects them by a perceptron; only the law of the shares differs. Perplexity is "
            "exp(-bound / words) over all words of the held-out documents."
        ),
        code="\n\n".join(map(inspect.getsource, (dirichlet, logistic_normal, TopicModel))),
    )
    finals: dict[str, list[float]] = {name: [] for name in LAWS}
    curves: dict[str, list[list[float]]] = {name: [] for name in LAWS}
    shown: list[str] = []
    for seed, corpus in enumerate(folds, torch.initial_seed()):
        for name, law in LAWS.items():

            def inner(done: float, what: str, name: str = name) -> None:
                at = sum(map(len, finals.values()))
                tick((at + done) / (len(LAWS) * len(folds)), f"{name}, {what}")

            torch.manual_seed(seed)
            model = TopicModel(law(), corpus.trained_on)
            curves[name].append(train(model, corpus, steps, seed, inner))
            finals[name].append(perplexity(model, corpus.held_out, 100))
            shown = shown or top_words(model, corpus)
    part.findings = findings(finals, [[frequencies(corpus, added) for corpus in folds] for added in (1.0, 0.1)])
    part.findings += [Finding(f"topic {i}", words) for i, words in enumerate(shown, 1)]
    part.plots.append(picture(curves, frequencies(first, 1.0)))
    return part


def findings(finals: dict[str, list[float]], unigrams: list[list[float]]) -> list[Finding]:
    """Perplexities of each fold and their means; the difference of the laws has an error from its pairs."""
    means = {name: sum(values) / len(values) for name, values in finals.items()}
    plain, less = (sum(values) / len(values) for values in unigrams)
    best = min(GOAL, SHARE_OF_UNIGRAM * plain)
    ours, other = (torch.tensor(finals[name], dtype=torch.float64) for name in ("Dirichlet", "logistic-normal"))
    ahead = other - ours
    error = ahead.std().item() / len(ahead) ** 0.5 if len(ahead) > 1 else math.nan
    found = []
    for name, values in finals.items():
        goal = (f"at most {best:.0f}", means[name] <= best) if name == "Dirichlet" else ()
        value = f"{means[name]:.1f} ({', '.join(f'{v:.1f}' for v in values)})"
        found.append(Finding(f"held-out perplexity, {name}", value, *goal))
    value = f"{ahead.mean():.1f} ± {error:.1f} ({', '.join(f'{v:.1f}' for v in ahead.tolist())})"
    found.append(Finding("logistic-normal above Dirichlet", value, "above 0", ahead.mean().item() > 0))
    for added, value in ((1.0, plain), (0.1, less)):
        found.append(Finding(f"held-out perplexity, unigram, {added:g} added to counts", f"{value:.1f}"))
    return found


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
    return Plot(
        to_svg(ax, "perplexity"),
        "Held-out perplexity in training, one line for each part held out. Dashed: the unigram, for the first.",
    )


if __name__ == "__main__":
    if util.find_spec("lda") is None:
        sys.exit("The topic model needs the corpus of lda: pip install 'reparam[experiments]'")
    sys.exit(main("topic_model", run))
