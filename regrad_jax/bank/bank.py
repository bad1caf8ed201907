"""The bank: documents' gradients at rest, with their retrieval keys and texts.

    manifest.json     fixed facts (manifest.py), written once
    shards/NNNNN*     rows, keys and records (storage/), in one database or several; locks of writers
    index/            made from the keys by retrieval

This is the layout in a folder. `storage/bucket.py` says how a bucket differs.

Every commit is a version. A bank is read as of the version that was opened, whatever is committed or
compacted meanwhile. Only a writer sees its own commits.

Crash story. `create` makes a bank whole or not at all (`place.Place.create`). From then on, every commit is
one transaction of the shard, and a compaction ends in one step (`storage/shard.py`).
"""

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import numpy as np

from regrad_jax.bank import check
from regrad_jax.bank.cache import ROW_CACHE_BYTES
from regrad_jax.bank.check import Fault
from regrad_jax.bank.contents import Contents
from regrad_jax.bank.manifest import Fingerprint, Manifest
from regrad_jax.bank.reading import Reader
from regrad_jax.bank.records import Entry, Record
from regrad_jax.bank.storage import shards
from regrad_jax.bank.storage.address import place_of
from regrad_jax.bank.storage.database import Widths
from regrad_jax.bank.storage.errors import DamagedError
from regrad_jax.bank.storage.history import Head, State
from regrad_jax.bank.storage.place import MANIFEST, Place
from regrad_jax.bank.storage.shards import Shards
from regrad_jax.bank.writing import Writer
from regrad_jax.data.documents import Passage
from regrad_jax.errors import UserError


