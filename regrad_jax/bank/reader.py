"""Reading a bank: one version of it, whatever is committed or compacted meanwhile."""

import functools
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Self

import jax
import numpy as np

from regrad_jax.adaptation.codecs import CODECS
from regrad_jax.bank.cache import RowCache
from regrad_jax.bank.contents import Contents
from regrad_jax.bank.manifest import Fingerprint, Manifest
from regrad_jax.bank.records import Record, pack_record, text_digest
from regrad_jax.bank.storage import shard
from regrad_jax.bank.storage.bucket import Bucket
from regrad_jax.bank.storage.database import ARRAYS, CHECKSUM_BYTES, Head
from regrad_jax.bank.storage.folder import Folder
from regrad_jax.bank.storage.place import MANIFEST, Place
from regrad_jax.bank.storage.shards import Shards, State
from regrad_jax.data.documents import Passage
from regrad_jax.errors import UserError

_VERIFIED_AT_ONCE = 1024  # documents
ROW_CACHE_BYTES = 32 * 1024 * 1024


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
      position: in the arrays of rows and keys; None where not even that is known.
      id: of the document; empty where the record that says so is lost.
      reason: what is wrong.
    """

    position: int | None
    id: str
    reason: str


class BankReader:
    """One version of a bank: documents' gradients with their keys and records.

    Opening takes no longer for many documents than for few: records are read when they are asked for.

    Attributes:
      place: where it lives.
      manifest: its fixed facts.
      read_only: whether it was opened at a version.
    """

    def __init__(
        self,
        place: Place,
        manifest: Manifest,
        version: int | None = None,
        cache_bytes: int = ROW_CACHE_BYTES,
    ):
        """Use `open`."""
        self.place = place
        self.manifest = manifest
        self._contents: Contents | None = None
        self._rows = RowCache(self.packed_bytes, cache_bytes)
        self.read_only = version is not None
        codec = CODECS[manifest.codec]
        self._decode = jax.jit(codec.decode, static_argnames="length")
        try:
            self._shards = Shards(
                place, manifest.id, manifest.shards, self.packed_bytes, manifest.key_width, version
            )
        except shard.DamagedError as error:
            raise self._broken(error) from error

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        fingerprint: Fingerprint | None = None,
        version: int | None = None,
        cache_bytes: int = ROW_CACHE_BYTES,
    ) -> Self:
        """Opens an existing bank.

        Args:
          path: the bank's folder or URL.
          fingerprint: of the checkpoint in use; None opens the bank whatever made it.
          version: to be read, and read only; the latest by default.
          cache_bytes: of rows that may stay in memory when they have been read. A read of more than a quarter
            of it at once does not stay, since who reads so much goes through all rows.

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
        return cls(place, manifest, version, cache_bytes)

    def __len__(self) -> int:
        """Documents, damaged ones among them."""
        return self._shards.documents

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

    def positions(self) -> np.ndarray:
        """Returns every document's position, int64, increasing; damaged ones among them."""
        return np.array(self._shards.positions(), np.int64)

    def keys(self, positions_N: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Reads the keys at these positions, by default all, that are not damaged.

        Returns:
          positions_N int64, in the order given or increasing, and keys_NxE float32.
        """
        positions_N = self.positions() if positions_N is None else positions_N
        try:
            return positions_N, self._shards.read("keys", positions_N)
        except shard.DamagedError as error:
            positions_N = positions_N[~np.isin(positions_N, error.positions)]
            return positions_N, self._shards.read("keys", positions_N)

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
        while True:  # rows that are held in memory are not looked for until they have gone from there
            try:
                read_SxC = self._read(positions_K[sound_K])
                break
            except shard.DamagedError as error:
                found_K = np.isin(positions_K, error.positions)
                if not (found_K & sound_K).any():
                    raise
                sound_K &= ~found_K
        if sound_K.all():  # nothing to be laid out anew
            return read_SxC, sound_K
        packed_KxC = np.zeros((len(positions_K), self.packed_bytes), np.uint8)
        packed_KxC[sound_K] = read_SxC
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

    def read_records(self, positions: Iterable[int]) -> dict[int, Record]:
        """Reads records by position, concurrently; those that are damaged or absent are left out."""
        if self._contents is not None:
            return {p: self.records[p] for p in positions if p in self.records}
        return self._shards.records([int(p) for p in positions]).sound

    def contains(self, id: str, sha256: str) -> bool:
        """Returns whether `id` is here with a text of this digest (`records.text_digest`)."""
        position = self._all.positions.get(id)
        return position is not None and self.records[position].sha256 == sha256

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

    def log(self, last: int = 20) -> list[Head]:
        """Returns the last commits, newest first, as far back as versions can be opened.

        Raises:
          UserError: the database is damaged.
        """
        return self._shards.log(last)

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
            for array in ARRAYS:
                try:
                    self._shards.read(array, some)
                except shard.DamagedError as error:
                    for p in error.positions:
                        faults[p] = Fault(p, self.records[p].id, f"{array[:-1]}: {error}")
            progress(min(start + _VERIFIED_AT_ONCE, len(positions)), len(positions))
        for record in self.records.values():
            if text_digest(record.text) != record.sha256:
                faults[record.position] = Fault(record.position, record.id, "text: is not that of its sha256")
            if (other := self._all.positions[record.id]) != record.position:
                reason = f"id: is that of the document at position {other} too"
                faults[record.position] = Fault(record.position, record.id, reason)
        orphans = self._shards.orphans({*self.records, *self.damaged})
        for position in orphans:
            faults[position] = Fault(position, "", "orphan: a row or key without a record")
        found = [faults[position] for position in sorted(faults)]
        if (missing := len(self) - len(self.records) - len(self.damaged) - len(orphans)) > 0:
            reason = f"missing: {missing} of the bank's {len(self)} documents are not there at all"
            found.append(Fault(None, "", reason))
        return found

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

    @property
    def _all(self) -> Contents:
        # A writer that takes a lock may see commits of others.
        if self._contents is None or self._contents.state != self.state:
            try:
                self._contents = Contents(self.state, self._shards.records(self._shards.positions()))
            except shard.DamagedError as error:
                raise self._broken(error) from error
        return self._contents

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

    def _names(self, positions: Sequence[int]) -> str:
        found = self.read_records(positions)
        name = lambda p: repr(found[p].id) if p in found else f"the document at position {p}"
        return ", ".join(map(name, positions))

    def _broken(self, error: shard.DamagedError) -> UserError:
        return UserError(f"bank {self.place} is damaged ({error}): restore it or build it again")
