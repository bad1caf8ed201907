"""The starting point, widening, step sizes, and the step itself by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.adaptation.parameters import (
    ALPHAS,
    MetaParams,
    adapted_parameters,
    descend,
    init_meta,
    step_sizes,
    widen,
)
from tests.adaptation.tiny_gradients import LENGTHS, gradients, logits
from tests.tiny_models import DECODER, KINDS, adapter, assert_near, documents, meta_params


@pytest.mark.parametrize(("mode", "numbers"), [("fix", 1), ("same", 1), ("tie", 4 * 2), ("full", 4 * 2 * 9)])
def test_a_step_takes_each_number_s_own_step_size(mode, numbers):
    """theta of two targets, two layers and a 3 x 3 core; every step size is different where it may be."""
    theta = {t: {"R": jnp.zeros((2, 3, 3)), "Q": jnp.ones((2, 3, 3))} for t in ("up", "down")}
    alpha = ALPHAS[mode](theta, 0.5)
    assert sum(x.size for x in jax.tree.leaves(alpha)) == numbers
    assert all(np.all(x == 0.5) for x in jax.tree.leaves(alpha))
    draws = np.random.default_rng(0)
    alpha = jax.tree.map(lambda x: jnp.asarray(draws.uniform(0.1, 1, x.shape), jnp.float32), alpha)
    meta = MetaParams(theta, {}, alpha, jnp.float32(0))
    totals_Q = jax.tree.map(lambda x: jnp.asarray(draws.normal(size=(5, *x.shape)), jnp.float32), theta)
    moved_Q = descend(meta, totals_Q, 2.0)
    for target, factors in theta.items():
        for name, start in factors.items():
            own = alpha if mode in ("fix", "same") else alpha[target][name]
            own = own[:, None, None] if mode == "tie" else own
            expected = start - 2.0 * own * totals_Q[target][name]
            np.testing.assert_allclose(moved_Q[target][name], expected, rtol=1e-6)


def test_meta_training_starts_at_the_given_values():
    meta = init_meta(adapter("lora"), DECODER, jax.random.key(0), alpha=0.25, temperature=0.5)
    assert {x.shape for x in jax.tree.leaves(meta.alpha)} == {(2,)}  # one for every adapted layer
    assert jax.tree.structure(meta.alpha) == jax.tree.structure(meta.theta)
    assert all(np.all(x == 0.25) for x in jax.tree.leaves(meta.alpha))
    assert float(meta.log_temperature) == pytest.approx(np.log(0.5))
    assert {x.dtype for x in jax.tree.leaves(meta)} == {jnp.dtype(jnp.float32)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_widened_adapter_leaves_the_network_and_the_trained_numbers_gradients_alone(kind):
    config, wider, docs = adapter(kind), adapter(kind, rank=6), documents(LENGTHS, width=12)
    meta = meta_params(config)
    wide = widen(meta, init_meta(wider, DECODER, jax.random.key(9), alpha=0.5, temperature=0.5))
    tokens_NxT = docs.tokens_NxT
    before = logits(config, meta.theta, meta.bases, tokens_NxT)
    assert_near(logits(wider, wide.theta, wide.bases, tokens_NxT), before, 1e-5)
    (grads, _), (wide_grads, _) = gradients(config, meta, docs), gradients(wider, wide, docs)
    trained = jax.tree.map(lambda all, grad: all[tuple(map(slice, grad.shape))], wide_grads, grads)
    assert_near(trained, grads, 1e-5)
    jax.tree.map(np.testing.assert_array_equal, wide.alpha, meta.alpha)
    assert float(wide.log_temperature) == float(meta.log_temperature)


@pytest.mark.parametrize("mode", ALPHAS)
def test_trained_numbers_keep_their_step_sizes_in_a_widened_adapter(mode):
    config, wider = adapter("core"), adapter("core", rank=6)
    meta = meta_params(config, alpha_mode=mode)
    wide = widen(
        meta, init_meta(wider, DECODER, jax.random.key(9), alpha=0.5, temperature=0.5, alpha_mode=mode)
    )
    for target, own in step_sizes(wide).items():
        trained = step_sizes(meta)[target]["R"]
        np.testing.assert_array_equal(own["R"][tuple(map(slice, jnp.shape(trained)))], trained)
        if mode == "full":
            assert np.all(own["R"][:, 3:] == 0.5) and np.all(own["R"][:, :, 3:] == 0.5)


def test_adapted_parameters_by_hand():
    rng = np.random.default_rng(0)
    draw = lambda *shape: jnp.asarray(rng.normal(size=shape), jnp.float32)
    theta, alpha = {"up": {"R": draw(2, 3, 3)}}, {"up": {"R": jnp.array([0.5, 2.0])}}
    grads, weights_QxN = {"up": {"R": draw(4, 2, 3, 3)}}, draw(5, 4)
    meta = MetaParams(theta, {"up": {}}, alpha, jnp.float32(0))
    found = adapted_parameters(meta, weights_QxN, grads, gamma=0.7)["up"]["R"]
    assert found.shape == (5, 2, 3, 3)
    for q in range(5):
        for layer, step in enumerate((0.5, 2.0)):
            total = sum(float(weights_QxN[q, n]) * np.asarray(grads["up"]["R"][n, layer]) for n in range(4))
            expected = np.asarray(theta["up"]["R"][layer]) - 0.7 * step * total
            np.testing.assert_allclose(found[q, layer], expected, rtol=1e-5, atol=1e-6)


def test_a_step_of_nothing_gives_theta_back():
    config, docs = adapter("lora"), documents(LENGTHS, width=12)
    meta = meta_params(config)
    grads, _ = gradients(config, meta, docs)
    weights_QxN = jnp.ones((2, 5))
    for still in (
        adapted_parameters(meta, weights_QxN, grads, gamma=0),
        adapted_parameters(meta, 0 * weights_QxN, grads),
        adapted_parameters(meta, weights_QxN[:, :0], jax.tree.map(lambda x: x[:0], grads)),
    ):
        jax.tree.map(lambda x, y: np.testing.assert_array_equal(x, np.stack([y, y])), still, meta.theta)
    whole, half = (adapted_parameters(meta, weights_QxN, grads, gamma=g) for g in (1.0, 0.5))
    step = lambda moved: jax.tree.map(lambda x, y: x - y, moved, meta.theta)
    assert_near(step(half), jax.tree.map(lambda x: x / 2, step(whole)), 1e-4)
    jax.tree.map(np.testing.assert_array_equal, adapted_parameters(meta, weights_QxN, grads), whole)
