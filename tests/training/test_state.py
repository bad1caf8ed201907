"""The schedule, the optimizer, and one step by hand."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.adaptation.factors import gradient_factors
from regrad_jax.adaptation.outer import meta_gradient
from regrad_jax.adaptation.rules import InnerProblem
from regrad_jax.training.cache import quantise
from regrad_jax.training.state import TrainState, learning_rate, optimizer, train_step
from tests.tiny_models import adapter, assert_near, decoder, inner_problem, meta_params, task_batch
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
            inner=inner_problem(arrangement, damping=damping), update=update,
        )  # fmt: skip

    state, metrics, norm = step(quantised)
    expected, expected_metrics, expected_norm = step(as_floats)
    assert float(metrics.outer_loss) == pytest.approx(float(expected_metrics.outer_loss), rel=1e-6)
    assert float(norm) == pytest.approx(float(expected_norm), rel=1e-5)
    assert_near(state.meta, expected.meta, 1e-5)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(state.meta.theta))
