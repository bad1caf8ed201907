"""Versions, rollback and compaction, on a real disk and with real readers beside the writer."""

import pathlib

import numpy as np
import pytest

from regrad_jax.bank.bank import Bank
from regrad_jax.errors import UserError
from regrad_jax.retrieval.index import open_index
from tests.bank.test_bank import (
    FINGERPRINT,
    _append,
    _arrays,
    _assert_holds,
    _entry,
    _files,
    _flip,
    _ids,
    _manifest,
)


def _history(path: pathlib.Path) -> Bank:
    """A bank of four versions: a0-a2; and b0, b1; without a1; with another a0."""
    bank = Bank.create(path, _manifest())
    _append(bank, _ids("a", 3))
    _append(bank, _ids("b", 2))
    bank.delete(["a1"])
    _append(bank, ["a0"])
    return bank


HISTORY = [
    [],
    ["a0", "a1", "a2"],
    ["a0", "a1", "a2", "b0", "b1"],
    ["a0", "a2", "b0", "b1"],
    ["a0", "a2", "b0", "b1"],
]


def test_every_version_can_be_opened(tmp_path):
    with _history(tmp_path / "bank"):
        pass
    for version, ids in enumerate(HISTORY):
        bank = Bank.open(tmp_path / "bank", FINGERPRINT, version)
        assert bank.version == version
        _assert_holds(bank, ids)
        assert bank.verify() == []
        with pytest.raises(UserError, match=f"open at version {version}, to be read only"):
            _append(bank, ["c"])
    with pytest.raises(UserError, match="version 5 is not in the bank; it holds 0 to 4"):
        Bank.open(tmp_path / "bank", version=5)


def test_the_log_says_what_each_commit_did(tmp_path):
    with _history(tmp_path / "bank") as bank:
        bank.rollback(2)
        log = bank.log()
    told = [(h.version, h.added, h.removed, h.documents, h.reason) for h in log]
    assert told == [
        (5, 2, 1, 5, "rollback to 2"),  # a1 and the first a0 came back, the second went
        (4, 1, 1, 4, "append"),
        (3, 0, 1, 4, "delete"),
        (2, 2, 0, 5, "append"),
        (1, 3, 0, 3, "append"),
        (0, 0, 0, 0, ""),
    ]
    assert [head.version for head in Bank.open(tmp_path / "bank").log(2)] == [5, 4]
    assert [head.version for head in Bank.open(tmp_path / "bank", version=3).log(2)] == [3, 2]


@pytest.mark.parametrize("version", range(5))
def test_rollback(tmp_path, version):
    with _history(tmp_path / "bank") as bank:
        bank.rollback(version)
        assert bank.version == (4 if version == 4 else 5)
        _assert_holds(bank, HISTORY[version])
    past, now = Bank.open(tmp_path / "bank", version=version), Bank.open(tmp_path / "bank")
    assert past.records == now.records
    assert now.verify() == []
    with now:
        # Positions are never used twice, not even those of a future that was rolled back.
        assert _append(now, ["c"]) == [6]
        now.rollback(4)
        _assert_holds(now, HISTORY[4])


def test_a_reader_keeps_the_version_that_it_opened(tmp_path):
    path = tmp_path / "bank"
    with _history(path) as bank:
        reader = Bank.open(path)
        bank.delete(["a0", "a2"])
        _append(bank, ["c"])
        bank.compact()
        _append(bank, ["d"])
        _assert_holds(reader, HISTORY[4])
        assert reader.verify() == []
        assert bank.version == 7
    _assert_holds(bank, ["b0", "b1", "c", "d"])
    _assert_holds(Bank.open(path), ["b0", "b1", "c", "d"])
    # What the reader reads goes when it has gone.
    assert len(list(path.rglob("manifest.ocdbt"))) == 2
    del reader
    with bank:
        bank.lock()
    assert [f.parent.name for f in path.rglob("manifest.ocdbt")] == ["00000.1"]


def test_a_closed_bank_does_not_see_what_others_commit(tmp_path):
    with _history(tmp_path / "bank") as first:
        pass
    with Bank.open(tmp_path / "bank") as second:
        second.delete(["a0"])
        _assert_holds(first, HISTORY[4])
    assert _append(first, ["c"]) == [6]
    _assert_holds(first, ["a2", "b0", "b1", "c"])


def test_compact_removes_what_was_deleted_from_the_disk(tmp_path):
    path = tmp_path / "bank"
    with _history(path) as bank:
        secret = _arrays(["a1"])[0].tobytes()
        assert any(secret in f.read_bytes() for f in _files(path))
        before = bank.info()["bytes"]
        freed = bank.compact()
        assert bank.info()["bytes"] == before - freed
        assert freed > 0
        assert not any(secret in f.read_bytes() for f in _files(path))
        _assert_holds(bank, HISTORY[4])
        assert bank.version == 4
        assert [head.version for head in bank.log()] == [4]
        with pytest.raises(UserError, match="version 3 is not in the bank; it holds 4 to 4"):
            bank.rollback(3)
        assert _append(bank, ["c"]) == [6]
        bank.compact()
        bank.delete(["c"])
        bank.rollback(5)
        _assert_holds(bank, [*HISTORY[4], "c"])
    assert sorted(f.name for f in (path / "shards").iterdir()) == ["00000.2", "00000.lock"]
    _assert_holds(Bank.open(path), [*HISTORY[4], "c"])


