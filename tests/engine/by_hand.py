"""Requests for tiny engines, and the results by other means: steps in NumPy, decoding without a cache."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax.adaptation.adapter import AdapterConfig, Tree, chains
from regrad_jax.adaptation.codecs import CODECS
from regrad_jax.adaptation.parameters import MetaParams
from regrad_jax.adaptation.rows import RowLayout
from regrad_jax.engine.requests import RowFormat, Update
from regrad_jax.models.decoder import SplitDecoder
from tests.tiny_models import DECODER

WIDTH = 40  # of the sequences that are computed without a cache: one width, one compilation
NO_STOPS = np.zeros(DECODER.vocab_size, bool)


def prompts(lengths: Sequence[int], seed: int = 0) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, DECODER.vocab_size, length).tolist() for length in lengths]


def row_format(meta: MetaParams, codec: str = "float32", keep: Sequence[str] = ()) -> RowFormat:
    layout = RowLayout.of(meta.theta)
    return RowFormat(codec, layout.keep(keep) if keep else layout)


def packed_rows(form: RowFormat, count: int, seed: int = 0) -> np.ndarray:
    """Random rows, packed_NxC."""
    rows = np.random.default_rng(seed).normal(size=(count, form.layout.size)).astype(np.float32)
    return np.array(CODECS[form.codec].encode(jnp.asarray(rows)))


def updates(form: RowFormat, counts: Sequence[int], seed: int = 0) -> list[Update]:
    """Updates of so many random rows each, with weights that differ."""
    rng = np.random.default_rng(seed)
    rows = np.split(packed_rows(form, sum(counts), seed), np.cumsum(counts)[:-1])
    return [Update(some, rng.random(len(some)).astype(np.float32), form) for some in rows]


def _unpack(form: RowFormat, packed_C: np.ndarray) -> np.ndarray:
    return np.asarray(CODECS[form.codec].decode(jnp.asarray(packed_C[None]), form.layout.size))[0]


def theta_of(meta: MetaParams, update: Update | None, gamma: float = 1.0) -> dict[str, dict[str, np.ndarray]]:
    """Returns theta_q in NumPy: theta* - gamma alpha . sum_k w_k g_k, or zeros where there is no update.

    The step sizes are one for every layer of every tensor, as `meta_params` makes them.
    """
    theta = jax.tree.map(np.array, meta.theta)
    if update is None:
        return jax.tree.map(np.zeros_like, theta)
    layout, start, total_P = update.format.layout, 0, np.zeros(update.format.layout.size)
    for packed_C, weight in zip(update.rows, update.weights_K, strict=True):
        total_P += weight * _unpack(update.format, packed_C)
    for path, shape in layout.leaves:
        target, name = path.split("/")
        end = start + int(np.prod(shape))
        alpha = np.asarray(meta.alpha[target][name]).reshape(-1, *(1,) * (len(shape) - 1))
        theta[target][name] -= gamma * alpha * total_P[start:end].reshape(shape)
        start = end
    assert start == layout.size
    return theta


@functools.partial(jax.jit, static_argnums=0)
def _logits(config: AdapterConfig, model: SplitDecoder, theta_Q: Tree, bases: Tree, tokens_QxT) -> jax.Array:
    def one(theta, tokens_T):
        hidden, _ = model.trunk(tokens_T[None])
        return model.logits(model.head(hidden, chains(config, theta, bases))[0])[0]

    return jax.vmap(one, in_axes=(0, 0))(theta_Q, tokens_QxT)


def logits_of(
    config: AdapterConfig, model: SplitDecoder, thetas: Sequence[Tree], bases: Tree, sequences
) -> np.ndarray:
    """Returns logits_QxTxV of whole sequences, each computed under its theta at once and without a cache."""
    tokens_QxT = np.zeros((len(sequences), WIDTH), np.int32)
    for row, sequence in zip(tokens_QxT, sequences, strict=True):
        row[: len(sequence)] = sequence
    theta_Q = jax.tree.map(lambda *leaves: np.stack(leaves), *thetas)
    return np.asarray(_logits(config, model, theta_Q, bases, tokens_QxT))


def assert_greedy(logits_QxTxV: np.ndarray, prompts: Sequence[Sequence[int]], answers) -> None:
    """Every token of an answer is the most likely one after all before it.

    So all of them are the greedy ones, though the logits are those of the prompts with their whole answers.
    """
    for logits_TxV, prompt, answer in zip(logits_QxTxV, prompts, answers, strict=True):
        best_M = logits_TxV[len(prompt) - 1 : len(prompt) - 1 + len(answer)].argmax(axis=-1)
        np.testing.assert_array_equal(answer, best_M)
