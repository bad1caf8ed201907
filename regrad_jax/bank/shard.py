"""One shard: rows, keys and records in an OCDBT database, in which every commit is one transaction.

    00000/              the database; after compactions 00000.1/, 00000.2/, ...: the highest number counts
        rows/           zarr3 uint8 (capacity, C), a chunk a row, crc32c
        keys/           zarr3 float32 (capacity, E), a chunk a key, crc32c
        records/POSITION    one record a document (records.py)
        head            the state after the commit (`Head`)
    00000.lock          of its writer

The arrays are declared with a capacity that is never reached, since absent chunks cost nothing, so
nothing is ever resized. Positions are never used twice: an index that is out of date can miss a
document, but cannot name a wrong one.

Versions. A commit makes one generation of the database, and generations are never altered, so every
version since the last compaction can be opened. A reader holds on to the generation that it opened:
what is committed meanwhile does not touch it.

Crash story. TensorStore writes and syncs a transaction's data files under new names, then replaces
the database's own manifest by a rename, which makes rows, keys, records and head visible together.
Killed before that rename, the batch is absent, and what is left of it is a data file that nothing
refers to. A compaction writes a whole new database beside the old one and renames it into place; the
old one goes when its last reader has gone. Locks belong to processes and go with them.
"""

import contextlib
import dataclasses
import datetime
import fcntl
import os
import pathlib
import re
import shutil
import socket
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any, Literal, NamedTuple

import numpy as np
import tensorstore as ts

from regrad_jax.bank.records import Record, pack, unpack
from regrad_jax.errors import UserError

CHECKSUM_BYTES = 4  # crc32c, at the end of every chunk
_CAPACITY = 1 << 40
# Every commit rewrites the tree nodes that it touches. With OCDBT's default of 80 MB a bank of
# 20,000 documents built 32 at a time spends 1 KB a document on them; with 64 KB, 0.1 KB.
_NODE_BYTES = 64 * 1024
_CACHE_BYTES = 64 * 1024 * 1024  # tree nodes, and the chunks last read
_COPY_BYTES = 64 * 1024 * 1024  # values that a compaction holds in memory at once


class Head(NamedTuple):
    """The state of a shard after a commit.

    Attributes:
      version: number of the commit; 0 is the empty shard.
      next_position: where the next document goes.
      documents: how many there are.
      time: of the commit, ISO 8601, UTC.
      added: documents that the commit added.
      removed: documents that it removed.
      reason: who made it, in a word or two.
      oldest: the oldest version that can still be opened.
    """

    version: int
    next_position: int
    documents: int
    time: str
    added: int = 0
    removed: int = 0
    reason: str = ""
    oldest: int = 0


class Batch(NamedTuple):
    """Documents to commit.

    Attributes:
      records: N of them, at consecutive positions.
      packed_NxC: their packed rows, uint8.
      keys_NxE: their keys, float32.
    """

    records: Sequence[Record]
    packed_NxC: np.ndarray
    keys_NxE: np.ndarray


class Records(NamedTuple):
    """Records that were read.

    Attributes:
      sound: position -> record, in the order asked for.
      damaged: position -> what is wrong with it.
    """

    sound: dict[int, Record]
    damaged: dict[int, str]


class DamagedError(UserError):
    """Stored bytes are missing or fail their checksum.

    Attributes:
      positions: of the documents concerned; empty when the database itself is damaged.
    """

    def __init__(self, reason: str, positions: Sequence[int] = ()):
        super().__init__(reason)
        self.positions = list(positions)


