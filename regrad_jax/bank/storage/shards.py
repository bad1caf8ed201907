"""The shards of one bank, read as one and written one by one.

A document belongs to one shard for good, by a hash of its `document_id`. So builders in different processes
write different shards and need not know of each other. Shard s has the positions from s * 2^32, so a position
tells its shard.

Each shard counts its own commits. The bank's version is the number of all of them, and the bank's state says
how many each shard has made. `history.py` says which state an older version had.
"""

import concurrent.futures
import contextlib
import datetime
import functools
import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import numpy as np

from regrad_jax.bank.storage import history, shard
from regrad_jax.bank.storage.database import CACHE_BYTES, Array, Widths
from regrad_jax.bank.storage.errors import DamagedError
from regrad_jax.bank.storage.history import Commits, Head, State
from regrad_jax.bank.storage.place import Home, Place
from regrad_jax.bank.storage.shard import Shard
from regrad_jax.bank.storage.view import Records, View
from regrad_jax.errors import UserError

_POSITION_BITS = 32
_LEAST_CACHE_BYTES = 1024 * 1024  # of a shard; the shards share what a bank has

S = TypeVar("S")
T = TypeVar("T")


def create(place: Place, identity: str, count: int, widths: Widths) -> None:
    """Makes the empty shards of a bank."""
    for number in range(count):
        shard.create(_home(place, identity, number), widths, number << _POSITION_BITS)


