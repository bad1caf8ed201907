"""Fills a bank from passages: skips what is there, encodes the rest in batches, commits each batch whole.

Interrupted at any point, the bank holds the batches committed so far and the next build goes on behind
them. How a passage becomes a gradient is the caller's business (`Encode`).

Any number of processes may build a bank of several shards together, each given all passages: a builder takes
the shards that nobody else is writing, one after the other, and then waits for those that others have taken,
to go on where they stopped should they die.
"""

import os
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from regrad_jax.bank.bank import Bank
from regrad_jax.bank.records import Entry, text_digest
from regrad_jax.bank.storage.place import BusyError
from regrad_jax.data.documents import Passage
from regrad_jax.progress import Progress, to_stderr


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
    """What a build did: passages added, left as they were, and refused as not finite (their ids)."""

    added: int
    unchanged: int
    refused: list[str]


_WAIT_SECONDS = 2

Encode = Callable[[Sequence[Passage]], Encoded]


def build(
    bank: Bank,
    passages: Sequence[Passage],
    encode: Encode,
    *,
    commit_size: int = 32,
    progress: Progress = to_stderr,
) -> Built:
    """Adds passages to a bank; those that it holds with the same content cost no encoding.

    Args:
        bank: open; this takes its writers' locks, one after the other.
        passages: with distinct ids. They are encoded in the order of their lengths.
        encode: passages -> what the bank keeps of them.
        commit_size: passages in one commit.
        progress: takes a line of text now and then.

    Raises:
        BusyError: another process writes to the bank, and it has one shard.
    """
    mine: dict[int, list[Passage]] = {number: [] for number in range(bank.manifest.shards)}
    for passage in passages:
        mine[bank.shard_of(passage.document_id)].append(passage)
    # Builders that start together start at different shards.
    first = os.getpid() % len(mine)
    waiting = [number for number in [*mine][first:] + [*mine][:first] if mine[number]]
    added: set[str] = set()
    refused: set[str] = set()
    told = None
    while waiting:
        busy = []
        for number in waiting:
            name = f"shard {number}: " if len(mine) > 1 else ""
            tell = lambda line, name=name: progress(name + line)
            try:
                bank.lock([number])
                _build_shard(bank, number, mine[number], encode, commit_size, tell, added, refused)
            except BusyError as error:  # from the start, or because a lease ran out meanwhile
                if len(mine) == 1:
                    raise
                busy.append(number)
                reason = error
                continue
            bank.unlock([number])
        if busy and busy == waiting:
            if told != (told := f"waiting for {len(busy)} shards: {reason}"):
                progress(told)
            time.sleep(_WAIT_SECONDS)
        waiting = busy
    return Built(len(added), len(passages) - len(added) - len(refused), sorted(refused))


def _build_shard(
    bank: Bank,
    number: int,
    passages: Sequence[Passage],
    encode: Encode,
    commit_size: int,
    progress: Progress,
    added: set[str],
    refused: set[str],
) -> None:
    """Builds what belongs to one shard, whose lock is held; ids go to `added` or `refused` batch by batch."""
    # A document that is cut otherwise than before leaves passages behind.
    ids, owners = {p.id for p in passages}, {p.document_id for p in passages}
    stale = [r.id for r in bank.records.values() if r.document_id in owners and r.id not in ids]
    if stale:
        bank.delete(stale, shards=[number])
    todo = [p for p in passages if not bank.contains(p.id, text_digest(p.content))]
    labels = {r.id: (r.document_id, r.title, r.source) for r in bank.records.values()}
    new = {p.id for p in todo}
    held = [p for p in passages if p.id not in new and bank.shard_of(labels[p.id][0]) == number]
    bank.relabel([p for p in held if labels[p.id] != (p.document_id, p.title, p.source)])
    # Like lengths together: a batch is padded to its longest passage.
    todo.sort(key=lambda p: len(p.content))
    began = spoken = time.monotonic()
    tokens = padded = rows = done_characters = 0
    characters = sum(len(p.content) for p in todo)
    for start in range(0, len(todo), commit_size):
        batch = todo[start : start + commit_size]
        bank.lock([number])  # still: a lease is renewed
        encoded = encode(batch)
        # A gradient that overflowed is a document lost, not a bank lost.
        finite_N = np.isfinite(encoded.rows_NxP).all(axis=1) & np.isfinite(encoded.losses_N)
        finite_N &= np.isfinite(encoded.keys_NxE).all(axis=1)
        refused |= {p.id for p, finite in zip(batch, finite_N, strict=True) if not finite}
        kept = np.flatnonzero(finite_N).tolist()
        entries = [_entry(batch[n], encoded, n) for n in kept]
        bank.append(entries, encoded.rows_NxP[kept], encoded.keys_NxE[kept], "build")
        added |= {entry.id for entry in entries}
        tokens, padded = tokens + int(encoded.tokens_N.sum()), padded + encoded.padded
        rows += len(kept)
        done_characters += sum(len(p.content) for p in batch)
        done, now = start + len(batch), time.monotonic()
        if now - spoken > 5 or done == len(todo):
            spoken, seconds = now, now - began
            left = seconds * (characters / done_characters - 1)
            progress(
                f"{done:,}/{len(todo):,} passages, {done / seconds:.1f} passages/s, "
                f"{tokens / seconds:,.0f} tokens/s, {1 - tokens / padded:.0%} padding, "
                f"{rows * bank.packed_bytes / 1e6:,.1f} MB of rows, {left:.0f} s left"
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
