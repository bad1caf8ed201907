"""What a bank holds: the records of the version that is read, by position and by id."""

from collections.abc import Iterable, Sequence

from regrad_jax.bank.records import Record
from regrad_jax.bank.storage.errors import DamagedError
from regrad_jax.bank.storage.history import State
from regrad_jax.bank.storage.shards import Shards


class Contents:
    """The records of a bank.

    Opening a bank reads none of them. The first use of `records`, `damaged` or `position_of` reads all, and
    they stay in memory. They are read again when the shards have come to another state, since a writer that
    takes a lock may see the commits of others.
    """

    def __init__(self, shards: Shards):
        """Takes the shards of the bank."""
        self._shards = shards
        self._state: State | None = None  # of the records in memory; None where there are none
        self._records: dict[int, Record] = {}
        self._damaged: dict[int, str] = {}
        self._position_of: dict[str, int] = {}
        self._is_sorted = True

    @property
    def records(self) -> dict[int, Record]:
        """Position -> record, in the order of positions."""
        self._load()
        if not self._is_sorted:  # sorted at the first use, and not at every commit
            self._records = dict(sorted(self._records.items()))
            self._is_sorted = True
        return self._records

    @property
    def damaged(self) -> dict[int, str]:
        """Position -> what is wrong with a record that cannot be read."""
        self._load()
        return self._damaged

    @property
    def position_of(self) -> dict[str, int]:
        """Id -> position."""
        self._load()
        return self._position_of

    def __contains__(self, position: int) -> bool:
        """Whether there is a document, damaged or not."""
        self._load()
        return position in self._records or position in self._damaged

    def _load(self) -> None:
        if self._state == self._shards.state:
            return
        try:
            read = self._shards.records(self._shards.positions())
        except DamagedError as error:
            raise error.of_bank(self._shards.place) from error
        self._records, self._damaged = read.sound, read.damaged
        self._position_of = {record.id: position for position, record in read.sound.items()}
        self._state, self._is_sorted = self._shards.state, True

    def look_up(self, positions: Iterable[int]) -> dict[int, Record]:
        """Returns records by position. Those that are damaged or absent are left out.

        Where no records are in memory, only these are read.
        """
        if self._state is None:
            return self._shards.records([int(position) for position in positions]).sound
        records = self.records
        return {p: records[p] for p in positions if p in records}

    def names(self, positions: Sequence[int]) -> str:
        """Returns how documents are named in messages: by id, or by position where the record is lost."""
        records = self.look_up(positions)
        name = lambda p: repr(records[p].id) if p in records else f"the document at position {p}"
        return ", ".join(map(name, positions))

    def change(self, before: State, gone: Sequence[int], added: Sequence[Record]) -> None:
        """Takes in a commit that this bank has just made.

        Args:
            before: the state that the commit was made to. Where the records in memory are of another state,
                or none are, nothing is done: the next use reads all.
            gone: positions of the documents that the commit removed.
            added: records that it added, brought back or replaced.
        """
        if self._state != before:
            return
        for position in gone:
            self._damaged.pop(position, None)
            if record := self._records.pop(position, None):
                del self._position_of[record.id]
        # Older documents may come back, and those of a lower shard may come.
        if added and added[0].position < next(reversed(self._records), -1):
            self._is_sorted = False
        for record in added:
            self._records[record.position] = record
            self._position_of[record.id] = record.position
        self._state = self._shards.state
