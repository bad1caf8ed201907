"""What a bank holds, in memory."""

from collections.abc import Sequence

from regrad_jax.bank.records import Record
from regrad_jax.bank.storage.shard import Records
from regrad_jax.bank.storage.shards import State


class Contents:
    """All records of one state of a bank.

    Attributes:
      state: commits of each shard.
      damaged: position -> what is wrong with a record that cannot be read.
      positions: id -> position.
    """

    def __init__(self, state: State, read: Records):
        """Takes what was read of that state."""
        self.state = state
        self._records, self.damaged = read.sound, read.damaged
        self._in_order = True
        self.positions = {record.id: position for position, record in read.sound.items()}

    def change(self, state: State, gone: Sequence[int], added: Sequence[Record]) -> None:
        """Does what a commit did that led to this state."""
        self.state = state
        for position in gone:
            self.damaged.pop(position, None)
            if record := self._records.pop(position, None):
                del self.positions[record.id]
        # Older documents came back, or those of a lower shard.
        if added and added[0].position < next(reversed(self._records), -1):
            self._in_order = False
        for record in added:
            self._records[record.position] = record
            self.positions[record.id] = record.position

    @property
    def records(self) -> dict[int, Record]:
        """position -> record, in the order of positions; sorted when asked for, not at every commit."""
        if not self._in_order:
            self._records = dict(sorted(self._records.items()))
            self._in_order = True
        return self._records

    def __contains__(self, position: int) -> bool:
        """Whether there is a document, damaged or not."""
        return position in self._records or position in self.damaged
