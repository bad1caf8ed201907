"""Records are read when they are first used, and stay in step with commits, our own and others'."""

import pytest

from regrad_jax.bank.bank import Bank
from regrad_jax.bank.contents import Contents
from regrad_jax.bank.storage.address import place_of
from regrad_jax.bank.storage.shards import Shards
from regrad_jax.bank.storage.view import View
from tests.bank.banks import WIDTHS, append, ids, manifest


@pytest.fixture
def reads(monkeypatch) -> list[int]:
    """The positions whose records are read from the disk, in order."""
    positions: list[int] = []
    read = View.records

    def noting(self, some):
        positions.extend(some)
        return read(self, some)

    monkeypatch.setattr(View, "records", noting)
    return positions


def _contents(path) -> Contents:
    return Contents(Shards(place_of(path), "", 1, WIDTHS))


def test_opening_reads_no_record_and_looking_some_up_reads_those(tmp_path, reads):
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        append(bank, ids("a", 7))
    reads.clear()
    bank = Bank.open(tmp_path / "bank")
    assert len(bank) == 7 and bank.version == 1
    assert len(bank.keys()[0]) == 7 and bank.read_packed([3]).shape[0] == 1
    assert reads == []
    records = bank.read_records([5, 2, 99])
    assert {p: record.id for p, record in records.items()} == {5: "a5", 2: "a2"}
    assert reads == [5, 2, 99]
    assert bank.texts([2, 98]) == {2: "Text of a2."} and reads[3:] == [2, 98]
    assert len(bank.records) == 7 and reads[5:] == list(range(7))
    assert bank.read_records([1, 99])[1] is bank.records[1]
    assert bank.texts([1, 99]) == {1: "Text of a1."} and len(reads) == 12


def test_commits_of_this_bank_cost_no_reading_and_those_of_others_do(tmp_path, reads):
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        append(bank, ids("a", 3))
        reads.clear()
        bank.delete(["a1"])
        append(bank, ["b", "a0"])
        assert list(bank.records) == [2, 3, 4] and reads == []
    with Bank.open(tmp_path / "bank") as other:
        other.delete(["a2"])
    reads.clear()
    bank.lock()
    assert list(bank.records) == [3, 4] and reads == [3, 4]
    bank.close()


def test_records_come_in_the_order_of_positions_after_older_ones_came_back(tmp_path):
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        append(bank, ids("a", 3))
        bank.delete(["a0", "a1"])
        append(bank, ["b"])
        bank.rollback(1)
        assert list(bank.records) == [0, 1, 2]
        append(bank, ["a1"])
        assert list(bank.records) == [0, 2, 4]


def test_documents_are_named_by_id_or_else_by_position(tmp_path):
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        append(bank, ids("a", 2))
    contents = _contents(tmp_path / "bank")
    assert contents.names([1, 7, 0]) == "'a1', the document at position 7, 'a0'"
    assert contents.names([]) == ""
    assert 1 in contents and 7 not in contents
    assert contents.position_of == {"a0": 0, "a1": 1}


def test_a_change_is_taken_in_only_by_records_of_the_state_before_it(tmp_path):
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        append(bank, ids("a", 2))
    contents = _contents(tmp_path / "bank")
    contents.change((1,), [0], [])  # no records are in memory yet
    assert list(contents.records) == [0, 1]
    contents.change((7,), [0], [])
    assert list(contents.records) == [0, 1]
    contents.change((1,), [0], [])
    assert list(contents.records) == [1] and contents.position_of == {"a1": 1}
