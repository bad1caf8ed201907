"""Banks of several shards: read as one, written by several processes at once."""

import datetime
import itertools

import numpy as np
import pytest

from regrad_jax.bank.bank import Bank
from regrad_jax.bank.storage import shard
from regrad_jax.bank.storage.address import place_of
from regrad_jax.bank.storage.errors import BusyError, DamagedError
from regrad_jax.bank.storage.folder import FolderHome
from regrad_jax.bank.storage.shards import Shards
from regrad_jax.bank.storage.view import View
from regrad_jax.errors import UserError
from tests.bank.banks import (
    FINGERPRINT,
    WIDTHS,
    append,
    arrays,
    assert_holds,
    by_shard,
    entry,
    ids,
    manifest,
    write_past,
)


@pytest.fixture
def clock(monkeypatch):
    """Every commit in a second of its own."""
    seconds = itertools.count()
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    after = lambda second: (begin + datetime.timedelta(seconds=second)).isoformat(timespec="seconds")
    monkeypatch.setattr(shard, "now", lambda: after(next(seconds)))


def test_every_version_of_all_shards_together_can_be_read_logged_and_brought_back(tmp_path, clock):
    names = ids("a", 6)
    with Bank.create(tmp_path / "bank", manifest(shards=3)) as bank:
        parts = [part for part in by_shard(bank, names).values() if part]
        assert len(parts) == 3
        history: list[list[str]] = [[]]
        for part in [*parts, ["b"]]:
            append(bank, part)
            history.append(history[-1] + part)
        bank.delete([names[0]])
        history.append([id for id in history[-1] if id != names[0]])
        assert bank.version == 5
    entries = [(entry.version, entry.documents) for entry in Bank.open(tmp_path / "bank").log()]
    assert entries[:5] == [(version, len(history[version])) for version in (5, 4, 3, 2, 1)]
    assert [entry.version for entry in Bank.open(tmp_path / "bank").log(2)] == [5, 4]
    for version, names_then in enumerate(history):
        bank = Bank.open(tmp_path / "bank", FINGERPRINT, version)
        assert bank.version == version
        assert_holds(bank, names_then)
    with pytest.raises(UserError, match="version 6 is not in the bank; it holds 0 to 5"):
        Bank.open(tmp_path / "bank", version=6)
    with Bank.open(tmp_path / "bank") as bank:
        bank.rollback(2)
        assert_holds(bank, history[2])
        assert bank.verify() == []
        bank.compact()
        assert_holds(bank, history[2])
        now = bank.version
        assert bank.info()["oldest_version"] == now
    assert_holds(Bank.open(tmp_path / "bank"), history[2])
    with pytest.raises(UserError, match=rf"version 2 is not in the bank; it holds {now} to {now}"):
        Bank.open(tmp_path / "bank", version=2)


def test_an_old_version_is_found_without_reading_every_commit(tmp_path, clock, monkeypatch):
    with Bank.create(tmp_path / "bank", manifest(shards=2)) as bank:
        for id in ids("a", 40):
            append(bank, [id])
    reads: list[int] = []
    head_of = View.head_of
    monkeypatch.setattr(View, "head_of", lambda self, v: reads.append(v) or head_of(self, v))
    assert Bank.open(tmp_path / "bank").info()["oldest_version"] == 0
    assert 0 < len(reads) <= 2 * 7
    reads.clear()
    assert_holds(Bank.open(tmp_path / "bank", version=13), ids("a", 13))
    assert 0 < len(reads) <= 2 * 12 < 40


def test_a_clock_that_goes_back_does_not_turn_the_log_around(tmp_path, monkeypatch):
    with Bank.create(tmp_path / "bank", manifest(shards=2)) as bank:
        same = by_shard(bank, ids("a", 20))[0]
        monkeypatch.setattr(shard, "now", lambda: "2099-01-01T00:00:09+00:00")
        append(bank, same[:2])
        monkeypatch.setattr(shard, "now", lambda: "2099-01-01T00:00:05+00:00")
        append(bank, same[2:3])
    assert [entry.added for entry in Bank.open(tmp_path / "bank").log(2)] == [1, 2]
    assert_holds(Bank.open(tmp_path / "bank", version=1), same[:2])


def test_a_batch_over_shards_comes_back_in_its_order_and_replaces_in_place(tmp_path):
    names = ids("a", 9)
    with Bank.create(tmp_path / "bank", manifest(shards=4)) as bank:
        positions = append(bank, names)
        assert [bank.records[p].id for p in positions] == names
        assert {p >> 32 for p in positions} == {bank.shard_of(id) for id in names}
        with pytest.raises(UserError, match=f"no document at position {9 << 32}"):
            bank.read_packed([positions[0], 9 << 32])
        order = [positions[i] for i in (8, 0, 4, 4, 1)]
        np.testing.assert_array_equal(bank.read_rows(order), arrays([names[i] for i in (8, 0, 4, 4, 1)])[0])
        again = append(bank, names[::-1])
        assert not set(again) & set(positions)
        assert_holds(bank, names)
        assert list(bank.positions()) == sorted(again)
    assert len(Bank.open(tmp_path / "bank")) == 9


