"""Writing to a bank: every call is one commit to each shard that it changes.

Nothing that can fail for a reason of the caller's is left for the moment of the commit: what is given is
checked before the first shard is written.
"""

import collections
import dataclasses
import functools
import shutil
from collections.abc import Iterable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax.adaptation.codecs import CODECS, Codec
from regrad_jax.bank.check import verify
from regrad_jax.bank.contents import Contents
from regrad_jax.bank.manifest import Manifest
from regrad_jax.bank.records import Entry, Record, pack_record
from regrad_jax.bank.storage import shard
from regrad_jax.bank.storage.commit import Batch, Change
from regrad_jax.bank.storage.database import ARRAYS, record_key
from regrad_jax.bank.storage.errors import DamagedError
from regrad_jax.bank.storage.shards import Shards
from regrad_jax.data.documents import Passage
from regrad_jax.errors import UserError


class Writer:
    """Adds, relabels and removes documents, and keeps the records in memory in step with the disk."""

    def __init__(self, manifest: Manifest, shards: Shards, contents: Contents):
        """Takes the bank's parts."""
        self._manifest, self._shards, self._contents = manifest, shards, contents

    def append(
        self, entries: Sequence[Entry], rows_NxP: jax.typing.ArrayLike, keys_NxE: np.ndarray, reason: str
    ) -> list[int]:
        """As `Bank.append`."""
        rows_NxP, keys_NxE = jnp.asarray(rows_NxP, jnp.float32), np.asarray(keys_NxE, np.float32)
        wanted = (len(entries), self._manifest.row_length), (len(entries), self._manifest.key_width)
        if (rows_NxP.shape, keys_NxE.shape) != wanted:
            raise ValueError(f"rows {rows_NxP.shape} and keys {keys_NxE.shape}, expected {wanted}")
        if not entries:
            return []
        finite_N, packed_NxC = map(np.asarray, _check_and_pack(CODECS[self._manifest.codec], rows_NxP))
        _require_finite(entries, finite_N & np.isfinite(keys_NxE).all(axis=1))
        _require_distinct(entries)
        parts: dict[int, list[int]] = {}
        for n, entry in enumerate(entries):
            parts.setdefault(self._shards.of(entry.document_id), []).append(n)
        self._shards.lock(parts)
        self._require_own_shard(entries, parts)
        positions = [0] * len(entries)
        for number, part in parts.items():
            time, first = shard.now(), self._shards[number].head.next_position
            records = [Record.of(entries[n], first + i, time) for i, n in enumerate(part)]
            position_of = self._contents.position_of
            replaced = [position_of[record.id] for record in records if record.id in position_of]
            batch = Batch(records, packed_NxC[part], keys_NxE[part])
            self._commit(number, Change(replaced, batch), reason)
            for n, record in zip(part, records, strict=True):
                positions[n] = record.position
        return positions

    def relabel(self, passages: Sequence[Passage]) -> None:
        """As `Bank.relabel`."""
        position_of = lambda passage: self._contents.position_of[passage.id]
        self._shards.lock(self._shards.split(map(position_of, passages)))
        labels = {position_of(passage): passage for passage in passages}
        for number, part in self._shards.split(labels).items():
            records = [
                dataclasses.replace(
                    self._contents.records[position],
                    document_id=labels[position].document_id,
                    title=labels[position].title,
                    source=labels[position].source,
                )
                for position in part
            ]
            values = {record_key(record.position): pack_record(record) for record in records}
            self._commit(number, Change(restored=values), "relabel", records)

    def delete(
        self, names: Iterable[str], sources: Iterable[str], damaged: bool, numbers: Iterable[int] | None
    ) -> int:
        """As `Bank.delete`; `numbers` are those of the shards to look in."""
        numbers = range(len(self._shards)) if numbers is None else list(numbers)
        self._shards.lock(numbers)
        unwanted, origins = set(names), set(sources)
        gone = {
            r.position
            for r in self._contents.records.values()
            if r.id in unwanted or r.document_id in unwanted or r.source in origins
        }
        if damaged:
            faults = verify(self._shards, self._contents)
            gone |= {fault.position for fault in faults if fault.position is not None}
        parts = self._shards.split(sorted(gone))
        for number in numbers:
            part, count = parts.get(number, []), self._shards[number].head.documents
            # The head still counts documents that have been lost without a trace.
            present = len(self._shards[number].view.positions()) if damaged else count
            if part or present != count:
                self._commit(number, Change(part), "delete", documents=present)
        return sum(len(parts.get(number, ())) for number in numbers)

    def rollback(self, version: int) -> None:
        """As `Bank.rollback`."""
        self._shards.lock()
        shards = self._shards.at(version)
        here, past = self._contents, Contents(shards)
        back = self._shards.split(position for position in past.records if position not in here.records)
        gone = self._shards.split(position for position in self._shards.positions() if position not in past)
        try:
            if lost := [position for position in past.damaged if position not in here.damaged]:
                raise DamagedError("records cannot be read", lost)
            values = {number: _stored(shards, number, part) for number, part in back.items()}
        except DamagedError as error:
            raise UserError(
                f"bank {self._shards.place}: version {version} of {past.names(error.positions)} is damaged "
                f"({error}); roll back to another"
            ) from error
        for number in sorted({*back, *gone}):
            records = [past.records[position] for position in back.get(number, ())]
            change = Change(gone.get(number, ()), restored=values.get(number, {}))
            self._commit(number, change, f"rollback to {version}", records)

    def compact(self) -> int | None:
        """As `Bank.compact`."""
        self._shards.lock()
        place = self._shards.place
        before = place.usage()
        try:
            if self._contents.damaged:
                raise DamagedError("records cannot be read", list(self._contents.damaged))
            positions = self._shards.split(self._contents.records)
            for number in range(len(self._shards)):
                self._shards[number].compact(positions.get(number, []))
        except DamagedError as error:
            raise UserError(
                f"bank {place} cannot be compacted: {self._contents.names(error.positions)}: {error} "
                "(`regrad bank delete --damaged` removes what is damaged)"
            ) from error
        _remove_index(place.index_folder(self._manifest.id))
        after = place.usage()
        return None if before is None or after is None else before - after

    def _require_own_shard(self, entries: Sequence[Entry], parts: Mapping[int, Sequence[int]]) -> None:
        """Refuses an id that a passage in another shard has."""
        position_of = self._contents.position_of
        for number, part in parts.items():
            for id in (entries[n].id for n in part):
                if id in position_of and self._shards.split([position_of[id]]).keys() != {number}:
                    owner = self._contents.records[position_of[id]].document_id
                    raise UserError(
                        f"id {id!r} is of a passage of {owner!r} already, in another shard: delete that, or "
                        "choose another id; nothing was added"
                    )

    def _commit(
        self,
        number: int,
        change: Change,
        reason: str,
        restored: Sequence[Record] = (),
        documents: int | None = None,
    ) -> None:
        """Commits a change to one shard.

        Args:
            number: of the shard.
            change: to be made.
            reason: for the log.
            restored: the records of the documents that the change restores.
            documents: that the shard holds before; by default as many as its head says.
        """
        added = change.added.records if change.added else ()
        records = [*restored, *added]
        replaced = {*change.gone, *(record.position for record in records)}
        removed = sum(position in self._contents for position in replaced)  # the others are orphans, or new
        before, state = self._shards[number].head, self._shards.state
        head = before._replace(
            version=before.version + 1,
            next_position=before.next_position + len(added),
            documents=(before.documents if documents is None else documents) - removed + len(records),
            time=max(shard.now(), before.time),  # a clock that went back must not turn the log around
            added=len(records),
            removed=removed,
            reason=reason,
        )
        self._shards[number].commit(head, change)
        self._contents.change(state, change.gone, records)


