"""Prompts and gradients to answers: adapt a batch of questions, each its own way, and decode.

Batches come in a few fixed shapes, so a long run compiles a handful of programs.
"""

import contextlib
import functools
import hashlib
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax.adaptation.adapter import AdapterConfig, Tree
from regrad_jax.adaptation.codecs import CODECS, weighted_sum
from regrad_jax.adaptation.inner import adapted_head
from regrad_jax.adaptation.parameters import MetaParams, descend
from regrad_jax.adaptation.rows import RowLayout
from regrad_jax.adaptation.weights import DOCUMENT_WEIGHTS
from regrad_jax.engine.devices import DEVICE, Replicas, shard, spread, unshard
from regrad_jax.engine.generation import generate
from regrad_jax.errors import UserError
from regrad_jax.models.decoder import SplitDecoder, base_head

_LENGTHS = (32, 64, 128, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192)
_BATCH_TOKENS = 2048  # prompt tokens of a device's batch, about


class Adaptation(NamedTuple):
    """What Q questions take from a bank.

    Attributes:
        packed: rows as they are stored, of which only those that a batch uses go to the devices (NumPy,
            R x C), or which are there already (`resident.Resident`, D x R x C).
        places_QxK: the documents' rows in `packed`, counted on from one device to the next.
        scores_QxK: retrieval scores.
        sound_QxK: bool; a document is used where this is true.
        layout: how the bank's rows hold the adapter's tensors.
        codec: the bank's codec.
        gamma: step multiplier.
        weighting: document weights, a name in `DOCUMENT_WEIGHTS`.
    """

    packed: np.ndarray | jax.Array
    places_QxK: np.ndarray
    scores_QxK: np.ndarray
    sound_QxK: np.ndarray
    layout: RowLayout
    codec: str
    gamma: float
    weighting: str


class Generated(NamedTuple):
    """Q decoded answers, and milliseconds a question for adapting and for generating."""

    texts: list[str]
    adapt_ms: float
    generate_ms: float


def _fetch(packed_RxC: jax.Array, places_QxK: jax.Array) -> jax.Array:
    """Returns packed_QxKxC of this device's questions, from rows that lie on all devices."""
    everyones_places = jax.lax.all_gather(places_QxK, DEVICE, tiled=True)
    count = len(packed_RxC)
    here = everyones_places // count == jax.lax.axis_index(DEVICE)
    found = jnp.where(here[..., None], packed_RxC[everyones_places % count], 0)
    # One device has a row and the others have zeros, so a sum of bytes is the row.
    return jax.lax.psum_scatter(found, DEVICE, scatter_dimension=0, tiled=True)


@functools.cache
def _adapt_program(codec: str, weighting: str, resident: bool):
    def adapt(layout: RowLayout, meta: MetaParams, packed, places_QxK, scores_QxK, sound_QxK, gamma) -> Tree:
        packed_QxKxC = _fetch(packed, places_QxK) if resident else packed
        weights_QxK = DOCUMENT_WEIGHTS[weighting](scores_QxK, sound_QxK, meta.log_temperature)
        total_QxP = weighted_sum(CODECS[codec], packed_QxKxC, weights_QxK, layout.size)
        return descend(meta, layout.unflatten(total_QxP), gamma)

    return spread(adapt, static=(0,))


def _generate(
    config: AdapterConfig, max_new_tokens: int, decoder: SplitDecoder, stops_V, tokens, lengths, theta, bases
):
    head = base_head(decoder) if theta is None else adapted_head(decoder, config, theta, bases)
    return generate(decoder, head, tokens, lengths, stops_V, max_new_tokens)


_generate_program = spread(_generate, static=(0, 1))


