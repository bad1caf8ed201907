"""Reads llama.cpp's GGUF files as if they were Hugging Face folders: a config, and tensors by name.

llama.cpp stores the same numbers as Hugging Face, with three differences that this module undoes. Tensors
have other names. Most of them are quantised. In the `llama` architecture the rows of q and k are permuted,
because llama.cpp rotates neighbouring pairs where Hugging Face rotates the two halves of a head.
"""

import pathlib
from collections.abc import Iterator
from typing import Any

import gguf
import numpy as np

from regrad_jax.errors import UserError

_MODEL_NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
}
_LAYER_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_ARCHITECTURES = ("llama", "qwen2", "qwen3")
# Llama 3.1's (low_freq_factor, high_freq_factor, original_max_position). A GGUF file does not have these
# numbers, only the divisors that are computed from them.
_LLAMA3_ROPE = (1.0, 4.0, 8192)


class GGUFFile:
    """An open GGUF file, whose tensors are dequantised one at a time.

    Attributes:
        config: the content of a Hugging Face `config.json` for this model.
        names: the Hugging Face names of the tensors in the file.
    """

    def __init__(self, path: pathlib.Path):
        """Opens a file.

        Raises:
            UserError: it is no GGUF file, or its architecture is not supported.
        """
        self._path = path
        try:
            self._reader = gguf.GGUFReader(path)
        except (OSError, ValueError, IndexError) as error:
            raise UserError(f"{path}: no readable GGUF file ({error}); fetch it again") from error
        self._architecture = self.field("general.architecture")
        if self._architecture not in _ARCHITECTURES:
            raise UserError(
                f"{path}: GGUF architecture {self._architecture!r} is not supported; "
                f"use one of {', '.join(_ARCHITECTURES)}"
            )
        self._tensors = {self._hf_name(tensor.name): tensor for tensor in self._reader.tensors}
        self._rope_freqs = self._tensors.pop("rope_freqs.weight", None)
        self.names = frozenset(self._tensors)
        self.config = self._config()

    def tensor(self, name: str) -> np.ndarray:
        """Returns one tensor by its Hugging Face name, float32; the weights of a projection are (out, in)."""
        stored = self._tensors[name]
        value = gguf.quants.dequantize(stored.data, stored.tensor_type)
        value = value.astype(np.float32, copy=False)
        if self._architecture == "llama" and ".self_attn.q_proj." in name:
            return _unpermute(value, self.config["num_attention_heads"])
        if self._architecture == "llama" and ".self_attn.k_proj." in name:
            return _unpermute(value, self.config["num_key_value_heads"])
        return value

    def tensors(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yields every tensor of the file as (Hugging Face name, tensor)."""
        for name in self._tensors:
            yield name, self.tensor(name)

    def field(self, key: str, default: Any = None) -> Any:
        """Returns a metadata value, or `default` where the file does not have it."""
        found = self._reader.get_field(key)
        return default if found is None else found.contents()

    def _hf_name(self, name: str) -> str:
        stem, _, kind = name.rpartition(".")
        if stem.startswith("blk."):
            _, layer, part = stem.split(".", 2)
            return f"model.layers.{layer}.{_LAYER_NAMES.get(part, part)}.{kind}"
        return f"{_MODEL_NAMES.get(stem, stem)}.{kind}"

    def _need(self, key: str) -> Any:
        value = self.field(f"{self._architecture}.{key}")
        if value is None:
            raise UserError(f"{self._path}: GGUF metadata lacks {self._architecture}.{key}")
        return value

    def _config(self) -> dict[str, Any]:
        optional = lambda key, default: self.field(f"{self._architecture}.{key}", default)
        heads, width = self._need("attention.head_count"), self._need("embedding_length")
        if "model.embed_tokens.weight" not in self._tensors:
            raise UserError(f"{self._path}: tensor token_embd.weight is missing")
        config = {
            "architectures": [f"{self._architecture.capitalize()}ForCausalLM"],
            "model_type": self._architecture,
            "vocab_size": int(self._tensors["model.embed_tokens.weight"].shape[1]),
            "hidden_size": width,
            "num_hidden_layers": self._need("block_count"),
            "num_attention_heads": heads,
            "num_key_value_heads": optional("attention.head_count_kv", heads),
            "head_dim": optional("attention.key_length", width // heads),
            "intermediate_size": self._need("feed_forward_length"),
            "max_position_embeddings": self._need("context_length"),
            "hidden_act": "silu",
            # GGUF stores it in float32, from which 1e-5 would come back as 9.999999747378752e-06.
            "rms_norm_eps": float(str(np.float32(self._need("attention.layer_norm_rms_epsilon")))),
            "tie_word_embeddings": "lm_head.weight" not in self._tensors,
            "attention_bias": "model.layers.0.self_attn.q_proj.bias" in self._tensors,
            "bos_token_id": self.field("tokenizer.ggml.bos_token_id"),
            "eos_token_id": self.field("tokenizer.ggml.eos_token_id"),
            "pad_token_id": self.field("tokenizer.ggml.padding_token_id"),
            "torch_dtype": "float32",
        }
        base = float(optional("rope.freq_base", 10_000.0))
        return config | {"rope_theta": base, "rope_scaling": self._rope(base, config["head_dim"])}

    def _rope(self, base: float, head_dim: int) -> dict[str, Any] | None:
        kind = self.field(f"{self._architecture}.rope.scaling.type", "none")
        if kind != "none":
            return {"rope_type": kind}  # `DecoderConfig.from_hf` refuses it by this name
        if self._rope_freqs is None:
            return None
        divisors = np.asarray(self._rope_freqs.data, np.float32).reshape(-1)
        factor = float(divisors.max())
        low, high, positions = _LLAMA3_ROPE
        turns = positions * base ** -(np.arange(0, head_dim, 2) / head_dim) / (2 * np.pi)
        keep = np.clip((turns - low) / (high - low), 0.0, 1.0)
        expected = 1.0 / (keep + (1.0 - keep) / factor)
        if expected.shape != divisors.shape or not np.allclose(expected, divisors, rtol=1e-3):
            raise UserError(
                f"{self._path}: rope_freqs.weight is not Llama 3's scaling, which is the only one "
                "supported; load the model from its Hugging Face folder"
            )
        return {
            "rope_type": "llama3",
            "factor": factor,
            "low_freq_factor": low,
            "high_freq_factor": high,
            "original_max_position_embeddings": positions,
        }


def _unpermute(rows: np.ndarray, heads: int) -> np.ndarray:
    """Undoes llama.cpp's order of each head's rows: it swaps (half, pair) to (pair, half), in biases too."""
    paired = rows.reshape(heads, rows.shape[0] // heads // 2, 2, *rows.shape[1:])
    return paired.swapaxes(1, 2).reshape(rows.shape)
