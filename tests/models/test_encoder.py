"""The sentence encoder: what a key may depend on, and which folders are refused."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.errors import UserError
from regrad_jax.models.encoder import Encoder, EncoderConfig, encode_tokens, load_encoder
from tests.tiny_models import write_encoder

CONFIG = EncoderConfig(vocab_size=50, width=16, layers=2, heads=4, mlp_dim=24, max_position=32)


@pytest.fixture(scope="module")
def params():
    shape = jnp.zeros((1, 4), jnp.int32), jnp.ones((1, 4), bool)
    params = jax.jit(Encoder(CONFIG).init)(jax.random.key(0), *shape)["params"]
    # Biases start at zero, where they would hide.
    return jax.tree.map(lambda x: x + 0.1 * jax.random.normal(jax.random.key(1), x.shape), params)


encode = jax.jit(functools.partial(encode_tokens, CONFIG))


def batch(lengths, width, seed=0):
    tokens = np.random.default_rng(seed).integers(0, CONFIG.vocab_size, (len(lengths), width))
    return jnp.asarray(tokens), jnp.arange(width) < jnp.asarray(lengths)[:, None]


def test_keys_have_length_one(params):
    keys_BxE = encode(params, *batch([3, 8, 1], 8))
    assert keys_BxE.shape == (3, 16) and keys_BxE.dtype == jnp.float32
    np.testing.assert_allclose(jnp.linalg.norm(keys_BxE, axis=-1), 1.0, rtol=1e-6)


def test_padding_is_not_seen(params):
    tokens, mask = batch([3, 8], 8)
    keys = encode(params, tokens, mask)
    padded = jnp.pad(tokens, ((0, 0), (0, 5)), constant_values=7)
    longer = encode(params, padded, jnp.pad(mask, ((0, 0), (0, 5))))
    np.testing.assert_allclose(longer, keys, atol=1e-6)
    alone = encode(params, tokens[:1, :3], mask[:1, :3])
    np.testing.assert_allclose(alone[0], keys[0], atol=1e-6)


def test_every_token_of_the_text_is_seen_and_so_is_its_place(params):
    tokens, mask = batch([6], 8)
    key = encode(params, tokens, mask)
    for place in range(6):
        changed = tokens.at[0, place].set((tokens[0, place] + 1) % CONFIG.vocab_size)
        assert jnp.abs(encode(params, changed, mask) - key).max() > 1e-4
    swapped = tokens.at[0, :2].set(tokens[0, 1::-1])
    assert jnp.abs(encode(params, swapped, mask) - key).max() > 1e-4


def test_a_row_of_padding_is_zero_and_harms_none(params):
    tokens, mask = batch([4, 0], 8)
    keys = encode(params, tokens, mask)
    alone = encode(params, tokens[:1], mask[:1])
    np.testing.assert_allclose(keys[0], alone[0], atol=1e-6)
    # The mean over nothing is zero, and zero has no direction.
    np.testing.assert_array_equal(keys[1], 0.0)


HF_CONFIG = {
    "model_type": "bert",
    "vocab_size": 5,
    "hidden_size": 4,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 6,
    "max_position_embeddings": 3,
}


def test_load_encoder(tmp_path):
    tensors = write_encoder(tmp_path, HF_CONFIG)
    config, params = load_encoder(tmp_path)
    assert config == EncoderConfig(vocab_size=5, width=4, layers=1, heads=2, mlp_dim=6, max_position=3)
    up = tensors["encoder.layer.0.intermediate.dense.weight"]
    np.testing.assert_array_equal(params["layers"]["up"]["kernel"][0], up.T)
    shape = jnp.zeros((1, 3), jnp.int32), jnp.ones((1, 3), bool)
    fresh = jax.eval_shape(Encoder(config).init, jax.random.key(0), *shape)["params"]
    assert jax.tree.map(np.shape, params) == jax.tree.map(lambda leaf: leaf.shape, fresh)


def test_what_is_no_encoder(tmp_path):
    name = "encoder.layer.0.output.dense.bias"
    write_encoder(tmp_path, HF_CONFIG, without=(name,))
    with pytest.raises(UserError, match=f"1 missing .{name}"):
        load_encoder(tmp_path)
    write_encoder(tmp_path, HF_CONFIG | {"model_type": "roberta"})
    with pytest.raises(UserError, match="model_type is 'roberta', only 'bert'"):
        load_encoder(tmp_path)
    write_encoder(tmp_path, HF_CONFIG)
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": false}')
    with pytest.raises(UserError, match="only encoders that pool by the mean"):
        load_encoder(tmp_path)


def test_an_encoder_without_a_size_is_named():
    with pytest.raises(UserError, match="encoder config: it has no 'vocab_size'"):
        EncoderConfig.from_hf({"model_type": "bert"})
