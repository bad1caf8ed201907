"""Texts to retrieval keys: a sentence encoder, which is fed batches of a few fixed shapes."""

import functools
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax.models.assets import asset_digest
from regrad_jax.models.encoder import LoadedEncoder, encode_tokens, load_encoder
from regrad_jax.models.tokenizer import load_tokenizer
from regrad_jax.models.tokens import bucket, pad

MAX_TOKENS = 256  # what all-MiniLM-L6-v2 was trained with
# The encoder is compiled once for each pair of rows and tokens, so both come in few sizes.
_TOKEN_SIZES = (32, 64, 128, MAX_TOKENS)
_ROW_SIZES = tuple(4**power for power in range(8))

_encode = jax.jit(encode_tokens, static_argnums=0)


class Embedder:
    """Maps texts to keys of unit length; the inner product of two keys is their cosine similarity.

    Attributes:
        name: the name of the encoder's folder, such as "minilm-l6".
        width: E, the length of a key.
    """

    def __init__(self, folder: pathlib.Path, encoder: LoadedEncoder, tokenizer: Any):
        """Use `Embedder.load`."""
        self.name = folder.name
        self.width = encoder.config.width
        self._folder = folder
        self._config = encoder.config
        self._params = jax.tree.map(jnp.asarray, encoder.params)
        self._tokenizer = tokenizer

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> "Embedder":
        """Loads an encoder with its tokenizer.

        Raises:
            UserError: the folder holds no encoder that is supported.
        """
        folder = pathlib.Path(folder)
        return cls(folder, load_encoder(folder), load_tokenizer(folder))

    @functools.cached_property
    def digest(self) -> str:
        """The sha256 of the encoder's weights. Keys of encoders with different digests are not comparable."""
        return asset_digest(self._folder)

    def embed(self, texts: Sequence[str], batch_size: int = 64) -> np.ndarray:
        """Encodes texts. Only the first 256 tokens of a text count.

        Args:
            texts: N texts; N may be 0.
            batch_size: the most texts that are encoded at once.

        Returns:
            keys_NxE, float32, in the order of `texts`.
        """
        keys_NxE = np.empty((len(texts), self.width), np.float32)
        if not texts:
            return keys_NxE
        limit = min(MAX_TOKENS, self._config.max_position)
        tokens = self._tokenizer(list(texts), truncation=True, max_length=limit)["input_ids"]
        by_length = sorted(range(len(texts)), key=lambda n: len(tokens[n]))
        for start in range(0, len(texts), batch_size):
            chosen = by_length[start : start + batch_size]
            keys_NxE[chosen] = self._embed_batch([tokens[n] for n in chosen], batch_size, limit)
        return keys_NxE

    def _embed_batch(self, tokens: list[list[int]], batch_size: int, limit: int) -> np.ndarray:
        columns = min(bucket(max(map(len, tokens)), _TOKEN_SIZES), limit)
        rows = min(bucket(len(tokens), _ROW_SIZES), batch_size)
        tokens_BxT, lengths_B = pad(tokens, columns, rows)
        mask_BxT = np.arange(columns) < lengths_B[:, None]
        keys_BxE = _encode(self._config, self._params, tokens_BxT, mask_BxT)
        return np.asarray(keys_BxE)[: len(tokens)]
