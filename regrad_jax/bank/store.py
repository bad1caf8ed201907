"""The bank: documents' gradients at rest, with their retrieval keys and texts.

    manifest.json     fixed facts (manifest.py), written once
    shards/NNNNN*     rows, keys, records (shard.py), one database or several (shards.py); writers' locks
    index/            made from the keys by retrieval/index.py

in a folder or under a bucket's prefix (place.py).

Every commit is a version. A bank is read as of the version that was opened, whatever is committed or
compacted meanwhile; only a writer sees its own commits.

Crash story. `create` makes a bank whole or not at all (`place.Place.create`). From there on, every commit is
one transaction of the shard, and a compaction ends in one step (shard.py).
"""

import collections
import functools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax.bank import shard, shards
from regrad_jax.bank.bucket import Bucket
from regrad_jax.bank.codecs import CODECS
from regrad_jax.bank.contents import Contents
from regrad_jax.bank.database import CHECKSUM_BYTES, Head
from regrad_jax.bank.folder import Folder
from regrad_jax.bank.manifest import Fingerprint, Manifest
from regrad_jax.bank.place import MANIFEST, Place
from regrad_jax.bank.records import Entry, Record, pack_record, text_digest
from regrad_jax.bank.row_cache import RowCache
from regrad_jax.bank.shards import Shards, State
from regrad_jax.data.documents import Passage
from regrad_jax.errors import UserError

_VERIFIED_AT_ONCE = 1024  # documents
_ROW_CACHE_BYTES = 32 * 1024 * 1024


def place_of(address: str | os.PathLike[str]) -> Place:
    """Returns the place of a bank: a folder's path, or `s3://BUCKET/PREFIX` or `gs://BUCKET/PREFIX`.

    Raises:
      UserError: a URL of another kind, or without a bucket or prefix.
    """
    address = os.fspath(address)
    return Bucket(address) if "://" in address else Folder(address)


class Fault(NamedTuple):
    """A stored document that cannot be trusted.

    Attributes:
      position: in the arrays of rows and keys.
      id: of the document; empty where the record that says so is lost.
      reason: what is wrong.
    """

    position: int
    id: str
    reason: str