class Shard:
    """An open shard. Reading needs no lock and sees one version; writing needs `lock`."""

    def __init__(self, folder: pathlib.Path, packed_bytes: int, key_width: int, version: int | None = None):
        """Opens a shard.

        Args:
          folder: as given to `create`.
          packed_bytes: C, bytes in a packed row.
          key_width: E, numbers in a key.
          version: to be read; the latest by default.

        Raises:
          DamagedError: there is none, or its arrays have other shapes.
          UserError: it does not hold that version.
        """
        self._folder = folder
        self._sizes = packed_bytes, key_width
        self._lock_file: IO[str] | None = None
        self._release: Callable[[], object] = lambda: None
        self._database: pathlib.Path
        self._generation: int
        self._head: Head
        self._kv: ts.KvStore
        self._arrays: dict[str, ts.TensorStore]
        self._open(version)

    @staticmethod
    def create(folder: pathlib.Path, packed_bytes: int, key_width: int) -> None:
        """Makes an empty shard in a folder that does not exist yet; arguments as for opening."""
        _create(folder, packed_bytes, key_width)
        kv = ts.KvStore.open(_database(folder)).result()
        kv["head"] = pack(Head(0, 0, 0, now())._asdict())

    @property
    def version(self) -> int:
        """The version that is read."""
        return self._head.version

    def is_current(self) -> bool:
        """Returns whether the version that is read is still the latest.

        Raises:
          DamagedError: the database cannot be read.
        """
        current = _current(self._folder)
        return current == self._database and _generations(current) == self._generation

    def refresh(self) -> None:
        """Reads the latest version from here on."""
        self._open(None, latest=self._lock_file is not None)

    @property
    def head(self) -> Head:
        """The state of the version that is read."""
        return self._head

    def positions(self) -> list[int]:
        """Returns where documents are, in order; their records are not read.

        Raises:
          DamagedError: the database cannot be read.
        """
        with _damage():
            names = self._kv.list(ts.KvStore.KeyRange("records/", "records0")).result()
        return sorted(int(name.removeprefix(b"records/")) for name in names)

    def records(self, positions: Sequence[int]) -> Records:
        """Reads records, concurrently; where there is none, that counts as damage."""
        reads = [(position, self._kv.read(_record_key(position))) for position in positions]
        sound, damaged = {}, {}
        for position, read in reads:
            try:
                sound[position] = Record(**unpack(read.result().value))
            except (ValueError, TypeError) as error:
                damaged[position] = f"record: {_brief(error)}"
        return Records(sound, damaged)

    def log(self, last: int) -> Iterator[Head]:
        """Yields the state after each of the last commits, newest first.

        Raises:
          DamagedError: one cannot be read.
        """
        newest = self._head.version
        for version in range(newest, max(self._head.oldest, newest - last + 1) - 1, -1):
            generation = self._generation - (newest - version)
            with _damage():
                yield _read_head(self._database, generation)

    def read(self, array: Literal["rows", "keys"], positions_K: np.ndarray) -> np.ndarray:
        """Reads packed rows (K, C) uint8 or keys (K, E) float32, concurrently.

        Raises:
          DamagedError: naming the positions that cannot be read.
        """
        source = self._arrays[array]
        if len(positions_K) == 0:  # TensorStore would fetch chunk 0, which may be absent
            return np.empty((0, source.shape[1]), source.dtype.numpy_dtype)
        try:
            return np.asarray(source[positions_K].read().result())
        except ValueError as error:
            damaged = [p for p in positions_K.tolist() if not _readable(source, p)]
            raise DamagedError(_brief(error), damaged) from error

    def orphans(self, positions: set[int]) -> list[int]:
        """Returns positions that have a row or a key and are not among these.

        Raises:
          DamagedError: the database cannot be read.
        """
        found = set()
        for name in ("rows", "keys"):
            with _damage():
                listed = self._kv.list(ts.KvStore.KeyRange(f"{name}/c/", f"{name}/c0")).result()
            found |= {int(key.split(b"/")[2]) for key in listed}
        return sorted(found - positions)

    def values(self, positions: Sequence[int]) -> dict[str, bytes]:
        """Reads everything of these documents as it is stored, for `commit` to restore.

        Raises:
          DamagedError: something is missing (the positions are named).
        """
        reads = [(p, key, self._kv.read(key)) for p in positions for key in _keys(p)]
        found = {}
        for position, key, read in reads:
            with _damage(position):
                result = read.result()
            if result.state != "value":
                raise DamagedError(f"{key} is missing", [position])
            found[key] = result.value
        return found

    def commit(
        self,
        head: Head,
        gone: Sequence[int] = (),
        added: Batch | None = None,
        restored: Mapping[str, bytes] | None = None,
    ) -> None:
        """Removes and adds documents in one transaction; needs the lock.

        Args:
          head: the state that this commit leads to.
          gone: positions to remove.
          added: documents to add.
          restored: what `values` returned of documents to bring back.

        Raises:
          UserError: it cannot be written, as on a full disk. Nothing was changed.
        """
        try:
            with _writing(self._folder):
                self._write(head, gone, added, restored)
        except UserError:
            self._sweep()
            raise
        self._head, self._generation = head, self._generation + 1

    def _write(self, head, gone, added, restored) -> None:
        with ts.Transaction(atomic=True) as transaction:
            kv = self._kv.with_transaction(transaction)
            for position in gone:
                for key in _keys(position):
                    del kv[key]
            if added:
                where = slice(added.records[0].position, added.records[-1].position + 1)
                for name, values in (("rows", added.packed_NxC), ("keys", added.keys_NxE)):
                    self._arrays[name].with_transaction(transaction)[where] = values
                for record in added.records:
                    kv[_record_key(record.position)] = pack_record(record)
            for key, value in (restored or {}).items():
                kv[key] = value
            kv["head"] = pack(head._asdict())

    def compact(self, positions: Sequence[int]) -> None:
        """Leaves nothing on the disk but these documents of the version that is read; needs the lock.

        Older versions can no longer be opened.

        Raises:
          DamagedError: a document cannot be copied (it is named). The shard is as it was.
          UserError: it cannot be written, as on a full disk. The shard is as it was.
        """
        head = self._head._replace(oldest=self._head.version)
        number = int(self._database.suffix[1:] or 0) + 1
        with (
            _writing(self._folder),
            tempfile.TemporaryDirectory(dir=self._folder.parent, prefix=".compact.") as scratch,
        ):
            draft = pathlib.Path(scratch, "database")
            _create(draft, *self._sizes)
            kv = ts.KvStore.open(_database(draft)).result()
            step = max(1, _COPY_BYTES // (sum(self._sizes) + 4096))
            for start in range(0, len(positions), step):
                some = positions[start : start + step]
                for array in ("rows", "keys"):
                    self.read(array, np.array(some))  # against their checksums, which `values` passes over
                with ts.Transaction(atomic=True) as transaction:
                    copy = kv.with_transaction(transaction)
                    for key, value in self.values(some).items():
                        copy[key] = value
            kv["head"] = pack(head._asdict())
            os.rename(draft, self._folder.with_suffix(f".{number}"))
        _sync(self._folder.parent)
        self._open(None, latest=True)
        self._sweep()

    def lock(self) -> None:
        """Becomes the only writer, until `unlock` or the end of the process, and reads the latest version.

        Raises:
          UserError: another writer holds the lock (it is named).
        """
        if self._lock_file is not None:
            return
        file = open(self._folder.with_suffix(".lock"), "a+")  # noqa: SIM115 (open as long as the lock is held)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read() or "another process"
            file.close()
            raise UserError(f"{self._folder} is being written by {holder}: wait for it to end") from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        self._lock_file = file
        # Generations are pinned for readers alone: the only writer sees its own commits.
        self._open(None, latest=True)
        self._sweep()

    def unlock(self) -> None:
        """Gives the lock back, if held."""
        if self._lock_file is None:
            return
        try:
            self._open(self.version)  # what others commit from here on is not ours to see
        finally:
            self._lock_file.close()
            self._lock_file = None

    def _open(self, version: int | None, latest: bool = False) -> None:
        """Opens one version; with `latest`, whatever the database holds at the time of each read."""
        with _damage():
            self._database, descriptor = _hold(self._folder)
            self._release()
            self._release = weakref.finalize(self, os.close, descriptor)
            self._generation = _generations(self._database)
            self._head = _read_head(self._database, self._generation)
            if version is not None:
                if not self._head.oldest <= version <= self._head.version:
                    raise UserError(
                        f"version {version} is not in the bank; it holds {self._head.oldest} to "
                        f"{self._head.version}"
                    )
                self._generation -= self._head.version - version
                self._head = _read_head(self._database, self._generation)
            spec, context = _database(self._database), _context()
            if not latest:
                spec |= {"version": self._generation}
            self._kv = ts.KvStore.open(spec, context=context).result()
            # A generation is never altered, so what was read of it once need not be asked for again.
            self._arrays = {
                name: ts.open(array, open=True, recheck_cached_data=latest, context=context).result()
                for name, array in _array_specs(spec, *self._sizes).items()
            }

    def _sweep(self) -> None:
        """Removes what compactions left (drafts, and databases that nobody reads) and killed writers."""
        # TensorStore 0.1.86 writes a file under this name and renames it, but does not shorten one that is
        # there already: the next, shorter manifest would end in the rest of a killed writer's longer one.
        for unfinished in self._database.rglob("*.__lock"):
            unfinished.unlink(missing_ok=True)
        for draft in self._folder.parent.glob(".compact.*"):
            shutil.rmtree(draft, ignore_errors=True)
        for database in _databases(self._folder)[:-1]:
            with contextlib.suppress(FileNotFoundError), _flock(database, fcntl.LOCK_EX) as unread:
                if unread:
                    # Its manifest first: a half deleted database is nobody's.
                    (database / "manifest.ocdbt").unlink(missing_ok=True)
                    shutil.rmtree(database, ignore_errors=True)


def now() -> str:
    """Returns the time as ISO 8601, UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def pack_record(record: Record) -> bytes:
    """Returns a record as it is stored."""
    return pack(dataclasses.asdict(record))


@contextlib.contextmanager
def _damage(*positions: int) -> Iterator[None]:
    """Turns what TensorStore and the checksums raise into DamagedError."""
    try:
        yield
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise DamagedError(_brief(error), positions) from error


@contextlib.contextmanager
def _writing(folder: pathlib.Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, OSError) as error:  # TensorStore reports a full disk as a ValueError
        raise UserError(
            f"{folder} cannot be written ({_brief(error)}); nothing was changed: "
            "make room or mend what is said there, and repeat"
        ) from error


def _create(database: pathlib.Path, packed_bytes: int, key_width: int) -> None:
    """Makes a database with its two arrays and nothing in them, in one commit."""
    database.mkdir(parents=True)
    spec = _database(database) | {"config": {"max_decoded_node_bytes": _NODE_BYTES}}
    context = _context()
    with ts.Transaction(atomic=True) as transaction:
        ts.KvStore.open(spec, context=context, transaction=transaction).result()
        for array in _array_specs(spec, packed_bytes, key_width).values():
            ts.open(array, create=True, context=context, transaction=transaction).result()


def _databases(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns a shard's databases, the current one last."""
    name = re.compile(re.escape(folder.name) + r"(?:\.(\d+))?")
    found = [
        (match, path)
        for path in folder.parent.glob(f"{folder.name}*")
        if (match := name.fullmatch(path.name))
    ]
    return [path for _, path in sorted((int(match[1] or 0), path) for match, path in found)]


def _current(folder: pathlib.Path) -> pathlib.Path:
    databases = _databases(folder)
    if not databases:
        raise DamagedError(f"no database in {folder}")
    return databases[-1]


@contextlib.contextmanager
def _flock(database: pathlib.Path, kind: int) -> Iterator[bool]:
    """Tries to lock a database's folder; yields whether that worked."""
    descriptor = os.open(database, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)


def _hold(folder: pathlib.Path) -> tuple[pathlib.Path, int]:
    """Keeps the current database from being removed, until the descriptor that it returns is closed."""
    while True:
        database = _current(folder)
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(database, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            if _current(folder) == database:
                return database, descriptor
            os.close(descriptor)  # compacted in between


def _generations(database: pathlib.Path) -> int:
    """Returns the number of a database's latest generation."""
    base = ts.KvStore.open({"driver": "file", "path": f"{database}/"}).result()
    with _damage():
        return int(ts.ocdbt.dump(base).result()["versions"][-1]["generation_number"])


def _read_head(database: pathlib.Path, generation: int) -> Head:
    kv = ts.KvStore.open(_database(database) | {"version": generation}).result()
    return Head(**unpack(kv.read("head").result().value))


def _sync(folder: pathlib.Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _record_key(position: int) -> str:
    return f"records/{position:013d}"


def _keys(position: int) -> tuple[str, str, str]:
    """Returns where all of a document is stored."""
    return f"rows/c/{position}/0", f"keys/c/{position}/0", _record_key(position)


def _context() -> ts.Context:
    # Arrays and key-value store must share a context: a transaction over several contexts commits
    # each one's part by itself, even when it is declared atomic.
    return ts.Context({"cache_pool": {"total_bytes_limit": _CACHE_BYTES}})


def _database(folder: pathlib.Path) -> dict[str, Any]:
    return {"driver": "ocdbt", "base": {"driver": "file", "path": f"{folder}/"}}


def _array_specs(database: dict[str, Any], packed_bytes: int, key_width: int) -> dict[str, dict[str, Any]]:
    """TensorStore specs by name; opening an array that differs from its spec fails."""
    little_endian = {"name": "bytes", "configuration": {"endian": "little"}}
    return {
        name: {
            "driver": "zarr3",
            "kvstore": database | {"path": f"{name}/"},
            "metadata": {
                "shape": [_CAPACITY, width],
                "data_type": dtype,
                "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [1, width]}},
                "codecs": [to_bytes, {"name": "crc32c"}],
                "fill_value": 0,
            },
            # Otherwise a lost chunk would be read as zeros: a gradient that silently does nothing.
            "fill_missing_data_reads": False,
            "store_data_equal_to_fill_value": True,
        }
        for name, dtype, width, to_bytes in (
            ("rows", "uint8", packed_bytes, {"name": "bytes"}),
            ("keys", "float32", key_width, little_endian),
        )
    }


def _readable(array: ts.TensorStore, position: int) -> bool:
    try:
        array[position].read().result()
    except ValueError:
        return False
    return True


def _brief(error: Exception) -> str:
    # TensorStore appends the whole spec to its messages.
    return str(error).split(" [tensorstore_spec=")[0][:300]
