"""Fills a bank from passages: skips what is there, encodes the rest in batches, commits each batch whole.

A build that is interrupted at any point leaves the batches that it has committed. The next build continues
after them. The caller says how a passage becomes a gradient (`Encode`).

Any number of processes may build a bank of several shards together. Each of them is given all passages. A
builder takes the shards that nobody else is writing, one after the other. Then it waits for the shards that
others have taken: should their builders die, it continues where they stopped.
"""

import os
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from regrad_jax.bank.bank import Bank
from regrad_jax.bank.records import Entry, text_digest
from regrad_jax.bank.storage.errors import BusyError
from regrad_jax.data.documents import Passage
from regrad_jax.progress import Progress, to_stderr

WAIT_SECONDS = 2  # before a builder looks again for shards that others were writing
_TELL_EVERY = 5  # seconds


class Encoded(NamedTuple):
    """Passages as a bank keeps them.

    Attributes:
        rows_NxP: gradients, float32, unscaled.
        keys_NxE: retrieval keys, float32, of norm 1.
        tokens_N: tokens that the gradient was computed on.
        losses_N: inner losses in nats per token.
        padded: tokens that were computed in all, padding among them.
    """

    rows_NxP: np.ndarray
    keys_NxE: np.ndarray
    tokens_N: np.ndarray
    losses_N: np.ndarray
    padded: int


class Built(NamedTuple):
    """What a build did.

    Attributes:
        added: how many passages it added.
        unchanged: how many passages it left as they were.
        refused: ids of the passages whose gradients are not finite.
    """

    added: int
    unchanged: int
    refused: list[str]


Encode = Callable[[Sequence[Passage]], Encoded]


def build(
    bank: Bank,
    passages: Sequence[Passage],
    encode: Encode,
    *,
    commit_size: int = 32,
    progress: Progress = to_stderr,
) -> Built:
    """Adds passages to a bank. Those that it holds with the same content cost no encoding.

    Args:
        bank: open; this takes its writers' locks, one after the other.
        passages: with distinct ids. They are encoded in the order of their lengths.
        encode: passages -> what the bank keeps of them.
        commit_size: passages in one commit.
        progress: takes a line of text now and then.

    Raises:
        BusyError: another process writes to the bank, and it has one shard.
    """
    parts: dict[int, list[Passage]] = {}
    for passage in passages:
        parts.setdefault(bank.shard_of(passage.document_id), []).append(passage)
    shards = bank.manifest.shards
    first = os.getpid() % shards  # builders that start together start at different shards
    waiting = sorted(parts, key=lambda number: (number - first) % shards)
    added, refused = set[str](), set[str]()
    last_line = ""
    while waiting:
        busy = []
        for number in waiting:
            name = f"shard {number}: " if shards > 1 else ""
            tell = lambda line, name=name: progress(name + line)
            try:
                bank.lock([number])
                todo = _prepare(bank, number, parts[number])
                _encode_batches(bank, number, todo, encode, commit_size, tell, added, refused)
            except BusyError as error:  # from the start, or because a lease ran out meanwhile
                if shards == 1:
                    raise
                busy.append(number)
                reason = error
                continue
            bank.unlock([number])
        if busy and busy == waiting:
            if last_line != (last_line := f"waiting for {len(busy)} shards: {reason}"):
                progress(last_line)
            time.sleep(WAIT_SECONDS)
        waiting = busy
    return Built(len(added), len(passages) - len(added) - len(refused), sorted(refused))


