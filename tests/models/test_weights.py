"""Weights from disk land where they belong, from every container, and misfits are named."""

import json
import pathlib

import gguf
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.flax import save_file

from regrad_jax.errors import UserError
from regrad_jax.models.config import DecoderConfig, RopeScaling
from regrad_jax.models.weights import HF_NAMES, load_decoder

HF_CONFIG = {
    "model_type": "llama",
    "vocab_size": 11,
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 20,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10_000.0,
    "max_position_embeddings": 64,
}
GGUF_NAMES = {
    "embed_tokens": "token_embd",
    "input_layernorm": "attn_norm",
    "q_proj": "attn_q",
    "k_proj": "attn_k",
    "v_proj": "attn_v",
    "o_proj": "attn_output",
    "q_norm": "attn_q_norm",
    "k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "gate_proj": "ffn_gate",
    "up_proj": "ffn_up",
    "down_proj": "ffn_down",
}


def random_tensors(config: DecoderConfig, seed: int = 0) -> dict[str, np.ndarray]:
    """Tensors of a model under Hugging Face names, written out by hand; linears are (out, in)."""
    width, mlp = config.width, config.mlp_dim
    queries, keys = config.heads * config.head_dim, config.kv_heads * config.head_dim
    shapes = {
        "model.embed_tokens.weight": (config.vocab_size, width),
        "model.norm.weight": (width,),
    }
    if not config.tied_embeddings:
        shapes["lm_head.weight"] = (config.vocab_size, width)
    for layer in range(config.layers):
        prefix = f"model.layers.{layer}."
        outs_ins = {"q": (queries, width), "k": (keys, width), "v": (keys, width)}
        for name, shape in outs_ins.items():
            shapes[f"{prefix}self_attn.{name}_proj.weight"] = shape
            if config.qkv_bias:
                shapes[f"{prefix}self_attn.{name}_proj.bias"] = shape[:1]
        if config.qk_norm:
            shapes[f"{prefix}self_attn.q_norm.weight"] = (config.head_dim,)
            shapes[f"{prefix}self_attn.k_norm.weight"] = (config.head_dim,)
        shapes[f"{prefix}self_attn.o_proj.weight"] = (width, queries)
        shapes[f"{prefix}mlp.gate_proj.weight"] = (mlp, width)
        shapes[f"{prefix}mlp.up_proj.weight"] = (mlp, width)
        shapes[f"{prefix}mlp.down_proj.weight"] = (width, mlp)
        shapes[f"{prefix}input_layernorm.weight"] = (width,)
        shapes[f"{prefix}post_attention_layernorm.weight"] = (width,)
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def write_folder(folder: pathlib.Path, tensors, config=HF_CONFIG) -> pathlib.Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    save_file({k: jnp.asarray(v) for k, v in tensors.items()}, folder / "model.safetensors")
    return folder


def check_placed(params, tensors) -> None:
    """Every tensor stands, once, where the table says, transposed if it is a kernel."""
    leaves = jax.tree.leaves(params)
    assert all(isinstance(leaf, np.ndarray) and leaf.dtype == np.float32 for leaf in leaves)
    assert sum(leaf.size for leaf in leaves) == sum(value.size for value in tensors.values())
    for name, value in tensors.items():
        generic, layer, tree = name, None, params
        if name.startswith("model.layers."):
            layer = int(name.split(".")[2])
            generic, tree = name.replace(f".{layer}.", ".{layer}."), params["layers"]
        ((module, kind),) = [leaf for leaf, hf_name in HF_NAMES.items() if hf_name == generic]
        found = tree[module][kind] if layer is None else tree[module][kind][layer]
        np.testing.assert_array_equal(found, value.T if kind == "kernel" else value, err_msg=name)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"tie_word_embeddings": True},
        {"model_type": "qwen2"},
        {"model_type": "qwen3", "head_dim": 6},
    ],
)
def test_folder_of_every_family(tmp_path, change):
    config = HF_CONFIG | change
    tensors = random_tensors(DecoderConfig.from_hf(config))
    loaded = load_decoder(write_folder(tmp_path, tensors, config))
    assert loaded.config == DecoderConfig.from_hf(config)
    check_placed(loaded.params, tensors)


