"""Decoder weights from disk: Hugging Face folders with safetensors, and llama.cpp's GGUF files.

Both give tensors under Hugging Face names, and `HF_NAMES` says where each tensor goes in the parameter tree.
In that tree the weights of a projection are an (in, out) kernel, and the tensors of all layers are stacked on
axis 0.
"""

import contextlib
import json
import os
import pathlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import safetensors

from regrad_jax.errors import UserError
from regrad_jax.models.config import PRESETS, DecoderConfig
from regrad_jax.models.gguf_file import GGUFFile

Leaf = tuple[str, str]  # (module, kind) in the parameter tree, below "layers" where it is stacked
Read = Callable[[str], np.ndarray]  # name -> tensor, float32

HF_NAMES: Mapping[Leaf, str] = {
    ("embed", "embedding"): "model.embed_tokens.weight",
    ("attn_norm", "scale"): "model.layers.{layer}.input_layernorm.weight",
    ("q", "kernel"): "model.layers.{layer}.self_attn.q_proj.weight",
    ("k", "kernel"): "model.layers.{layer}.self_attn.k_proj.weight",
    ("v", "kernel"): "model.layers.{layer}.self_attn.v_proj.weight",
    ("q", "bias"): "model.layers.{layer}.self_attn.q_proj.bias",
    ("k", "bias"): "model.layers.{layer}.self_attn.k_proj.bias",
    ("v", "bias"): "model.layers.{layer}.self_attn.v_proj.bias",
    ("q_norm", "scale"): "model.layers.{layer}.self_attn.q_norm.weight",
    ("k_norm", "scale"): "model.layers.{layer}.self_attn.k_norm.weight",
    ("o", "kernel"): "model.layers.{layer}.self_attn.o_proj.weight",
    ("mlp_norm", "scale"): "model.layers.{layer}.post_attention_layernorm.weight",
    ("gate", "kernel"): "model.layers.{layer}.mlp.gate_proj.weight",
    ("up", "kernel"): "model.layers.{layer}.mlp.up_proj.weight",
    ("down", "kernel"): "model.layers.{layer}.mlp.down_proj.weight",
    ("norm", "scale"): "model.norm.weight",
    ("unembed", "kernel"): "lm_head.weight",
}
# Some checkpoints contain rotary frequencies, which the decoder computes.
_DERIVED = re.compile(r"rotary_emb\.inv_freq$")


class LoadedDecoder(NamedTuple):
    """A decoder from disk.

    Attributes:
        config: its shape.
        params: float32 NumPy arrays, layers stacked on axis 0, kernels (in, out).
    """

    config: DecoderConfig
    params: dict[str, Any]


def load_decoder(path: str | os.PathLike[str]) -> LoadedDecoder:
    """Loads a decoder's weights and converts them to float32.

    Args:
        path: a Hugging Face folder (`config.json` and one or several `*.safetensors`), or a `.gguf`
            file of architecture llama, qwen2 or qwen3.

    Raises:
        UserError: there is no model at the path, its architecture is not supported, or its tensors are
            missing, unknown or of another shape than the config says.
    """
    path = pathlib.Path(path)
    if path.suffix == ".gguf":
        if not path.is_file():
            raise UserError(f"{path}: no such GGUF file")
        file = GGUFFile(path)
        config = DecoderConfig.from_hf(file.config)
        return _decoder(path, config, file.names, file.tensor)
    config = DecoderConfig.from_hf(read_config(path))
    with open_safetensors(path) as (names, read):
        return _decoder(path, config, names, read)


def load_config(name: str | os.PathLike[str]) -> DecoderConfig:
    """Returns a decoder's shape without loading its weights.

    Args:
        name: a preset (`PRESETS`), a Hugging Face folder, or a `.gguf` file.

    Raises:
        UserError: there is no such model, or it is not of a supported kind.
    """
    if name in PRESETS:
        return PRESETS[str(name)]
    path = pathlib.Path(name).expanduser()
    if path.is_dir():
        config = read_config(path)
    elif path.suffix == ".gguf" and path.is_file():
        config = GGUFFile(path).config
    else:
        raise UserError(
            f"no model is called {str(name)!r}; choose one of {', '.join(PRESETS)}, or give a folder "
            "with a config.json or a .gguf file"
        )
    try:
        return DecoderConfig.from_hf(config)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def read_config(folder: pathlib.Path) -> dict[str, Any]:
    """Parses the `config.json` of a Hugging Face folder.

    Raises:
        UserError: the file is missing or is not JSON.
    """
    try:
        return json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{folder}: no config.json there; give a Hugging Face model folder or a .gguf file"
        ) from None
    except ValueError as error:
        raise UserError(f"{folder / 'config.json'}: not valid JSON ({error})") from error


@contextlib.contextmanager
def open_safetensors(folder: pathlib.Path) -> Iterator[tuple[frozenset[str], Read]]:
    """Opens the safetensors files of a folder, and yields (the names in them, a function to read one tensor).

    Raises:
        UserError: there is no safetensors file, or one is missing or damaged.
    """
    shards = _shards(folder)
    with contextlib.ExitStack() as stack:
        home = {}
        for shard in shards:
            try:
                file = stack.enter_context(safetensors.safe_open(shard, framework="numpy"))
            except FileNotFoundError:
                raise UserError(f"{shard}: missing, though the index names it") from None
            except safetensors.SafetensorError as error:
                raise UserError(f"{shard}: damaged ({error}); fetch it again") from error
            home.update(dict.fromkeys(file.keys(), file))
        yield (
            frozenset(home),
            lambda name: home[name].get_tensor(name).astype(np.float32, copy=False),
        )


