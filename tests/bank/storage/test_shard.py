"""One shard: its commits are generations of the database, and what a dead writer left harms nobody."""

import pathlib

import numpy as np
import pytest
import tensorstore as ts

from regrad_jax.bank.bank import Bank
from regrad_jax.bank.records import Record
from regrad_jax.bank.storage import shard
from regrad_jax.bank.storage.commit import Batch, Change
from regrad_jax.bank.storage.errors import BusyError, DamagedError
from regrad_jax.bank.storage.folder import FolderHome
from regrad_jax.bank.storage.history import Head
from regrad_jax.bank.storage.shard import Shard
from regrad_jax.errors import UserError
from tests.bank.banks import WIDTHS, P, append, arrays, assert_holds, entry, ids, manifest

FIRST = 1 << 32  # position of the first document


def _home(folder: pathlib.Path) -> FolderHome:
    home = FolderHome(folder / "00001")
    shard.create(home, WIDTHS, FIRST)
    return home


def _batch(first: int, names: list[str]) -> Batch:
    rows_NxP, keys_NxE = arrays(names)
    records = [Record.of(entry(id), first + i, "2026-01-01T00:00:00+00:00") for i, id in enumerate(names)]
    return Batch(records, rows_NxP.view(np.uint8), keys_NxE)


def _add(writer: Shard, names: list[str]) -> None:
    head = writer.head
    after = Head(
        head.version + 1,
        head.next_position + len(names),
        head.documents + len(names),
        shard.now(),
        len(names),
    )
    writer.commit(after, Change(added=_batch(head.next_position, names)))


def test_a_commit_is_read_back_and_an_older_version_too(tmp_path):
    home = _home(tmp_path)
    writer = Shard(home, WIDTHS)
    writer.lock()
    _add(writer, ["a", "b"])
    _add(writer, ["c"])
    writer.commit(writer.head._replace(version=3, documents=2), Change(gone=[FIRST + 1]))
    assert writer.view.positions() == [FIRST, FIRST + 2]
    reader = Shard(home, WIDTHS, version=1)
    assert reader.view.positions() == [FIRST, FIRST + 1]
    assert [head.version for head in reader.view.log(5)] == [1, 0]
    rows_KxC = reader.view.read("rows", np.array([FIRST + 1, FIRST]))
    assert rows_KxC.shape == (2, 4 * P) and rows_KxC.dtype == np.uint8
    np.testing.assert_array_equal(rows_KxC.view(np.float32), arrays(["b", "a"])[0])
    reader.read_version(2)
    assert reader.view.positions() == [FIRST, FIRST + 1, FIRST + 2]
    with pytest.raises(UserError, match="version 4 is not in the bank; it holds 0 to 3"):
        reader.read_version(4)
    assert reader.head.version == 2


def test_a_reader_is_not_moved_by_commits_and_a_writer_is(tmp_path):
    home = _home(tmp_path)
    writer, reader = Shard(home, WIDTHS), Shard(home, WIDTHS)
    writer.lock()
    _add(writer, ["a"])
    assert writer.view.is_current() and writer.view.positions() == [FIRST]
    assert not reader.view.is_current() and reader.view.positions() == []
    with pytest.raises(BusyError, match="is being written by process"):
        reader.lock()
    writer.unlock()
    reader.lock()
    assert reader.view.positions() == [FIRST] and reader.locked and not writer.locked
    _add(reader, ["b"])
    assert writer.view.positions() == [FIRST]


def test_a_restored_document_is_stored_as_before(tmp_path):
    writer = Shard(_home(tmp_path), WIDTHS)
    writer.lock()
    _add(writer, ["a"])
    values = writer.view.values([FIRST])
    assert len(values) == 3 and arrays(["a"])[0].tobytes() in values[f"rows/c/{FIRST}/0"]
    writer.commit(writer.head._replace(version=2, documents=0), Change(gone=[FIRST]))
    with pytest.raises(DamagedError, match="is missing") as raised:
        writer.view.values([FIRST])
    assert raised.value.positions == [FIRST]
    writer.commit(writer.head._replace(version=3, documents=1), Change(restored=values))
    assert writer.view.values([FIRST]) == values


def test_a_compaction_leaves_one_version_and_these_documents(tmp_path):
    home = _home(tmp_path)
    writer = Shard(home, WIDTHS)
    writer.lock()
    _add(writer, ["a", "b"])
    writer.compact([FIRST + 1])
    assert home.current() == "00001.1" and sorted(f.name for f in tmp_path.iterdir()) == [
        "00001.1",
        "00001.lock",
    ]
    assert (writer.head.version, writer.head.oldest) == (1, 1)
    assert writer.view.positions() == [FIRST + 1]
    _add(writer, ["c"])
    assert writer.view.positions() == [FIRST + 1, FIRST + 2]


def test_rows_of_another_width_are_refused(tmp_path):
    home = _home(tmp_path)
    with pytest.raises(DamagedError):
        Shard(home, WIDTHS._replace(packed_bytes=8))


def test_every_commit_is_one_generation_of_the_database(tmp_path):
    folder = tmp_path / "bank" / "shards" / "00000"
    base = ts.KvStore.open({"driver": "file", "path": f"{folder}/"}).result()

    def generation() -> int:
        return ts.ocdbt.dump(base).result()["versions"][-1]["generation_number"]

    with Bank.create(tmp_path / "bank", manifest()) as bank:
        empty = generation()
        for version, change in enumerate(
            [
                lambda: append(bank, ids("a", 5)),
                lambda: append(bank, ["a1", "b", "a3"]),
                lambda: bank.delete(["a0", "b"]),
                lambda: bank.rollback(1),
            ],
            start=1,
        ):
            change()
            assert (bank.version, generation()) == (version, empty + version)


def test_what_a_killed_writer_left_of_a_longer_manifest_harms_nobody(tmp_path):
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        append(bank, ids("a", 3))
    leftover = tmp_path / "bank" / "shards" / "00000" / "manifest.ocdbt.__lock"
    leftover.write_bytes(b"x" * 5000)
    with Bank.open(tmp_path / "bank") as bank:
        append(bank, ["b"])
    assert_holds(Bank.open(tmp_path / "bank"), [*ids("a", 3), "b"])
    assert not leftover.exists()


def test_a_shard_whose_lock_failed_at_its_end_does_not_see_what_others_commit(tmp_path, monkeypatch):
    home = _home(tmp_path)
    first, other = Shard(home, WIDTHS), Shard(home, WIDTHS)
    with monkeypatch.context() as patch:
        patch.setattr(FolderHome, "sweep", lambda self: (_ for _ in ()).throw(InterruptedError))
        with pytest.raises(InterruptedError):
            first.lock()
    assert not first.locked
    other.lock()
    _add(other, ["a"])
    assert first.view.positions() == []
