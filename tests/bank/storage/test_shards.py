"""Banks of several shards: read as one, written by several processes at once."""

import dataclasses
import datetime
import itertools
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from regrad_jax.bank import builder
from regrad_jax.bank.bank import Bank
from regrad_jax.bank.builder import Encoded, build
from regrad_jax.bank.manifest import Manifest
from regrad_jax.bank.storage import folder, shard
from regrad_jax.bank.storage.folder import FolderHome
from regrad_jax.bank.storage.errors import BusyError
from regrad_jax.data.documents import Passage
from regrad_jax.errors import UserError
from tests.bank.test_bank import FINGERPRINT, _append, _arrays, _assert_holds, _entry, _ids, _manifest


def _sharded(count: int) -> Manifest:
    return dataclasses.replace(_manifest(), shards=count)


def _by_shard(bank: Bank, ids: list[str]) -> dict[int, list[str]]:
    return {n: [id for id in ids if bank.shard_of(id) == n] for n in range(bank.manifest.shards)}


def _encode(passages) -> Encoded:
    rows, keys = _arrays([p.id for p in passages])
    return Encoded(rows, keys, np.full(len(passages), 5), np.full(len(passages), 2.5), 8 * len(passages))


@pytest.fixture
def clock(monkeypatch):
    """Every commit in a second of its own."""
    seconds = itertools.count()
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    after = lambda second: (begin + datetime.timedelta(seconds=second)).isoformat(timespec="seconds")
    monkeypatch.setattr(shard, "now", lambda: after(next(seconds)))


def test_every_version_of_all_shards_together_can_be_read_logged_and_brought_back(tmp_path, clock):
    ids = _ids("a", 6)
    with Bank.create(tmp_path / "bank", _sharded(3)) as bank:
        parts = [part for part in _by_shard(bank, ids).values() if part]
        assert len(parts) == 3
        history: list[list[str]] = [[]]
        for part in [*parts, ["b"]]:
            _append(bank, part)
            history.append(history[-1] + part)
        bank.delete([ids[0]])
        history.append([id for id in history[-1] if id != ids[0]])
        assert bank.version == 5
    told = [(entry.version, entry.documents) for entry in Bank.open(tmp_path / "bank").log()]
    assert told[:5] == [(version, len(history[version])) for version in (5, 4, 3, 2, 1)]
    assert [entry.version for entry in Bank.open(tmp_path / "bank").log(2)] == [5, 4]
    for version, held in enumerate(history):
        bank = Bank.open(tmp_path / "bank", FINGERPRINT, version)
        assert bank.version == version
        _assert_holds(bank, held)
    with pytest.raises(UserError, match="version 6 is not in the bank; it holds 0 to 5"):
        Bank.open(tmp_path / "bank", version=6)
    with Bank.open(tmp_path / "bank") as bank:
        bank.rollback(2)
        _assert_holds(bank, history[2])
        assert bank.verify() == []
        bank.compact()
        _assert_holds(bank, history[2])
        now = bank.version
        assert bank.info()["oldest_version"] == now
    _assert_holds(Bank.open(tmp_path / "bank"), history[2])
    with pytest.raises(UserError, match=rf"version 2 is not in the bank; it holds {now} to {now}"):
        Bank.open(tmp_path / "bank", version=2)


def test_an_old_version_is_found_without_reading_every_commit(tmp_path, clock, monkeypatch):
    with Bank.create(tmp_path / "bank", _sharded(2)) as bank:
        for id in _ids("a", 40):
            _append(bank, [id])
    read: list[int] = []
    head_of = shard.Shard.head_of
    monkeypatch.setattr(shard.Shard, "head_of", lambda self, v: read.append(v) or head_of(self, v))
    assert Bank.open(tmp_path / "bank").info()["oldest_version"] == 0
    assert len(read) <= 2 * 7
    read.clear()
    _assert_holds(Bank.open(tmp_path / "bank", version=13), _ids("a", 13))
    assert len(read) <= 2 * 12 < 40


def test_a_clock_that_goes_back_does_not_turn_the_log_around(tmp_path, monkeypatch):
    with Bank.create(tmp_path / "bank", _sharded(2)) as bank:
        same = _by_shard(bank, _ids("a", 20))[0]
        monkeypatch.setattr(shard, "now", lambda: "2099-01-01T00:00:09+00:00")
        _append(bank, same[:2])
        monkeypatch.setattr(shard, "now", lambda: "2099-01-01T00:00:05+00:00")
        _append(bank, same[2:3])
    assert [entry.added for entry in Bank.open(tmp_path / "bank").log(2)] == [1, 2]
    _assert_holds(Bank.open(tmp_path / "bank", version=1), same[:2])


