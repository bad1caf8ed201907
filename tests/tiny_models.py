"""Tiny random decoders, adapters and tasks that the tests of `adaptation` and `training` share."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax.adaptation.adapter import AdapterConfig
from regrad_jax.adaptation.inner import Documents, MetaParams, init_meta
from regrad_jax.adaptation.outer import Questions, TaskBatch
from regrad_jax.models.config import DecoderConfig
from regrad_jax.models.decoder import SplitDecoder, random_params, split

DECODER = DecoderConfig(
    vocab_size=97, width=16, layers=4, heads=4, kv_heads=2, head_dim=4, mlp_dim=24, tied_embeddings=True
)
FIRST_LAYER = 2
KINDS = ("core", "lora")


def adapter(kind: str = "core", **changes) -> AdapterConfig:
    return AdapterConfig(**({"kind": kind, "rank": 3, "first_layer": FIRST_LAYER, "scale": 2.0} | changes))


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


def meta_params(config: AdapterConfig, model: DecoderConfig = DECODER, *, zero: bool = False) -> MetaParams:
    """Meta-parameters with step sizes that differ by layer and tensor; theta stands off 0 unless `zero`."""
    meta = init_meta(config, model, jax.random.key(1), alpha=0.3, temperature=0.5)
    rng = np.random.default_rng(2)
    noise = lambda x: jnp.asarray(rng.normal(size=x.shape), jnp.float32)
    theta = meta.theta if zero else jax.tree.map(lambda x: x + 0.3 * noise(x), meta.theta)
    alpha = jax.tree.map(lambda x: x * jnp.exp(0.5 * noise(x)), meta.alpha)
    return MetaParams(theta, meta.bases, alpha, meta.log_temperature)


def documents(lengths, width: int = 0, seed: int = 3) -> Documents:
    """Documents of the given lengths; what stands behind each is other tokens, not zeros."""
    shape = len(lengths), width or max(lengths)
    tokens = np.random.default_rng(seed).integers(0, DECODER.vocab_size, shape)
    return Documents(jnp.asarray(tokens, jnp.int32), jnp.asarray(lengths, jnp.int32))


def task_batch() -> TaskBatch:
    """Four documents and five questions, of which one retrieves nothing and the last is padding."""
    rng = np.random.default_rng(4)
    integers = lambda *shape: rng.integers(0, DECODER.vocab_size, shape).astype(np.int32)
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


def relative_error(found, expected) -> float:
    """Norm of the difference over the norm of what is expected; infinite where only the latter is 0."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    difference = np.linalg.norm(found - expected)
    return float(difference / np.linalg.norm(expected)) if difference else 0.0


def assert_near(found, expected, tolerance: float) -> None:
    """Every leaf of a tree is within a relative error of the other's."""
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for (path, leaf), wanted in zip(
        jax.tree_util.tree_leaves_with_path(found), jax.tree.leaves(expected), strict=True
    ):
        error = relative_error(leaf, wanted)
        assert error < tolerance, f"{jax.tree_util.keystr(path)}: relative error {error:.1e}"
