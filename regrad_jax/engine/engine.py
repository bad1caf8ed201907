"""Runs requests on all local devices, in batches of a few fixed shapes, so that few programs are compiled."""

import contextlib
import hashlib
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax.adaptation.adapter import AdapterConfig, Tree
from regrad_jax.adaptation.inner import adapted_head
from regrad_jax.adaptation.parameters import MetaParams
from regrad_jax.engine import scoring
from regrad_jax.engine.adapt import UpdateBatch, adapted
from regrad_jax.engine.decode import DecodeState, decode
from regrad_jax.engine.devices import count as device_count
from regrad_jax.engine.devices import replicate, round_up, shard, spread, unshard
from regrad_jax.engine.prefill import prefill
from regrad_jax.engine.requests import Completions, Places, Request, RowFormat, Update
from regrad_jax.engine.resident import fetch
from regrad_jax.engine.sampling import SamplingBatch
from regrad_jax.models.decoder import HeadFn, SplitDecoder, base_head
from regrad_jax.models.tokens import bucket, pad

_LENGTHS = (32, 64, 128, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192)
_BATCH_TOKENS = 2048  # prompt tokens of a device's batch, about
_MOST_REQUESTS = 32  # of a device's batch
_SCORED_AT_ONCE = 16  # requests


class Replicas(NamedTuple):
    """A model on every local device, leaves (G, *).

    Attributes:
        decoder: the frozen network.
        meta: what was learned.
        stops_V: bool, the tokens that end a sequence.
    """

    decoder: SplitDecoder
    meta: MetaParams
    stops_V: jax.Array | np.ndarray


