"""The schedule, one optimiser step by hand, and what validation compares."""

import collections
import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from regrad_jax.engine.generation import generate

from regrad_jax.adaptation.inner import (
    InnerProblem,
    adapted_head,
    document_gradients,
    document_loss,
    gradient_factors,
)
from regrad_jax.adaptation.outer import answer_losses, meta_gradient
from regrad_jax.adaptation.parameters import adapted_parameters
from regrad_jax.training.cache import quantise
from regrad_jax.training.state import (
    TrainState,
    learning_rate,
    optimizer,
    token_f1,
    train_step,
    validate_batch,
)
from tests.tiny_models import adapter, assert_near, decoder, meta_params, task_batch
from tests.training.test_config import typed


def configured(**changes):
    changes = {"stages": ((10, {"almanac": 1.0}),), "warmup_steps": 4, "learning_rate": 0.02} | changes
    return dataclasses.replace(typed(), **changes)


@pytest.mark.parametrize("decay", ["linear", "cosine"])
def test_the_schedule_warms_up_and_decays_to_the_end(decay):
    rate = learning_rate(configured(decay=decay))
    for step in range(11):
        if step < 4:  # from 1% of the peak
            expected = 0.02 * (0.01 + 0.99 * step / 4)
        elif decay == "linear":
            expected = 0.02 * (10 - step) / 6
        else:  # to 1e-6
            expected = 1e-6 + (0.02 - 1e-6) * (1 + np.cos(np.pi * (step - 4) / 6)) / 2
        assert float(rate(step)) == pytest.approx(expected, rel=1e-4, abs=1e-9), step
    assert float(learning_rate(configured(decay=decay, warmup_steps=0))(0)) == pytest.approx(0.02)


def alone(batch):
    """A step's only batch."""
    return jax.tree.map(lambda x: jnp.asarray(x)[None, None], batch)


def test_two_steps_are_clipped_adamw_by_hand():
    clip_norm = 0.05
    config = configured(weight_decay=0.1, clip_norm=clip_norm)
    arrangement, batch, meta = adapter(), task_batch(), meta_params(adapter())
    update = optimizer(config)
    slope = jax.jit(lambda meta: meta_gradient(meta, decoder(), InnerProblem(arrangement), batch))
    state = TrainState(jnp.int32(0), jax.tree.map(jnp.copy, meta), update.init(meta))  # which is donated
    by_hand = jax.tree.map(lambda x: np.asarray(x, np.float64), meta)
    first = second = jax.tree.map(np.zeros_like, by_hand)
    for number in (1, 2):
        (loss, _), grads = slope(jax.tree.map(jnp.float32, by_hand))
        state, metrics, norm = train_step(
            state, decoder(), alone(batch), inner=InnerProblem(arrangement), update=update
        )
        length = np.sqrt(sum(float(np.sum(np.square(g, dtype=np.float64))) for g in jax.tree.leaves(grads)))
        assert 0.05 < length < 1e6
        assert float(norm) == pytest.approx(length, rel=1e-4)  # before the clip
        assert float(metrics.outer_loss) == pytest.approx(float(loss), rel=1e-4)  # before the update
        grads = jax.tree.map(
            functools.partial(np.multiply, min(1, clip_norm / length), dtype=np.float64), grads
        )
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, grads)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g**2, second, grads)
        rate = 0.02 * (0.01 + 0.99 * (number - 1) / 4)

        def moved(x, m, v, rate=rate, number=number):
            adam = (m / (1 - 0.9**number)) / (np.sqrt(v / (1 - 0.999**number)) + 1e-8)
            return x - rate * (adam + 0.1 * x)

        before, by_hand = by_hand, jax.tree.map(moved, by_hand, first, second)
        assert int(state.step) == number
        step = lambda after, before=before: jax.tree.map(lambda x, y: x - y, after, before)
        # Float32 parameters of size 1 hold a step of 1e-4 to 1e-3 of itself.
        assert_near(state.meta, by_hand, 1e-5)
        if number == 2:
            assert_near(step(state.meta), step(by_hand), 2e-3)