class Shards:
    """All shards of a bank, open at one version. Reading is as `View` says.

    Attributes:
        place: where the bank lives.
        read_only: whether they were opened at a version.
    """

    def __init__(self, place: Place, identity: str, count: int, widths: Widths, version: int | None = None):
        """Opens them.

        Args:
            place: as given to `create`.
            identity: as given to `create`.
            count: as given to `create`.
            widths: as given to `create`.
            version: to be read, and read only; the latest by default.

        Raises:
            DamagedError: a database cannot be read.
            UserError: the bank does not hold that version.
        """
        self.place, self.read_only = place, version is not None
        self._identity, self._widths = identity, widths
        cache_bytes = max(_LEAST_CACHE_BYTES, CACHE_BYTES // count)
        homes = [_home(place, identity, number) for number in range(count)]
        # A bank's version is its shard's own where there is one shard.
        at = version if count == 1 else None
        self._shards = [Shard(home, widths, at, cache_bytes) for home in homes]
        if version is not None and count > 1:
            for one, of_shard in zip(self._shards, self._state_of(version), strict=True):
                one.read_version(of_shard)

    def at(self, version: int) -> "Shards":
        """Opens the shards of the same bank at a version, as the constructor does."""
        return Shards(self.place, self._identity, len(self), self._widths, version)

    def __getitem__(self, number: int) -> Shard:
        return self._shards[number]

    def __len__(self) -> int:
        return len(self._shards)

    @property
    def state(self) -> State:
        """Commits of each shard, as of what is read."""
        return tuple(one.head.version for one in self._shards)

    @property
    def version(self) -> int:
        """Commits of all shards."""
        return sum(self.state)

    @property
    def documents(self) -> int:
        """How many there are."""
        return sum(one.head.documents for one in self._shards)

    def oldest(self) -> int:
        """Returns the oldest version that can be opened."""
        if len(self) == 1:
            return self[0].head.oldest
        return sum(history.oldest_state(self._commits(), _of_each))

    def log(self, last: int) -> list[Head]:
        """Returns the bank's state after each of the last commits, newest first.

        `version` and `documents` of an entry are the bank's. All else is of the shard that committed.
        """
        return history.merged_log(_of_each(lambda view: view.log(last), self._views()), last)

    def _views(self) -> list[View]:
        return [one.view for one in self._shards]

    def _commits(self) -> list[Commits]:
        return [Commits(view.head.oldest, _Seconds(view)) for view in self._views()]

    def _state_of(self, version: int) -> State:
        commits = self._commits()
        oldest = sum(history.oldest_state(commits, _of_each))
        if not oldest <= version <= self.version:
            raise UserError(f"version {version} is not in the bank; it holds {oldest} to {self.version}")
        return history.state_of(commits, version, _of_each)

    def positions(self) -> list[int]:
        """Returns the positions of all documents, in order."""
        return [position for view in self._views() for position in view.positions()]

    def records(self, positions: Sequence[int]) -> Records:
        """As `View.records`."""
        read = Records({}, {})
        for number, mine in self.split(positions).items():
            sound, damaged = self[number].view.records(mine)
            read.sound.update(sound)
            read.damaged.update(damaged)
        return read._replace(sound={p: read.sound[p] for p in positions if p in read.sound})

    def read(self, array: Array, positions_K: np.ndarray) -> np.ndarray:
        """As `View.read`, from all shards at once."""
        if len(self) == 1:
            return self[0].view.read(array, positions_K)
        number_K = np.asarray(positions_K) >> _POSITION_BITS
        if outside := np.asarray(positions_K)[(number_K < 0) | (number_K >= len(self))].tolist():
            raise DamagedError("there is no such shard", outside)
        parts = [np.flatnonzero(number_K == number) for number in np.unique(number_K)]
        reads = [self[number_K[part[0]]].view.begin_read(array, positions_K[part]) for part in parts]
        values = self[0].view.read(array, positions_K[:0])
        values = np.empty((len(positions_K), values.shape[1]), values.dtype)
        damaged: list[int] = []
        reason: DamagedError | None = None
        for part, read in zip(parts, reads, strict=True):
            try:
                values[part] = read()
            except DamagedError as error:
                damaged += error.positions
                reason = error
        if reason is not None:
            raise DamagedError(str(reason), damaged) from reason
        return values

    def orphans(self, positions: set[int]) -> list[int]:
        """As `View.orphans`."""
        return [position for view in self._views() for position in view.orphans(positions)]

    def split(self, positions: Iterable[int]) -> dict[int, list[int]]:
        """Returns positions by their shard's number."""
        parts: dict[int, list[int]] = {}
        for position in positions:
            parts.setdefault(position >> _POSITION_BITS, []).append(position)
        return parts

    def of(self, document_id: str) -> int:
        """Returns the number of the shard that a document belongs to."""
        digest = hashlib.sha256(document_id.encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "little") % len(self)

    def lock(self, numbers: Iterable[int] | None = None) -> None:
        """Locks some shards, by default all, and reads their latest versions.

        Whatever is raised, those that were locked by this call are given back.

        Raises:
            UserError: the bank was opened at a version.
            BusyError: another writer holds one of them.
        """
        if self.read_only:
            raise UserError(f"bank {self.place} is open at version {self.version}, to be read only")
        taken: list[Shard] = []
        try:
            for number in range(len(self)) if numbers is None else numbers:
                was_locked = self[number].locked
                self[number].lock()
                if not was_locked:
                    taken.append(self[number])
        except BaseException:
            _unlock(taken)
            raise

    def unlock(self, numbers: Iterable[int] | None = None) -> None:
        """Gives locks back, by default all."""
        _unlock(self._shards if numbers is None else [self[number] for number in numbers])


class _Seconds(Sequence[int]):
    """The second of every commit of a shard, which is read when it is first asked for."""

    def __init__(self, view: View):
        self._view = view
        self._second = functools.cache(lambda version: _second(view.head_of(version).time))

    def __len__(self) -> int:
        return self._view.head.version - self._view.head.oldest + 1

    def __getitem__(self, index):
        return self._second(range(self._view.head.oldest, self._view.head.version + 1)[index])


def _of_each(ask: Callable[[S], T], shards: Sequence[S]) -> list[T]:
    """Does what `map` does, for all shards at once, since a bucket is slow to answer."""
    with concurrent.futures.ThreadPoolExecutor(len(shards)) as pool:
        return list(pool.map(ask, shards))


def _unlock(shards: Iterable[Shard]) -> None:
    with contextlib.ExitStack() as stack:  # a failure of one does not keep the others from being unlocked
        for one in shards:
            stack.callback(one.unlock)


def _second(time: str) -> int:
    return int(datetime.datetime.fromisoformat(time).timestamp())


def _home(place: Place, identity: str, number: int) -> Home:
    return place.shard(f"{number:05d}", identity)