def test_shards_follow_the_index_and_not_the_glob(tmp_path):
    tensors = random_tensors(DecoderConfig.from_hf(HF_CONFIG))
    folder = write_folder(tmp_path, {"stray": np.zeros(3)})
    (folder / "model.safetensors").rename(folder / "consolidated.safetensors")
    weight_map = {name: f"model-{n % 2}.safetensors" for n, name in enumerate(tensors)}
    for shard in set(weight_map.values()):
        part = {name: jnp.asarray(v) for name, v in tensors.items() if weight_map[name] == shard}
        save_file(part, folder / shard)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": weight_map}))
    check_placed(load_decoder(folder).params, tensors)

    (folder / "model-1.safetensors").unlink()
    with pytest.raises(UserError, match=r"model-1\.safetensors: missing"):
        load_decoder(folder)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_half_precision_is_upcast(tmp_path, dtype):
    tensors = random_tensors(DecoderConfig.from_hf(HF_CONFIG))
    halves = {name: jnp.asarray(value, dtype) for name, value in tensors.items()}
    loaded = load_decoder(write_folder(tmp_path, halves))
    check_placed(loaded.params, {k: np.asarray(v, np.float32) for k, v in halves.items()})


def test_tied_model_may_carry_its_head_and_rotary_frequencies(tmp_path):
    config = HF_CONFIG | {"tie_word_embeddings": True}
    tensors = random_tensors(DecoderConfig.from_hf(config))
    extra = {
        "lm_head.weight": tensors["model.embed_tokens.weight"],
        "model.layers.0.self_attn.rotary_emb.inv_freq": np.ones(2, np.float32),
    }
    loaded = load_decoder(write_folder(tmp_path, tensors | extra, config))
    assert "unembed" not in loaded.params
    check_placed(loaded.params, tensors)


def test_misfits_are_named(tmp_path):
    tensors = random_tensors(DecoderConfig.from_hf(HF_CONFIG))
    wanted = "model.layers.1.mlp.up_proj.weight"
    rest = {name: value for name, value in tensors.items() if name != wanted}
    with pytest.raises(UserError, match=f"1 missing .{wanted}"):
        load_decoder(write_folder(tmp_path, rest))
    with pytest.raises(UserError, match="1 unknown .score.weight"):
        load_decoder(write_folder(tmp_path, tensors | {"score.weight": np.zeros(2)}))
    with pytest.raises(UserError, match=rf"{wanted} .* \(16, 19\), the config says \(16, 20\)"):
        load_decoder(write_folder(tmp_path, tensors | {wanted: tensors[wanted][:-1]}))


def test_folders_that_are_no_models(tmp_path):
    with pytest.raises(UserError, match=r"no config\.json"):
        load_decoder(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UserError, match="not valid JSON"):
        load_decoder(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(HF_CONFIG))
    with pytest.raises(UserError, match=r"no \*\.safetensors"):
        load_decoder(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"not a safetensors file")
    with pytest.raises(UserError, match=r"model\.safetensors: damaged"):
        load_decoder(tmp_path)
    with pytest.raises(UserError, match="no such GGUF file"):
        load_decoder(tmp_path / "absent.gguf")
    (tmp_path / "bad.gguf").write_bytes(b"not a GGUF file, but long enough")
    with pytest.raises(UserError, match="no readable GGUF file"):
        load_decoder(tmp_path / "bad.gguf")


