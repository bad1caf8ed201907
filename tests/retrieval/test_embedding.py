"""The embedder: a key does not depend on its batch, and batches come in few shapes."""

import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tokenizers
import transformers

from regrad_jax.models.encoder import Encoder, EncoderConfig, LoadedEncoder
from regrad_jax.retrieval.embedding import Embedder

WORDS = ["red", "green", "blue", "one", "two", "three", "sea", "sky", "sun", "moon"]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    """A random encoder over a vocabulary of ten words."""
    vocabulary = {word: n for n, word in enumerate(["[UNK]", *WORDS])}
    backend = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]")
    config = EncoderConfig(vocab_size=11, width=16, layers=2, heads=4, mlp_dim=24, max_position=300)
    shape = jnp.zeros((1, 4), jnp.int32), jnp.ones((1, 4), bool)
    params = jax.jit(Encoder(config).init)(jax.random.key(0), *shape)["params"]
    return Embedder(pathlib.Path("toy"), LoadedEncoder(config, params), tokenizer)


def texts(count: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, rng.integers(1, 150))) for _ in range(count)]


@pytest.mark.parametrize("count", [0, 1, 7, 37])
def test_batched_equals_one_by_one(embedder, count):
    many = texts(count)
    keys_NxE = embedder.embed(many, batch_size=16)
    assert keys_NxE.shape == (count, 16) and keys_NxE.dtype == np.float32
    for text, key_E in zip(many, keys_NxE, strict=True):
        np.testing.assert_allclose(embedder.embed([text])[0], key_E, atol=1e-5)


def test_empty_text_and_text_beyond_the_limit(embedder):
    long = "red " * 256
    keys = embedder.embed(["red", long, long + "sea sky", "sea " + long])
    np.testing.assert_array_equal(keys[1], keys[2])  # what stands after 256 tokens is not seen
    assert np.abs(keys[1] - keys[3]).max() > 1e-3
    assert np.isfinite(embedder.embed([""])).all()


def test_shapes_are_few_and_known_shapes_do_not_recompile(embedder, caplog):
    jax.clear_caches()
    programs = lambda: [text for text in caplog.messages if "Compiling jit(encode_tokens)" in text]
    with jax.log_compiles():
        for count in (1, 2, 3, 9, 30):
            embedder.embed(texts(count), batch_size=16)
        compiled = len(programs())
        for count in (1, 2, 3, 9, 30):
            embedder.embed(texts(count)[::-1], batch_size=16)
    shapes = re.findall(r"int32\[(\d+),(\d+)\]", str(programs()))  # rows and tokens
    assert sorted(shapes) == [("1", "128"), ("16", "128"), ("16", "256"), ("4", "256")]
    assert compiled == len(programs()) == 4


def test_minilm_finds_the_paraphrase(minilm):
    embedder = Embedder.load(minilm)
    assert embedder.name == "minilm-l6" and embedder.width == 384
    assert embedder.digest.startswith("53aa5117")
    keys = embedder.embed(["A man plays guitar.", "Someone plays an instrument.", "Shares fell."])
    similarity = keys @ keys.T
    assert similarity[0, 1] > 0.5 > 0.2 > similarity[0, 2]
