"""One shard: rows, keys and records in a database (database.py), in which every commit is one transaction.

Positions are never used twice: an index that is out of date can miss a document, but cannot name a wrong one.

Versions. A commit makes one generation of the database, and generations are never altered, so every
version since the last compaction can be opened. A reader holds on to the generation that it opened:
what is committed meanwhile does not touch it.

Crash story. TensorStore writes a transaction's data under new names, then replaces the database's own
manifest (in a folder by a rename, in a bucket by a conditional write), which makes rows, keys, records and
head visible together. Killed before that, the batch is absent, and what is left of it is a data file that
nothing refers to. A commit replaces the very head that its writer has read, or fails, so that two writers
cannot both succeed even where a lock has been lost. A compaction writes a whole new database beside the old
one and makes it the current one in one step (`place.Home.draft`). Where locks can be lost, an empty commit to
the old database comes before that step: it fails if another writer has committed meanwhile, and makes the
commits of writers fail that wake up afterwards.
"""

import contextlib
import datetime
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorstore as ts

from regrad_jax.bank.records import Record, pack, pack_record, unpack
from regrad_jax.bank.storage import database
from regrad_jax.bank.storage.database import ARRAYS, Array, Head
from regrad_jax.bank.storage.place import Home, Lock, UnreachableError, brief, is_unreachable, unreachable
from regrad_jax.errors import UserError

