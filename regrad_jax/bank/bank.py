"""The bank: documents' gradients at rest, with their retrieval keys and texts.

    manifest.json     fixed facts (manifest.py), written once
    shards/NNNNN*     rows, keys, records (shard.py), one database or several (shards.py); writers' locks
    index/            made from the keys by retrieval/index.py

in a folder; in a bucket as bucket.py says.

Every commit is a version. A bank is read as of the version that was opened, whatever is committed or
compacted meanwhile; only a writer sees its own commits.

Crash story. `create` makes a bank whole or not at all (`place.Place.create`). From there on, every commit is
one transaction of the shard, and a compaction ends in one step (shard.py).
"""

import collections
import dataclasses
import functools
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax.adaptation.codecs import CODECS, Codec
from regrad_jax.bank.manifest import Manifest
from regrad_jax.bank.reader import BankReader, place_of
from regrad_jax.bank.records import Entry, Record, pack_record
from regrad_jax.bank.storage import shard, shards
from regrad_jax.bank.storage.database import ARRAYS, record_key
from regrad_jax.data.documents import Passage
from regrad_jax.errors import UserError


class Bank(BankReader):
    """A bank that can be written too. Made by `Bank.create` or `Bank.open`.

    The first write takes the writer's lock; `close`, or the end of a `with` block, gives it back.
    """

    @classmethod
    def create(cls, path: str | os.PathLike[str], manifest: Manifest) -> "Bank":
        """Makes an empty bank.

        Args:
          path: a folder that does not exist yet or is empty, or the URL of a bucket's prefix (`place_of`).
          manifest: the bank's fixed facts.

        Raises:
          UserError: something is there already.
          UnreachableError: the bucket does not answer.
        """
        place = place_of(path)
        packed_bytes = CODECS[manifest.codec].packed_bytes(manifest.row_length)
        with place.create(manifest.to_json().encode(), manifest.id) as draft:
            shards.create(draft, manifest.id, manifest.shards, packed_bytes, manifest.key_width)
        return cls(place, manifest)

    def __enter__(self) -> "Bank":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives back the writer's locks, if held; the bank can still be read."""
        self.unlock()

    def lock(self, numbers: Iterable[int] | None = None) -> None:
        """Becomes the only writer now instead of at the first write, and sees the latest commit.

        Args:
          numbers: of the shards to write; by default all.

        Raises:
          BusyError: another process is writing one of them.
        """
        self._begin_write(numbers)

    def unlock(self, numbers: Iterable[int] | None = None) -> None:
        """Gives writer's locks back, if held, by default all; the bank can still be read."""
        self._shards.unlock(numbers)

    def shard_of(self, document_id: str) -> int:
        """Returns the number of the shard that a document belongs to."""
        return self._shards.of(document_id)

    def append(
        self,
        entries: Sequence[Entry],
        rows_NxP: jax.typing.ArrayLike,
        keys_NxE: np.ndarray,
        reason: str = "append",
    ) -> list[int]:
        """Commits a batch of documents; a document whose id is there already is replaced.

        Of each shard that the batch has documents of, its part is committed whole.

        Args:
          entries: N documents with distinct ids.
          rows_NxP: their gradients, float32, unscaled.
          keys_NxE: their retrieval keys, float32, of norm 1.
          reason: what the log is to say of the commit.

        Returns:
          Their positions.

        Raises:
          UserError: a gradient, key or loss is not finite (the documents are named), an id is given twice or
            is that of another document's passage in another shard. Nothing was added.
          BusyError: another process is writing one of the shards. Nothing was added.
        """
        rows_NxP, keys_NxE = jnp.asarray(rows_NxP, jnp.float32), np.asarray(keys_NxE, np.float32)
        self._require_shapes(len(entries), rows_NxP.shape, keys_NxE.shape)
        if not entries:
            return []
        finite_N, packed_NxC = map(np.asarray, _check_and_pack(CODECS[self.manifest.codec], rows_NxP))
        _require_sound(entries, finite_N & np.isfinite(keys_NxE).all(axis=1))
        parts: dict[int, list[int]] = {}
        for n, entry in enumerate(entries):
            parts.setdefault(self.shard_of(entry.document_id), []).append(n)
        self._begin_write(parts)
        places = self._all.positions
        for number, part in parts.items():
            for id in (entries[n].id for n in part):
                if id in places and self._shards.split([places[id]]).keys() != {number}:
                    raise UserError(
                        f"id {id!r} is of a passage of {self.records[places[id]].document_id!r} already, in "
                        "another shard: delete that, or choose another id; nothing was added"
                    )
        positions = [0] * len(entries)
        for number, part in parts.items():
            time, first = shard.now(), self._shards[number].head.next_position
            records = [Record.of(entries[n], first + i, time) for i, n in enumerate(part)]
            places = self._all.positions
            replaced = [places[record.id] for record in records if record.id in places]
            batch = shard.Batch(records, packed_NxC[part], keys_NxE[part])
            self._commit(number, replaced, batch, reason=reason)
            for n, record in zip(part, records, strict=True):
                positions[n] = record.position
        return positions

    def relabel(self, passages: Sequence[Passage]) -> None:
        """Gives documents that are here another title, source or document id, in one commit a shard.

        Rows, keys and positions stay: the text is the same.

        Args:
          passages: with ids of the bank's and the new labels; their texts are passed over.

        Raises:
          BusyError: another process is writing one of the shards.
        """
        place = lambda passage: self._all.positions[passage.id]
        self._begin_write(self._shards.split(map(place, passages)))
        labels = {place(passage): passage for passage in passages}
        for number, mine in self._shards.split(labels).items():
            records = [
                dataclasses.replace(
                    self.records[position],
                    document_id=labels[position].document_id,
                    title=labels[position].title,
                    source=labels[position].source,
                )
                for position in mine
            ]
            values = {record_key(record.position): pack_record(record) for record in records}
            self._commit(number, (), restored=(records, values), reason="relabel")

    def delete(
        self,
        names: Iterable[str] = (),
        sources: Iterable[str] = (),
        damaged: bool = False,
        shards: Iterable[int] | None = None,
    ) -> int:
        """Removes documents in one commit a shard: row, key and record.

        They are gone from this version on; `compact` removes them from the disk.

        Args:
          names: ids, or document ids, which remove every passage of the document. Unknown ones are
            passed over.
          sources: removes every document that came from one of these.
          damaged: removes what `verify` finds damaged, and counts anew what there is.
          shards: numbers of the shards to look in, by default all.

        Returns:
          How many rows were removed.

        Raises:
          UserError: another process is writing.
        """
        numbers = range(len(self._shards)) if shards is None else list(shards)
        self._begin_write(numbers)
        unwanted, origins = set(names), set(sources)
        gone = {
            r.position
            for r in self.records.values()
            if r.id in unwanted or r.document_id in unwanted or r.source in origins
        }
        if damaged:
            gone |= {fault.position for fault in self.verify() if fault.position is not None}
        parts = self._shards.split(sorted(gone))
        for number in numbers:
            mine, count = parts.get(number, ()), self._shards[number].head.documents
            # What has been lost without a trace is still counted.
            there = len(self._shards[number].positions()) if damaged else count
            if mine or there != count:
                self._commit(number, mine, reason="delete", documents=there)
        return sum(len(parts.get(number, ())) for number in numbers)

    def rollback(self, version: int) -> None:
        """Makes the documents of an older version the bank's again, in one commit a shard.

        Raises:
          UserError: the version is not held any more, something of it is damaged, or another process
            is writing. Nothing was changed.
        """
        self._begin_write()
        past = Bank(self.place, self.manifest, version)
        back = [position for position in past.records if position not in self.records]
        gone = [p for p in self.positions().tolist() if p not in past.records and p not in past.damaged]
        values: dict[int, Mapping[str, bytes]] = {}
        try:
            if lost := [p for p in past.damaged if p not in self.damaged]:
                raise shard.DamagedError("records cannot be read", lost)
            for number, mine in self._shards.split(back).items():
                for array in ARRAYS:
                    past._shards[number].read(array, np.array(mine))  # against its checksums
                values[number] = past._shards[number].values(mine)
        except shard.DamagedError as error:
            raise UserError(
                f"bank {self.place}: version {version} of {past._names(error.positions)} is damaged "
                f"({error}); roll back to another"
            ) from error
        returning, leaving = self._shards.split(back), self._shards.split(gone)
        for number in sorted({*returning, *leaving}):
            records = [past.records[p] for p in returning.get(number, ())]
            self._commit(
                number,
                leaving.get(number, ()),
                restored=(records, values.get(number, {})),
                reason=f"rollback to {version}",
            )

    def compact(self) -> int | None:
        """Removes from the disk all but the latest version; older ones can no longer be opened.

        The search index goes too, since it may hold keys of what was deleted, and is made again when needed.

        Returns:
          Bytes freed, where the place tells. What another process still reads is freed by the next writer
          after that has ended; in a bucket, by the first writer an hour later.

        Raises:
          UserError: a document is damaged (it is named; `delete` with `damaged` first), or another
            process is writing. Its shard was not changed.
        """
        self._begin_write()
        before = self.place.usage()
        try:
            if self.damaged:
                raise shard.DamagedError("records cannot be read", list(self.damaged))
            positions = self._shards.split(self.records)
            for number in range(len(self._shards)):
                self._shards[number].compact(positions.get(number, []))
            shutil.rmtree(self.index_folder, ignore_errors=True)
        except shard.DamagedError as error:
            raise UserError(
                f"bank {self.place} cannot be compacted: {self._names(error.positions)}: {error} "
                "(`regrad bank delete --damaged` removes what is damaged)"
            ) from error
        after = self.place.usage()
        return None if before is None or after is None else before - after

    def _require_shapes(self, count: int, rows: tuple[int, ...], keys: tuple[int, ...]) -> None:
        wanted = (count, self.manifest.row_length), (count, self.manifest.key_width)
        if (rows, keys) != wanted:
            raise ValueError(f"rows {rows} and keys {keys}, expected {wanted}")

    def _begin_write(self, numbers: Iterable[int] | None = None) -> None:
        if self.read_only:
            raise UserError(f"bank {self.place} is open at version {self.version}, to be read only")
        self._shards.lock(numbers)

    def _commit(
        self,
        number: int,
        gone: Sequence[int],
        added: shard.Batch | None = None,
        restored: tuple[Sequence[Record], Mapping[str, bytes]] = ((), {}),
        reason: str = "",
        documents: int | None = None,
    ) -> None:
        """Commits to one shard, which holds so many documents before it, by default as its head says."""
        contents = self._all
        records = [*restored[0], *(added.records if added else ())]
        replaced = {*gone, *(record.position for record in records)}
        removed = sum(p in contents for p in replaced)  # the others are orphans, or new
        before = self._shards[number].head
        head = before._replace(
            version=before.version + 1,
            next_position=before.next_position + (len(added.records) if added else 0),
            documents=(before.documents if documents is None else documents) - removed + len(records),
            time=max(shard.now(), before.time),  # a clock that went back must not turn the log around
            added=len(records),
            removed=removed,
            reason=reason,
        )
        self._shards[number].commit(head, gone, added, restored[1])
        contents.change(self.state, gone, records)


@functools.partial(jax.jit, static_argnums=0)
def _check_and_pack(codec: Codec, rows_NxP: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns which rows are finite, and the packed rows; one program, so that rows are read once."""
    return jnp.isfinite(rows_NxP).all(axis=1), codec.encode(rows_NxP)


def _require_sound(entries: Sequence[Entry], finite_N: np.ndarray) -> None:
    finite_N = finite_N & np.isfinite([entry.inner_loss for entry in entries])
    if not finite_N.all():
        names = ", ".join(repr(entries[int(i)].id) for i in np.flatnonzero(~finite_N))
        raise UserError(f"the gradient, key or loss of {names} is not finite; nothing was added")
    for id, times in collections.Counter(entry.id for entry in entries).items():
        if times > 1:
            raise UserError(f"id {id!r} is given {times} times in one batch; nothing was added")