class Bank:
    """One version of a bank. `Bank.create` and `Bank.open` make it.

    Opening takes no longer for many documents than for few: records are read when they are first used. The
    first write takes the writer's lock. `close`, or the end of a `with` block, gives it back.

    Every method that reads or writes raises UnreachableError where the bank's bucket does not answer, and
    UserError where the process may not read a file or folder.

    Attributes:
        place: where the bank lives.
        manifest: its fixed facts.
    """

    def __init__(
        self,
        place: Place,
        manifest: Manifest,
        version: int | None = None,
        cache_bytes: int = ROW_CACHE_BYTES,
    ):
        """Use `open` or `create`."""
        self.place, self.manifest = place, manifest
        try:
            self._shards = Shards(place, manifest.id, manifest.shards, _widths(manifest), version)
        except DamagedError as error:
            raise error.of_bank(place) from error
        self._contents = Contents(self._shards)
        self._reader = Reader(manifest, self._shards, self._contents, cache_bytes)
        self._writer = Writer(manifest, self._shards, self._contents)

    @classmethod
    def create(cls, path: str | os.PathLike[str], manifest: Manifest) -> "Bank":
        """Makes an empty bank.

        Args:
            path: a folder that does not exist yet or is empty, or the URL of a bucket's prefix (`place_of`).
            manifest: the bank's fixed facts.

        Raises:
            UserError: the place is taken already, or cannot be written.
        """
        place = place_of(path)
        with place.create(manifest.to_json().encode(), manifest.id) as draft:
            shards.create(draft, manifest.id, manifest.shards, _widths(manifest))
        return cls(place, manifest)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        fingerprint: Fingerprint | None = None,
        version: int | None = None,
        cache_bytes: int = ROW_CACHE_BYTES,
    ) -> "Bank":
        """Opens an existing bank.

        Args:
            path: the bank's folder or URL.
            fingerprint: of the checkpoint in use; None opens the bank whatever made it.
            version: to be read, and read only; the latest by default.
            cache_bytes: of rows that may stay in memory after they have been read. A read of more than a
                quarter of it at once does not stay, since whoever reads so much goes through all rows.

        Raises:
            UserError: there is no bank, or a damaged one, or one of another fingerprint, or one without that
                version.
        """
        place = place_of(path)
        text = place.manifest()
        if text is None:
            raise UserError(f"there is no bank at {place}: make one with `regrad build`")
        manifest = Manifest.from_json(text, f"{place}/{MANIFEST}")
        if fingerprint is not None:
            manifest.require(fingerprint, place)
        return cls(place, manifest, version, cache_bytes)

    def __enter__(self) -> "Bank":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives back the writer's locks, if this is the writer. The bank can still be read."""
        self.unlock()

    # ---- what it is ----

    def __len__(self) -> int:
        """Documents, damaged ones among them."""
        return self._shards.documents

    @property
    def read_only(self) -> bool:
        """Whether it was opened at a version."""
        return self._shards.read_only

    @property
    def version(self) -> int:
        """The version that is read: the number of its commit; 0 when there was none."""
        return self._shards.version

    @property
    def state(self) -> State:
        """What is read, exactly: how many commits each shard has made.

        Two shards may commit at the same time, and only later it is settled which commit made which version
        (`storage/history.py`). So the state tells more than the version.
        """
        return self._shards.state

    @property
    def index_folder(self) -> str:
        """The folder of this bank's search index, on this machine."""
        return self.place.index_folder(self.manifest.id)

    @property
    def packed_bytes(self) -> int:
        """Bytes of a stored row."""
        return self.manifest.packed_bytes

    def shard_of(self, document_id: str) -> int:
        """Returns the number of the shard that a document belongs to."""
        return self._shards.of(document_id)

    def info(self) -> dict[str, Any]:
        """Returns the facts of the bank, ready for JSON (`check.info`)."""
        return check.info(self.manifest, self._shards, self._contents)

    def log(self, last: int = 20) -> list[Head]:
        """Returns the last commits, newest first, as far back as versions can be opened.

        Raises:
            UserError: the database is damaged.
        """
        return self._shards.log(last)

    def verify(self, progress: Callable[[int, int], None] = lambda done, total: None) -> list[Fault]:
        """Reads everything that this version holds, against all checksums.

        Args:
            progress: takes (documents done, documents in all) now and then.

        Returns:
            What is wrong, by position; empty when nothing is.

        Raises:
            UserError: the database itself cannot be read.
        """
        return check.verify(self._shards, self._contents, progress)

    # ---- reading ----

    @property
    def records(self) -> dict[int, Record]:
        """Position -> record, in the order of positions; not to be changed. The first use reads all."""
        return self._contents.records

    @property
    def damaged(self) -> dict[int, str]:
        """Position -> what is wrong with a document whose record cannot be read. The first use reads all."""
        return self._contents.damaged

    def contains(self, id: str, sha256: str) -> bool:
        """Returns whether there is a document of this id, with a text of this digest (`text_digest`)."""
        position = self._contents.position_of.get(id)
        return position is not None and self.records[position].sha256 == sha256

    def positions(self) -> np.ndarray:
        """Returns every document's position, int64, increasing; damaged ones among them."""
        return np.array(self._shards.positions(), np.int64)

    def read_records(self, positions: Iterable[int]) -> dict[int, Record]:
        """Reads records by position, concurrently. Those that are damaged or absent are left out."""
        return self._contents.look_up(positions)

    def texts(self, positions: Sequence[int]) -> dict[int, str]:
        """Reads the contents of passages by position. Those that are damaged or absent are left out."""
        return {position: record.text for position, record in self.read_records(positions).items()}

    def passages(self) -> list[Passage]:
        """Returns the passages that `build` was given, from which another bank can be made."""
        records = self.records.values()
        return [Passage.from_content(r.id, r.document_id, r.text, r.title, r.source) for r in records]

    def keys(self, positions_N: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Reads the keys at these positions, by default all, that are not damaged.

        Returns:
            positions_N, int64, in the order given or increasing, and keys_NxE, float32.
        """
        return self._reader.keys(self.positions() if positions_N is None else positions_N)

    def read_packed(self, positions: Sequence[int] | np.ndarray) -> np.ndarray:
        """Reads rows as they are stored, concurrently.

        Args:
            positions: K positions of documents; repeats are allowed.

        Returns:
            packed_KxC, uint8, for the manifest's codec to decode.

        Raises:
            UserError: no document at a position, or its row is damaged (the documents are named).
        """
        return self._reader.packed(positions)

    def read_sound(self, positions: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Reads rows as `read_packed`, but passes over damaged ones.

        Args:
            positions: K positions of documents; repeats are allowed.

        Returns:
            packed_KxC, uint8, and sound_K, bool. Where sound_K is false the row is damaged, and zeros stand
            for it.

        Raises:
            UserError: no document at a position.
        """
        return self._reader.sound(positions)

    def read_rows(self, positions: Sequence[int] | np.ndarray) -> jax.Array:
        """Reads and decodes rows.

        Args:
            positions: K positions of documents; repeats are allowed.

        Returns:
            rows_KxP, float32, on the default device.

        Raises:
            UserError: no document at a position, or its row is damaged (the documents are named).
        """
        return self._reader.rows(positions)

    # ---- writing ----

    def lock(self, numbers: Iterable[int] | None = None) -> None:
        """Becomes the only writer now instead of at the first write, and reads the latest version.

        Args:
            numbers: of the shards to write; by default all.

        Raises:
            UserError: the bank was opened at a version.
            BusyError: another process is writing one of the shards.
        """
        self._shards.lock(numbers)

    def unlock(self, numbers: Iterable[int] | None = None) -> None:
        """Gives back writer's locks, by default all, where this is the writer. The bank can still be read."""
        self._shards.unlock(numbers)

    def append(
        self,
        entries: Sequence[Entry],
        rows_NxP: jax.typing.ArrayLike,
        keys_NxE: np.ndarray,
        reason: str = "append",
    ) -> list[int]:
        """Commits a batch of documents. A document whose id is there already is replaced.

        The part of the batch that belongs to one shard is committed whole.

        Args:
            entries: N documents with distinct ids.
            rows_NxP: their gradients, float32, unscaled.
            keys_NxE: their retrieval keys, float32, of norm 1.
            reason: what the log is to say of the commit.

        Returns:
            Their positions.

        Raises:
            UserError: a gradient, key or loss is not finite (the documents are named), or an id is given
                twice or is that of another document's passage in another shard. Nothing was added.
            BusyError: another process is writing one of the shards. Nothing was added.
        """
        return self._writer.append(entries, rows_NxP, keys_NxE, reason)

    def relabel(self, passages: Sequence[Passage]) -> None:
        """Gives documents another title, source or document id, in one commit a shard.

        Rows, keys and positions stay, since the text is the same.

        Args:
            passages: with ids of the bank's, and the new labels. Their texts are ignored.

        Raises:
            BusyError: another process is writing one of the shards.
        """
        self._writer.relabel(passages)

    def delete(
        self,
        names: Iterable[str] = (),
        sources: Iterable[str] = (),
        damaged: bool = False,
        shards: Iterable[int] | None = None,
    ) -> int:
        """Removes documents in one commit a shard: row, key and record.

        They are gone from this version on. `compact` removes them from the disk.

        Args:
            names: ids, or document ids, which remove every passage of the document. Unknown ones are ignored.
            sources: removes every document that came from one of these.
            damaged: removes what `verify` reports as damaged, and counts the documents anew.
            shards: numbers of the shards to look in, by default all.

        Returns:
            How many rows were removed.

        Raises:
            BusyError: another process is writing one of the shards.
        """
        return self._writer.delete(names, sources, damaged, shards)

    def rollback(self, version: int) -> None:
        """Makes the documents of an older version the bank's again, in one commit a shard.

        Raises:
            UserError: the version is not there any more, something of it is damaged, or another process is
                writing. Nothing was changed.
        """
        self._writer.rollback(version)

    def compact(self) -> int | None:
        """Removes everything but the latest version from the disk. Older versions can no longer be opened.

        The search index goes too, since it may hold keys of deleted documents. It is made again when needed.

        Returns:
            Bytes freed, where the place tells. What another process still reads is freed by the next writer
            that comes after the reader has ended; in a bucket, by the first writer that comes an hour later.

        Raises:
            UserError: a document is damaged (it is named; `delete` with `damaged` first), or another process
                is writing. Its shard was not changed.
        """
        return self._writer.compact()


def _widths(manifest: Manifest) -> Widths:
    return Widths(manifest.packed_bytes, manifest.key_width)