def _shards(folder: pathlib.Path) -> list[pathlib.Path]:
    # An index decides where there is one, since Mistral's folders hold the same weights a second time.
    index = folder / "model.safetensors.index.json"
    if index.exists():
        try:
            files = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
            return [folder / file for file in sorted(set(files))]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{index}: damaged ({error!r}); fetch it again") from error
    single = folder / "model.safetensors"
    shards = [single] if single.exists() else sorted(folder.glob("*.safetensors"))
    if not shards:
        raise UserError(
            f"{folder}: no *.safetensors there; convert other weights with transformers' save_pretrained"
        )
    return shards


def read_tree(
    source: pathlib.Path,
    names: frozenset[str],
    read: Read,
    shapes: Mapping[Leaf, tuple[int, ...]],
    hf_names: Mapping[Leaf, str],
    layers: int,
) -> dict[str, Any]:
    """Builds a parameter tree from tensors under Hugging Face names.

    Args:
        source: the path of the tensors, for messages.
        names: the names of the tensors.
        read: reads one of them.
        shapes: the shape of every leaf of the tree. A stacked leaf has the shape of one layer here.
        hf_names: each leaf's Hugging Face name. A leaf with `{layer}` in its name is stacked on axis 0 below
            "layers". A leaf called "kernel" is transposed from (out, in).
        layers: the number of layers to stack.

    Raises:
        UserError: a tensor is missing, is unknown, or has another shape.
    """
    stacked = {leaf for leaf in shapes if "{layer}" in hf_names[leaf]}
    wanted = {
        hf_names[leaf].format(layer=layer)
        for leaf in shapes
        for layer in range(layers if leaf in stacked else 1)
    }
    _check_names(source, wanted, names)

    def fill(out: np.ndarray, leaf: Leaf, name: str) -> None:
        value = read(name)
        value = value.T if leaf[1] == "kernel" else value
        if value.shape != out.shape:
            raise UserError(
                f"{source}: {name} gives a {leaf[1]} of shape {value.shape}, the config says "
                f"{out.shape}; take the weights and the config from the same model"
            )
        out[...] = value

    params: dict[str, Any] = {"layers": {}}
    for leaf, shape in shapes.items():
        module, kind = leaf
        if leaf in stacked:
            out = np.empty((layers, *shape), np.float32)
            for layer in range(layers):
                fill(out[layer], leaf, hf_names[leaf].format(layer=layer))
            params["layers"].setdefault(module, {})[kind] = out
        else:
            out = np.empty(shape, np.float32)
            fill(out, leaf, hf_names[leaf])
            params.setdefault(module, {})[kind] = out
    return params


def _check_names(source: pathlib.Path, wanted: set[str], found: frozenset[str]) -> None:
    missing, unknown = sorted(wanted - found), sorted(found - wanted)
    parts = [
        f"{len(names)} {what} ({', '.join(names[:4])}{', ...' if len(names) > 4 else ''})"
        for what, names in (("missing", missing), ("unknown", unknown))
        if names
    ]
    if parts:
        raise UserError(
            f"{source}: tensors do not fit the config: {' and '.join(parts)}; "
            "take the weights and the config from the same model"
        )


def _decoder(source: pathlib.Path, config: DecoderConfig, names: frozenset[str], read: Read):
    ignored = {name for name in names if _DERIVED.search(name)}
    if config.tied_embeddings:
        ignored.add("lm_head.weight")  # some folders have the embedding a second time
    shapes = _shapes(config)
    params = read_tree(source, names - ignored, read, shapes, HF_NAMES, config.layers)
    return LoadedDecoder(config, params)


def _shapes(config: DecoderConfig) -> dict[Leaf, tuple[int, ...]]:
    """Returns the shape of every leaf of the tree. A stacked leaf has the shape of one layer here."""
    width, mlp = config.width, config.mlp_dim
    queries, keys = config.heads * config.head_dim, config.kv_heads * config.head_dim
    shapes: dict[Leaf, tuple[int, ...]] = {
        ("embed", "embedding"): (config.vocab_size, width),
        ("attn_norm", "scale"): (width,),
        ("q", "kernel"): (width, queries),
        ("k", "kernel"): (width, keys),
        ("v", "kernel"): (width, keys),
        ("o", "kernel"): (queries, width),
        ("mlp_norm", "scale"): (width,),
        ("gate", "kernel"): (width, mlp),
        ("up", "kernel"): (width, mlp),
        ("down", "kernel"): (mlp, width),
        ("norm", "scale"): (width,),
    }
    if config.qkv_bias:
        shapes |= {("q", "bias"): (queries,), ("k", "bias"): (keys,), ("v", "bias"): (keys,)}
    if config.qk_norm:
        shapes |= {("q_norm", "scale"): (config.head_dim,), ("k_norm", "scale"): (config.head_dim,)}
    if not config.tied_embeddings:
        shapes[("unembed", "kernel")] = (width, config.vocab_size)
    return shapes
