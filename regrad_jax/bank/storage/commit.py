"""The one transaction that a commit to a shard is."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorstore as ts

from regrad_jax.bank.records import Record, pack, pack_record
from regrad_jax.bank.storage.database import document_keys, record_key
from regrad_jax.bank.storage.history import Head
from regrad_jax.bank.storage.view import View


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


class Change(NamedTuple):
    """What a commit does to the documents of a shard.

    Attributes:
        gone: positions of documents to remove.
        added: documents to add.
        restored: documents to bring back or to replace, as `View.values` reads them.
    """

    gone: Sequence[int] = ()
    added: Batch | None = None
    restored: Mapping[str, bytes] = {}


def write(view: View, head: Head, change: Change) -> None:
    """Writes a change and the head that it leads to in one transaction.

    Args:
        view: the writer's own. Its head must still be the stored one, or the whole transaction fails.
        head: the new state.
        change: to be made.

    Raises:
        ValueError: TensorStore cannot write, or another writer has committed since the view's head was read.
    """
    with ts.Transaction(atomic=True) as transaction:
        kv = view.kv.with_transaction(transaction)
        for position in change.gone:
            for key in document_keys(position):
                del kv[key]
        if change.added:
            records, packed_NxC, keys_NxE = change.added
            where = slice(records[0].position, records[-1].position + 1)
            for name, values in (("rows", packed_NxC), ("keys", keys_NxE)):
                view.arrays[name].with_transaction(transaction)[where] = values
            for record in records:
                kv[record_key(record.position)] = pack_record(record)
        for key, value in change.restored.items():
            kv[key] = value
        kv.write("head", pack(head._asdict()), if_equal=view.stamp).result()
