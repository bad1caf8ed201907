"""A BERT-style sentence encoder in Flax: it turns the tokens of a text into one key of unit length.

This is the network of all-MiniLM-L6-v2 (Reimers and Gurevych, arXiv 1908.10084): learned positions,
post-norm layers, and mean pooling over the tokens of the text.
"""

import dataclasses
import functools
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from regrad_jax.errors import UserError
from regrad_jax.models.weights import Leaf, open_safetensors, read_config, read_tree


@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """Shapes and constants of an encoder. It is hashable, so that it can be static under `jax.jit`."""

    vocab_size: int
    width: int
    layers: int
    heads: int
    mlp_dim: int
    max_position: int
    norm_eps: float = 1e-12

    @classmethod
    def from_hf(cls, config: Mapping[str, Any]) -> "EncoderConfig":
        """Reads the `config.json` of a BERT model.

        Raises:
            UserError: the architecture, its activation or its kind of positions is not supported, or a size
                is missing.
        """
        for key, wanted in (
            ("model_type", "bert"),
            ("hidden_act", "gelu"),
            ("position_embedding_type", "absolute"),
        ):
            found = config.get(key, wanted)
            if found != wanted:
                raise UserError(f"encoder config: {key} is {found!r}, only {wanted!r} is supported")
        sizes = (
            "vocab_size",
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "intermediate_size",
            "max_position_embeddings",
        )
        if missing := [name for name in sizes if name not in config]:
            raise UserError(f"encoder config: it has no {missing[0]!r}; give a BERT model's config.json")
        return cls(
            vocab_size=config["vocab_size"],
            width=config["hidden_size"],
            layers=config["num_hidden_layers"],
            heads=config["num_attention_heads"],
            mlp_dim=config["intermediate_size"],
            max_position=config["max_position_embeddings"],
            norm_eps=config.get("layer_norm_eps", 1e-12),
        )


class LoadedEncoder(NamedTuple):
    """An encoder from disk.

    Attributes:
        config: its shape.
        params: float32 NumPy arrays, layers stacked on axis 0, kernels (in, out).
    """

    config: EncoderConfig
    params: dict[str, Any]


