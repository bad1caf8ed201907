"""The shape of a Llama-family decoder, and where it is read from.

Names in the whole project carry the shapes of their arrays, as in `grads_NxP`. Each letter is one dimension:

    B  sequences of a batch           D  width of the decoder or of the sentence encoder
    T  tokens of a sequence           L  layers
    S  slots of the key/value cache   H  attention heads
    M  tokens of an answer            F  width of the MLP
    N  documents                      V  tokens of the vocabulary
    Q  questions                      R  rank of the adapters
    K  documents of one question      P  numbers of a document's gradient
    E  width of a retrieval key       C  bytes of a packed row

Inside attention, Kv are the key/value heads and d is the width of a head.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from regrad_jax.errors import UserError


@dataclasses.dataclass(frozen=True)
class RopeScaling:
    """How Llama 3 stretches rotary wavelengths (`rope_type: llama3` in Hugging Face configs)."""

    factor: float
    low_freq_factor: float
    high_freq_factor: float
    original_max_position: int


@dataclasses.dataclass(frozen=True)
class DecoderConfig:
    """Shapes and constants of a decoder. It is hashable, so that it can be static under `jax.jit`."""

    vocab_size: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    mlp_dim: int
    rope_base: float = 10_000.0
    rope_scaling: RopeScaling | None = None
    norm_eps: float = 1e-5
    tied_embeddings: bool = False
    qkv_bias: bool = False
    qk_norm: bool = False  # Qwen3 applies an RMS norm to every query and key head
    sliding_window: int | None = None  # in Mistral 0.1 a position sees this many positions at most
    max_position: int = 2048

    def __post_init__(self):
        if self.heads % self.kv_heads:
            raise UserError(
                f"decoder config: {self.heads} heads cannot share {self.kv_heads} key/value heads"
            )

    @property
    def layer_weights(self) -> int:
        """The number of weights that a token is multiplied with in one layer: in attention and the MLP."""
        attention = 2 * self.width * self.head_dim * (self.heads + self.kv_heads)
        return attention + 3 * self.width * self.mlp_dim

    @property
    def vocabulary_weights(self) -> int:
        """The number of weights that a hidden state is multiplied with to predict the next token."""
        return self.width * self.vocab_size

    @classmethod
    def from_hf(cls, config: Mapping[str, Any]) -> "DecoderConfig":
        """Reads a Hugging Face `config.json`.

        Args:
            config: the parsed JSON of a Llama, SmolLM2, Mistral, Qwen2(.5) or Qwen3 model.

        Raises:
            UserError: the architecture or its rotary scaling is not supported, or a size is missing.
        """
        family = config.get("model_type")
        if family not in ("llama", "mistral", "qwen2", "qwen3"):
            raise UserError(
                f"model_type {family!r} is not supported; use a llama, mistral, qwen2 or qwen3 model"
            )
        if config.get("hidden_act", "silu") != "silu":
            raise UserError(f"hidden_act {config['hidden_act']!r} is not supported; only 'silu' is")
        sizes = "num_attention_heads", "vocab_size", "hidden_size", "num_hidden_layers", "intermediate_size"
        if missing := [name for name in sizes if name not in config]:
            raise UserError(f"config.json has no {missing[0]!r}; give a decoder's config")
        heads = config["num_attention_heads"]
        # Files of transformers 5 have rope_parameters, and older ones have rope_theta and rope_scaling.
        rope = dict(config.get("rope_parameters") or config.get("rope_scaling") or {})
        windowed = family == "mistral" or config.get("use_sliding_window", False)
        return cls(
            vocab_size=config["vocab_size"],
            width=config["hidden_size"],
            layers=config["num_hidden_layers"],
            heads=heads,
            kv_heads=config.get("num_key_value_heads") or heads,
            head_dim=config.get("head_dim") or config["hidden_size"] // heads,
            mlp_dim=config["intermediate_size"],
            rope_base=float(rope.get("rope_theta") or config.get("rope_theta") or 10_000.0),
            rope_scaling=_rope_scaling(rope),
            norm_eps=config.get("rms_norm_eps", 1e-6),
            tied_embeddings=config.get("tie_word_embeddings", False),
            qkv_bias=family == "qwen2" or config.get("attention_bias", False),
            qk_norm=family == "qwen3",
            sliding_window=config.get("sliding_window") if windowed else None,
            max_position=config.get("max_position_embeddings", 2048),
        )


def _rope_scaling(rope: Mapping[str, Any]) -> RopeScaling | None:
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind == "default":
        return None
    if kind != "llama3":
        raise UserError(f"rotary scaling {kind!r} is not supported; only 'default' and 'llama3' are")
    parts = "factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"
    if missing := [name for name in parts if name not in rope]:
        raise UserError(
            f"config.json: its rotary scaling has no {missing[0]!r}; copy the model's config again"
        )
    return RopeScaling(
        factor=rope["factor"],
        low_freq_factor=rope["low_freq_factor"],
        high_freq_factor=rope["high_freq_factor"],
        original_max_position=rope["original_max_position_embeddings"],
    )


# The models of the paper and the default base model, so that banks can be planned without their weights.
PRESETS: Mapping[str, DecoderConfig] = {
    "smollm2-135m": DecoderConfig(
        vocab_size=49_152, width=576, layers=30, heads=9, kv_heads=3, head_dim=64, mlp_dim=1536,
        rope_base=100_000.0, tied_embeddings=True, max_position=8192,
    ),
    "llama3.2-1b": DecoderConfig(
        vocab_size=128_256, width=2048, layers=16, heads=32, kv_heads=8, head_dim=64, mlp_dim=8192,
        rope_base=500_000.0, rope_scaling=RopeScaling(32.0, 1.0, 4.0, 8192), tied_embeddings=True,
        max_position=131_072,
    ),
    "llama3.2-3b": DecoderConfig(
        vocab_size=128_256, width=3072, layers=28, heads=24, kv_heads=8, head_dim=128, mlp_dim=8192,
        rope_base=500_000.0, rope_scaling=RopeScaling(32.0, 1.0, 4.0, 8192), tied_embeddings=True,
        max_position=131_072,
    ),
    "llama3.1-8b": DecoderConfig(
        vocab_size=128_256, width=4096, layers=32, heads=32, kv_heads=8, head_dim=128,
        mlp_dim=14_336, rope_base=500_000.0, rope_scaling=RopeScaling(8.0, 1.0, 4.0, 8192),
        max_position=131_072,
    ),
}  # fmt: skip
