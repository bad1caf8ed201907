"""What becomes of document gradients on their way to a question: constants, or a bank's rounding."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.adaptation.codecs import CODECS
from regrad_jax.adaptation.inner import document_gradients
from regrad_jax.adaptation.outer import ORDERS, answer_losses, outer_loss
from regrad_jax.adaptation.parameters import adapted_parameters
from regrad_jax.adaptation.rows import RowLayout
from regrad_jax.adaptation.rules import InnerProblem
from regrad_jax.training.gradient_map import gradient_map, through_bank
from tests.tiny_models import adapter, assert_near, decoder, meta_params, task_batch
from tests.training.test_config import typed

INNER = InnerProblem(adapter(), "sum")


def test_the_first_order_takes_gradients_for_constants():
    batch, meta = task_batch(), meta_params(adapter())
    grads_N, _ = jax.jit(lambda m: document_gradients(decoder(), INNER, m, batch.documents))(meta)

    def with_constants(meta):
        theta_Q = adapted_parameters(meta, jnp.asarray(batch.retrieved_QxN, jnp.float32), grads_N)
        losses_Q, _ = answer_losses(decoder(), adapter(), theta_Q, meta.bases, batch.questions)
        return losses_Q.sum() / 4

    found = jax.jit(jax.grad(lambda m: outer_loss(m, decoder(), INNER, batch, ORDERS["first"])[0]))(meta)
    assert_near(found, jax.jit(jax.grad(with_constants))(meta), 1e-4)
    assert all(np.any(leaf) for leaf in jax.tree.leaves((found.theta, found.bases, found.alpha)))


@pytest.mark.parametrize("codec", ["int4", "ternary"])
def test_rows_go_through_the_bank_s_codec_and_derivatives_do_not(codec):
    tree = jax.tree.map(lambda x: jnp.stack([x, 2 * x]), meta_params(adapter()).theta)
    through = functools.partial(through_bank, codec)
    layout = RowLayout.of(meta_params(adapter()).theta)
    packed = CODECS[codec].encode(layout.flatten(tree))
    stored = layout.unflatten(CODECS[codec].decode(packed, length=layout.size))
    assert_near(through(tree), stored, 1e-6)
    slopes = jax.grad(lambda tree: sum(jnp.sum(x**3) for x in jax.tree.leaves(through(tree))))(tree)
    assert_near(slopes, jax.tree.map(lambda x: 3 * x**2, stored), 1e-5)


def test_a_config_has_one_function():
    plain, packed = typed(), dataclasses.replace(typed(), codec="int4", order="first")
    assert gradient_map(plain) is ORDERS["second"]
    assert gradient_map(packed) is gradient_map(dataclasses.replace(packed)) is not gradient_map(plain)
    tree = {"up": {"R": jnp.arange(8.0).reshape(1, 8)}}
    through = gradient_map(packed)
    assert_near(through(tree), through_bank("int4", tree), 1e-7)
    slope = jax.grad(lambda tree: jnp.sum(through(tree)["up"]["R"]))(tree)
    assert not np.any(slope["up"]["R"])