def test_a_batch_over_shards_comes_back_in_its_order_and_replaces_in_place(tmp_path):
    ids = _ids("a", 9)
    with Bank.create(tmp_path / "bank", _sharded(4)) as bank:
        positions = _append(bank, ids)
        assert [bank.records[p].id for p in positions] == ids
        assert {p >> 32 for p in positions} == {bank.shard_of(id) for id in ids}
        with pytest.raises(UserError, match=f"no document at position {9 << 32}"):
            bank.read_packed([positions[0], 9 << 32])
        order = [positions[i] for i in (8, 0, 4, 4, 1)]
        np.testing.assert_array_equal(bank.read_rows(order), _arrays([ids[i] for i in (8, 0, 4, 4, 1)])[0])
        again = _append(bank, ids[::-1])
        assert not set(again) & set(positions)
        _assert_holds(bank, ids)
        assert list(bank.positions()) == sorted(again)
    assert len(Bank.open(tmp_path / "bank")) == 9


def test_damage_in_one_shard_is_named_and_the_rest_is_read(tmp_path):
    with Bank.create(tmp_path / "bank", _sharded(4)) as bank:
        positions = _append(bank, _ids("a", 9))
        del bank._shards[positions[5] >> 32]._kv[f"rows/c/{positions[5]}/0"]
        _, sound = bank.read_sound(positions)
        assert sound.tolist() == [True] * 5 + [False] + [True] * 3
        assert [fault.id for fault in bank.verify()] == ["a5"]
        assert bank.delete(damaged=True) == 1
        _assert_holds(bank, [id for id in _ids("a", 9) if id != "a5"])


def test_each_shard_has_a_writer_of_its_own(tmp_path):
    one = Bank.create(tmp_path / "bank", _sharded(2))
    first, second = _by_shard(one, _ids("a", 12)).values()
    other = Bank.open(tmp_path / "bank")
    _append(one, first)
    _append(other, second)
    with pytest.raises(UserError, match=r"shards/00000 is being written by process"):
        _append(other, first[:1])
    with pytest.raises(UserError, match=r"shards/00001 is being written by process"):
        one.delete([first[0]])
    _assert_holds(Bank.open(tmp_path / "bank"), _ids("a", 12))
    other.close()
    assert one.delete([first[0], second[0]]) == 2  # sees what the other has committed


@pytest.mark.parametrize("count", [0, 257])
def test_a_number_of_shards_that_cannot_be_is_refused(count):
    with pytest.raises(UserError, match=f"a bank has 1 to 256 shards, not {count}"):
        _sharded(count)


def test_commits_within_the_second_of_creation_are_in_the_log(tmp_path, monkeypatch):
    monkeypatch.setattr(shard, "now", lambda: "2026-01-01T00:00:00+00:00")
    with Bank.create(tmp_path / "bank", _sharded(3)) as bank:
        for id in _ids("a", 5):
            _append(bank, [id])
        assert [entry.version for entry in bank.log()][:6] == [5, 4, 3, 2, 1, 0]
        assert bank.info()["oldest_version"] == 0
    for version in range(6):
        assert len(Bank.open(tmp_path / "bank", version=version)) == version


def test_an_id_does_not_move_to_another_document(tmp_path):
    with Bank.create(tmp_path / "bank", _sharded(2)) as bank:
        one, other = (next(id for id in _ids("a", 20) if bank.shard_of(id) == n) for n in range(2))
        bank.append([_entry("p", document_id=one)], *_arrays(["p"]))
        with pytest.raises(UserError, match=f"id 'p' is of a passage of '{one}' already, in another shard"):
            bank.append([_entry("p", document_id=other)], *_arrays(["p"]))
        assert len(bank) == len(Bank.open(tmp_path / "bank")) == 1


def test_a_read_that_fails_for_no_row_of_its_own_is_an_error(tmp_path, monkeypatch):
    with Bank.create(tmp_path / "bank", _sharded(2)) as bank:
        positions = np.array(_append(bank, _ids("a", 6)))

    def failing(self, array, positions_K):
        def wait():
            raise shard.DamagedError("once", [])

        return wait

    monkeypatch.setattr(shard.Shard, "begin_read", failing)
    with pytest.raises(shard.DamagedError, match="once"):
        bank._shards.read("rows", positions)


