"""The base model as a whole: split decoder, tokenizer, and the digests that name them."""

import os
import pathlib
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from regrad_jax.models.assets import ASSETS, asset_digest, fetch
from regrad_jax.models.decoder import SplitDecoder, split
from regrad_jax.models.tokenizer import load_tokenizer, tokenizer_digest
from regrad_jax.models.weights import load_decoder


class BaseModel(NamedTuple):
    """A frozen language model, ready to adapt.

    Attributes:
        name: asset name or folder that it was loaded by.
        decoder: its weights, cut at the first adapted layer.
        tokenizer: a transformers tokenizer.
        digest: sha256 of its weights.
        tokenizer_digest: sha256 of what the tokenizer does.
        stops_V: bool, the tokens that end an answer: those with a newline in them, and the special ones.
    """

    name: str
    decoder: SplitDecoder
    tokenizer: Any
    digest: str
    tokenizer_digest: str
    stops_V: np.ndarray


class Identity(NamedTuple):
    """What names a base model: sha256 of its weights, and of what its tokenizer does."""

    digest: str
    tokenizer_digest: str


def identify(name: str) -> Identity:
    """Returns a base model's digests without loading its weights.

    Raises:
        UserError: there is no such model.
    """
    path = locate(name)
    return Identity(asset_digest(path), tokenizer_digest(load_tokenizer(path)))


def locate(name: str) -> pathlib.Path:
    """Returns the folder of an asset (fetched now if need be) or the given path itself."""
    return fetch(name) if name in ASSETS else pathlib.Path(os.path.expanduser(name))


def load_base(name: str, first_layer: int, dtype: Any = jnp.float32, remat: bool = False) -> BaseModel:
    """Loads a base model by asset name, Hugging Face folder or `.gguf` file; the rest as for `split`.

    Its weights are NumPy arrays, for its user to lay on devices: once, and nowhere else.

    Raises:
        UserError: there is no such model, or it is not of a supported kind.
    """
    path = locate(name)
    config, params = load_decoder(path)
    tokenizer = load_tokenizer(path)
    return BaseModel(
        name=name,
        decoder=split(config, params, first_layer, jnp.dtype(dtype), remat, on_device=False),
        tokenizer=tokenizer,
        digest=asset_digest(path),
        tokenizer_digest=tokenizer_digest(tokenizer),
        stops_V=stop_tokens(tokenizer, config.vocab_size),
    )


def stop_tokens(tokenizer: Any, vocab_size: int) -> np.ndarray:
    """Returns bool stops_V: special tokens, and every token whose text holds a newline."""
    texts = tokenizer.batch_decode([[token] for token in range(min(len(tokenizer), vocab_size))])
    stops_V = np.zeros(vocab_size, bool)
    stops_V[: len(texts)] = ["\n" in text for text in texts]
    stops_V[[token for token in tokenizer.all_special_ids if token < vocab_size]] = True
    return stops_V
