"""Tiny random decoders, adapters and tasks and a tiny model on disk, that several tests share."""

import functools
import json
import math
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import safetensors.numpy
import tokenizers
import transformers

from regrad_jax.adaptation.adapter import AdapterConfig
from regrad_jax.adaptation.inner import Documents
from regrad_jax.adaptation.outer import Questions, TaskBatch
from regrad_jax.adaptation.parameters import MetaParams, init_meta
from regrad_jax.adaptation.rules import InnerProblem
from regrad_jax.data.almanac.generate import generate
from regrad_jax.models.config import DecoderConfig
from regrad_jax.models.decoder import SplitDecoder, random_params, split
from regrad_jax.models.weights import HF_NAMES
from regrad_jax.training.config import TrainConfig

DECODER = DecoderConfig(
    vocab_size=97, width=16, layers=4, heads=4, kv_heads=2, head_dim=4, mlp_dim=24, tied_embeddings=True
)
FIRST_LAYER = 2
VOCABULARY = 600  # of the tiny model on disk
KINDS = ("core", "lora", "lora_b")


def adapter(kind: str = "core", **changes) -> AdapterConfig:
    values: dict[str, Any] = {"kind": kind, "rank": 3, "first_layer": FIRST_LAYER, "scale": 2.0}
    return AdapterConfig(**(values | changes))


def inner_problem(
    config: AdapterConfig, weighting: str = "relevance", damping: float = math.inf, steps: int = 1
) -> InnerProblem:
    """An inner problem by its damping; infinity is the plain rule."""
    rule = "plain" if damping == math.inf else "damped"
    return InnerProblem(config, weighting, rule=rule, damping=damping, steps=steps)