def test_locks_are_given_back_when_taking_them_fails(tmp_path, monkeypatch):
    path = tmp_path / "bank"
    Bank.create(path, _sharded(3))
    bank, held = Bank.open(path), Bank.open(path)
    held.lock([2])
    with pytest.raises(BusyError, match="00002 is being written"):
        bank.lock()
    held.close()
    sweep = FolderHome.sweep

    def failing(self):
        if "00001" in str(self):
            raise InterruptedError("as it happens")
        sweep(self)

    with monkeypatch.context() as patch:
        patch.setattr(FolderHome, "sweep", failing)
        with pytest.raises(InterruptedError):
            bank.lock()
    with Bank.open(path) as other:
        other.lock()


def test_what_others_committed_is_seen_when_a_lock_could_not_be_had_at_first(tmp_path):
    path = tmp_path / "bank"
    Bank.create(path, _sharded(2))
    bank, other = Bank.open(path), Bank.open(path)
    assert not bank.records
    ids = _by_shard(bank, _ids("a", 12))
    _append(other, [*ids[0], *ids[1]])
    other.unlock([0])
    with pytest.raises(BusyError):
        bank.lock()  # has seen the first shard's commit, and not the second's
    other.close()
    bank.lock()
    _assert_holds(bank, _ids("a", 12))


def test_a_builder_whose_lease_ran_out_meanwhile_comes_back_to_the_shard(tmp_path, monkeypatch):
    path = tmp_path / "bank"
    Bank.create(path, _sharded(2))
    monkeypatch.setattr(builder, "_WAIT_SECONDS", 0)
    passages = [Passage(id, id, f"Text of {id}.", "", "corpus.jsonl") for id in _ids("a", 12)]
    calls = 0

    def renew(self):
        nonlocal calls
        calls += 1
        if calls == 5:
            raise BusyError("another writer has it")

    monkeypatch.setattr(folder._FileLock, "renew", renew)
    with Bank.open(path) as bank:
        assert build(bank, passages, _encode, commit_size=2, progress=print) == (12, 0, [])
        assert calls > 5
        _assert_holds(bank, _ids("a", 12))


def test_a_builder_waits_for_writers_and_for_nothing_else(tmp_path):
    path = tmp_path / "bank"
    with Bank.create(path, _sharded(2)) as bank:
        _append(bank, _ids("a", 6))
    passages = [Passage(id, id, "new", "", "") for id in _ids("a", 6)]
    with pytest.raises(UserError, match="open at version 1, to be read only"):
        build(Bank.open(path, version=1), passages, _encode, progress=print)
    other = Bank.open(path)
    other.lock([1])
    only = [p for p in passages if other.shard_of(p.id) == 0]
    assert build(Bank.open(path), only, _encode, progress=print).added == len(only)


BUILDER = """
from tests.bank.storage import test_shards

test_shards.build_slowly({path!r})
"""


def build_slowly(path: str) -> None:
    """What a builder's process does: 60 documents in batches of two, a tenth of a second each."""

    def encode(passages) -> Encoded:
        time.sleep(0.1)
        print(*(p.id for p in passages), flush=True)
        return _encode(passages)

    passages = [Passage(id, id, f"Text of {id}.", "", "corpus.jsonl") for id in _ids("a", 60)]
    with Bank.open(path) as bank:
        built = build(bank, passages, encode, commit_size=2, progress=lambda line: None)
        assert built.refused == []


def test_builders_share_the_work_and_finish_a_dead_ones(tmp_path):
    path = str(tmp_path / "bank")
    Bank.create(path, _sharded(4))
    start = lambda: subprocess.Popen(
        [sys.executable, "-c", BUILDER.format(path=path)], stdout=subprocess.PIPE, text=True
    )
    builders = [start(), start(), start()]
    victim = builders[0]
    said = [victim.stdout.readline() for _ in range(3)]
    victim.send_signal(signal.SIGKILL)
    seen: list[int] = []
    while builders[1].poll() is None or builders[2].poll() is None:
        reader = Bank.open(path)
        ids = [record.id for record in reader.records.values()]
        _assert_holds(reader, ids)
        seen.append(len(ids))
        time.sleep(0.05)
    encoded = [set(builder.stdout.read().split()) for builder in builders[1:]]
    assert [builder.wait() for builder in builders[1:]] == [0, 0]
    bank = Bank.open(path)
    _assert_holds(bank, _ids("a", 60))
    assert bank.verify() == []
    assert encoded[0] and encoded[1] and not encoded[0] & encoded[1]
    # The victim's last batch may have been encoded again, what it had committed was not.
    assert not set(" ".join(said[:2]).split()) & (encoded[0] | encoded[1])
    assert seen == sorted(seen) and len(set(seen)) > 3