_COPY_BYTES = 64 * 1024 * 1024  # values that a compaction holds in memory at once


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

    def __init__(
        self,
        home: Home,
        packed_bytes: int,
        key_width: int,
        version: int | None = None,
        cache_bytes: int = database.CACHE_BYTES,
    ):
        """Opens a shard.

        Args:
          home: as given to `create`.
          packed_bytes: C, bytes in a packed row.
          key_width: E, numbers in a key.
          version: to be read; the latest by default.
          cache_bytes: of tree nodes that may stay in memory.

        Raises:
          DamagedError: there is none, or its arrays have other shapes.
          UserError: it does not hold that version.
          UnreachableError: its store does not answer; so does every method that reads or writes.
        """
        self._home = home
        self._sizes = packed_bytes, key_width
        self._cache_bytes = cache_bytes
        self._lock: Lock | None = None
        self._release: Callable[[], object] = lambda: None
        self._database: str
        self._generation: int
        self._head: Head
        self._head_stamp: bytes  # TensorStore's name for the stored bytes of the head
        self._kv: ts.KvStore
        self._arrays: dict[str, ts.TensorStore]
        self._open(version)

    @staticmethod
    def create(home: Home, packed_bytes: int, key_width: int, first_position: int = 0) -> None:
        """Makes an empty shard where there is none.

        Args:
          home: where it is to be.
          packed_bytes: C, bytes in a packed row.
          key_width: E, numbers in a key.
          first_position: of its first document.
        """
        with _writing(home), home.draft() as files:
            database.create(files, Head(0, first_position, 0, now()), packed_bytes, key_width)

    @property
    def locked(self) -> bool:
        """Whether this is the shard's writer."""
        return self._lock is not None

    def is_current(self) -> bool:
        """Returns whether the version that is read is still the latest.

        Raises:
          DamagedError: the database cannot be read.
        """
        with self._damage():
            name = self._home.current()
            if name is None:
                raise FileNotFoundError(f"no database in {self._home}")
            return (
                name == self._database
                and database.latest_generation(self._home.database(name)) == self._generation
            )

    def refresh(self) -> None:
        """Reads the latest version from here on."""
        self._open(None, latest=self._lock is not None)

    @property
    def head(self) -> Head:
        """The state of the version that is read."""
        return self._head

    def positions(self) -> list[int]:
        """Returns where documents are, in order; their records are not read.

        Raises:
          DamagedError: the database cannot be read.
        """
        with self._damage():
            names = self._kv.list(ts.KvStore.KeyRange("records/", "records0")).result()
        return sorted(int(name.removeprefix(b"records/")) for name in names)

    def records(self, positions: Sequence[int]) -> Records:
        """Reads records, concurrently; where there is none, that counts as damage."""
        reads = [(position, self._kv.read(database.record_key(position))) for position in positions]
        sound, damaged = {}, {}
        for position, read in reads:
            try:
                record = Record(**unpack(read.result().value))
                if record.position != position:
                    raise ValueError(f"is that of position {record.position}")
                sound[position] = record
            except (ValueError, TypeError) as error:
                self._reached(error)
                damaged[position] = f"record: {brief(error)}"
        return Records(sound, damaged)

    def log(self, last: int) -> Iterator[Head]:
        """Yields the state after each of the last commits, newest first.

        Raises:
          DamagedError: one cannot be read.
        """
        newest = self._head.version
        for version in range(newest, max(self._head.oldest, newest - last + 1) - 1, -1):
            yield self.head_of(version)

    def head_of(self, version: int) -> Head:
        """Returns the state after a commit that can still be opened.

        Raises:
          DamagedError: it cannot be read.
        """
        generation = self._generation - (self._head.version - version)
        with self._damage():
            return database.read_head(self._home.database(self._database), generation)[0]

    def read(self, array: Array, positions_K: np.ndarray) -> np.ndarray:
        """Reads packed rows (K, C) uint8 or keys (K, E) float32, concurrently.

        Raises:
          DamagedError: naming the positions that cannot be read.
        """
        return self.begin_read(array, positions_K)()

    def begin_read(self, array: Array, positions_K: np.ndarray) -> Callable[[], np.ndarray]:
        """Starts what `read` does; what is returned waits for it."""
        source = self._arrays[array]
        if len(positions_K) == 0:  # TensorStore would fetch chunk 0, which may be absent
            return lambda: np.empty((0, source.shape[1]), source.dtype.numpy_dtype)
        future = source[positions_K].read()

        def wait() -> np.ndarray:
            try:
                return np.asarray(future.result())
            except ValueError as error:
                self._reached(error)
                damaged = [p for p in positions_K.tolist() if not self._readable(source, p)]
                raise DamagedError(brief(error), damaged) from error

        return wait

    def orphans(self, positions: set[int]) -> list[int]:
        """Returns positions that have a row or a key and are not among these.

        Raises:
          DamagedError: the database cannot be read.
        """
        found = set()
        for name in ARRAYS:
            with self._damage():
                listed = self._kv.list(ts.KvStore.KeyRange(f"{name}/c/", f"{name}/c0")).result()
            found |= {int(key.split(b"/")[2]) for key in listed}
        return sorted(found - positions)

    def values(self, positions: Sequence[int]) -> dict[str, bytes]:
        """Reads everything of these documents as it is stored, for `commit` to restore.

        Raises:
          DamagedError: something is missing (the positions are named).
        """
        reads = [(p, key, self._kv.read(key)) for p in positions for key in database.document_keys(p)]
        found = {}
        for position, key, read in reads:
            with self._damage(position):
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
        assert self._lock is not None
        self._lock.renew()
        try:
            with _writing(self._home):
                self._write(head, gone, added, restored)
        except UserError:
            # A commit that was made but not answered is repeated, and then finds its own head.
            if self._stored_head()[0] != pack(head._asdict()):
                self._home.sweep()
                raise
        # First what can fail: a writer that has not got so far reads all anew at its next commit.
        stamp = self._stored_head()[1]
        self._head, self._generation, self._head_stamp = head, self._generation + 1, stamp

    def _stored_head(self) -> tuple[bytes, bytes]:
        with self._damage():
            result = self._kv.read("head").result()
            return result.value, result.stamp.generation

    def _write(self, head, gone, added, restored) -> None:
        with ts.Transaction(atomic=True) as transaction:
            kv = self._kv.with_transaction(transaction)
            for position in gone:
                for key in database.document_keys(position):
                    del kv[key]
            if added:
                where = slice(added.records[0].position, added.records[-1].position + 1)
                for name, values in (("rows", added.packed_NxC), ("keys", added.keys_NxE)):
                    self._arrays[name].with_transaction(transaction)[where] = values
                for record in added.records:
                    kv[database.record_key(record.position)] = pack_record(record)
            for key, value in (restored or {}).items():
                kv[key] = value
            # The whole transaction fails where another's commit has come between.
            kv.write("head", pack(head._asdict()), if_equal=self._head_stamp).result()

    def compact(self, positions: Sequence[int]) -> None:
        """Leaves nothing on the disk but these documents of the version that is read; needs the lock.

        Older versions can no longer be opened. Where locks can be lost, this makes a version of its own.

        Raises:
          DamagedError: a document cannot be copied (it is named). The shard is as it was.
          UserError: it cannot be written, as on a full disk. The shard is as it was.
        """
        assert self._lock is not None
        self._lock.renew()
        head = self._head._replace(oldest=self._head.version)
        if self._home.leased:
            version = self._head.version + 1
            time = max(now(), self._head.time)
            head = head._replace(
                version=version, oldest=version, time=time, added=0, removed=0, reason="compact"
            )
        with _writing(self._home), self._home.draft() as files:
            kv = database.create(files, head, *self._sizes)
            step = max(1, _COPY_BYTES // (sum(self._sizes) + 4096))
            for start in range(0, len(positions), step):
                some = positions[start : start + step]
                for array in ARRAYS:
                    self.read(array, np.array(some))  # against their checksums, which `values` passes over
                with ts.Transaction(atomic=True) as transaction:
                    copy = kv.with_transaction(transaction)
                    for key, value in self.values(some).items():
                        copy[key] = value
                self._lock.renew()
            if self._home.leased:
                self._write(head._replace(oldest=self._head.oldest), (), None, None)
        self._open(None, latest=True)
        self._home.sweep()

    def lock(self) -> None:
        """Becomes the only writer, until `unlock` or the end of the process, and reads the latest version.

        Raises:
          BusyError: another writer holds the lock (it is named).
        """
        if self._lock is not None:
            self._lock.renew()
            return
        self._lock = self._home.lock()
        try:
            # Generations are pinned for readers alone: the only writer sees its own commits.
            self._open(None, latest=True)
            self._home.sweep()
        except BaseException:
            lock, self._lock = self._lock, None
            lock.release()
            raise

    def unlock(self) -> None:
        """Gives the lock back, if held."""
        if self._lock is None:
            return
        try:
            self._open(self._head.version)  # what others commit from here on is not ours to see
        finally:
            lock, self._lock = self._lock, None
            lock.release()

    def _open(self, version: int | None, latest: bool = False) -> None:
        """Opens one version; with `latest`, whatever the database holds at the time of each read."""
        self._release()
        try:
            self._database, release = self._home.hold()
        except FileNotFoundError as error:
            raise DamagedError(str(error)) from error
        self._release = weakref.finalize(self, release)
        with self._damage():
            files = self._home.database(self._database)
            self._generation = database.latest_generation(files)
            self._head, self._head_stamp = database.read_head(files, self._generation)
            if version is not None:
                if not self._head.oldest <= version <= self._head.version:
                    raise UserError(
                        f"version {version} is not in the bank; it holds {self._head.oldest} to "
                        f"{self._head.version}"
                    )
                self._generation -= self._head.version - version
                self._head, self._head_stamp = database.read_head(files, self._generation)
            spec, context = database.spec(files), database.context(self._cache_bytes)
            if not latest:
                spec |= {"version": self._generation}
            self._kv = ts.KvStore.open(spec, context=context).result()
            # A generation is never altered, so what was read of it once need not be asked for again.
            self._arrays = {
                name: ts.open(array, open=True, recheck_cached_data=latest, context=context).result()
                for name, array in database.array_specs(spec, *self._sizes).items()
            }

    @contextlib.contextmanager
    def _damage(self, *positions: int) -> Iterator[None]:
        """Turns what TensorStore and the checksums raise into DamagedError."""
        try:
            yield
        except (ValueError, TypeError, KeyError, IndexError, FileNotFoundError) as error:
            self._reached(error)
            raise DamagedError(brief(error), positions) from error

    def _reached(self, error: Exception) -> None:
        """Raises UnreachableError where nothing is known of what is stored."""
        if is_unreachable(error):
            raise unreachable(self._home, error) from error
        if self._home.leased and self._home.current() != self._database:
            raise UnreachableError(
                f"{self._home} has been compacted since it was opened, or is gone: open it again"
            ) from error

    def _readable(self, array: ts.TensorStore, position: int) -> bool:
        try:
            array[position].read().result()
        except ValueError as error:
            self._reached(error)
            return False
        return True


def now() -> str:
    """Returns the time as ISO 8601, UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


@contextlib.contextmanager
def _writing(home: Home) -> Iterator[None]:
    try:
        yield
    except (ValueError, OSError) as error:  # TensorStore reports a full disk as a ValueError
        if home.leased and is_unreachable(error):
            raise unreachable(home, error) from error
        raise UserError(
            f"{home} cannot be written ({brief(error)}); nothing was changed: "
            "make room or mend what is said there, and repeat"
        ) from error
