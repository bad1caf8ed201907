"""Adapters start as nothing, and add what their equation says."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.adaptation.adapter import (
    TARGETS,
    AdapterConfig,
    chains,
    init_adapter,
    projection_shape,
    singular_bases,
)
from regrad_jax.errors import UserError
from tests.tiny_models import DECODER, FIRST_LAYER, KINDS, adapter, decoder, meta_params

LAYERS = DECODER.layers - FIRST_LAYER


@pytest.mark.parametrize("kind", KINDS)
def test_a_fresh_adapter_is_the_base_model(kind):
    config = adapter(kind)
    theta, bases = init_adapter(config, DECODER, jax.random.key(0))
    assert {x.dtype for x in jax.tree.leaves((theta, bases))} == {jnp.dtype(jnp.float32)}
    tokens = jnp.arange(10)[None]
    run = jax.jit(lambda chains: decoder().head(decoder().trunk(tokens)[0], chains)[0])
    np.testing.assert_array_equal(run(chains(config, theta, bases)), run({}))


@pytest.mark.parametrize("target", TARGETS)
def test_shapes_follow_the_projection(target):
    fan_in, fan_out = projection_shape(DECODER, target)
    assert (fan_in, fan_out) == ((24, 16) if target == "down" else (16, 24))
    kernel = decoder().head_params["layers"][target]["kernel"]  # (layers, in, out)
    assert kernel.shape == (LAYERS, fan_in, fan_out)
    theta, bases = init_adapter(adapter("core"), DECODER, jax.random.key(0))
    assert {n: x.shape for n, x in theta[target].items()} == {"R": (LAYERS, 3, 3)}
    assert {n: x.shape for n, x in bases[target].items()} == {
        "A": (LAYERS, 3, fan_in),
        "B": (LAYERS, fan_out, 3),
    }
    theta, bases = init_adapter(adapter("lora"), DECODER, jax.random.key(0))
    assert {n: x.shape for n, x in theta[target].items()} == {
        "A": (LAYERS, 3, fan_in),
        "B": (LAYERS, fan_out, 3),
    }
    assert bases[target] == {}


def test_singular_bases_see_the_largest_parts_of_a_weight():
    layers = decoder().head_params["layers"]
    bases = singular_bases(adapter(), layers)
    _, random = init_adapter(adapter(), DECODER, jax.random.key(0))
    assert jax.tree.map(jnp.shape, bases) == jax.tree.map(jnp.shape, random)
    for target in TARGETS:
        for layer in range(LAYERS):
            weight = np.asarray(layers[target]["kernel"][layer]).T  # (out, in)
            core = bases[target]["B"][layer].T @ weight @ bases[target]["A"][layer].T
            largest = np.linalg.svd(weight, compute_uv=False)[:3]
            np.testing.assert_allclose(core, np.diag(largest), atol=1e-5)


def test_starting_matrices_have_their_documented_spread():
    wide = dataclasses.replace(DECODER, width=64, mlp_dim=256)
    _, bases = init_adapter(adapter("core", rank=32), wide, jax.random.key(0))
    for target in TARGETS:
        fan_in, fan_out = projection_shape(wide, target)
        assert np.std(bases[target]["A"]) == pytest.approx(fan_in**-0.5, rel=0.05)
        assert np.std(bases[target]["B"]) == pytest.approx(fan_out**-0.5, rel=0.05)
    theta, _ = init_adapter(adapter("lora", rank=32), wide, jax.random.key(0))
    for target in TARGETS:
        bound = projection_shape(wide, target)[0] ** -0.5
        assert 0.99 * bound < np.abs(theta[target]["A"]).max() <= bound
        assert not np.any(theta[target]["B"])


def test_the_key_decides_and_targets_differ():
    draw = lambda seed: init_adapter(adapter("core"), DECODER, jax.random.key(seed))[1]
    np.testing.assert_array_equal(draw(0)["up"]["A"], draw(0)["up"]["A"])
    assert np.all(np.asarray(draw(0)["up"]["A"]) != draw(1)["up"]["A"])
    assert np.all(np.asarray(draw(0)["up"]["A"]) != draw(0)["gate"]["A"])


@pytest.mark.parametrize("kind", KINDS)
def test_chains_multiply_to_the_equation(kind):
    config = adapter(kind, scale=1.7, targets=("up", "down"))
    meta = meta_params(config)
    added = chains(config, meta.theta, meta.bases)
    assert set(added) == {"up", "down"}
    for target, chain in added.items():
        theta, bases = meta.theta[target], meta.bases[target]
        for layer in range(LAYERS):
            product = np.eye(projection_shape(DECODER, target)[0])
            for factor in chain:  # first to last
                product = np.asarray(factor[layer]) @ product
            if kind == "core":  # s B R A
                expected = 1.7 * bases["B"][layer] @ theta["R"][layer] @ bases["A"][layer]
            else:  # s B A
                expected = 1.7 * theta["B"][layer] @ (theta | bases)["A"][layer]
            assert np.abs(expected).max() > 0.1
            np.testing.assert_allclose(product, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "loha"}, "adapter.kind: 'loha' is unknown; choose one of core, lora"),
        ({"targets": ("gate", "q")}, r"adapter.targets: \('gate', 'q'\) must be some of gate, up, down"),
        ({"targets": ()}, r"adapter.targets: \(\) must be some of gate, up, down"),
        ({"rank": 0}, "adapter.rank: 0 must be a whole number of at least 1"),
        ({"first_layer": -1}, "adapter.first_layer: -1 must be a whole number of at least 0"),
        ({"scale": float("nan")}, "adapter.scale: nan must be a number above 0"),
    ],
)
def test_what_is_no_adapter_is_refused(changes, said):
    with pytest.raises(UserError, match=said):
        AdapterConfig(**changes)


@pytest.mark.parametrize("first_layer", [4, 15])
def test_no_layer_to_adapt_is_refused(first_layer):
    with pytest.raises(UserError, match=rf"adapter.first_layer {first_layer} is not in \[0, 4\)"):
        init_adapter(adapter(first_layer=first_layer), DECODER, jax.random.key(0))
