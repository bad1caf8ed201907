"""The decoder and cached generation: what a position sees, where it is cut, what chains add."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.engine.generate import generate
from regrad_jax.errors import UserError
from regrad_jax.models.block import Probes
from regrad_jax.models.config import DecoderConfig
from regrad_jax.models.decoder import SplitDecoder, base_head, random_params, split
from tests.tiny_models import forward

PLAIN = DecoderConfig(
    vocab_size=31, width=16, layers=3, heads=4, kv_heads=2, head_dim=6, mlp_dim=24, tied_embeddings=True
)
QWEN = dataclasses.replace(PLAIN, tied_embeddings=False, qkv_bias=True, qk_norm=True)
MISTRAL = dataclasses.replace(PLAIN, sliding_window=3)
LENGTHS = np.array([4, 1, 7, 5, 2])  # of prompts, for decoding
NEW = 8  # tokens to decode


@functools.cache
def params_of(config: DecoderConfig):
    """Random parameters, biases and norms among them, large enough for every part to matter."""
    shapes = jax.eval_shape(functools.partial(random_params, config), jax.random.key(0))
    rng = np.random.default_rng(0)

    def draw(path, leaf):
        mean = 1.0 if path[-1].key == "scale" else 0.0
        return jnp.asarray(rng.normal(mean, 0.4, leaf.shape), jnp.float32)

    return jax.tree_util.tree_map_with_path(draw, shapes)


def tokens_BxT(batch: int, length: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(1).integers(0, PLAIN.vocab_size, (batch, length)), jnp.int32)


@jax.jit
def _logits(decoder: SplitDecoder, tokens: jax.Array, chains) -> jax.Array:
    hidden, _ = decoder.trunk(tokens)
    features, _ = decoder.head(hidden, chains)
    return decoder.logits(features)


def logits(decoder: SplitDecoder, tokens: jax.Array, chains=None) -> np.ndarray:
    return np.asarray(_logits(decoder, tokens, chains or {}))


@functools.partial(jax.jit, static_argnums=0)
def whole(config: DecoderConfig, params, tokens: jax.Array) -> jax.Array:
    return forward(config, params, tokens)


@jax.jit
def _generate(decoder: SplitDecoder, prompts, lengths, stops_V) -> jax.Array:
    return generate(decoder, base_head(decoder), prompts, lengths, stops_V, NEW)


def influence_TxT(config: DecoderConfig, length: int) -> np.ndarray:
    """How much the logits at each position (rows) change with the input at each position (columns)."""
    decoder = split(config, params_of(config), first_layer=0)  # the trunk is the embedding alone
    hidden_1xTxD, _ = decoder.trunk(tokens_BxT(1, length))
    weights_V = jnp.asarray(np.random.default_rng(2).normal(size=config.vocab_size), jnp.float32)

    @jax.jit
    @jax.jacrev
    def jacobian(hidden_TxD):
        features, _ = decoder.head(hidden_TxD[None], {})
        return decoder.logits(features)[0] @ weights_V

    return np.abs(jacobian(hidden_1xTxD[0])).sum(axis=-1)


def test_a_position_sees_itself_and_all_before_it():
    np.testing.assert_array_equal(influence_TxT(PLAIN, 7) > 0, np.tri(7, dtype=bool))


@pytest.mark.parametrize("layers", [1, 2])
def test_a_sliding_window_bounds_what_each_layer_sees(layers):
    config = dataclasses.replace(MISTRAL, layers=layers)
    reach = layers * (3 - 1)
    expected = np.tri(8, dtype=bool) & ~np.tri(8, k=-reach - 1, dtype=bool)
    np.testing.assert_array_equal(influence_TxT(config, 8) > 0, expected)


@pytest.mark.parametrize("config", [PLAIN, QWEN], ids=["tied", "untied"])
def test_the_cut_does_not_show(config):
    tokens = tokens_BxT(2, 9)
    uncut = np.asarray(whole(config, params_of(config), tokens))
    assert uncut.shape == (2, 9, config.vocab_size) and uncut.std() > 0.1
    for first_layer in range(config.layers):
        decoder = split(config, params_of(config), first_layer)
        assert decoder.head_layers == config.layers - first_layer
        np.testing.assert_allclose(logits(decoder, tokens), uncut, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("first_layer", [-1, 3])
def test_a_cut_outside_the_layers_is_refused(first_layer):
    with pytest.raises(UserError, match=rf"first_layer {first_layer} is not in \[0, 3\)"):
        split(PLAIN, params_of(PLAIN), first_layer)


def core_chains(rank: int = 2, layers: int = 2) -> dict[str, list[jax.Array]]:
    """Random factors A, R, B of every projection, for a head of two layers."""
    rng = np.random.default_rng(3)
    narrow, wide = PLAIN.width, PLAIN.mlp_dim
    draw = lambda *shape: jnp.asarray(rng.normal(0, 0.4, (layers, *shape)), jnp.float32)
    return {
        name: [draw(rank, fan_in), draw(rank, rank), draw(fan_out, rank)]
        for name, fan_in, fan_out in (("gate", narrow, wide), ("up", narrow, wide), ("down", wide, narrow))
    }


@pytest.mark.parametrize("zero", [1, 2], ids=["R", "B"])
def test_a_zero_factor_gives_the_base_model(zero):
    decoder = split(PLAIN, params_of(PLAIN), first_layer=1)
    tokens = tokens_BxT(2, 9)
    chains = core_chains()
    for chain in chains.values():
        chain[zero] = jnp.zeros_like(chain[zero])
    adapted = logits(decoder, tokens, {name: tuple(chain) for name, chain in chains.items()})
    np.testing.assert_array_equal(adapted, logits(decoder, tokens))


@pytest.mark.parametrize("names", [("gate",), ("up",), ("down",), ("gate", "up", "down")], ids="-".join)
def test_a_chain_equals_its_product_added_to_the_weights(names):
    params, tokens = params_of(PLAIN), tokens_BxT(2, 9)
    decoder = split(PLAIN, params, first_layer=1)
    chains = {name: tuple(core_chains()[name]) for name in names}
    layers = dict(params["layers"])
    for name, (a, r, b) in chains.items():
        added_LxOxI = np.asarray(b) @ np.asarray(r) @ np.asarray(a)
        kernel_LxIxO = np.array(layers[name]["kernel"])
        kernel_LxIxO[1:] += added_LxOxI.transpose(0, 2, 1)
        layers[name] = {"kernel": kernel_LxIxO}
    merged = logits(split(PLAIN, params | {"layers": layers}, first_layer=1), tokens)
    np.testing.assert_allclose(logits(decoder, tokens, chains), merged, rtol=1e-4, atol=1e-4)
    assert np.abs(merged - logits(decoder, tokens)).max() > 0.1


@pytest.mark.parametrize("place", ["projections", "cores"])
def test_probes_take_the_gradient_in_a_matrix_apart(place):
    """The outer products of cotangents and inputs add up to what differentiating in the matrix gives."""
    decoder = split(PLAIN, params_of(PLAIN), first_layer=1)
    hidden_BxTxD, _ = decoder.trunk(tokens_BxT(2, 9))
    chains = {name: tuple(chain) for name, chain in core_chains().items()}
    loss = lambda decoder, chains: decoder.logits(decoder.head(hidden_BxTxD, chains)[0]).var()

    def probed(offsets):
        probes = Probes({}, {})._replace(**{place: offsets})
        features, inputs = decoder.probed_head(hidden_BxTxD, chains, probes)
        return decoder.logits(features).var(), inputs

    width = {"gate": PLAIN.mlp_dim, "up": PLAIN.mlp_dim, "down": PLAIN.width}
    zeros = {name: jnp.zeros((2, 2, 9, width[name] if place == "projections" else 2)) for name in chains}
    cotangents, inputs = jax.jit(jax.grad(probed, has_aux=True))(zeros)
    of_decoder, of_chains = jax.jit(jax.grad(loss, argnums=(0, 1)))(decoder, chains)
    assert [len(part) for part in inputs] == ([3, 0] if place == "projections" else [0, 3])
    for name in chains:
        kernel_LxIxO = of_decoder.head_params["layers"][name]["kernel"]
        expected = np.swapaxes(kernel_LxIxO, 1, 2) if place == "projections" else of_chains[name][1]
        found = np.einsum("lbto,lbti->loi", cotangents[name], getattr(inputs, place)[name])
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())


def test_an_offset_of_the_core_reaches_the_projection_through_the_last_matrix():
    decoder = split(PLAIN, params_of(PLAIN), first_layer=1)
    hidden_BxTxD, _ = decoder.trunk(tokens_BxT(2, 9))
    chains = {"up": tuple(core_chains()["up"])}
    core_LxBxTxr = jnp.asarray(np.random.default_rng(4).normal(size=(2, 2, 9, 2)), jnp.float32)
    projection = jnp.einsum("lor,lbtr->lbto", chains["up"][2], core_LxBxTxr)
    run = lambda probes: decoder.probed_head(hidden_BxTxD, chains, probes)[0]
    shifted = run(Probes({}, {"up": core_LxBxTxr}))
    np.testing.assert_allclose(shifted, run(Probes({"up": projection}, {})), rtol=1e-4, atol=1e-5)
    assert np.abs(shifted - decoder.head(hidden_BxTxD, chains)[0]).max() > 0.1


@functools.cache
def answers_BxM(config: DecoderConfig, stops: frozenset[int] = frozenset(), dtype=jnp.float32) -> np.ndarray:
    """Cached decoding after prompts of different lengths; behind each stands other text, not zeros."""
    decoder = split(config, params_of(config), first_layer=1, dtype=dtype)
    stops_V = jnp.zeros(config.vocab_size, bool).at[jnp.array(sorted(stops), int)].set(True)
    return np.asarray(_generate(decoder, tokens_BxT(5, 7), jnp.asarray(LENGTHS), stops_V))


@pytest.mark.parametrize("config", [PLAIN, QWEN, MISTRAL], ids=["plain", "qwen", "mistral"])
def test_cached_decoding_equals_argmax_without_cache(config):
    answers = answers_BxM(config)
    assert answers.shape == (5, NEW) and len(np.unique(answers)) > 8  # else an error might not show
    sequences = np.zeros((5, 7 + NEW), np.int32)
    for row, length in enumerate(LENGTHS):
        sequences[row, :length] = tokens_BxT(5, 7)[row, :length]
        sequences[row, length : length + NEW] = answers[row]
    best_BxT = np.asarray(whole(config, params_of(config), jnp.asarray(sequences))).argmax(-1)
    for row, length in enumerate(LENGTHS):
        # Each token follows from all before it, so equality here is equality of the greedy answers.
        np.testing.assert_array_equal(answers[row], best_BxT[row, length - 1 : length - 1 + NEW])


def test_an_answer_ends_with_its_stop_token_and_others_go_on():
    free = answers_BxM(PLAIN)
    stop = int(free[0, 3])
    stopped = answers_BxM(PLAIN, frozenset([stop]))
    expected = free.copy()
    for row in expected:
        row[int(np.argmax(row == stop)) + 1 if stop in row else NEW :] = -1
    np.testing.assert_array_equal(stopped, expected)
    assert (expected[0] == -1).any() and (expected[:, -1] != -1).any()


def test_bfloat16_computes_in_bfloat16_and_stays_near():
    tokens = tokens_BxT(2, 9)
    decoder = split(PLAIN, params_of(PLAIN), first_layer=1, dtype=jnp.bfloat16)
    chains = {name: tuple(chain) for name, chain in core_chains().items()}
    hidden, _ = jax.eval_shape(decoder.trunk, tokens)
    features, _ = jax.eval_shape(decoder.head, hidden, chains)
    assert hidden.dtype == features.dtype == jnp.bfloat16
    assert logits(decoder, tokens).dtype == np.float32
    exact = np.asarray(whole(PLAIN, params_of(PLAIN), tokens))
    error = np.abs(logits(decoder, tokens) - exact).max() / np.abs(exact).max()
    assert 1e-4 < error < 0.05  # bfloat16 rounds to 1 in 256


def test_rematerialised_derivatives_are_the_same():
    tokens = tokens_BxT(2, 9)

    def slope(remat: bool):
        decoder = split(PLAIN, params_of(PLAIN), first_layer=1, remat=remat)
        hidden, _ = decoder.trunk(tokens)
        loss = lambda chains: decoder.logits(decoder.head(hidden, chains)[0]).var()
        twice = jax.grad(lambda chains: sum(jnp.vdot(x, x) for x in jax.tree.leaves(jax.grad(loss)(chains))))
        chains = {name: tuple(chain) for name, chain in core_chains().items()}
        return jax.jit(twice)(chains), str(jax.make_jaxpr(loss)(chains))

    (kept, plain), (again, rematerialised) = slope(False), slope(True)
    for name in kept:
        for ours, theirs in zip(again[name], kept[name], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6 * np.abs(theirs).max())
    assert "remat" in rematerialised and "remat" not in plain


def test_bfloat16_decodes():
    answers = answers_BxM(PLAIN, dtype=jnp.bfloat16)
    assert ((answers >= 0) & (answers < PLAIN.vocab_size)).all()
    # Ties aside, the first token is float32's.
    assert (answers[:, 0] == answers_BxM(PLAIN)[:, 0]).mean() >= 0.6