class Bank:
    """Documents' gradients at rest. Made by `Bank.create` or `Bank.open`.

    The first write takes the writer's lock; `close`, or the end of a `with` block, gives it back.

    Attributes:
      place: where it lives.
      manifest: its fixed facts.
      read_only: whether it was opened at a version.

    Opening takes no longer for many documents than for few: records are read when they are asked for.
    """

    def __init__(self, place: Place, manifest: Manifest, version: int | None = None):
        """Use `Bank.create` or `Bank.open`."""
        self.place = place
        self.manifest = manifest
        self._contents: Contents | None = None
        self._rows = RowCache(self.packed_bytes, _ROW_CACHE_BYTES)
        self.read_only = version is not None
        codec = CODECS[manifest.codec]
        self._encode = jax.jit(codec.encode)
        self._decode = jax.jit(codec.decode, static_argnames="length")
        try:
            self._shards = Shards(
                place, manifest.id, manifest.shards, self.packed_bytes, manifest.key_width, version
            )
        except shard.DamagedError as error:
            raise self._broken(error) from error

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

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        fingerprint: Fingerprint | None = None,
        version: int | None = None,
    ) -> "Bank":
        """Opens an existing bank.

        Args:
          path: the bank's folder or URL.
          fingerprint: of the checkpoint in use; None opens the bank whatever made it.
          version: to be read, and read only; the latest by default.

        Raises:
          UserError: no bank there, a damaged one, one of another fingerprint, or without that version.
          UnreachableError: its bucket does not answer; so does every method that reads or writes.
        """
        place = place_of(path)
        text = place.manifest()
        if text is None:
            raise UserError(f"there is no bank at {place}: make one with `regrad build`")
        manifest = Manifest.from_json(text, f"{place}/{MANIFEST}")
        if fingerprint is not None:
            manifest.require(fingerprint, place)
        return cls(place, manifest, version)

    @property
    def version(self) -> int:
        """The version that is read: the number of its commit; 0 when there was none."""
        return self._shards.version

    @property
    def state(self) -> State:
        """What is read, exactly: commits of each shard. Of several shards' concurrent commits, which made a
        version is told only afterwards (`shards`)."""
        return self._shards.state

    @property
    def index_folder(self) -> str:
        """Where the search index of this bank is kept, on this machine."""
        return self.place.index_folder(self.manifest.id)

    @property
    def packed_bytes(self) -> int:
        """Bytes of a stored row."""
        return CODECS[self.manifest.codec].packed_bytes(self.manifest.row_length)

    @property
    def records(self) -> dict[int, Record]:
        """Position -> record, in the order of positions; not to be changed. The first use reads all."""
        return self._all.records

    @property
    def damaged(self) -> dict[int, str]:
        """Position -> what is wrong with a document whose record cannot be read. The first use reads all."""
        return self._all.damaged

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
        self._check(entries, rows_NxP, keys_NxE)
        if not entries:
            return []
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
        packed_NxC = np.asarray(self._encode(rows_NxP))
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
          damaged: removes what `verify` finds damaged.
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
            gone |= {fault.position for fault in self.verify()}
        parts = self._shards.split(sorted(gone))
        for number in numbers:
            if mine := parts.get(number):
                self._commit(number, mine, reason="delete")
        return sum(len(parts.get(number, ())) for number in numbers)

    def log(self, last: int = 20) -> list[Head]:
        """Returns the last commits, newest first, as far back as versions can be opened.

        Raises:
          UserError: the database is damaged.
        """
        return self._shards.log(last)

    def rollback(self, version: int) -> None:
        """Makes the documents of an older version the bank's again, in one commit a shard.

        Raises:
          UserError: the version is not held any more, something of it is damaged, or another process
            is writing. Nothing was changed.
        """
        self._begin_write()
        past = Bank(self.place, self.manifest, version)
        back = [position for position in past.records if position not in self.records]
        gone = [position for position in self.records if position not in past.records]
        values: dict[int, Mapping[str, bytes]] = {}
        try:
            if lost := [p for p in past.damaged if p not in self.damaged]:
                raise shard.DamagedError("records cannot be read", lost)
            for number, mine in self._shards.split(back).items():
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
        except shard.DamagedError as error:
            raise UserError(
                f"bank {self.place} cannot be compacted: {self._names(error.positions)}: {error} "
                "(`regrad bank delete --damaged` removes what is damaged)"
            ) from error
        after = self.place.usage()
        return None if before is None or after is None else before - after

    def verify(self, progress: Callable[[int, int], None] = lambda done, total: None) -> list["Fault"]:
        """Reads everything that this version holds, against all checksums.

        Args:
          progress: takes (documents done, documents in all) now and then.

        Returns:
          What is wrong, by position; empty when nothing is.

        Raises:
          UserError: the database itself cannot be read.
        """
        faults = {position: Fault(position, "", reason) for position, reason in self.damaged.items()}
        positions = list(self.records)
        for start in range(0, len(positions), _VERIFIED_AT_ONCE):
            some = np.array(positions[start : start + _VERIFIED_AT_ONCE])
            for array in ("rows", "keys"):
                try:
                    self._shards.read(array, some)
                except shard.DamagedError as error:
                    for p in error.positions:
                        faults[p] = Fault(p, self.records[p].id, f"{array[:-1]}: {error}")
            progress(min(start + _VERIFIED_AT_ONCE, len(positions)), len(positions))
        for record in self.records.values():
            if text_digest(record.text) != record.sha256:
                faults[record.position] = Fault(record.position, record.id, "text: is not that of its sha256")
        for position in self._shards.orphans({*self.records, *self.damaged}):
            faults[position] = Fault(position, "", "orphan: a row or key without a record")
        return [faults[position] for position in sorted(faults)]

    def read_packed(self, positions: Sequence[int] | np.ndarray) -> np.ndarray:
        """Reads rows as they are stored, concurrently.

        Args:
          positions: K positions of documents; repeats are allowed.

        Returns:
          packed_KxC uint8, for the manifest's codec to decode.

        Raises:
          UserError: no document at a position, or its row is damaged (the documents are named).
        """
        try:
            return self._read(positions)
        except shard.DamagedError as error:
            raise UserError(
                f"bank {self.place}: the stored rows of {self._names(error.positions) or 'documents'} are "
                f"damaged ({error}): delete these (`regrad bank delete --damaged`) and build them again"
            ) from error

    def read_sound(self, positions: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Reads rows as `read_packed`, but passes over damaged ones.

        Returns:
          packed_KxC uint8, and sound_K bool; where it is false the row is damaged, and given as zeros.

        Raises:
          UserError: no document at a position.
        """
        positions_K = np.asarray(positions, np.int64)
        sound_K = np.ones(len(positions_K), bool)
        try:
            return self._read(positions_K), sound_K
        except shard.DamagedError as error:
            sound_K = ~np.isin(positions_K, error.positions)
        packed_KxC = np.zeros((len(positions_K), self.packed_bytes), np.uint8)
        packed_KxC[sound_K] = self._shards.read("rows", positions_K[sound_K])
        return packed_KxC, sound_K

    def read_rows(self, positions: Sequence[int] | np.ndarray) -> jax.Array:
        """Reads and decodes rows.

        Args:
          positions: K positions of documents; repeats are allowed.

        Returns:
          rows_KxP float32, on the default device.

        Raises:
          UserError: no document at a position, or its row is damaged (the documents are named).
        """
        return self._decode(self.read_packed(positions), length=self.manifest.row_length)

    def positions(self) -> np.ndarray:
        """Returns every document's position, int64, increasing; damaged ones among them."""
        return np.array(self._shards.positions(), np.int64)

    def keys(self) -> tuple[np.ndarray, np.ndarray]:
        """Reads every key that is not damaged.

        Returns:
          positions_N int64, increasing, and keys_NxE float32.
        """
        positions_N = self.positions()
        try:
            return positions_N, self._shards.read("keys", positions_N)
        except shard.DamagedError as error:
            positions_N = positions_N[~np.isin(positions_N, error.positions)]
            return positions_N, self._shards.read("keys", positions_N)

    def read_records(self, positions: Iterable[int]) -> dict[int, Record]:
        """Reads records by position, concurrently; those that are damaged or absent are left out."""
        if self._contents is not None:
            return {p: self.records[p] for p in positions if p in self.records}
        return self._shards.records([int(p) for p in positions]).sound

    def passages(self) -> list[Passage]:
        """Returns what `build` was given, for another bank to be made from."""
        return [
            Passage(
                r.id,
                r.document_id,
                r.text.removeprefix(f"{r.title}: ") if r.title else r.text,
                r.title,
                r.source,
            )
            for r in self.records.values()
        ]

    def contains(self, id: str, sha256: str) -> bool:
        """Returns whether `id` is here with a text of this digest (`records.text_digest`)."""
        position = self._all.positions.get(id)
        return position is not None and self.records[position].sha256 == sha256

    def info(self) -> dict[str, Any]:
        """Returns what there is to know of the bank, ready for JSON. Sizes are bytes on disk.

        `bytes_per_document` counts the parts as stored; `other` is all else on the disk (the
        database's tree, what was deleted, the index) shared out evenly. What is on the disk is not known of
        a bucket.
        """
        count, manifest = len(self.records), self.manifest
        on_disk = self.place.usage()
        parts: dict[str, float] = {}
        if count:
            row = CODECS[manifest.codec].packed_bytes(manifest.row_length)
            records = sum(len(pack_record(record)) for record in self.records.values())
            parts["row"] = row + CHECKSUM_BYTES
            parts["key"] = 4 * manifest.key_width + CHECKSUM_BYTES
            parts["record"] = records / count
            if on_disk is not None:
                parts["other"] = on_disk / count - sum(parts.values())
            parts["total"] = sum(parts.values())
        return {
            "path": str(self.place),
            "documents": count,
            "version": self.version,
            "oldest_version": self._shards.oldest(),
            "shards": len(self._shards),
            "damaged_records": len(self.damaged),
            "bytes": on_disk,
            "bytes_per_document": {name: round(size, 1) for name, size in parts.items()},
            "codec": manifest.codec,
            "row_length": manifest.row_length,
            "embedder": manifest.embedder,
            "fingerprint": dict(manifest.fingerprint.fields),
        }

    def close(self) -> None:
        """Gives back the writer's locks, if held; the bank can still be read."""
        self.unlock()

    def __len__(self) -> int:
        """Documents, damaged ones among them."""
        return self._shards.documents

    def __enter__(self) -> "Bank":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self, entries: Sequence[Entry], rows_NxP: jax.Array, keys_NxE: np.ndarray) -> None:
        count = len(entries)
        wanted = (count, self.manifest.row_length), (count, self.manifest.key_width)
        if (rows_NxP.shape, keys_NxE.shape) != wanted:
            raise ValueError(f"rows {rows_NxP.shape} and keys {keys_NxE.shape}, expected {wanted}")
        finite_N = np.asarray(jnp.isfinite(rows_NxP).all(axis=1))
        finite_N = finite_N & np.isfinite(keys_NxE).all(axis=1)
        finite_N = finite_N & np.isfinite([entry.inner_loss for entry in entries])
        if not finite_N.all():
            names = ", ".join(repr(entries[int(i)].id) for i in np.flatnonzero(~finite_N))
            raise UserError(f"the gradient, key or loss of {names} is not finite; nothing was added")
        for id, times in collections.Counter(entry.id for entry in entries).items():
            if times > 1:
                raise UserError(f"id {id!r} is given {times} times in one batch; nothing was added")

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
    ) -> None:
        contents = self._all
        records = [*restored[0], *(added.records if added else ())]
        removed = sum(p in contents for p in gone)  # the others are orphans
        before = self._shards[number].head
        head = before._replace(
            version=before.version + 1,
            next_position=before.next_position + (len(added.records) if added else 0),
            documents=before.documents - removed + len(records),
            time=max(shard.now(), before.time),  # a clock that went back must not turn the log around
            added=len(records),
            removed=removed,
            reason=reason,
        )
        self._shards[number].commit(head, gone, added, restored[1])
        contents.change(self.state, gone, records)

    @property
    def _all(self) -> Contents:
        # A writer that takes a lock may see commits of others.
        if self._contents is None or self._contents.state != self.state:
            try:
                self._contents = Contents(self.state, self._shards.records(self._shards.positions()))
            except shard.DamagedError as error:
                raise self._broken(error) from error
        return self._contents

    def _broken(self, error: shard.DamagedError) -> UserError:
        return UserError(f"bank {self.place} is damaged ({error}): restore it or build it again")

    def _names(self, positions: Sequence[int]) -> str:
        found = self.read_records(positions)
        name = lambda p: repr(found[p].id) if p in found else f"the document at position {p}"
        return ", ".join(map(name, positions))

    def _read(self, positions: Sequence[int] | np.ndarray) -> np.ndarray:
        """Reads rows as the shard does, but says so where there is no document at all."""
        wanted = np.asarray(positions, np.int64).tolist()
        try:
            return self._rows.read(self.state, wanted, functools.partial(self._shards.read, "rows"))
        except shard.DamagedError:
            for position in wanted:
                if position not in self.records and position not in self.damaged:
                    raise UserError(f"bank {self.place} has no document at position {position}") from None
            raise
