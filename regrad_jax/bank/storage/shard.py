"""A shard: rows, keys and records of some documents, in a database whose commits are transactions.

Positions are never used twice. An index that is out of date can therefore miss a document, but it cannot name
a wrong one.

Versions. A commit makes one generation of the database, and generations are never altered. So every version
since the last compaction can be opened. A reader keeps the generation that it has opened (`view.py`).

Crash story. TensorStore writes the data of a transaction under new names. Then it replaces the database's own
manifest, in a folder by a rename and in a bucket by a conditional write. This one step makes rows, keys,
records and head visible together. If the process dies before it, the batch is absent, and a data file stays
to which nothing refers.

A commit replaces the very head that its writer has read, or it fails. So two writers cannot both succeed,
even where one has lost its lock.

A compaction writes a whole new database beside the old one, and makes it the current one in one step
(`place.Home.draft`). Where locks can be lost, the compaction first makes an empty commit to the old database.
This commit fails if another writer has committed meanwhile. Once it has succeeded, it makes the commits of
writers fail that wake up afterwards.
"""

import datetime
from collections.abc import Sequence

import numpy as np
import tensorstore as ts

from regrad_jax.bank.records import pack
from regrad_jax.bank.storage import commit, database
from regrad_jax.bank.storage.commit import Change
from regrad_jax.bank.storage.database import ARRAYS, Widths
from regrad_jax.bank.storage.errors import writing
from regrad_jax.bank.storage.history import Head
from regrad_jax.bank.storage.place import Home, Lock
from regrad_jax.bank.storage.view import View
from regrad_jax.errors import UserError

_COPY_BYTES = 64 * 1024 * 1024  # values that a compaction holds in memory at once


def create(home: Home, widths: Widths, first_position: int = 0) -> None:
    """Makes an empty shard where there is none.

    Args:
        home: where the shard is to be.
        widths: of rows and keys.
        first_position: of its first document.
    """
    with writing(home), home.draft() as files:
        database.create(files, Head(0, first_position, 0, now()), widths)


class Shard:
    """An open shard. Reading goes through its view and needs no lock; writing needs `lock`.

    Attributes:
        view: the version that is read.
    """

    def __init__(
        self,
        home: Home,
        widths: Widths,
        version: int | None = None,
        cache_bytes: int = database.CACHE_BYTES,
    ):
        """Opens a shard.

        Args:
            home: as given to `create`.
            widths: as given to `create`.
            version: to be read; the latest by default.
            cache_bytes: of tree nodes that may stay in memory.

        Raises:
            DamagedError: there is no database, or its arrays have other widths.
            UserError: it does not hold that version.
        """
        self._home, self._widths, self._cache_bytes = home, widths, cache_bytes
        self._lock: Lock | None = None
        self.view = self._open(version)

    def _open(self, version: int | None = None, is_writer: bool = False) -> View:
        return View(self._home, self._widths, version, is_writer, self._cache_bytes)

    def _turn_to(self, view: View) -> None:
        self.view.close()
        self.view = view

    @property
    def head(self) -> Head:
        """The state of the version that is read."""
        return self.view.head

    @property
    def locked(self) -> bool:
        """Whether this is the shard's writer."""
        return self._lock is not None

    def read_version(self, version: int) -> None:
        """Reads another version from here on.

        Raises:
            UserError: the shard does not hold that version.
        """
        self._turn_to(self._open(version))

    def lock(self) -> None:
        """Becomes the only writer, until `unlock` or the end of the process, and reads the latest version.

        Raises:
            BusyError: another writer holds the lock (the message names it).
        """
        if self._lock is not None:
            self._lock.renew()
            # Another writer may have committed before us, or a commit of ours failed at its very end.
            if not self.view.is_current():
                self._turn_to(self._open(is_writer=True))
            return
        lock = self._home.lock()
        try:
            self._turn_to(self._open(is_writer=True))
        except BaseException:
            lock.release()
            raise
        self._lock = lock
        try:
            self._home.sweep()
        except BaseException:
            self.unlock()
            raise

    def unlock(self) -> None:
        """Gives the lock back, if this is the writer."""
        if self._lock is None:
            return
        try:
            # What others commit from here on is not to be seen.
            self._turn_to(self._open(self.head.version))
        finally:
            lock, self._lock = self._lock, None
            lock.release()

    def commit(self, head: Head, change: Change) -> None:
        """Makes a change in one transaction; needs the lock.

        Args:
            head: the state that this commit leads to.
            change: to be made.

        Raises:
            UserError: it cannot be written, as on a full disk. Nothing was changed.
        """
        assert self._lock is not None
        self._lock.renew()
        try:
            with writing(self._home):
                commit.write(self.view, head, change)
        except UserError:
            # A store may commit without answering. The commit is then repeated, and finds its own head.
            if self.view.stored_head()[0] != pack(head._asdict()):
                self._home.sweep()
                raise
        self.view.advance(head)

    def compact(self, positions: Sequence[int]) -> None:
        """Leaves nothing on the disk but these documents of the version that is read; needs the lock.

        Older versions can no longer be opened. Where locks can be lost, a compaction makes a version.

        Raises:
            DamagedError: a document cannot be copied (it is named). The shard is as it was.
            UserError: it cannot be written, as on a full disk. The shard is as it was.
        """
        assert self._lock is not None
        self._lock.renew()
        head = self.head._replace(oldest=self.head.version)
        if self._home.leased:
            version, time = self.head.version + 1, max(now(), self.head.time)
            head = Head(version, head.next_position, head.documents, time, reason="compact", oldest=version)
        with writing(self._home), self._home.draft() as files:
            self._copy(positions, database.create(files, head, self._widths), self._lock)
            if self._home.leased:
                commit.write(self.view, head._replace(oldest=self.head.oldest), Change())
        self._turn_to(self._open(is_writer=True))
        self._home.sweep()

    def _copy(self, positions: Sequence[int], target: ts.KvStore, lock: Lock) -> None:
        """Copies documents into another database, in as many transactions as memory asks for."""
        step = max(1, _COPY_BYTES // (sum(self._widths) + 4096))
        for start in range(0, len(positions), step):
            some = positions[start : start + step]
            for array in ARRAYS:
                self.view.read(array, np.array(some))  # against the checksums, which `values` passes over
            with ts.Transaction(atomic=True) as transaction:
                copy = target.with_transaction(transaction)
                for key, value in self.view.values(some).items():
                    copy[key] = value
            lock.renew()


def now() -> str:
    """Returns the time as ISO 8601, UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
