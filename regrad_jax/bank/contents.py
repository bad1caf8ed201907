"""What a bank holds, in memory."""

from collections.abc import Sequence

from regrad_jax.bank.records import Record
from regrad_jax.bank.shard import Records
from regrad_jax.bank.shards import State


class Contents:
    """All records of one state of a bank.

    Attributes:
      state: commits of each shard.
      records: position -> record, in the order of positions.
      damaged: position -> what is wrong with a record that cannot be read.
      positions: id -> position.
    """

    def __init__(self, state: State, read: Records):
        """Takes what was read of that state."""
        self.state = state
        self.records, self.damaged = read.sound, read.damaged
        self.positions = {record.id: position for position, record in read.sound.items()}

    def change(self, state: State, gone: Sequence[int], added: Sequence[Record]) -> None:
        """Does what a commit did that led to this state."""
        self.state = state
        for position in gone:
            self.damaged.pop(position, None)
            if record := self.records.pop(position, None):
                del self.positions[record.id]
        in_order = not added or added[0].position > next(reversed(self.records), -1)
        for record in added:
            self.records[record.position] = record
            self.positions[record.id] = record.position
        if not in_order:  # older documents came back
            self.records = dict(sorted(self.records.items()))