class EncoderBlock(nn.Module):
    """One post-norm layer: attention to the tokens that the mask selects, then an MLP with GELU."""

    config: EncoderConfig

    @nn.compact
    def __call__(self, x_BxTxD, mask_BxT):
        cfg = self.config
        norm = functools.partial(_layer_norm, cfg)
        x_BxTxD = norm("attn_norm")(x_BxTxD + self._attention(x_BxTxD, mask_BxT))
        hidden_BxTxF = nn.gelu(nn.Dense(cfg.mlp_dim, name="up")(x_BxTxD), approximate=False)
        mlp_BxTxD = nn.Dense(cfg.width, name="down")(hidden_BxTxF)
        return norm("mlp_norm")(x_BxTxD + mlp_BxTxD), None

    def _attention(self, x_BxTxD, mask_BxT):
        cfg = self.config
        shape = (*x_BxTxD.shape[:-1], cfg.heads, cfg.width // cfg.heads)
        q, k, v = (nn.Dense(cfg.width, name=name)(x_BxTxD).reshape(shape) for name in "qkv")
        scores_BxHxTxT = jnp.einsum("bthd,bshd->bhts", q, k) * shape[-1] ** -0.5
        # The masked score is finite, so that a row of padding alone gives no NaN.
        low = jnp.finfo(scores_BxHxTxT.dtype).min
        weights = jax.nn.softmax(jnp.where(mask_BxT[:, None, None], scores_BxHxTxT, low), axis=-1)
        mixed_BxTxD = jnp.einsum("bhts,bshd->bthd", weights, v).reshape(x_BxTxD.shape)
        return nn.Dense(cfg.width, name="o")(mixed_BxTxD)


class Encoder(nn.Module):
    """The embeddings and all layers. Returns hidden_BxTxD."""

    config: EncoderConfig

    @nn.compact
    def __call__(self, tokens_BxT, mask_BxT):
        cfg = self.config
        words_BxTxD = nn.Embed(cfg.vocab_size, cfg.width, name="embed")(tokens_BxT)
        places_TxD = nn.Embed(cfg.max_position, cfg.width, name="position")(jnp.arange(tokens_BxT.shape[1]))
        # BERT gives the two texts of a pair different types. A sentence encoder reads one text, of type 0.
        kind_D = nn.Embed(2, cfg.width, name="token_type")(jnp.zeros((), jnp.int32))
        hidden_BxTxD = _layer_norm(cfg, "embed_norm")(words_BxTxD + places_TxD + kind_D)
        layers = nn.scan(
            EncoderBlock,
            variable_axes={"params": 0},
            split_rngs={"params": True},
            in_axes=nn.broadcast,
            length=cfg.layers,
        )(cfg, name="layers")
        return layers(hidden_BxTxD, mask_BxT)[0]


def encode_tokens(
    config: EncoderConfig, params: Mapping[str, Any], tokens_BxT: jax.Array, mask_BxT: jax.Array
) -> jax.Array:
    """Encodes texts to keys of unit length.

    Args:
        config: the encoder's shape.
        params: the tree that `load_encoder` returns.
        tokens_BxT: int32, with the special tokens of the encoder; T is at most `max_position`.
        mask_BxT: bool, true at the tokens of the text.

    Returns:
        keys_BxE, float32: the mean of the last hidden states over the mask, normalised to length 1. A
        row whose mask is empty has a key of zeros.
    """
    hidden_BxTxD: Any = Encoder(config).apply({"params": params}, tokens_BxT, mask_BxT)
    kept_BxTx1 = mask_BxT[..., None].astype(hidden_BxTxD.dtype)
    mean_BxE = (hidden_BxTxD * kept_BxTx1).sum(1) / jnp.maximum(kept_BxTx1.sum(1), 1.0)
    length_Bx1 = jnp.linalg.norm(mean_BxE, axis=-1, keepdims=True)
    return mean_BxE / jnp.maximum(length_Bx1, 1e-12)


def load_encoder(folder: str | os.PathLike[str]) -> LoadedEncoder:
    """Loads a sentence encoder from a Hugging Face folder.

    Args:
        folder: with the `config.json` and the safetensors of a BertModel. A pooling config of
            sentence-transformers may be there, if it says mean pooling.

    Raises:
        UserError: the folder holds no such model, pools otherwise, or has tensors that do not fit its config.
    """
    folder = pathlib.Path(folder)
    config = EncoderConfig.from_hf(read_config(folder))
    _check_pooling(folder)
    with open_safetensors(folder) as (names, read):
        # Only BERT's sentence-pair task needs the pooler, and position ids are 0, 1, 2 and so on.
        names = frozenset(
            name for name in names if not name.startswith("pooler.") and "position_ids" not in name
        )
        shapes = _shapes(config)
        params = read_tree(folder, names, read, shapes, _HF_NAMES, config.layers)
    return LoadedEncoder(config, params)


def _layer_norm(config: EncoderConfig, name: str) -> nn.LayerNorm:
    # The default of Flax, E[x^2] - E[x]^2, loses digits by which keys differ.
    return nn.LayerNorm(epsilon=config.norm_eps, use_fast_variance=False, name=name)


def _check_pooling(folder: pathlib.Path) -> None:
    path = folder / "1_Pooling" / "config.json"
    if path.exists() and not json.loads(path.read_text()).get("pooling_mode_mean_tokens", True):
        raise UserError(f"{path}: only encoders that pool by the mean are supported")


_LAYER = "encoder.layer.{layer}."
_NORMS = {
    "embed_norm": "embeddings.LayerNorm",
    "attn_norm": _LAYER + "attention.output.LayerNorm",
    "mlp_norm": _LAYER + "output.LayerNorm",
}
_DENSES = {
    "q": _LAYER + "attention.self.query",
    "k": _LAYER + "attention.self.key",
    "v": _LAYER + "attention.self.value",
    "o": _LAYER + "attention.output.dense",
    "up": _LAYER + "intermediate.dense",
    "down": _LAYER + "output.dense",
}
_HF_NAMES: Mapping[Leaf, str] = (
    {
        ("embed", "embedding"): "embeddings.word_embeddings.weight",
        ("position", "embedding"): "embeddings.position_embeddings.weight",
        ("token_type", "embedding"): "embeddings.token_type_embeddings.weight",
    }
    | {(module, "scale"): f"{name}.weight" for module, name in _NORMS.items()}
    | {(module, "kernel"): f"{name}.weight" for module, name in _DENSES.items()}
    | {(module, "bias"): f"{name}.bias" for module, name in (_NORMS | _DENSES).items()}
)


def _shapes(config: EncoderConfig) -> dict[Leaf, tuple[int, ...]]:
    width, mlp = config.width, config.mlp_dim
    ins_outs = dict.fromkeys("qkvo", (width, width)) | {"up": (width, mlp), "down": (mlp, width)}
    return (
        {
            ("embed", "embedding"): (config.vocab_size, width),
            ("position", "embedding"): (config.max_position, width),
            ("token_type", "embedding"): (2, width),
        }
        | {(module, kind): (width,) for module in _NORMS for kind in ("scale", "bias")}
        | {(module, "kernel"): shape for module, shape in ins_outs.items()}
        | {(module, "bias"): shape[1:] for module, shape in ins_outs.items()}
    )