def llama_cpp_order(rows: np.ndarray, heads: int) -> np.ndarray:
    """llama.cpp's order of a head's rows: first half and second half interleaved, row by row."""
    permuted = np.empty_like(rows)
    size = rows.shape[0] // heads
    for head in range(heads):
        first = head * size
        for pair in range(size // 2):
            permuted[first + 2 * pair] = rows[first + pair]
            permuted[first + 2 * pair + 1] = rows[first + size // 2 + pair]
    return permuted


def write_gguf(path, architecture, config: DecoderConfig, tensors, quantised=(), extra=None, metadata=None):
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(config.layers)
    writer.add_context_length(config.max_position)
    writer.add_embedding_length(config.width)
    writer.add_feed_forward_length(config.mlp_dim)
    writer.add_head_count(config.heads)
    writer.add_head_count_kv(config.kv_heads)
    writer.add_key_length(config.head_dim)
    writer.add_rope_freq_base(config.rope_base)
    writer.add_layer_norm_rms_eps(config.norm_eps)
    for key, value in (metadata or {}).items():
        writer.add_string(key, value)
    for name, value in (extra or {}).items():
        writer.add_tensor(name, value)
    for hf_name, value in tensors.items():
        *_, part, kind = hf_name.split(".")
        if hf_name.startswith("model.layers."):
            name = f"blk.{hf_name.split('.')[2]}.{GGUF_NAMES[part]}.{kind}"
        else:
            name = {"norm": "output_norm", "lm_head": "output"}.get(part) or GGUF_NAMES[part]
            name = f"{name}.{kind}"
        if architecture == "llama" and part in ("q_proj", "k_proj"):
            value = llama_cpp_order(value, config.heads if part == "q_proj" else config.kv_heads)
        if part in quantised:
            kind_of = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(value, kind_of), raw_dtype=kind_of)
        else:
            writer.add_tensor(name, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("architecture", ["llama", "qwen2", "qwen3"])
def test_gguf_equals_the_folder(tmp_path, architecture, tied):
    hf = {"model_type": architecture, "tie_word_embeddings": tied, "head_dim": 8}
    config = DecoderConfig.from_hf(HF_CONFIG | hf)
    tensors = random_tensors(config)
    loaded = load_decoder(write_gguf(tmp_path / "m.gguf", architecture, config, tensors))
    assert loaded.config == config
    check_placed(loaded.params, tensors)


def test_gguf_is_dequantised(tmp_path):
    config = DecoderConfig.from_hf(HF_CONFIG | {"hidden_size": 32, "intermediate_size": 32})
    tensors = random_tensors(config)
    quantised = ("q_proj", "up_proj")
    path = write_gguf(tmp_path / "m.gguf", "llama", config, tensors, quantised)
    params = load_decoder(path).params
    for part, module in (("self_attn.q_proj", "q"), ("mlp.up_proj", "up")):
        exact = tensors[f"model.layers.2.{part}.weight"].T
        found = params["layers"][module]["kernel"][2]
        assert 0 < np.abs(found - exact).max() < 0.02  # Q8_0 steps: largest of a block of 32, / 127


def test_gguf_rope_freqs_become_llama3_scaling(tmp_path):
    config = DecoderConfig.from_hf(HF_CONFIG | {"rope_theta": 500_000.0, "head_dim": 16})
    divisors = []  # as llama.cpp's converter writes them for factor 32, 1, 4, 8192
    for exponent in np.arange(0, 16, 2) / 16:
        wavelength = 2 * np.pi * 500_000.0**exponent
        smooth = (8192 / wavelength - 1) / (4 - 1)
        if wavelength < 8192 / 4:
            divisors.append(1.0)
        elif wavelength > 8192:
            divisors.append(32.0)
        else:
            divisors.append(1 / ((1 - smooth) / 32 + smooth))
    rope = {"rope_freqs.weight": np.array(divisors, np.float32)}
    tensors = random_tensors(config)
    path = write_gguf(tmp_path / "m.gguf", "llama", config, tensors, extra=rope)
    loaded = load_decoder(path)
    assert loaded.config.rope_scaling == RopeScaling(32.0, 1.0, 4.0, 8192)
    check_placed(loaded.params, tensors)

    other = {"rope_freqs.weight": np.linspace(1, 9, 8, dtype=np.float32)}
    path = write_gguf(tmp_path / "other.gguf", "llama", config, tensors, extra=other)
    with pytest.raises(UserError, match="is not Llama 3's scaling"):
        load_decoder(path)


def test_gguf_that_is_not_supported(tmp_path):
    config = DecoderConfig.from_hf(HF_CONFIG)
    tensors = random_tensors(config)
    with pytest.raises(UserError, match="architecture 'gemma' is not supported"):
        load_decoder(write_gguf(tmp_path / "g.gguf", "gemma", config, tensors))
    yarn = {"llama.rope.scaling.type": "yarn"}
    with pytest.raises(UserError, match="rotary scaling 'yarn'"):
        load_decoder(write_gguf(tmp_path / "y.gguf", "llama", config, tensors, metadata=yarn))


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"weight_map": 3}'])
def test_a_damaged_index_is_named(tmp_path, text):
    (tmp_path / "config.json").write_text(json.dumps(HF_CONFIG))
    (tmp_path / "model.safetensors.index.json").write_text(text)
    with pytest.raises(UserError, match=r"model\.safetensors\.index\.json: damaged"):
        load_decoder(tmp_path)


def test_a_rotary_scaling_without_a_part_is_named():
    scaling = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    with pytest.raises(UserError, match="no 'original_max_position_embeddings'"):
        DecoderConfig.from_hf(HF_CONFIG | {"rope_scaling": scaling})
