"""What validation compares, against sums by hand over greedy answers and losses."""

import collections
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.adaptation.inner import adapted_head, document_gradients, document_loss
from regrad_jax.adaptation.outer import answer_losses
from regrad_jax.adaptation.parameters import adapted_parameters
from regrad_jax.adaptation.rules import InnerProblem
from regrad_jax.engine.generate import generate
from regrad_jax.training.validation import score, token_f1, validate_batch
from tests.tiny_models import adapter, decoder, inner_problem, meta_params, task_batch


@functools.partial(jax.jit, static_argnames=("shift", "inner"))
def losses_under(meta, batch, inner: InnerProblem, shift: int | None):
    """Answer losses with the weights of plain sum turned by `shift` documents, or without any."""
    grads_N, _ = document_gradients(decoder(), inner, meta, batch.documents)
    weights = batch.retrieved_QxN.astype(jnp.float32)
    weights = 0 * weights if shift is None else jnp.roll(weights, shift, axis=1)
    theta_Q = adapted_parameters(meta, weights, grads_N)
    return answer_losses(decoder(), adapter(), theta_Q, meta.bases, batch.questions)[0]


@functools.partial(jax.jit, static_argnames="inner")
def document_losses(meta, documents, inner: InnerProblem):
    """Every document's loss at theta* and under its own step."""
    grads_N, before_N = document_gradients(decoder(), inner, meta, documents)
    hidden_NxTxD, _ = decoder().trunk(documents.tokens_NxT)
    loss = lambda theta, *of: document_loss(decoder(), adapter(), theta, meta.bases, *of)
    alone_N = adapted_parameters(meta, jnp.eye(4), grads_N)
    return before_N, jax.vmap(loss)(alone_N, hidden_NxTxD, *documents)


@pytest.mark.parametrize(
    ("answer", "expected", "f1"),
    [
        ([5, 6, -1], [5, 6, -1], 1.0),
        ([6, 5, -1], [5, 6, -1], 1.0),
        ([5, 5, 5], [5, 6, 5], 2 / 3),
        ([5, -1, -1], [6, 7, 8], 0.0),
        ([7, 5, -1], [5, -1, -1], 2 / 3),
        ([-1, -1, -1], [5, -1, -1], 0.0),
    ],
)
def test_token_f1_counts_a_token_as_often_as_both_have_it(answer, expected, f1):
    assert float(token_f1(jnp.array(answer), jnp.array(expected))) == pytest.approx(f1)


@pytest.mark.parametrize("damping", [math.inf, 0.3])
def test_validation_sums_the_questions_that_count(damping):
    batch, meta = task_batch(), meta_params(adapter())
    inner = inner_problem(adapter(), "sum", damping)
    validate = lambda batch: validate_batch(meta, decoder(), batch, jnp.zeros(97, bool), inner=inner)
    found = validate(batch)
    assert float(found.questions) == 4
    for name, shift in (("gold", 0), ("other", 2), ("none", None)):
        expected = float(losses_under(meta, batch, inner, shift)[:4].sum())
        assert float(getattr(found, name)) == pytest.approx(expected, rel=1e-5), name
    assert float(found.exact) == float(found.exact_none) == 0  # random answers are not found
    before_N, after_N = document_losses(meta, batch.documents, inner)
    assert float(found.document_before) == pytest.approx(float(before_N.sum()), rel=1e-5)
    assert float(found.document_after) == pytest.approx(float(after_N.sum()), rel=1e-5)
    means = found.means()
    assert means["gold"] == pytest.approx(float(found.gold) / 4) and means["questions"] == 4
    assert means["document_after"] == pytest.approx(float(after_N.mean()), rel=1e-5)

    # The answer of question 1 becomes the token that is decoded with its documents, and one that is
    # decoded without; question 3 has no documents, so both times it is decoded alike.
    hits = {}
    for token in range(97):
        answers = batch.questions.answers_QxM.at[1, 0].set(token)
        told = validate(batch._replace(questions=batch.questions._replace(answers_QxM=answers)))
        if float(told.exact) or float(told.exact_none):
            hits[token] = (float(told.exact), float(told.exact_none))
    assert sorted(hits.values()) in ([(0, 1), (1, 0)], [(1, 1)])


@functools.partial(jax.jit, static_argnames="shift")
def decoded_under(meta, batch, shift: int | None):
    """Greedy tokens of every question, under documents as in `losses_under`."""
    grads_N, _ = document_gradients(decoder(), InnerProblem(adapter()), meta, batch.documents)
    weights = batch.retrieved_QxN.astype(jnp.float32)
    weights = 0 * weights if shift is None else jnp.roll(weights, shift, axis=1)
    head = adapted_head(decoder(), adapter(), adapted_parameters(meta, weights, grads_N), meta.bases)
    questions = batch.questions
    return generate(decoder(), head, questions.tokens_QxT, questions.prompt_lengths_Q, jnp.zeros(97, bool), 4)


def test_validation_tells_whose_documents_give_the_answer():
    batch, meta = task_batch(), meta_params(adapter())
    meta = meta._replace(alpha=jax.tree.map(lambda x: 10 * x, meta.alpha))  # enough to change answers
    found = {how: np.asarray(decoded_under(meta, batch, how)) for how in (0, 2, None)}
    # Answers are what the own documents decode to, and for one question what others' do; but the last
    # token is a stop, which no F1 counts.
    stop = next(t for t in range(97) if not any(t in rows for rows in found.values()))
    answers = found[0].copy()
    answers[0] = found[2][0]
    answers[:, 3] = stop
    lengths = jnp.array([4, 4, 4, 4, 0])
    questions = batch.questions._replace(answers_QxM=jnp.asarray(answers), answer_lengths_Q=lengths)
    inner, stops_V = InnerProblem(adapter(), "sum"), jnp.arange(97) == stop
    told = validate_batch(meta, decoder(), batch._replace(questions=questions), stops_V, inner=inner)

    def f1(tokens, answer) -> float:
        common = collections.Counter(tokens.tolist()) & collections.Counter(answer[:3].tolist())
        return 2 * common.total() / (4 + 3)

    expected = {how: sum(map(f1, rows[:4], answers[:4])) for how, rows in found.items()}
    assert len({round(value, 3) for value in expected.values()}) == 3
    for name, how in (("f1", 0), ("f1_other", 2), ("f1_none", None)):
        assert float(getattr(told, name)) == pytest.approx(expected[how], rel=1e-5), name


def test_a_run_s_score_is_the_mean_of_its_sources_losses_with_the_own_documents():
    assert score({"a": {"gold": 1.0, "other": 9.0}, "b": {"gold": 4.0, "other": 9.0}}) == 2.5
