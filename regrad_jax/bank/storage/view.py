"""Reading a shard: one version of its database, whatever is committed or compacted meanwhile.

A commit makes one generation of the database. Generations are never altered, so a view of one generation does
not change. The shard's only writer has a view of the latest generation, and sees its own commits.
"""

import contextlib
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorstore as ts

from regrad_jax.bank.records import Record, unpack
from regrad_jax.bank.storage import database
from regrad_jax.bank.storage.database import ARRAYS, Array, Widths
from regrad_jax.bank.storage.errors import (
    DamagedError,
    UnreachableError,
    brief,
    require_answer,
)
from regrad_jax.bank.storage.history import Head
from regrad_jax.bank.storage.place import Home
from regrad_jax.errors import UserError


class Records(NamedTuple):
    """Records that were read.

    Attributes:
        sound: position -> record, in the order of the positions that were given.
        damaged: position -> what is wrong with its record.
    """

    sound: dict[int, Record]
    damaged: dict[int, str]


class View:
    """One version of a shard. Reading needs no lock.

    Every method that reads raises UnreachableError where the store does not answer, and UnreadableError where
    a file may not be read.

    Attributes:
        head: the state of the shard.
        stamp: TensorStore's name for the stored bytes of the head.
        kv: the database's key-value store.
        arrays: the database's arrays, by name.
    """

    def __init__(
        self,
        home: Home,
        widths: Widths,
        version: int | None = None,
        is_writer: bool = False,
        cache_bytes: int = database.CACHE_BYTES,
    ):
        """Opens a version, and keeps its database from being removed.

        Args:
            home: of the shard.
            widths: of rows and keys.
            version: the latest by default.
            is_writer: whether the shard's only writer reads, who is to see its own commits.
            cache_bytes: of tree nodes that may stay in memory.

        Raises:
            DamagedError: there is no database, or its arrays have other widths.
            UserError: it does not hold that version.
        """
        self._home = home
        try:
            self._database, release = home.hold()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DamagedError(brief(error)) from error
        self._release = weakref.finalize(self, release)
        try:
            with self._damage():
                self._files = home.database(self._database)
                self._generation = database.latest_generation(self._files)
                self.head, self.stamp = database.read_head(self._files, self._generation)
                if version is not None:
                    self._go_back_to(version)
                generation = None if is_writer else self._generation
                self.kv, self.arrays = database.open_database(self._files, widths, generation, cache_bytes)
        except BaseException:
            self.close()
            raise

    def _go_back_to(self, version: int) -> None:
        oldest, latest = self.head.oldest, self.head.version
        if not oldest <= version <= latest:
            raise UserError(f"version {version} is not in the bank; it holds {oldest} to {latest}")
        self._generation -= latest - version
        self.head, self.stamp = database.read_head(self._files, self._generation)

    def close(self) -> None:
        """Lets the database be removed, once it has been compacted."""
        self._release()

    def is_current(self) -> bool:
        """Returns whether this is still the latest version.

        Raises:
            DamagedError: the database cannot be read.
        """
        with self._damage():
            name = self._home.current()
            if name is None:
                raise FileNotFoundError(f"no database in {self._home}")
            return name == self._database and database.latest_generation(self._files) == self._generation

    def positions(self) -> list[int]:
        """Returns the positions of all documents, in order. Records are not read.

        Raises:
            DamagedError: the database cannot be read.
        """
        names = self._keys("records/", "records0")
        return sorted(int(name.removeprefix(b"records/")) for name in names)

    def orphans(self, positions: set[int]) -> list[int]:
        """Returns positions that have a row or a key and are not among these.

        Raises:
            DamagedError: the database cannot be read.
        """
        chunks = [name for array in ARRAYS for name in self._keys(f"{array}/c/", f"{array}/c0")]
        return sorted({int(name.split(b"/")[2]) for name in chunks} - positions)

    def _keys(self, first: str, end: str) -> list[bytes]:
        """Returns the keys of the database from the first one to before the end."""
        with self._damage():
            return self.kv.list(ts.KvStore.KeyRange(first, end)).result()

    def records(self, positions: Sequence[int]) -> Records:
        """Reads records, concurrently. A position without a record counts as damaged."""
        reads = [(position, self.kv.read(database.record_key(position))) for position in positions]
        sound, damaged = {}, {}
        for position, read in reads:
            try:
                record = Record(**unpack(read.result().value))
                if record.position != position:
                    raise ValueError(f"is that of position {record.position}")
                sound[position] = record
            except (ValueError, TypeError) as error:
                self._require_answer(error)
                damaged[position] = f"record: {brief(error)}"
        return Records(sound, damaged)

    def read(self, array: Array, positions_K: np.ndarray) -> np.ndarray:
        """Reads packed rows (K, C) uint8 or keys (K, E) float32, concurrently.

        Raises:
            DamagedError: naming the positions that cannot be read.
        """
        return self.begin_read(array, positions_K)()

    def begin_read(self, array: Array, positions_K: np.ndarray) -> Callable[[], np.ndarray]:
        """Starts a read, and returns a function that waits for it and returns what `read` does."""
        source = self.arrays[array]
        if len(positions_K) == 0:  # TensorStore would fetch chunk 0, which may be absent
            return lambda: np.empty((0, source.shape[1]), source.dtype.numpy_dtype)
        future = source[positions_K].read()

        def wait() -> np.ndarray:
            try:
                return np.asarray(future.result())
            except ValueError as error:
                self._require_answer(error)
                damaged = [p for p in positions_K.tolist() if not self._is_readable(source, p)]
                raise DamagedError(brief(error), damaged) from error

        return wait

    def _is_readable(self, array: ts.TensorStore, position: int) -> bool:
        try:
            array[position].read().result()
        except ValueError as error:
            self._require_answer(error)
            return False
        return True

    def values(self, positions: Sequence[int]) -> dict[str, bytes]:
        """Reads everything of these documents as it is stored, by its key in the database.

        Raises:
            DamagedError: something is missing (the positions are named).
        """
        reads = [(p, key, self.kv.read(key)) for p in positions for key in database.document_keys(p)]
        values = {}
        for position, key, read in reads:
            with self._damage(position):
                result = read.result()
            if result.state != "value":
                raise DamagedError(f"{key} is missing", [position])
            values[key] = result.value
        return values

    def log(self, last: int) -> list[Head]:
        """Returns the state after each of the last commits, newest first.

        Raises:
            DamagedError: one cannot be read.
        """
        newest = self.head.version
        return [self.head_of(v) for v in range(newest, max(self.head.oldest, newest - last + 1) - 1, -1)]

    def head_of(self, version: int) -> Head:
        """Returns the state after a commit that can still be opened.

        Raises:
            DamagedError: it cannot be read.
        """
        generation = self._generation - (self.head.version - version)
        with self._damage():
            return database.read_head(self._files, generation)[0]

    def stored_head(self) -> tuple[bytes, bytes]:
        """Returns the head as it is stored, and its stamp.

        Raises:
            DamagedError: it cannot be read.
        """
        with self._damage():
            result = self.kv.read("head").result()
            return result.value, result.stamp.generation

    def advance(self, head: Head) -> None:
        """Takes in the state that the writer's own commit has led to."""
        # The read comes first, since it can fail. A writer that gets no further opens a new view at its next
        # commit.
        _, stamp = self.stored_head()
        self.head, self._generation, self.stamp = head, self._generation + 1, stamp

    @contextlib.contextmanager
    def _damage(self, *positions: int) -> Iterator[None]:
        """Turns what TensorStore and the checksums raise into DamagedError."""
        try:
            yield
        except (ValueError, TypeError, KeyError, IndexError, FileNotFoundError) as error:
            self._require_answer(error)
            raise DamagedError(brief(error), positions) from error

    def _require_answer(self, error: Exception) -> None:
        """Raises UnreachableError or UnreadableError where a failed read tells nothing of what is stored."""
        require_answer(self._home, error)
        if self._home.leased and self._home.current() != self._database:
            raise UnreachableError(
                f"{self._home} has been compacted since it was opened, or is gone: open it again"
            ) from error