def test_damage_in_one_shard_is_named_and_the_rest_is_read(tmp_path):
    with Bank.create(tmp_path / "bank", manifest(shards=4)) as bank:
        positions = append(bank, ids("a", 9))
    write_past(tmp_path / "bank", {f"rows/c/{positions[5]}/0": None}, positions[5] >> 32)
    with Bank.open(tmp_path / "bank") as bank:
        _, sound = bank.read_sound(positions)
        assert sound.tolist() == [True] * 5 + [False] + [True] * 3
        assert [fault.id for fault in bank.verify()] == ["a5"]
        assert bank.delete(damaged=True) == 1
        assert_holds(bank, [id for id in ids("a", 9) if id != "a5"])


def test_each_shard_has_a_writer_of_its_own(tmp_path):
    one = Bank.create(tmp_path / "bank", manifest(shards=2))
    first, second = by_shard(one, ids("a", 12)).values()
    other = Bank.open(tmp_path / "bank")
    append(one, first)
    append(other, second)
    with pytest.raises(UserError, match=r"shards/00000 is being written by process"):
        append(other, first[:1])
    with pytest.raises(UserError, match=r"shards/00001 is being written by process"):
        one.delete([first[0]])
    assert_holds(Bank.open(tmp_path / "bank"), ids("a", 12))
    other.close()
    assert one.delete([first[0], second[0]]) == 2  # sees what the other has committed


def test_commits_within_the_second_of_creation_are_in_the_log(tmp_path, monkeypatch):
    monkeypatch.setattr(shard, "now", lambda: "2026-01-01T00:00:00+00:00")
    with Bank.create(tmp_path / "bank", manifest(shards=3)) as bank:
        for id in ids("a", 5):
            append(bank, [id])
        assert [entry.version for entry in bank.log()][:6] == [5, 4, 3, 2, 1, 0]
        assert bank.info()["oldest_version"] == 0
    for version in range(6):
        assert len(Bank.open(tmp_path / "bank", version=version)) == version


def test_an_id_does_not_move_to_another_document(tmp_path):
    with Bank.create(tmp_path / "bank", manifest(shards=2)) as bank:
        one, other = (next(id for id in ids("a", 20) if bank.shard_of(id) == n) for n in range(2))
        bank.append([entry("p", document_id=one)], *arrays(["p"]))
        with pytest.raises(UserError, match=f"id 'p' is of a passage of '{one}' already, in another shard"):
            bank.append([entry("p", document_id=other)], *arrays(["p"]))
        assert len(bank) == len(Bank.open(tmp_path / "bank")) == 1


def test_a_read_that_fails_for_no_row_of_its_own_is_an_error(tmp_path, monkeypatch):
    with Bank.create(tmp_path / "bank", manifest(shards=2)) as bank:
        positions = np.array(append(bank, ids("a", 6)))

    def failing(self, array, positions_K):
        def wait():
            raise DamagedError("once", [])

        return wait

    monkeypatch.setattr(View, "begin_read", failing)
    shards = Shards(place_of(tmp_path / "bank"), bank.manifest.id, 2, WIDTHS)
    with pytest.raises(DamagedError, match="once"):
        shards.read("rows", positions)


def test_locks_are_given_back_when_taking_them_fails(tmp_path, monkeypatch):
    path = tmp_path / "bank"
    Bank.create(path, manifest(shards=3))
    bank, other = Bank.open(path), Bank.open(path)
    other.lock([2])
    with pytest.raises(BusyError, match="00002 is being written"):
        bank.lock()
    other.close()
    sweep = FolderHome.sweep

    def failing(self):
        if "00001" in str(self):
            raise InterruptedError("as it happens")
        sweep(self)

    with monkeypatch.context() as patch:
        patch.setattr(FolderHome, "sweep", failing)
        with pytest.raises(InterruptedError):
            bank.lock()
    with Bank.open(path) as third:
        third.lock()


def test_what_others_committed_is_seen_when_a_lock_could_not_be_had_at_first(tmp_path):
    path = tmp_path / "bank"
    Bank.create(path, manifest(shards=2))
    bank, other = Bank.open(path), Bank.open(path)
    assert not bank.records
    parts = by_shard(bank, ids("a", 12))
    append(other, [*parts[0], *parts[1]])
    other.unlock([0])
    with pytest.raises(BusyError):
        bank.lock()  # sees the first shard's commit, and not the second's
    other.close()
    bank.lock()
    assert_holds(bank, ids("a", 12))
