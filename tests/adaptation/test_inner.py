"""The inner problem on a tiny decoder: losses, gradients document by document, the adapted head."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.adaptation.inner import Documents, adapted_head
from regrad_jax.adaptation.parameters import descend
from regrad_jax.engine.generate import generate
from tests.adaptation.tiny_gradients import DAMPED, LENGTHS, PADDING, gradients, logits, repadded
from tests.tiny_models import DECODER, KINDS, adapter, assert_near, decoder, documents, meta_params


def first(docs: Documents, count: int) -> Documents:
    return jax.tree.map(lambda x: x[:count], docs)


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_loss_is_its_mean_next_token_loss(kind):
    config, docs = adapter(kind), documents(LENGTHS, width=12)
    meta = meta_params(config)
    _, losses_N = gradients(config, meta, docs)
    logits_NxTxV = np.asarray(logits(config, meta.theta, meta.bases, docs.tokens_NxT), np.float64)
    log_p = logits_NxTxV - np.log(np.exp(logits_NxTxV).sum(-1, keepdims=True))
    for row, length in enumerate(LENGTHS):
        picked = [log_p[row, t - 1, docs.tokens_NxT[row, t]] for t in range(1, length)]
        assert float(losses_N[row]) == pytest.approx(-np.mean(picked), rel=1e-5)


def test_several_steps_sum_the_gradients_along_their_way():
    config = adapter()
    meta, docs = meta_params(config), documents(LENGTHS, width=12)
    found, losses_N = gradients(config, meta, docs, steps=2)
    once, expected_losses_N = gradients(config, meta, docs)
    np.testing.assert_array_equal(losses_N, expected_losses_N)  # those before the first step
    for row in range(len(LENGTHS)):
        step = jax.tree.map(lambda g, row=row: g[row], once)
        reached = meta._replace(theta=descend(meta, step))
        again, _ = gradients(config, reached, jax.tree.map(lambda x, row=row: x[row : row + 1], docs))
        expected = jax.tree.map(lambda a, b: a + b[0], step, again)
        assert_near(jax.tree.map(lambda g, row=row: g[row], found), expected, 1e-5)


@pytest.mark.parametrize(
    ("kind", "damping", "count"),
    [*((*case, 5) for case in DAMPED), ("core", 0.3, 0), ("core", math.inf, 0), ("core", 0.3, 1)],
)
def test_a_batch_equals_its_documents_one_by_one(kind, damping, count):
    config = adapter(kind)
    meta, docs = meta_params(config), first(documents(LENGTHS, width=12), count)
    grads, losses_N = gradients(config, meta, docs, damping)
    assert losses_N.shape == (count,)
    jax.tree.map(lambda g, x: np.testing.assert_equal(g.shape, (count, *x.shape)), grads, meta.theta)
    for row in range(count):
        length = LENGTHS[row]
        alone = Documents(docs.tokens_NxT[row : row + 1, :length], docs.lengths_N[row : row + 1])
        expected, (loss,) = gradients(config, meta, alone, damping)
        assert float(losses_N[row]) == pytest.approx(float(loss), rel=1e-5)
        assert_near(jax.tree.map(lambda x, row=row: x[row : row + 1], grads), expected, 1e-5)


@pytest.mark.parametrize(("kind", "damping"), DAMPED)
@pytest.mark.parametrize("padding", PADDING)
def test_padding_changes_nothing(kind, damping, padding):
    config, docs = adapter(kind), documents(LENGTHS, width=12)
    meta = meta_params(config)
    expected, expected_losses_N = gradients(config, meta, docs, damping)
    found, losses_N = gradients(config, meta, repadded(docs, padding, 14), damping)
    np.testing.assert_allclose(losses_N, expected_losses_N, rtol=1e-6)
    assert_near(found, expected, 1e-5)


@pytest.mark.parametrize(("kind", "damping"), DAMPED)
def test_a_document_of_less_than_two_tokens_gives_nothing(kind, damping):
    config = adapter(kind)
    docs = documents([5, 1, 0], width=7)
    grads, losses_N = gradients(config, meta_params(config), docs, damping)
    assert float(losses_N[0]) > 0 and not np.any(losses_N[1:])
    for leaf in jax.tree.leaves(grads):
        assert np.any(leaf[0]) and not np.any(leaf[1:])


@pytest.mark.parametrize("kind", KINDS)
def test_every_sequence_is_answered_by_its_own_parameters(kind):
    config = adapter(kind)
    meta = meta_params(config)
    rng = np.random.default_rng(5)
    theta_Q = jax.tree.map(
        lambda x: x + jnp.asarray(rng.normal(0, 0.5, (4, *x.shape)), jnp.float32), meta.theta
    )
    prompts, lengths = documents([3, 6, 1, 4]), 5

    @jax.jit
    def decode(theta_Q, prompts):
        head = adapted_head(decoder(), config, theta_Q, meta.bases)
        stops_V = jnp.zeros(DECODER.vocab_size, bool)
        return generate(decoder(), head, prompts.tokens_NxT, prompts.lengths_N, stops_V, lengths)

    answers = np.asarray(decode(theta_Q, prompts))
    assert len(np.unique(answers, axis=0)) == 4
    for row, prompt_length in enumerate(prompts.lengths_N):
        theta = jax.tree.map(lambda x, row=row: x[row], theta_Q)
        sequence = np.zeros((1, 11), np.int32)  # one width, one compilation
        sequence[0, :prompt_length] = prompts.tokens_NxT[row, :prompt_length]
        for end in range(prompt_length, prompt_length + lengths):  # greedy, without a cache
            best = np.asarray(logits(config, theta, meta.bases, sequence))[0, end - 1].argmax()
            assert answers[row, end - prompt_length] == best
            sequence[0, end] = best
