"""Texts to retrieval keys: a sentence encoder fed in a few fixed shapes."""

import functools
import os
import pathlib
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax.models.assets import asset_digest
from regrad_jax.models.encoder import LoadedEncoder, encode_tokens, load_encoder
from regrad_jax.models.tokenizer import load_tokenizer

MAX_TOKENS = 256  # what all-MiniLM-L6-v2 was trained with
# Every (rows, tokens) pair that is met compiles once, so both come in a few sizes only.
_TOKEN_SIZES = (32, 64, 128, MAX_TOKENS)
_ROW_STEP = 4

_encode = jax.jit(encode_tokens, static_argnums=0)


class Embedder:
    """Maps texts to keys of unit length, whose inner product is the cosine similarity.

    Attributes:
        name: the encoder's folder name, such as "minilm-l6".
        width: E, the length of a key.
    """

    def __init__(self, folder: pathlib.Path, encoder: LoadedEncoder, tokenizer):
        self.name = folder.name
        self.width = encoder.config.width
        self._folder = folder
        self._config = encoder.config
        self._params = jax.tree.map(jnp.asarray, encoder.params)
        self._tokenizer = tokenizer

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> "Embedder":
        """Loads an encoder with its tokenizer. Raises UserError where the folder holds none."""
        folder = pathlib.Path(folder)
        return cls(folder, load_encoder(folder), load_tokenizer(folder))

    @functools.cached_property
    def digest(self) -> str:
        """The sha256 of the encoder's weights: keys of different digests must not be compared."""
        return asset_digest(self._folder)

    def embed(self, texts: Sequence[str], batch_size: int = 64) -> np.ndarray:
        """Encodes texts; what stands after the first 256 tokens of a text is not seen.

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
        longest = max(map(len, tokens))
        columns = min(next(size for size in _TOKEN_SIZES if size >= longest), limit)
        rows = 1
        while rows < len(tokens):
            rows *= _ROW_STEP
        rows = min(rows, batch_size)
        tokens_BxT = np.zeros((rows, columns), np.int32)
        mask_BxT = np.zeros((rows, columns), bool)
        for row, ids in enumerate(tokens):
            tokens_BxT[row, : len(ids)] = ids
            mask_BxT[row, : len(ids)] = True
        keys_BxE = _encode(self._config, self._params, tokens_BxT, mask_BxT)
        return np.asarray(keys_BxE)[: len(tokens)]
