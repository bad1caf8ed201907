"""The shards of one bank, read as one and written one by one.

A document belongs to one shard for good, by a hash of its `document_id`, so that builders in different
processes write different shards and need not know of each other. Shard s has the positions from s * 2^32, so
that a position tells its shard.

Versions. Each shard counts its own commits. A bank's version is how many its shards have made together, and
its state is how many each has made. Which state an older version was follows from the times of the commits;
where two shards committed in the same second, the lower shard counts as the earlier.
"""

import bisect
import concurrent.futures
import contextlib
import datetime
import functools
import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import numpy as np

from regrad_jax.bank.storage.database import CACHE_BYTES, Array, Head
from regrad_jax.bank.storage.place import Home, Place
from regrad_jax.bank.storage.shard import DamagedError, Records, Shard
from regrad_jax.errors import UserError

_POSITION_BITS = 32
_LEAST_CACHE_BYTES = 1024 * 1024  # of a shard; a bank's are shared out

State = tuple[int, ...]
Heads = Callable[[int, int], Head]
T = TypeVar("T")


def create(place: Place, identity: str, count: int, packed_bytes: int, key_width: int) -> None:
    """Makes the empty shards of a bank."""
    for number in range(count):
        Shard.create(_home(place, identity, number), packed_bytes, key_width, number << _POSITION_BITS)


