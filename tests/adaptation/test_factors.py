"""Gradients in two parts: their product is the gradient of a core adapter at zero."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.adaptation.adapter import AdapterConfig
from regrad_jax.adaptation.factors import gradient_factors, project_factors
from regrad_jax.adaptation.inner import Documents
from tests.adaptation.tiny_gradients import LENGTHS, PADDING, gradients, repadded
from tests.tiny_models import adapter, assert_near, decoder, documents, inner_problem, meta_params


@functools.partial(jax.jit, static_argnames="config")
def factors(config: AdapterConfig, docs: Documents):
    return gradient_factors(decoder(), config, docs)


@pytest.mark.parametrize("padding", PADDING)
def test_padding_changes_no_factors(padding):
    config, docs = adapter("core"), documents(LENGTHS, width=12)
    expected, expected_losses_N = factors(config, docs)
    found, losses_N = factors(config, repadded(docs, padding, 12))
    np.testing.assert_allclose(losses_N, expected_losses_N, rtol=1e-6)
    assert_near(found.cotangents, expected.cotangents, 1e-5)
    meta = meta_params(config, zero=True)
    projected = [
        project_factors(inner_problem(config, damping=0.3), meta.bases, f) for f in (found, expected)
    ]
    assert_near(*projected, 1e-5)


def test_a_document_of_less_than_two_tokens_has_no_factors():
    computed, losses_N = factors(adapter(), documents([5, 1, 0], width=7))
    assert float(losses_N[0]) > 0 and not np.any(losses_N[1:])
    assert all(np.any(x[:, 0]) and not np.any(x[:, 1:]) for x in computed.cotangents.values())


@pytest.mark.parametrize("damping", [math.inf, 0.3])
@pytest.mark.parametrize("targets", [("gate", "up", "down"), ("down", "gate")], ids="-".join)
def test_factors_give_the_gradients_of_a_core_adapter_at_zero(targets, damping):
    config, docs = adapter("core", targets=targets, scale=1.7), documents(LENGTHS, width=12)
    meta = meta_params(config, zero=True)
    expected, expected_losses_N = gradients(config, meta, docs, damping)
    computed, losses_N = factors(config, docs)
    np.testing.assert_allclose(losses_N, expected_losses_N, rtol=1e-5)
    assert all(np.any(leaf) for leaf in jax.tree.leaves(expected))
    projected = project_factors(inner_problem(config, damping=damping), meta.bases, computed)
    assert_near(projected, expected, 1e-5)


def test_factors_in_bfloat16_are_near_those_in_float32():
    config, docs = adapter("core"), documents(LENGTHS, width=12)
    bases = meta_params(config, zero=True).bases
    expected, expected_losses_N = factors(config, docs)
    low = decoder().replace(
        dtype=jnp.bfloat16,
        trunk_params=jax.tree.map(jnp.bfloat16, decoder().trunk_params),
        head_params=jax.tree.map(jnp.bfloat16, decoder().head_params),
    )
    computed, losses_N = jax.jit(gradient_factors, static_argnums=1)(low, config, docs)
    np.testing.assert_allclose(losses_N, expected_losses_N, rtol=0.03)
    projected = [project_factors(inner_problem(config), bases, f) for f in (computed, expected)]
    assert_near(*projected, 0.1)


def test_factors_are_the_inputs_and_zero_after_the_length():
    config, docs = adapter("core"), documents(LENGTHS, width=12)
    computed, _ = factors(config, docs)
    shapes = {target: (2, 5, 12, 24 if target == "down" else 16) for target in config.targets}
    assert {t: x.shape for t, x in computed.inputs.items()} == shapes
    after_NxT = np.arange(12) >= np.array(LENGTHS)[:, None]
    for cotangent in computed.cotangents.values():
        assert not np.any(np.asarray(cotangent)[:, after_NxT])
        # The last token predicts nothing either; all others do.
        moved_NxT = np.asarray(cotangent != 0).any(axis=(0, 3))
        np.testing.assert_array_equal(moved_NxT, np.arange(12) < np.array(LENGTHS)[:, None] - 1)