class Engine:
    """A frozen network and learned parameters on every local device, ready for requests.

    Attributes:
        replicas: what lies on the devices.
        positions: the most positions that a sequence may have.
    """

    def __init__(self, adapter: AdapterConfig, decoder: SplitDecoder, meta: MetaParams, stops_V: np.ndarray):
        self._adapter = adapter
        self.replicas = replicate(Replicas(decoder, meta, stops_V))
        self.positions = decoder.config.max_position

    def complete(self, requests: Sequence[Request]) -> Completions:
        """Continues every request under parameters of its own.

        Adapted and plain requests may stand together; updates must be of one format.

        Args:
            requests: each of at most `positions` tokens, its limit included.

        Raises:
            ValueError: a request has no token, or more than there are positions.
        """
        tokens = [np.empty(0, np.int32) for _ in requests]
        seconds = np.zeros(2)
        for chosen, size, length in self._batches(requests):
            some = [requests[q] for q in chosen] + [requests[chosen[0]]] * (size - len(chosen))
            out_BxM, spent = self._complete_batch(some, length)
            seconds += spent
            for q, out_M in zip(chosen, out_BxM, strict=False):
                tokens[q] = out_M[out_M >= 0]
        return Completions(tokens, *seconds.tolist())

    def losses(self, requests: Sequence[Request], answers: Sequence[Sequence[int]]) -> np.ndarray:
        """Returns the mean token loss of a given answer to each request in nats, float64.

        Args:
            requests: prompts with their updates; sampling and limit are not looked at.
            answers: tokens of the answer to each, at least one.
        """
        losses: list[float] = []
        size = round_up(_SCORED_AT_ONCE)
        for start in range(0, len(requests), size):
            some = list(requests[start : start + size])
            batch = scoring.lay_out([r.tokens for r in some], answers[start : start + size], size)
            theta = self.adapt(some + some[-1:] * (size - len(some)))
            losses_Q = _losses_program(
                self._adapter, self.replicas.decoder, theta, self.replicas.meta.bases, shard(batch)
            )
            losses += unshard(losses_Q)[: len(some)].tolist()
        return np.array(losses)

    def adapt(self, requests: Sequence[Request]) -> Tree:
        """Returns theta_Q of Q requests, leaves (G, Q / G, *); Q must be a multiple of the devices."""
        updates = [request.update for request in requests]
        if all(update is None for update in updates):
            shape = device_count(), len(requests) // device_count()
            zeros = lambda leaf: jnp.zeros((*shape, *leaf.shape[1:]), leaf.dtype)
            return jax.tree.map(zeros, self.replicas.meta.theta)
        form, rows, resident = _gather_rows(updates)
        weights_QxK = np.zeros(rows.shape[:2], np.float32)
        for row_K, update in zip(weights_QxK, updates, strict=True):
            if update is not None:
                row_K[: len(update.weights_K)] = update.weights_K
        batch = UpdateBatch(
            rows,
            weights_QxK,
            np.array([request.gamma for request in requests], np.float32),
            np.array([update is not None for update in updates]),
        )
        packed = resident.packed_GxRxC if resident is not None else None
        return _adapt_program(form, self.replicas.meta, packed, shard(batch))

    def adapt_one(self, update: Update, gamma: float = 1.0) -> Tree:
        """Returns theta_q of one update: a tree of theta's form, float32."""
        theta = self.adapt([Request([0], update, gamma)] * device_count())
        return jax.tree.map(lambda leaf: leaf[0, 0], theta)

    @contextlib.contextmanager
    def first_tokens_only(self) -> Iterator[None]:
        """Ends sequences at their first token: all programs are compiled, and little else is done."""
        before = self.replicas
        self.replicas = before._replace(stops_V=jnp.ones_like(before.stops_V))
        try:
            yield
        finally:
            self.replicas = before

    def weights_digest(self) -> str:
        """Returns the sha256 of every frozen and every unadapted parameter, as it stands on the devices."""
        digest = hashlib.sha256()
        for leaf in jax.tree.leaves((self.replicas.decoder, self.replicas.meta)):
            digest.update(np.asarray(leaf).tobytes())
        return digest.hexdigest()

    def _batches(self, requests: Sequence[Request]) -> Iterator[tuple[list[int], int, int]]:
        """Yields (requests by their number, rows, prompt length) of each batch, the longest prompts first."""
        for number, request in enumerate(requests):
            if request.limit < 1 or not 0 < len(request.tokens) <= self.positions - request.limit:
                raise ValueError(
                    f"request {number}: {len(request.tokens)} tokens and {request.limit} new ones"
                )
        lengths = [len(request.tokens) for request in requests]
        waiting = sorted(range(len(requests)), key=lengths.__getitem__)
        while waiting:
            length = bucket(lengths[waiting[-1]], _LENGTHS)
            size = _batch_size(length, len(waiting))
            chosen, waiting = waiting[-size:], waiting[:-size]
            yield chosen, size, length

    def _complete_batch(self, requests: Sequence[Request], length: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns (out_BxM, seconds of adapting and of generating)."""
        start = time.perf_counter()
        theta = None
        if any(request.update is not None for request in requests):
            theta = jax.block_until_ready(self.adapt(requests))
        adapted_at = time.perf_counter()
        limits_B = np.array([request.limit for request in requests], np.int32)
        capacity = int(limits_B.max())
        model = self._adapter, self.replicas.decoder, theta, self.replicas.meta.bases, self.replicas.stops_V
        prompts = shard(pad([request.tokens for request in requests], length))
        sampling = shard(SamplingBatch.of([request.sampling for request in requests]))
        state = _prefill_program(capacity, *model, *prompts, shard(limits_B), sampling)
        state = _decode_program(*model, state, np.full(device_count(), capacity, np.int32))
        out_BxM = unshard(state.out_BxM)
        return out_BxM, np.array([adapted_at - start, time.perf_counter() - adapted_at])


def _batch_size(length: int, waiting: int) -> int:
    devices = device_count()
    a_device = max(1, min(_BATCH_TOKENS // length, _MOST_REQUESTS))
    wanted = -(-waiting // devices)
    while a_device >= 2 * wanted:  # a lone question must not pay for a batch of padding
        a_device //= 2
    return a_device * devices


def _gather_rows(updates: Sequence[Update | None]) -> tuple[RowFormat, np.ndarray, Any]:
    """Returns (format, packed_QxKxC or places_QxK, the resident rows if that is where they lie)."""
    given = [update for update in updates if update is not None]
    first = given[0]
    if any(update.format != first.format for update in given):
        raise ValueError("updates of one call must be of one format")
    resident, *others = (u.rows.resident if isinstance(u.rows, Places) else None for u in given)
    if any(other is not resident for other in others):
        raise ValueError("rows of one call must all be given, or all be places in the same resident rows")
    arrays = [
        None if update is None else update.rows.places_K if isinstance(update.rows, Places) else update.rows
        for update in updates
    ]
    most = max(len(array) for array in arrays if array is not None)
    example = next(array for array in arrays if array is not None)
    rows = np.zeros((len(arrays), most, *example.shape[1:]), example.dtype)
    for row, array in zip(rows, arrays, strict=True):
        if array is not None:
            row[: len(array)] = array
    return first.format, rows, resident


def _head(adapter: AdapterConfig, decoder: SplitDecoder, theta: Tree | None, bases: Tree) -> HeadFn:
    return base_head(decoder) if theta is None else adapted_head(decoder, adapter, theta, bases)


def _adapt(form: RowFormat, meta: MetaParams, packed_RxC: jax.Array | None, batch: UpdateBatch) -> Tree:
    if packed_RxC is not None:
        batch = batch._replace(rows=fetch(packed_RxC, jnp.asarray(batch.rows)))
    return adapted(form, meta, batch)


def _prefill(capacity, adapter, decoder, theta, bases, stops_V, tokens_BxT, lengths_B, limits_B, sampling):
    head = _head(adapter, decoder, theta, bases)
    return prefill(decoder, head, stops_V, tokens_BxT, lengths_B, limits_B, sampling, capacity)


def _decode(adapter, decoder, theta, bases, stops_V, state: DecodeState, steps) -> DecodeState:
    return decode(decoder, _head(adapter, decoder, theta, bases), stops_V, state, steps)


_adapt_program = spread(_adapt, static=(0,))
_prefill_program = spread(_prefill, static=(0, 1))
_decode_program = spread(_decode, static=(0,), donated=(5,))
_losses_program = spread(scoring.losses, static=(0,))