@functools.partial(jax.jit, static_argnums=0)
def _check_and_pack(codec: Codec, rows_NxP: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns which rows are finite, and the packed rows; one program, so that rows are read once."""
    return jnp.isfinite(rows_NxP).all(axis=1), codec.encode(rows_NxP)


def _require_finite(entries: Sequence[Entry], finite_N: np.ndarray) -> None:
    finite_N = finite_N & np.isfinite([entry.inner_loss for entry in entries])
    if not finite_N.all():
        names = ", ".join(repr(entries[int(n)].id) for n in np.flatnonzero(~finite_N))
        raise UserError(f"the gradient, key or loss of {names} is not finite; nothing was added")


def _require_distinct(entries: Sequence[Entry]) -> None:
    for id, times in collections.Counter(entry.id for entry in entries).items():
        if times > 1:
            raise UserError(f"id {id!r} is given {times} times in one batch; nothing was added")


def _stored(shards: Shards, number: int, positions: Sequence[int]) -> dict[str, bytes]:
    """Returns everything of these documents as it is stored in one shard.

    Raises:
        DamagedError: something of them cannot be read.
    """
    view = shards[number].view
    for array in ARRAYS:
        view.read(array, np.array(positions))  # against the checksums, which `values` passes over
    return view.values(positions)


def _remove_index(folder: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    try:
        shutil.rmtree(folder)  # what is left says why it is left
    except PermissionError as error:
        raise UserError(
            f"the bank is compacted, but its search index {folder} cannot be removed ({error.strerror}): "
            "remove it, since it may hold keys of what was deleted"
        ) from error
    except OSError:
        pass  # nothing is left, or another process writes there at this moment
