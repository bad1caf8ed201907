r"""Do learned scorers of (question key, document key) weigh documents better than their cosine does?

    .venv/bin/python experiments/studies/document_weights.py --squad new_wiki_v1.0.json

A question's documents are weighed by the softmax of their scores. In training a question has three
documents: its own one, and the two others that retrieval ranks best. Each scorer learns to put the weight on
the own one. The questions are of the almanac and of SQuADShifts' training articles. This needs keys alone and
no language model. The state of a scorer that validates best is tested on the first three documents that
retrieval finds, with all test questions whose own document is among them.
"""

import argparse
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from regrad_jax.data.datasets import load
from regrad_jax.errors import UserError
from regrad_jax.models.assets import fetch
from regrad_jax.retrieval.embedding import Embedder

_K = 3  # documents a question
_ENTITIES = {"train": 2000, "validation": 300, "test": 500}
_STEPS, _BATCH, _VALIDATE_EVERY = 1500, 256, 150
_RANK, _HIDDEN = 32, 64
_SEED = 5


class Choices(NamedTuple):
    """Questions, each with K documents of which one is its own."""

    questions_QxE: np.ndarray
    documents_QxKxE: np.ndarray
    own_Q: np.ndarray


class Scorer(NamedTuple):
    """A way of scoring; what it adds to the cosine starts at or near nothing."""

    parameters: dict[str, np.ndarray]
    added: Callable[[dict, jax.Array, jax.Array], jax.Array]
    weight_decay: float = 0.01


def scorers(width: int) -> dict[str, Scorer]:
    """Returns every way by its name; each also learns a temperature."""
    rng = np.random.default_rng(_SEED)
    normal = lambda *shape: (
        rng.standard_normal(shape).astype(np.float32) / np.sqrt(shape[0], dtype=np.float32)
    )

    def perceptron(p, q_QxE, d_QxKxE):
        q_QxKxE = jnp.broadcast_to(q_QxE[:, None], d_QxKxE.shape)
        features = jnp.concatenate([q_QxKxE * d_QxKxE, jnp.abs(q_QxKxE - d_QxKxE)], -1)
        return jax.nn.gelu(10 * features @ p["in"]) @ p["out"]

    bilinear = {"q": 0.3 * normal(width, _RANK), "d": 0.3 * normal(width, _RANK)}
    return {
        "cosine": Scorer({}, lambda p, q, d: 0.0),
        "diagonal": Scorer(
            {"w": np.zeros(width, np.float32)}, lambda p, q, d: jnp.einsum("qe,e,qke->qk", q, p["w"], d)
        ),
        "bilinear": Scorer(bilinear, lambda p, q, d: jnp.einsum("qr,qkr->qk", q @ p["q"], d @ p["d"])),
        "bilinear, decayed": Scorer(
            bilinear, lambda p, q, d: jnp.einsum("qr,qkr->qk", q @ p["q"], d @ p["d"]), weight_decay=1.0
        ),
        "perceptron": Scorer(
            {"in": normal(2 * width, _HIDDEN), "out": np.zeros(_HIDDEN, np.float32)}, perceptron
        ),
    }


def choices(source: str, settings: dict, split: str, embedder: Embedder, found: bool) -> Choices:
    """Returns what is chosen from.

    With `found` it is what retrieval finds first, of questions whose own document is among it; without, the
    own document and the best others, of all questions.
    """
    documents, questions = load(source, split, settings)
    place = {document.id: n for n, document in enumerate(documents)}
    keys_NxE = embedder.embed([document.content for document in documents])
    questions_QxE = embedder.embed([question.question for question in questions])
    own_Q = np.array([place[question.document_id] for question in questions])
    scores_QxN = questions_QxE @ keys_NxE.T
    if not found:
        scores_QxN[np.arange(len(own_Q)), own_Q] = np.inf
    first_QxK = np.argsort(-scores_QxN, axis=1)[:, :_K]
    is_own_QxK = first_QxK == own_Q[:, None]
    kept = is_own_QxK.any(axis=1)
    return Choices(questions_QxE[kept], keys_NxE[first_QxK[kept]], is_own_QxK[kept].argmax(axis=1))


def train(scorer: Scorer, data: Choices, validation: list[Choices]) -> Callable[[Choices], np.ndarray]:
    """Returns the trained scorer: choices -> weights_QxK."""

    def log_weights(p, some: Choices) -> jax.Array:
        cosine_QxK = jnp.einsum("qe,qke->qk", some.questions_QxE, some.documents_QxKxE)
        added = scorer.added(p, some.questions_QxE, some.documents_QxKxE)
        return jax.nn.log_softmax((cosine_QxK + added) / jnp.exp(p["log_temperature"]))

    def loss(p, some: Choices) -> jax.Array:
        return -jnp.mean(jnp.take_along_axis(log_weights(p, some), some.own_Q[:, None], axis=1))

    p = {"log_temperature": np.log(np.float32(0.05)), **scorer.parameters}
    decayed = {name: name != "log_temperature" for name in p}
    optimiser = optax.adamw(
        optax.cosine_decay_schedule(3e-3, _STEPS), weight_decay=scorer.weight_decay, mask=decayed
    )

    @jax.jit
    def step(p, state, batch):
        updates, state = optimiser.update(jax.grad(loss)(p, batch), state, p)
        return optax.apply_updates(p, updates), state

    validate = jax.jit(lambda p: sum(loss(p, some) for some in validation) / len(validation))
    state, rng, best = optimiser.init(p), np.random.default_rng(_SEED), (np.inf, p)
    for number in range(1, _STEPS + 1):
        rows = rng.integers(0, len(data.own_Q), _BATCH)
        p, state = step(p, state, Choices(*(array[rows] for array in data)))
        if number % _VALIDATE_EVERY == 0:
            best = min(best, (float(validate(p)), p), key=lambda item: item[0])
    return lambda some: np.exp(log_weights(best[1], some))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--squad", required=True, help="the SQuAD-format file that the release was trained on"
    )
    squad = {"path": parser.parse_args().squad}
    try:
        load("squad", "test", squad)
    except UserError as error:
        parser.error(f"--squad: {error}")
    embedder = Embedder.load(fetch("minilm-l6"))
    sources = lambda split: {"almanac": {"entities": _ENTITIES[split], "seed": _SEED}, "squad": squad}
    read = lambda split, found: {n: choices(n, s, split, embedder, found) for n, s in sources(split).items()}
    parts = read("train", found=False).values()
    data = Choices(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
    validation, test = list(read("validation", found=False).values()), read("test", found=True)
    print("scorer              set      questions  own first  its weight   nats")
    for name, scorer in scorers(embedder.width).items():
        weigh = train(scorer, data, validation)
        for source, some in test.items():
            weights_QxK = weigh(some)
            own_Q = np.take_along_axis(weights_QxK, some.own_Q[:, None], axis=1)
            first = 100 * np.mean(weights_QxK.argmax(axis=1) == some.own_Q)
            print(f"{name:18}  {source:8} {len(own_Q):9}  {first:8.1f}%  {own_Q.mean():10.3f}  "
                  f"{-np.log(own_Q).mean():5.3f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