class Answerer:
    """Answers with a model on every local device."""

    def __init__(self, config: AdapterConfig, tokenizer: Any, replicas: Replicas):
        self._config = config
        self._tokenizer = tokenizer
        self._decoder, self._meta, self._stops_V = replicas
        self._longest = self._decoder.config.max_position

    def run(
        self, prompts: Sequence[str], adaptation: Adaptation | None, max_new_tokens: int = 20
    ) -> Generated:
        """Decodes greedily, every prompt under its own temporary parameters.

        Args:
            prompts: Q prompts.
            adaptation: what each takes from the bank; None answers with the base model as it is.
            max_new_tokens: the longest answer.

        Raises:
            UserError: a prompt is longer than the model's positions.
        """
        if not prompts:
            return Generated([], 0.0, 0.0)
        tokens = [self._tokenizer(prompt, add_special_tokens=False)["input_ids"] for prompt in prompts]
        longest = max(range(len(tokens)), key=lambda q: len(tokens[q]))
        if len(tokens[longest]) + max_new_tokens > self._longest:
            raise UserError(
                f"a prompt has {len(tokens[longest])} tokens, the model holds "
                f"{self._longest - max_new_tokens}: {_end(prompts[longest])!r}; lower --top_k, or ask a "
                "shorter question"
            )
        texts = [""] * len(prompts)
        adapt_s = generate_s = 0.0
        by_length = sorted(range(len(prompts)), key=lambda q: len(tokens[q]))
        while by_length:
            length = _at_least(len(tokens[by_length[-1]]))
            size = self._batch_size(length, len(by_length))
            chosen, by_length = by_length[-size:], by_length[:-size]
            answers, seconds = self._run_batch(tokens, chosen, size, length, adaptation, max_new_tokens)
            for q, answer in zip(chosen, answers, strict=False):
                texts[q] = self._tokenizer.decode(answer[answer >= 0], skip_special_tokens=True)
            adapt_s, generate_s = adapt_s + seconds[0], generate_s + seconds[1]
        return Generated(texts, 1e3 * adapt_s / len(prompts), 1e3 * generate_s / len(prompts))

    def adapt(self, adaptation: Adaptation) -> Tree:
        """Returns theta_Q: adapted parameters with leading axes (devices, questions a device)."""
        packed, places_QxK = adaptation.packed, adaptation.places_QxK.astype(np.int32)
        resident = isinstance(packed, jax.Array)
        if not resident:  # every device gets the rows of its own questions
            packed = shard(packed[places_QxK])
        program = _adapt_program(adaptation.codec, adaptation.weighting, resident)
        places, scores, sound = shard((places_QxK, adaptation.scores_QxK, adaptation.sound_QxK))
        gamma = np.full(jax.local_device_count(), adaptation.gamma, np.float32)
        return program(adaptation.layout, self._meta, packed, places, scores, sound, gamma)

    @contextlib.contextmanager
    def first_tokens_only(self) -> Iterator[None]:
        """Ends answers at their first token, which compiles all that whole ones need and does little else."""
        before, self._stops_V = self._stops_V, jax.tree.map(jnp.ones_like, self._stops_V)
        try:
            yield
        finally:
            self._stops_V = before

    def weights_digest(self) -> str:
        """Returns the sha256 of every frozen and every unadapted parameter, as it stands on the devices."""
        digest = hashlib.sha256()
        for leaf in jax.tree.leaves((self._decoder, self._meta)):
            digest.update(np.asarray(leaf).tobytes())
        return digest.hexdigest()

    def _batch_size(self, length: int, waiting: int) -> int:
        devices = jax.local_device_count()
        a_device = max(1, min(_BATCH_TOKENS // length, 32))
        wanted = -(-waiting // devices)
        while a_device >= 2 * wanted:  # a lone question must not pay for a batch of padding
            a_device //= 2
        return a_device * devices

    def _run_batch(self, tokens, chosen, size, length, adaptation, max_new_tokens):
        rows = np.array(chosen + chosen[:1] * (size - len(chosen)))
        padded = np.zeros((size, length), np.int32)
        for row, q in enumerate(rows):
            padded[row, : len(tokens[q])] = tokens[q]
        lengths = np.array([len(tokens[q]) for q in rows], np.int32)
        start = time.perf_counter()
        theta = bases = None
        if adaptation is not None:
            theta = self.adapt(
                adaptation._replace(
                    places_QxK=adaptation.places_QxK[rows],
                    scores_QxK=adaptation.scores_QxK[rows],
                    sound_QxK=adaptation.sound_QxK[rows],
                )
            )
            bases = self._meta.bases
            jax.block_until_ready(theta)
        adapted = time.perf_counter()
        answers = _generate_program(
            self._config, max_new_tokens, self._decoder, self._stops_V,
            *shard((padded, lengths)), theta, bases,
        )  # fmt: skip
        answers = unshard(answers)
        return answers[: len(chosen)], (adapted - start, time.perf_counter() - adapted)


def _end(prompt: str) -> str:
    """Returns enough of a prompt to know its question by."""
    return prompt if len(prompt) <= 80 else f"... {prompt[-80:]}"


def _at_least(length: int) -> int:
    return next((size for size in _LENGTHS if size >= length), length)