class Shards:
    """All shards of a bank, open at one version. Reading is as of `Shard`."""

    def __init__(
        self,
        place: Place,
        identity: str,
        count: int,
        packed_bytes: int,
        key_width: int,
        version: int | None = None,
    ):
        """Opens them; arguments as for `create`, and the version to be read, by default the latest.

        Raises:
          DamagedError: a database cannot be read.
          UserError: the bank does not hold that version.
        """
        homes = [_home(place, identity, number) for number in range(count)]
        cache_bytes = max(_LEAST_CACHE_BYTES, CACHE_BYTES // count)
        open_at = lambda state: [
            Shard(home, packed_bytes, key_width, at, cache_bytes)
            for home, at in zip(homes, state, strict=True)
        ]
        if version is None or count == 1:
            self._shards = open_at([version] * count)
        else:
            self._shards = open_at([None] * count)
            state = self._state_of(version)
            self._shards = []  # closed before they are opened again
            self._shards = open_at(state)

    def __getitem__(self, number: int) -> Shard:
        return self._shards[number]

    def __len__(self) -> int:
        return len(self._shards)

    @property
    def state(self) -> State:
        """Commits of each shard, as of what is read."""
        return tuple(shard.head.version for shard in self._shards)

    @property
    def version(self) -> int:
        """Commits of all shards."""
        return sum(self.state)

    @property
    def documents(self) -> int:
        """How many there are."""
        return sum(shard.head.documents for shard in self._shards)

    def oldest(self) -> int:
        """Returns the oldest version that can be opened."""
        if len(self) == 1:
            return self[0].head.oldest
        return sum(self._oldest_state(self._heads_by_number())[1])

    def log(self, last: int) -> list[Head]:
        """Returns the bank's state after each of the last commits, newest first.

        `version` and `documents` of an entry are the bank's, all else is the shard's that committed.
        """
        version, documents, entries = self.version, self.documents, []
        for number, head in self._last_heads(last)[::-1]:
            entries.append(head._replace(version=version, documents=documents))
            if head.version == self[number].head.oldest or len(entries) == last:
                break
            version, documents = version - 1, documents - head.added + head.removed
        return entries

    def _last_heads(self, last: int) -> list[tuple[int, Head]]:
        """Returns (shard, head) of each shard's last commits, and of where it begins, in their order."""
        logs = self._of_each(lambda number: list(self[number].log(last)))
        heads = [(number, head) for number, log in enumerate(logs) for head in log]
        # Shards begin before any of them has commits, in whatever second.
        begun = lambda number, head: head.version > self[number].head.oldest
        return sorted(heads, key=lambda item: (item[1].time, begun(*item), item[0], item[1].version))

    def _of_each(self, ask: Callable[[int], T]) -> list[T]:
        """Returns what is read of each shard, by its number; at once, since a bucket is slow to answer."""
        with concurrent.futures.ThreadPoolExecutor(len(self)) as pool:
            return list(pool.map(ask, range(len(self))))

    def _heads_by_number(self) -> Heads:
        """Returns a function (shard, version) -> head; one is read once, however often it is asked for."""
        return functools.cache(lambda number, version: self[number].head_of(version))

    def _before(self, heads: Heads, number: int, time: str) -> int:
        """Returns a shard's last version from before a second; one below its oldest where there is none."""
        last = self[number].head
        versions = range(last.oldest, last.version + 1)
        return last.oldest - 1 + bisect.bisect_left(versions, time, key=lambda v: heads(number, v).time)

    def _oldest_state(self, heads: Heads) -> tuple[str, State]:
        """Returns the second in which the last shard begins, and the state before that second's commits."""
        begins = self._of_each(lambda number: heads(number, self[number].head.oldest))
        time = max(head.time for head in begins)
        return time, tuple(self._of_each(lambda n: max(begins[n].version, self._before(heads, n, time))))

    def _state_of(self, version: int) -> State:
        """Returns the state that an older version was, reading few of the heads between."""
        heads = self._heads_by_number()
        time, oldest = self._oldest_state(heads)
        if not sum(oldest) <= version <= self.version:
            raise UserError(f"version {version} is not in the bank; it holds {sum(oldest)} to {self.version}")

        def before(second: int) -> State:
            return tuple(self._of_each(lambda n: max(oldest[n], self._before(heads, n, _iso(second)))))

        newest = max(shard.head.time for shard in self._shards)
        seconds = range(_second(time), _second(newest) + 2)
        second = seconds[bisect.bisect_right(seconds, version, key=lambda s: sum(before(s))) - 1]
        # Within a second the lower shards' commits come first.
        state, left = list(before(second)), version - sum(before(second))
        for number, there in enumerate(before(second + 1)):
            taken = min(left, there - state[number])
            state[number], left = state[number] + taken, left - taken
        return tuple(state)

    def positions(self) -> list[int]:
        """Returns where documents are, in order."""
        return [position for shard in self._shards for position in shard.positions()]

    def records(self, positions: Sequence[int]) -> Records:
        """As `Shard.records`."""
        read = Records({}, {})
        for number, mine in self.split(positions).items():
            sound, damaged = self[number].records(mine)
            read.sound.update(sound)
            read.damaged.update(damaged)
        return read._replace(sound={p: read.sound[p] for p in positions if p in read.sound})

    def read(self, array: Array, positions_K: np.ndarray) -> np.ndarray:
        """As `Shard.read`, from all shards at once."""
        if len(self) == 1:
            return self[0].read(array, positions_K)
        number_K = np.asarray(positions_K) >> _POSITION_BITS
        if outside := np.asarray(positions_K)[(number_K < 0) | (number_K >= len(self))].tolist():
            raise DamagedError("there is no such shard", outside)
        wanted = [(number, np.flatnonzero(number_K == number)) for number in np.unique(number_K)]
        reads = [(places, self[number].begin_read(array, positions_K[places])) for number, places in wanted]
        values = self[0].read(array, positions_K[:0])
        values = np.empty((len(positions_K), values.shape[1]), values.dtype)
        damaged: list[int] = []
        reason: DamagedError | None = None
        for places, read in reads:
            try:
                values[places] = read()
            except DamagedError as error:
                damaged += error.positions
                reason = error
        if reason is not None:
            raise DamagedError(str(reason), damaged) from reason
        return values

    def orphans(self, positions: set[int]) -> list[int]:
        """As `Shard.orphans`."""
        return [position for shard in self._shards for position in shard.orphans(positions)]

    def split(self, positions: Iterable[int]) -> dict[int, list[int]]:
        """Returns positions by their shard's number."""
        found: dict[int, list[int]] = {}
        for position in positions:
            found.setdefault(position >> _POSITION_BITS, []).append(position)
        return found

    def of(self, document_id: str) -> int:
        """Returns the number of the shard that a document belongs to."""
        digest = hashlib.sha256(document_id.encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "little") % len(self)

    def lock(self, numbers: Iterable[int] | None = None) -> None:
        """Locks some shards, by default all, and reads their latest versions.

        Whatever is raised, those that were locked by this call are given back.

        Raises:
          BusyError: another writer holds one of them.
        """
        taken: list[Shard] = []
        try:
            for number in range(len(self)) if numbers is None else numbers:
                shard = self[number]
                held = shard.locked
                shard.lock()
                if not held:
                    taken.append(shard)
                # Another writer may have committed before us, or a commit of ours failed at its very end.
                if not shard.is_current():
                    shard.refresh()
        except BaseException:
            _unlock(taken)
            raise

    def unlock(self, numbers: Iterable[int] | None = None) -> None:
        """Gives locks back, by default all."""
        _unlock(self._shards if numbers is None else [self[number] for number in numbers])


def _unlock(shards: Iterable[Shard]) -> None:
    with contextlib.ExitStack() as stack:  # one that fails does not keep the others
        for shard in shards:
            stack.callback(shard.unlock)


def _second(time: str) -> int:
    return int(datetime.datetime.fromisoformat(time).timestamp())


def _iso(second: int) -> str:
    return datetime.datetime.fromtimestamp(second, datetime.UTC).isoformat(timespec="seconds")


def _home(place: Place, identity: str, number: int) -> Home:
    return place.shard(f"{number:05d}", identity)
