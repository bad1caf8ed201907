"""The outer loss by hand, and its gradient through the inner step against float64 finite differences."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.adaptation.adapter import AdapterConfig, chains
from regrad_jax.adaptation.factors import gradient_factors
from regrad_jax.adaptation.inner import document_gradients
from regrad_jax.adaptation.outer import TaskBatch, answer_losses, meta_gradient, outer_loss
from regrad_jax.adaptation.parameters import adapted_parameters
from regrad_jax.adaptation.weights import DOCUMENT_WEIGHTS
from tests.tiny_models import (
    KINDS,
    adapter,
    assert_near,
    decoder,
    double,
    inner_problem,
    meta_params,
    relative_error,
    task_batch,
)


@functools.partial(jax.jit, static_argnames=("config", "weighting"))
def gradient(config: AdapterConfig, weighting: str, meta, batch: TaskBatch):
    return meta_gradient(meta, decoder(), inner_problem(config, weighting), batch)


@functools.partial(jax.jit, static_argnames="config")
def answers(config: AdapterConfig, meta, questions):
    theta_Q = jax.tree.map(lambda x: jnp.stack([x] * 5), meta.theta)
    return answer_losses(decoder(), config, theta_Q, meta.bases, questions)


def with_factors(config: AdapterConfig, batch: TaskBatch) -> TaskBatch:
    factors, _ = jax.jit(lambda docs: gradient_factors(decoder(), config, docs))(batch.documents)
    return batch._replace(documents=factors)


@pytest.mark.parametrize("kind", KINDS)
def test_answers_are_scored_at_their_own_positions(kind):
    config, questions = adapter(kind), task_batch().questions
    meta = meta_params(config)
    losses_Q, accuracy_Q = answers(config, meta, questions)

    def every_logit(tokens):
        features, _ = decoder().head(decoder().trunk(tokens)[0], chains(config, meta.theta, meta.bases))
        return decoder().logits(features)

    logits = np.asarray(jax.jit(every_logit)(questions.tokens_QxT), np.float64)
    for row in range(4):
        start, length = int(questions.prompt_lengths_Q[row]), int(questions.answer_lengths_Q[row])
        losses, right = [], []
        for place in range(start, start + length):
            scores, token = logits[row, place - 1], int(questions.tokens_QxT[row, place])
            losses.append(np.log(np.exp(scores).sum()) - scores[token])
            right.append(scores.argmax() == token)
        assert float(losses_Q[row]) == pytest.approx(np.mean(losses), rel=1e-5)
        assert float(accuracy_Q[row]) == pytest.approx(np.mean(right))
    assert float(losses_Q[4]) == float(accuracy_Q[4]) == 0  # the padding question


def test_token_accuracy_counts_tokens_ranked_first():
    config, questions = adapter(), task_batch().questions
    meta = meta_params(config)
    tokens = np.array(questions.tokens_QxT)
    targets = np.array(questions.answers_QxM)
    # The first answer token of question 0 becomes what the model says there; later ones cannot change that.
    hidden, _ = decoder().trunk(tokens[:1])
    features, _ = decoder().head(hidden, chains(config, meta.theta, meta.bases))
    best = int(decoder().logits(features)[0, 4].argmax())
    assert best not in targets[0]
    assert float(answers(config, meta, questions)[1][0]) == 0
    tokens[0, 5] = targets[0, 0] = best
    told = questions._replace(tokens_QxT=jnp.asarray(tokens), answers_QxM=jnp.asarray(targets))
    assert float(answers(config, meta, told)[1][0]) == pytest.approx(1 / 3)


def test_known_trunk_activations_are_used_and_change_nothing():
    config, questions = adapter(), task_batch().questions
    meta = meta_params(config)
    hidden_QxTxD, _ = decoder().trunk(questions.tokens_QxT)
    known = questions._replace(hidden_QxTxD=hidden_QxTxD)
    expected, found = answers(config, meta, questions), answers(config, meta, known)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-6)
    other = answers(config, meta, known._replace(hidden_QxTxD=-hidden_QxTxD))
    assert np.abs(other[0] - expected[0])[:4].min() > 1e-3


@pytest.mark.parametrize(
    ("kind", "weighting"),
    [*(("core", w) for w in DOCUMENT_WEIGHTS), ("lora", "sum"), ("lora_b", "relevance")],
)
def test_the_outer_loss_is_the_mean_under_each_questions_own_parameters(kind, weighting):
    config, batch = adapter(kind), task_batch()
    meta = meta_params(config)
    (loss, metrics), grads = gradient(config, weighting, meta, batch)

    @jax.jit
    def by_hand(meta):
        grads_N, _ = document_gradients(decoder(), inner_problem(config), meta, batch.documents)
        weigh = DOCUMENT_WEIGHTS[weighting]
        weights_QxN = weigh(batch.scores_QxN, batch.retrieved_QxN, meta.log_temperature)
        theta_Q = adapted_parameters(meta, weights_QxN, grads_N)
        return answer_losses(decoder(), config, theta_Q, meta.bases, batch.questions)

    losses_Q, accuracy_Q = map(np.asarray, by_hand(meta))
    assert len(set(np.round(losses_Q, 4).tolist())) == 5
    assert float(loss) == float(metrics.outer_loss) == pytest.approx(np.mean(losses_Q[:4]), rel=1e-5)
    assert float(metrics.token_accuracy) == pytest.approx(np.mean(accuracy_Q[:4]), rel=1e-5)
    # The question without documents stays where theta is.
    assert float(losses_Q[3]) == pytest.approx(float(answers(config, meta, batch.questions)[0][3]), rel=1e-5)
    for path, leaf in jax.tree_util.tree_leaves_with_path(grads):
        assert np.all(np.isfinite(leaf)), jax.tree_util.keystr(path)
    assert (float(grads.log_temperature) != 0) == (weighting == "relevance")


def test_padding_questions_and_documents_nobody_uses_count_for_nothing():
    config, batch = adapter(), task_batch()
    meta = meta_params(config)
    expected = gradient(config, "relevance", meta, batch)
    questions = batch.questions
    changed = batch._replace(
        questions=questions._replace(
            tokens_QxT=questions.tokens_QxT.at[4].set(7),
            prompt_lengths_Q=questions.prompt_lengths_Q.at[4].set(3),
        ),
        scores_QxN=jnp.where(batch.retrieved_QxN, batch.scores_QxN, 77.0),
    )
    found = gradient(config, "relevance", meta, changed)
    assert float(found[0][0]) == pytest.approx(float(expected[0][0]), rel=1e-6)
    assert_near(found[1], expected[1], 1e-5)

    # Documents 2 and 3 become rubbish, and only questions that never use them are left.
    few = lambda rows: batch.retrieved_QxN & jnp.array(rows, bool)[:, None]
    lengths = questions.answer_lengths_Q * jnp.array([1, 0, 0, 1, 0])
    alone = batch._replace(
        questions=questions._replace(answer_lengths_Q=lengths), retrieved_QxN=few([1, 0, 0, 1, 0])
    )
    tokens = batch.documents.tokens_NxT.at[2:].set(11)
    rubbish = alone._replace(documents=batch.documents._replace(tokens_NxT=tokens))
    expected, found = (gradient(config, "relevance", meta, b) for b in (alone, rubbish))
    assert float(found[0][0]) == pytest.approx(float(expected[0][0]), rel=1e-6)
    assert_near(found[1], expected[1], 1e-5)


@pytest.mark.parametrize("garbage", [10_000, -100])
def test_garbage_behind_questions_and_documents_reaches_nothing(garbage):
    # Out of the vocabulary: the embedding of such a token is NaN.
    config, batch = adapter(), task_batch()
    meta, questions, docs = meta_params(config), batch.questions, batch.documents
    ends_Q = questions.prompt_lengths_Q + questions.answer_lengths_Q
    behind = lambda tokens, lengths: jnp.where(
        jnp.arange(tokens.shape[1]) < lengths[:, None], tokens, garbage
    )
    dirty = batch._replace(
        documents=docs._replace(tokens_NxT=behind(docs.tokens_NxT, docs.lengths_N)),
        questions=questions._replace(
            tokens_QxT=behind(questions.tokens_QxT, ends_Q),
            answers_QxM=behind(questions.answers_QxM, questions.answer_lengths_Q),
        ),
    )
    expected, found = (gradient(config, "relevance", meta, b) for b in (batch, dirty))
    assert float(found[0][0]) == pytest.approx(float(expected[0][0]), rel=1e-6)
    assert_near(found[1], expected[1], 1e-5)


def test_no_question_at_all_gives_zero_and_not_nan():
    config, batch = adapter(), task_batch()
    questions = batch.questions._replace(answer_lengths_Q=jnp.zeros(5, jnp.int32))
    (loss, _), grads = gradient(config, "relevance", meta_params(config), batch._replace(questions=questions))
    assert float(loss) == 0 and not any(np.any(leaf) for leaf in jax.tree.leaves(grads))


@pytest.mark.parametrize("weighting", DOCUMENT_WEIGHTS)
def test_factors_give_the_exact_meta_gradient_of_all_but_theta(weighting):
    config, batch = adapter("core"), task_batch()
    meta = meta_params(config, zero=True)
    (expected_loss, _), expected = gradient(config, weighting, meta, batch)
    (loss, _), found = gradient(config, weighting, meta, with_factors(config, batch))
    assert float(loss) == pytest.approx(float(expected_loss), rel=1e-6)
    for part in ("bases", "alpha", "log_temperature"):
        assert_near(getattr(found, part), getattr(expected, part), 1e-4)
    assert all(np.any(leaf) for leaf in jax.tree.leaves((expected.theta, expected.bases, expected.alpha)))
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(found.theta))


def _moved(meta, direction, by: float):
    return jax.tree.map(lambda x, d: x + by * d, meta, direction)


@pytest.mark.parametrize(
    ("kind", "weighting", "damping", "steps"),
    [
        ("core", "relevance", math.inf, 1),
        ("core", "relevance", 0.5, 1),
        ("lora", "sum", math.inf, 1),
        ("core", "relevance", math.inf, 2),
        ("core", "sum", 0.5, 2),
    ],
)
def test_finite_differences_in_float64_agree(kind, weighting, damping, steps):
    inner = inner_problem(adapter(kind), weighting, damping, steps)
    with jax.enable_x64(True):  # in float32 a difference of 1e-4 in the parameters would be lost
        meta, batch = double((meta_params(inner.adapter), task_batch()))
        model = double(decoder()).replace(dtype=jnp.float64)
        loss = jax.jit(lambda meta: outer_loss(meta, model, inner, batch)[0])
        assert loss(meta).dtype == jnp.float64
        grads = jax.jit(jax.grad(loss))(meta)
        rng = np.random.default_rng(6)
        leaves, tree = jax.tree.flatten(meta)
        for place, (leaf, slope) in enumerate(zip(leaves, jax.tree.leaves(grads), strict=True)):
            direction = rng.normal(size=leaf.shape)
            along = [jnp.zeros_like(x) for x in leaves]
            along[place] = jnp.asarray(direction)
            moved = functools.partial(_moved, meta, tree.unflatten(along))
            step = 1e-4
            difference = float(loss(moved(step)) - loss(moved(-step))) / (2 * step)
            expected = float(np.sum(np.asarray(slope) * direction))
            assert relative_error(difference, expected) < 1e-5 or abs(difference - expected) < 1e-9