def test_compact_removes_the_index_with_the_keys_of_what_was_deleted(tmp_path):
    path, ids = tmp_path / "bank", [f"a{i}" for i in range(20)]
    pytest.importorskip("scann")
    with Bank.create(path, _manifest()) as bank:
        _append(bank, ids)
        open_index(bank, "scann")
        bank.delete(["a7"])
        secret = _arrays(["a7"])[1].tobytes()
        assert any(secret in f.read_bytes() for f in (path / "index").rglob("*") if f.is_file())
        bank.compact()
    assert not any(secret in f.read_bytes() for f in path.rglob("*") if f.is_file())


@pytest.mark.parametrize("part", ["row", "record"])
def test_a_rollback_brings_nothing_damaged_back_and_leaves_nothing_damaged_behind(tmp_path, part):
    path = tmp_path / "bank"
    with Bank.create(path, _manifest()) as bank:
        _append(bank, ["a"])
        _append(bank, ["b"])
        name = "rows/c/1/0" if part == "row" else "records/0000000000001"
        stored = bank._shards[0].values([1])[name]
    [file] = [f for f in _files(path) if stored in f.read_bytes()]
    _flip(file, file.read_bytes().find(stored) + 20)
    with Bank.open(path) as bank:
        bank.rollback(1)
        _assert_holds(bank, ["a"])
        assert bank.verify() == []
        with pytest.raises(UserError, match=r"version 2 of .* is damaged"):
            bank.rollback(2)
        _assert_holds(bank, ["a"])


def test_an_empty_bank_can_be_compacted_and_filled(tmp_path):
    with Bank.create(tmp_path / "bank", _manifest()) as bank:
        bank.compact()
        _assert_holds(bank, [])
        _append(bank, ["a"])
    _assert_holds(Bank.open(tmp_path / "bank"), ["a"])


@pytest.mark.parametrize("part", ["row", "record"])
def test_a_damaged_document_stops_compaction_and_is_named(tmp_path, part):
    path = tmp_path / "bank"
    with _history(path) as bank:
        stored = bank._shards[0].values([4])["rows/c/4/0" if part == "row" else "records/0000000000004"]
        [file] = [f for f in _files(path) if stored in f.read_bytes()]
        _flip(file, file.read_bytes().find(stored) + 20)
    with Bank.open(path) as bank:
        name = "'b1'" if part == "row" else "position 4"
        with pytest.raises(UserError, match=f"cannot be compacted: .*{name}"):
            bank.compact()
        assert sorted(f.name for f in (path / "shards").iterdir()) == ["00000", "00000.lock"]
        assert bank.delete(damaged=True) == 1
        bank.compact()
        assert bank.verify() == []
        _assert_holds(bank, ["a0", "a2", "b0"])


def test_a_lost_document_is_not_rolled_back_to(tmp_path):
    path = tmp_path / "bank"
    with _history(path) as bank:
        stored = (
            Bank.open(path, version=2)._shards[0].values([1])["records/0000000000001"]
        )  # a1, deleted since
        [file] = [f for f in _files(path) if stored in f.read_bytes()]
        _flip(file, file.read_bytes().find(stored) + 20)
        with pytest.raises(UserError, match="version 2 of the document at position 1 is damaged"):
            bank.rollback(2)
        assert bank.version == 4
        _assert_holds(bank, HISTORY[4])


def test_delete_by_source(tmp_path):
    with Bank.create(tmp_path / "bank", _manifest()) as bank:
        bank.append(
            [_entry("a", source="x"), _entry("b", source="y"), _entry("c", source="x")],
            *_arrays(["a", "b", "c"]),
        )
        assert bank.delete(sources=["x", "z"]) == 2
        _assert_holds(bank, ["b"])


def test_verify_finds_rows_without_a_record(tmp_path):
    with Bank.create(tmp_path / "bank", _manifest()) as bank:
        _append(bank, ["a", "b"])
        del bank._shards[0]._kv["records/0000000000001"]
    bank = Bank.open(tmp_path / "bank")
    assert [(f.position, f.id, f.reason.split(":")[0]) for f in bank.verify()] == [(1, "", "orphan")]
    with bank:
        assert bank.delete(damaged=True) == 1
        assert bank.verify() == []


def test_a_flip_in_the_record_names_its_position(tmp_path):
    with Bank.create(tmp_path / "bank", _manifest()) as bank:
        _append(bank, ["a", "b"])
        stored = bank._shards[0].values([1])["records/0000000000001"]
    [file] = [f for f in _files(tmp_path / "bank") if stored in f.read_bytes()]
    _flip(file, file.read_bytes().find(stored) + 20)
    bank = Bank.open(tmp_path / "bank")
    assert [(f.position, f.reason) for f in bank.verify()] == [(1, "record: checksum mismatch")]
    np.testing.assert_array_equal(bank.read_rows([0]), _arrays(["a"])[0])
