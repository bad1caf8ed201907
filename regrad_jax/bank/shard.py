"""One OCDBT database of rows, keys and records, in which every commit is one transaction.

    rows/               zarr3 uint8 (capacity, C), a chunk a row, crc32c
    keys/               zarr3 float32 (capacity, E), a chunk a key, crc32c
    records/POSITION    one record a document (records.py)
    head                version, next position, documents, time

The arrays are declared with a capacity that is never reached, since absent chunks cost nothing, so
nothing is ever resized. Positions are never used twice: an index that is out of date can miss a
document, but cannot name a wrong one.

Crash story. TensorStore writes and syncs a transaction's data files under new names, then replaces
the database's own manifest by a rename, which makes rows, keys, records and head visible together.
Killed before that rename, the batch is absent, and what is left of it is a data file that nothing
refers to. The writer's lock belongs to the process and goes with it.
"""

import dataclasses
import datetime
import fcntl
import os
import pathlib
import socket
from collections.abc import Sequence
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


class Head(NamedTuple):
    """The state of a shard after a commit.

    Attributes:
      version: number of the commit; 0 is the empty shard.
      next_position: where the next document goes.
      documents: how many there are.
      time: of the commit, ISO 8601, UTC.
    """

    version: int
    next_position: int
    documents: int
    time: str


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


class DamagedError(UserError):
    """Stored bytes are missing or fail their checksum.

    Attributes:
      positions: of the documents concerned; empty when the database itself is damaged.
    """

    def __init__(self, reason: str, positions: Sequence[int] = ()):
        super().__init__(reason)
        self.positions = list(positions)


class Shard:
    """An open database. Reading needs no lock; writing needs `lock`."""

    def __init__(self, folder: pathlib.Path, packed_bytes: int, key_width: int):
        """Opens a shard.

        Args:
          folder: as given to `create`.
          packed_bytes: C, bytes in a packed row.
          key_width: E, numbers in a key.

        Raises:
          DamagedError: there is none, or its arrays have other shapes.
        """
        self._folder = folder
        self._lock_file: IO[str] | None = None
        context, database = _context(), _database(folder)
        try:
            self._kv = ts.KvStore.open(database, context=context).result()
            self._arrays = {
                name: ts.open(spec, open=True, context=context).result()
                for name, spec in _array_specs(database, packed_bytes, key_width).items()
            }
        except ValueError as error:
            raise DamagedError(_brief(error)) from error

    @staticmethod
    def create(folder: pathlib.Path, packed_bytes: int, key_width: int) -> None:
        """Makes an empty shard in a folder that does not exist yet; arguments as for opening."""
        folder.mkdir(parents=True)
        database = _database(folder) | {"config": {"max_decoded_node_bytes": _NODE_BYTES}}
        context = _context()
        with ts.Transaction(atomic=True) as transaction:
            kv = ts.KvStore.open(database, context=context, transaction=transaction).result()
            for spec in _array_specs(database, packed_bytes, key_width).values():
                ts.open(spec, create=True, context=context, transaction=transaction).result()
            kv["head"] = pack(Head(0, 0, 0, now())._asdict())

    def head(self) -> Head:
        """Reads the state of the last commit, by whichever process.

        Raises:
          DamagedError: it cannot be read.
        """
        try:
            found = self._kv.read("head").result()
            if found.state != "value":
                raise DamagedError(f"no database in {self._folder}")
            return Head(**unpack(found.value))
        except ValueError as error:
            raise DamagedError(_brief(error)) from error

    def load(self) -> tuple[Head, list[Record]]:
        """Reads all records as of one commit, in the order of positions.

        Raises:
          DamagedError: one cannot be read.
        """
        while True:  # until no commit came in between
            head = self.head()
            try:
                names = self._kv.list(ts.KvStore.KeyRange("records/", "records0")).result()
                reads = {name.decode(): self._kv.read(name) for name in sorted(names)}
                found = {name: read.result() for name, read in reads.items()}
            except ValueError as error:
                raise DamagedError(_brief(error)) from error
            if self.head() == head:
                return head, [_unpack_record(name, result) for name, result in found.items()]

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

    def commit(self, head: Head, gone: Sequence[int] = (), added: Batch | None = None) -> None:
        """Removes and adds documents in one transaction; needs the lock.

        Args:
          head: the state that this commit leads to.
          gone: positions to remove.
          added: documents to add.
        """
        with ts.Transaction(atomic=True) as transaction:
            kv = self._kv.with_transaction(transaction)
            for position in gone:
                for key in (f"rows/c/{position}/0", f"keys/c/{position}/0", _record_key(position)):
                    del kv[key]
            if added:
                where = slice(added.records[0].position, added.records[-1].position + 1)
                for name, values in (("rows", added.packed_NxC), ("keys", added.keys_NxE)):
                    self._arrays[name].with_transaction(transaction)[where] = values
                for record in added.records:
                    kv[_record_key(record.position)] = pack_record(record)
            kv["head"] = pack(head._asdict())

    def lock(self) -> None:
        """Becomes the only writer, until `unlock` or the end of the process.

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

    def unlock(self) -> None:
        """Gives the lock back, if held."""
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None


def now() -> str:
    """Returns the time as ISO 8601, UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def pack_record(record: Record) -> bytes:
    """Returns a record as it is stored."""
    return pack(dataclasses.asdict(record))


def _unpack_record(name: str, result: ts.KvStore.ReadResult) -> Record:
    position = int(name.removeprefix("records/"))
    if result.state != "value":
        raise DamagedError(f"{name} is missing", [position])
    try:
        return Record(**unpack(result.value))
    except ValueError as error:
        raise DamagedError(f"{name}: {error}", [position]) from error


def _record_key(position: int) -> str:
    return f"records/{position:013d}"


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
