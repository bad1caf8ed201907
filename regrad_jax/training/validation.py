"""Validation: what document gradients are worth on questions that were not trained on."""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax.adaptation.adapter import Tree
from regrad_jax.adaptation.factors import Factors
from regrad_jax.adaptation.inner import adapted_head, document_gradients, document_loss
from regrad_jax.adaptation.outer import ORDERS, GradientMap, Questions, TaskBatch, answer_losses
from regrad_jax.adaptation.parameters import MetaParams, adapted_parameters, descend
from regrad_jax.adaptation.rules import InnerProblem
from regrad_jax.adaptation.weights import DOCUMENT_WEIGHTS
from regrad_jax.engine.generate import generate
from regrad_jax.models.decoder import SplitDecoder


class Validation(NamedTuple):
    """Sums over a validation batch's questions, or documents.

    Questions are answered with the gradients of their own documents, with those of another group of documents
    ("other"), and without any ("none"). The difference between own and other is knowledge. What both have in
    common against none is only the form of an answer.

    Attributes:
        gold, other, none: answer loss in nats per token.
        exact, exact_other, exact_none: greedy answers that are the answer, token by token.
        f1, f1_other, f1_none: F1 of the greedy answers' tokens but for the one that ends them, in [0, 1].
        document_before, document_after: document loss at theta* and after the inner steps on that document
            alone.
        questions, documents: how many.
    """

    gold: jax.Array | float
    other: jax.Array | float
    none: jax.Array | float
    exact: jax.Array | float
    exact_other: jax.Array | float
    exact_none: jax.Array | float
    f1: jax.Array | float
    f1_other: jax.Array | float
    f1_none: jax.Array | float
    document_before: jax.Array | float
    document_after: jax.Array | float
    questions: jax.Array | float
    documents: jax.Array | float

    def means(self) -> dict[str, float]:
        """Returns every figure by name as a mean, and the number of questions."""
        values = self._asdict()
        questions, documents = values.pop("questions"), values.pop("documents")
        count = lambda name: documents if name.startswith("document_") else questions
        return {name: value / count(name) for name, value in values.items()} | {"questions": int(questions)}


def score(validation: Mapping[str, Mapping[str, Any]]) -> float:
    """Returns the answer loss with the own documents' gradients, a mean over the sources. Lower is better."""
    return float(np.mean([figures["gold"] for figures in validation.values()]))


@functools.partial(jax.jit, static_argnames=("inner", "gradient_map"))
def validate_batch(
    meta: MetaParams,
    decoder: SplitDecoder,
    batch: TaskBatch,
    stops_V: jax.Array,
    *,
    inner: InnerProblem,
    gradient_map: GradientMap = ORDERS["second"],
) -> Validation:
    """Measures a batch.

    Args:
        meta: the learned parameters.
        decoder: the frozen network.
        batch: documents as tokens, and questions.
        stops_V: bool, the tokens that end an answer.
        inner: how documents move the network.
        gradient_map: what the document gradients go through, as in `outer_loss`.
    """
    if isinstance(batch.documents, Factors):
        raise TypeError("validation takes documents as tokens")
    config, documents = inner.adapter, batch.documents.without_padding()
    grads_N, before_N = document_gradients(decoder, inner, meta, documents)
    grads_N = gradient_map(grads_N)
    weigh = DOCUMENT_WEIGHTS[inner.weighting]
    weights_QxN = weigh(batch.scores_QxN, batch.retrieved_QxN, meta.log_temperature)
    # Documents stand in groups, so a turn of the pool by half gives every question documents of another group
    # (with an odd number of groups, some questions get documents of two groups).
    other_QxN = jnp.roll(weights_QxN, weights_QxN.shape[1] // 2, axis=1)
    used_3xQxN = jnp.stack([weights_QxN, other_QxN, jnp.zeros_like(weights_QxN)])

    def measure(weights_QxN):
        theta_Q = adapted_parameters(meta, weights_QxN, grads_N)
        return _measure_answers(decoder, inner, theta_Q, meta.bases, batch.questions, stops_V)

    # One after the other, so that decoding is compiled once.
    losses_3, exact_3, f1_3 = jax.lax.map(measure, used_3xQxN)
    hidden_NxTxD, _ = decoder.trunk(documents.tokens_NxT)
    after_N = jax.vmap(lambda theta, *document: document_loss(decoder, config, theta, meta.bases, *document))(
        descend(meta, grads_N), hidden_NxTxD, documents.tokens_NxT, documents.lengths_N
    )
    real_N = documents.lengths_N > 1
    (gold, other, none), (exact, exact_other, exact_none), (f1, f1_other, f1_none) = losses_3, exact_3, f1_3
    return Validation(
        gold, other, none, exact, exact_other, exact_none, f1, f1_other, f1_none,
        document_before=jnp.sum(jnp.where(real_N, before_N, 0.0)),
        document_after=jnp.sum(jnp.where(real_N, after_N, 0.0)),
        questions=(batch.questions.answer_lengths_Q > 0).sum().astype(jnp.float32),
        documents=real_N.sum().astype(jnp.float32),
    )  # fmt: skip


def _measure_answers(
    decoder: SplitDecoder,
    inner: InnerProblem,
    theta_Q: Tree,
    bases: Tree,
    questions: Questions,
    stops_V: jax.Array,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Returns (answer losses, exact answers, F1), each summed over the questions that count."""
    losses_Q, _ = answer_losses(decoder, inner.adapter, theta_Q, bases, questions)
    head = adapted_head(decoder, inner.adapter, theta_Q, bases)
    length = questions.answers_QxM.shape[1]
    prompts_QxT, lengths_Q = jnp.asarray(questions.tokens_QxT), jnp.asarray(questions.prompt_lengths_Q)
    greedy_QxM = generate(decoder, head, prompts_QxT, lengths_Q, stops_V, length)
    inside_QxM = jnp.arange(length) < questions.answer_lengths_Q[:, None]
    exact_Q = ~((greedy_QxM != questions.answers_QxM) & inside_QxM).any(axis=1)
    words = lambda tokens_QxM: jnp.where((tokens_QxM >= 0) & ~stops_V[tokens_QxM], tokens_QxM, -1)
    f1_Q = jax.vmap(token_f1)(words(greedy_QxM), words(jnp.where(inside_QxM, questions.answers_QxM, -1)))
    total = lambda x: jnp.sum(jnp.where(questions.answer_lengths_Q > 0, x, 0.0))
    return total(losses_Q), total(exact_Q), total(f1_Q)


def token_f1(answer_M: jax.Array, expected_M: jax.Array) -> jax.Array:
    """Returns F1 of two bags of tokens, a float32 scalar; negative entries are not tokens."""
    real = lambda tokens_M: tokens_M >= 0
    # The n-th occurrence of a token counts where the other bag holds the token at least n times.
    occurrence_M = jnp.sum(jnp.tril(answer_M[:, None] == answer_M), axis=1)
    times_M = jnp.sum(answer_M[:, None] == expected_M, axis=1)
    common = jnp.sum((occurrence_M <= times_M) & real(answer_M))
    return 2 * common / jnp.maximum(real(answer_M).sum() + real(expected_M).sum(), 1)