def forward(config: DecoderConfig, params, tokens_BxT) -> jax.Array:
    """Returns float32 logits_BxTxV of the unadapted model."""
    model = split(config, params, first_layer=config.layers // 2)
    hidden, _ = model.trunk(tokens_BxT)
    features, _ = model.head(hidden, {})
    return model.logits(features)


@functools.cache
def decoder() -> SplitDecoder:
    """A decoder whose weights, norms among them, are large enough for every part to matter."""
    shapes = jax.eval_shape(functools.partial(random_params, DECODER), jax.random.key(0))
    rng = np.random.default_rng(0)

    def draw(path, leaf):
        mean = 1.0 if path[-1].key == "scale" else 0.0
        return np.asarray(rng.normal(mean, 0.3, leaf.shape), np.float32)

    with jax.ensure_compile_time_eval():  # the first caller may be under `jit`
        return split(DECODER, jax.tree_util.tree_map_with_path(draw, shapes), FIRST_LAYER)


def meta_params(
    config: AdapterConfig, model: DecoderConfig = DECODER, *, zero: bool = False, alpha_mode: str = "tie"
) -> MetaParams:
    """Meta-parameters with step sizes that differ where they may; theta stands off 0 unless `zero`."""
    meta = init_meta(config, model, jax.random.key(1), alpha=0.3, temperature=0.5, alpha_mode=alpha_mode)
    rng = np.random.default_rng(2)
    noise = lambda x: jnp.asarray(rng.normal(size=x.shape), jnp.float32)
    theta = meta.theta if zero else jax.tree.map(lambda x: x + 0.3 * noise(x), meta.theta)
    alpha = jax.tree.map(lambda x: x * jnp.exp(0.5 * noise(x)), meta.alpha)
    return MetaParams(theta, meta.bases, alpha, meta.log_temperature)


def documents(lengths, width: int = 0, seed: int = 3) -> Documents:
    """Documents of the given lengths; after each stand other tokens, not zeros."""
    shape = len(lengths), width or max(lengths)
    tokens = np.random.default_rng(seed).integers(0, DECODER.vocab_size, shape)
    return Documents(jnp.asarray(tokens, jnp.int32), jnp.asarray(lengths, jnp.int32))


def task_batch() -> TaskBatch:
    """Four documents and five questions, of which one retrieves nothing and the last is padding."""
    rng = np.random.default_rng(4)
    integers: Any = lambda *shape: rng.integers(0, DECODER.vocab_size, shape).astype(np.int32)
    prompts, lengths = np.array([5, 3, 1, 4, 1], np.int32), np.array([3, 1, 4, 2, 0], np.int32)
    tokens, answers = integers(5, 9), integers(5, 4)
    for row, (prompt, length) in enumerate(zip(prompts, lengths, strict=True)):
        tokens[row, prompt : prompt + length] = answers[row, :length]
    retrieved = np.array([[1, 1, 0, 0], [0, 1, 1, 1], [1, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]], bool)
    scores = rng.normal(size=(5, 4)).astype(np.float32)
    batch = TaskBatch(
        documents([10, 6, 2, 8]), Questions(tokens, prompts, answers, lengths), retrieved, scores
    )
    return jax.tree.map(jnp.asarray, batch)


def double(tree):
    """The tree with its float32 arrays in float64; under `jax.enable_x64(True)`."""
    return jax.tree.map(lambda x: x.astype(jnp.float64) if x.dtype == jnp.float32 else x, tree)


def relative_error(found, expected) -> float:
    """Norm of the difference over the norm of what is expected; infinite where only the latter is 0."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    difference = np.linalg.norm(found - expected)
    return float(difference / np.linalg.norm(expected)) if difference else 0.0


def assert_near(found, expected, tolerance: float) -> None:
    """Every leaf of a tree is within a relative error of the other's."""
    assert str(jax.tree.structure(found)) == str(jax.tree.structure(expected))
    for (path, leaf), wanted in zip(
        jax.tree_util.tree_leaves_with_path(found), jax.tree.leaves(expected), strict=True
    ):
        error = relative_error(leaf, wanted)
        assert error < tolerance, f"{jax.tree_util.keystr(path)}: relative error {error:.1e}"


def write_tokenizer(folder: pathlib.Path) -> None:
    """A byte-level tokenizer whose few hundred words come from the almanac."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<|end|>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = [d.content for d in generate(60, seed=9, split="train", kinds=("person",)).documents]
    tokenizer.train_from_iterator(texts, trainer)
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>")
    fast.save_pretrained(folder)


# A sentence encoder that costs nothing, where all that counts is that there is one.
ENCODER = {
    "model_type": "bert",
    "vocab_size": VOCABULARY,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 64,
}


def write_encoder(folder: pathlib.Path, config=ENCODER, without=()) -> dict[str, np.ndarray]:
    """Writes a BERT of one layer and random weights, all but those of `without`; returns them by name."""
    width, mlp = config["hidden_size"], config["intermediate_size"]
    layer = "encoder.layer.0."
    shapes = {
        "embeddings.word_embeddings.weight": (config["vocab_size"], width),
        "embeddings.position_embeddings.weight": (config["max_position_embeddings"], width),
        "embeddings.token_type_embeddings.weight": (2, width),
        f"{layer}intermediate.dense.weight": (mlp, width),
        f"{layer}intermediate.dense.bias": (mlp,),
        f"{layer}output.dense.weight": (width, mlp),
        f"{layer}output.dense.bias": (width,),
        "pooler.dense.weight": (width, width),
    }
    for part in ("self.query", "self.key", "self.value", "output.dense"):
        shapes[f"{layer}attention.{part}.weight"] = (width, width)
        shapes[f"{layer}attention.{part}.bias"] = (width,)
    for norm in ("embeddings.", f"{layer}attention.output.", f"{layer}output."):
        shapes[f"{norm}LayerNorm.weight"] = shapes[f"{norm}LayerNorm.bias"] = (width,)
    rng = np.random.default_rng(0)
    tensors = {k: rng.normal(size=v).astype(np.float32) for k, v in shapes.items()}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    kept = {name: value for name, value in tensors.items() if name not in without}
    safetensors.numpy.save_file(kept, folder / "model.safetensors")
    return tensors


def write_model(folder: pathlib.Path) -> None:
    """A Hugging Face folder of random weights."""
    config = {
        "model_type": "llama",
        "vocab_size": VOCABULARY,
        "hidden_size": DECODER.width,
        "num_hidden_layers": DECODER.layers,
        "num_attention_heads": DECODER.heads,
        "num_key_value_heads": DECODER.kv_heads,
        "intermediate_size": DECODER.mlp_dim,
        "tie_word_embeddings": True,
        "max_position_embeddings": 1024,
    }
    shape = DecoderConfig.from_hf(config)
    queries, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    shapes = {
        "embed": (VOCABULARY, shape.width), "norm": (shape.width,), "attn_norm": (shape.width,),
        "mlp_norm": (shape.width,), "q": (queries, shape.width), "k": (keys, shape.width),
        "v": (keys, shape.width), "o": (shape.width, queries), "gate": (shape.mlp_dim, shape.width),
        "up": (shape.mlp_dim, shape.width), "down": (shape.width, shape.mlp_dim),
    }  # fmt: skip
    rng = np.random.default_rng(0)
    tensors = {}
    for (module, kind), name in HF_NAMES.items():
        if module in shapes and kind != "bias":
            for layer in range(shape.layers if "{layer}" in name else 1):
                value = rng.normal(1.0 if kind == "scale" else 0.0, 0.3, shapes[module])
                tensors[name.format(layer=layer)] = value.astype(np.float32)
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    safetensors.numpy.save_file(tensors, folder / "model.safetensors")
    write_tokenizer(folder)


def train_config(model: pathlib.Path, **changes) -> TrainConfig:
    """A run of five steps on a few people of the almanac; `inner` changes some keys of its group only."""
    lengths = {"document_tokens": 128, "question_tokens": 40, "answer_tokens": 12}
    source = {
        "dataset": {"kind": "almanac", "entities": 24, "kinds": ("person",)},
        "anchors": 2,
        "questions_per_document": 1,
    }
    inner = {"adapter": {"kind": "core", "rank": 3, "first_layer": 2}, "weighting": "relevance"}
    values = {
        "base_model": str(model),
        "encoder": "unused",
        "seed": 0,
        "inner": inner | changes.pop("inner", {}),
        "prompts": "plain",
        "theta": "zero",
        "initial": "",
        "alpha": 0.3,
        "alpha_mode": "tie",
        "temperature": 0.1,
        "documents_per_question": 2,
        "sources": {
            "almanac": source | lengths,
            "more": source | lengths | {"dataset": {"kind": "almanac", "entities": 9, "kinds": ("person",)}},
        },
        "stages": ((2, {"almanac": 1.0}), (3, {"almanac": 0.5, "more": 0.5})),
        "learning_rate": 0.01,
        "weight_decay": 0.0,
        "warmup_steps": 1,
        "decay": "cosine",
        "clip_norm": 0.5,
        "eval_every": 4,
        "eval_documents": 12,
        "save_every": 2,
    }
    return TrainConfig.from_dict(ml_collections.ConfigDict(values | changes))