def _prepare(bank: Bank, number: int, passages: Sequence[Passage]) -> list[Passage]:
    """Removes and relabels what a shard holds; returns the passages to encode, the shortest first.

    Args:
        bank: with the shard's lock.
        number: of the shard.
        passages: all that belong to the shard.
    """
    # A document that is cut otherwise than before leaves passages that it no longer has.
    ids, owners = {p.id for p in passages}, {p.document_id for p in passages}
    stale = [r.id for r in bank.records.values() if r.document_id in owners and r.id not in ids]
    if stale:
        bank.delete(stale, shards=[number])
    todo = [p for p in passages if not bank.contains(p.id, text_digest(p.content))]
    labels = {r.id: (r.document_id, r.title, r.source) for r in bank.records.values()}
    new = {p.id for p in todo}
    unchanged = [p for p in passages if p.id not in new and bank.shard_of(labels[p.id][0]) == number]
    bank.relabel([p for p in unchanged if labels[p.id] != (p.document_id, p.title, p.source)])
    # Like lengths together: a batch is padded to its longest passage.
    return sorted(todo, key=lambda p: len(p.content))


def _encode_batches(
    bank: Bank,
    number: int,
    passages: Sequence[Passage],
    encode: Encode,
    commit_size: int,
    progress: Progress,
    added: set[str],
    refused: set[str],
) -> None:
    """Encodes and commits passages of one shard, whose lock is held.

    After every commit the ids of its passages go to `added` or to `refused`, so that they are counted even
    where a later commit fails.
    """
    meter = _Meter(passages, bank.packed_bytes, progress)
    for start in range(0, len(passages), commit_size):
        batch = passages[start : start + commit_size]
        bank.lock([number])  # renews a lease
        encoded = encode(batch)
        # A gradient that overflowed is a document lost, not a bank lost.
        finite_N = np.isfinite(encoded.rows_NxP).all(axis=1) & np.isfinite(encoded.losses_N)
        finite_N &= np.isfinite(encoded.keys_NxE).all(axis=1)
        refused |= {p.id for p, is_finite in zip(batch, finite_N, strict=True) if not is_finite}
        kept = np.flatnonzero(finite_N).tolist()
        entries = [_entry(batch[n], encoded, n) for n in kept]
        bank.append(entries, encoded.rows_NxP[kept], encoded.keys_NxE[kept], "build")
        added |= {entry.id for entry in entries}
        meter.count(batch, encoded, len(kept))


class _Meter:
    """Counts what has been done, and says every few seconds how fast it goes and how long it still takes."""

    def __init__(self, passages: Sequence[Passage], packed_bytes: int, progress: Progress):
        self._passages, self._packed_bytes, self._progress = len(passages), packed_bytes, progress
        self._characters_left = self._characters = sum(len(p.content) for p in passages)
        self._done = self._rows = self._tokens = self._padded = 0
        self._began = self._told = time.monotonic()

    def count(self, batch: Sequence[Passage], encoded: Encoded, rows: int) -> None:
        """Takes in a batch, of which so many rows were committed."""
        self._done, self._rows = self._done + len(batch), self._rows + rows
        self._tokens, self._padded = self._tokens + int(encoded.tokens_N.sum()), self._padded + encoded.padded
        self._characters_left -= sum(len(p.content) for p in batch)
        now = time.monotonic()
        if now - self._told > _TELL_EVERY or self._done == self._passages:
            self._told = now
            self._progress(self._line(now - self._began))

    def _line(self, seconds: float) -> str:
        left = seconds * self._characters_left / (self._characters - self._characters_left)
        return (
            f"{self._done:,}/{self._passages:,} passages, {self._done / seconds:.1f} passages/s, "
            f"{self._tokens / seconds:,.0f} tokens/s, {1 - self._tokens / self._padded:.0%} padding, "
            f"{self._rows * self._packed_bytes / 1e6:,.1f} MB of rows, {left:.0f} s left"
        )


def _entry(passage: Passage, encoded: Encoded, n: int) -> Entry:
    return Entry(
        id=passage.id,
        document_id=passage.document_id,
        text=passage.content,
        title=passage.title,
        source=passage.source,
        tokens=int(encoded.tokens_N[n]),
        inner_loss=float(encoded.losses_N[n]),
    )
