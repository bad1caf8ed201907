"""The base model as a whole: split decoder, tokenizer, and the digests that name them."""

import json
import os
import pathlib
from collections.abc import Collection
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from regrad_jax.errors import UserError
from regrad_jax.models.assets import ASSETS, asset_digest, fetch
from regrad_jax.models.decoder import SplitDecoder, split
from regrad_jax.models.tokenizer import load_tokenizer, tokenizer_digest
from regrad_jax.models.tokens import special_tokens
from regrad_jax.models.weights import load_decoder


class BaseModel(NamedTuple):
    """A frozen language model, ready to adapt.

    Attributes:
        name: the asset name, or the path that the model was loaded from.
        decoder: its weights, cut at the first adapted layer.
        tokenizer: a transformers tokenizer.
        digest: sha256 of its weights.
        tokenizer_digest: sha256 of what the tokenizer does.
        stops_V: bool, the tokens that end an answer (`stop_tokens`).
    """

    name: str
    decoder: SplitDecoder
    tokenizer: Any
    digest: str
    tokenizer_digest: str
    stops_V: np.ndarray


class Identity(NamedTuple):
    """What names a base model: the sha256 of its weights, and that of what its tokenizer does."""

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
    """Returns the folder of an asset, which is fetched now if need be, or the given path itself."""
    return fetch(name) if name in ASSETS else pathlib.Path(os.path.expanduser(name))


def load_base(name: str, first_layer: int, dtype: Any = jnp.float32, remat: bool = False) -> BaseModel:
    """Loads a base model.

    Its weights are NumPy arrays, so that the caller lays them on the devices once.

    Args:
        name: an asset name, a Hugging Face folder, or a `.gguf` file.
        first_layer: the first adapted layer, where the decoder is split.
        dtype: of the weights.
        remat: as for `split`.

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
        stops_V=stop_tokens(tokenizer, config.vocab_size, read_end_tokens(path)),
    )


def stop_tokens(tokenizer: Any, vocab_size: int, ends: Collection[int] = ()) -> np.ndarray:
    """Marks the tokens that end an answer.

    An answer is one line of text, so it ends at any token with a newline in it and at any special token. A
    tokenizer rarely says which of its special tokens end a turn, and none of them is text.

    Args:
        tokenizer: a transformers fast tokenizer.
        vocab_size: V, the number of tokens that the model can write.
        ends: more tokens that end an answer (`read_end_tokens`).

    Returns:
        stops_V, bool.
    """
    texts = tokenizer.batch_decode([[token] for token in range(min(len(tokenizer), vocab_size))])
    stops_V = np.zeros(vocab_size, bool)
    stops_V[: len(texts)] = ["\n" in text for text in texts]
    stops_V[[token for token in {*special_tokens(tokenizer), *ends} if token < vocab_size]] = True
    return stops_V


def read_end_tokens(path: pathlib.Path) -> set[int]:
    """Returns the tokens that a model folder gives as `eos_token_id`, none for a `.gguf` file.

    Both `generation_config.json` and `config.json` may have that key, with one token or a list of them.

    Raises:
        UserError: one of these files is damaged.
    """
    ends: set[int] = set()
    for file in (path / "generation_config.json", path / "config.json"):
        if not file.is_file():
            continue
        try:
            value = json.loads(file.read_text(encoding="utf-8")).get("eos_token_id")
        except (ValueError, AttributeError) as error:
            raise UserError(f"{file}: not a JSON object ({error}); copy the model's file again") from error
        listed = value if isinstance(value, list) else [value] if value is not None else []
        if not all(type(token) is int and token >= 0 for token in listed):
            raise UserError(f"{file}: eos_token_id is {value!r}; it must be one token or a list of tokens")
        ends.update(listed)
    return ends