def test_the_clip_is_joint_and_stands_before_the_moments():
    # Adam undoes a factor that all gradients share, so one must be clipped and the other not.
    update = optimizer(configured(clip_norm=0.5))
    parameters = {"a": jnp.zeros(2), "b": jnp.zeros(1)}
    long = {"a": jnp.array([3.0, 0.0]), "b": jnp.array([4.0])}  # of norm 5, so a tenth is left
    short = {"a": jnp.array([0.1, 0.2]), "b": jnp.array([-0.2])}  # of norm 0.3
    _, state = update.update(long, update.init(parameters), parameters)
    updates, _ = update.update(short, state, parameters)
    rate = 0.02 * (0.01 + 0.99 / 4)
    for name in parameters:
        first, second = np.asarray(long[name]) / 10, np.asarray(short[name])
        mean = (0.9 * 0.1 * first + 0.1 * second) / (1 - 0.9**2)
        square = (0.999 * 0.001 * first**2 + 0.001 * second**2) / (1 - 0.999**2)
        np.testing.assert_allclose(updates[name], -rate * mean / (np.sqrt(square) + 1e-8), rtol=1e-4)


def test_fixed_step_sizes_are_neither_moved_nor_decayed():
    meta = meta_params(adapter(), alpha_mode="fix")
    update = optimizer(configured(alpha_mode="fix", weight_decay=0.1))
    updates, _ = update.update(jax.tree.map(jnp.ones_like, meta), update.init(meta), meta)
    others = lambda updates: (updates.theta, updates.bases, updates.log_temperature)
    assert not np.any(updates.alpha)
    assert all(np.any(x) for x in jax.tree.leaves(others(updates)))
    # Nor does their slope shorten the others' steps under the joint clip.
    rng = np.random.default_rng(0)
    slopes = [jax.tree.map(lambda x: jnp.asarray(rng.normal(size=x.shape), jnp.float32), meta) for _ in "ab"]

    def two_steps(alpha_slope: float):
        opt_state = update.init(meta)
        for slope in slopes:
            slope = slope._replace(alpha=jax.tree.map(lambda x: alpha_slope * x, slope.alpha))
            updates, opt_state = update.update(slope, opt_state, meta)
        return others(updates)

    jax.tree.map(np.testing.assert_array_equal, two_steps(1.0), two_steps(1e3))


def test_theta_moves_at_its_share_of_the_rate():
    meta = meta_params(adapter())
    slopes = jax.tree.map(jnp.ones_like, meta)

    def updates(**changes):
        update = optimizer(configured(weight_decay=0.1, **changes))
        return update.update(slopes, update.init(meta), meta)[0]

    whole, slow = updates(), updates(theta_rate=0.25)
    quarter = whole._replace(theta=jax.tree.map(lambda x: x / 4, whole.theta))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), slow, quarter)


@pytest.mark.parametrize("damping", [math.inf, 0.3])
def test_a_step_takes_quantised_factors_for_documents(damping):
    arrangement, batch, meta = adapter(), task_batch(), meta_params(adapter(), zero=True)
    update = optimizer(configured())

    exact = jax.jit(lambda documents: gradient_factors(decoder(), arrangement, documents)[0])
    quantised = jax.jit(quantise)(exact(batch.documents))
    as_floats = jax.tree.map(lambda codes: codes.astype(jnp.float32), quantised)

    def step(documents):
        start = TrainState(jnp.int32(0), jax.tree.map(jnp.copy, meta), update.init(meta))
        return train_step(
            start, decoder(), alone(batch._replace(documents=documents)),
            inner=InnerProblem(arrangement, damping=damping), update=update,
        )  # fmt: skip

    state, metrics, norm = step(quantised)
    expected, expected_metrics, expected_norm = step(as_floats)
    assert float(metrics.outer_loss) == pytest.approx(float(expected_metrics.outer_loss), rel=1e-6)
    assert float(norm) == pytest.approx(float(expected_norm), rel=1e-5)
    assert_near(state.meta, expected.meta, 1e-5)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(state.meta.theta))


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
    ("found", "expected", "f1"),
    [
        ([5, 6, -1], [5, 6, -1], 1.0),
        ([6, 5, -1], [5, 6, -1], 1.0),
        ([5, 5, 5], [5, 6, 5], 2 / 3),
        ([5, -1, -1], [6, 7, 8], 0.0),
        ([7, 5, -1], [5, -1, -1], 2 / 3),
        ([-1, -1, -1], [5, -1, -1], 0.0),
    ],
)
def test_token_f1_counts_a_token_as_often_as_both_have_it(found, expected, f1):
    assert float(token_f1(jnp.array(found), jnp.array(expected))) == pytest.approx(f1)


@pytest.mark.parametrize("damping", [math.inf, 0.3])
def test_validation_sums_the_questions_that_count(damping):
    batch, meta = task_batch(), meta_params(adapter())
    inner = InnerProblem(adapter(), "sum", damping=damping)
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
