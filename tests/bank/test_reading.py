"""Rows and keys: packed by the codec, kept in memory, and never silently wrong."""

import os
import resource

import numpy as np
import pytest

from regrad_jax.bank.bank import Bank
from regrad_jax.bank.storage.errors import UnreachableError
from regrad_jax.bank.storage.shards import Shards
from regrad_jax.errors import UserError
from tests.bank.banks import P, append, arrays, assert_holds, file_of, ids, manifest


def test_rows_are_packed_by_the_manifests_codec(tmp_path):
    names = ids("a", 5)
    with Bank.create(tmp_path / "bank", manifest("int8")) as bank:
        append(bank, names)
    rows_NxP, _ = arrays(names)
    bank = Bank.open(tmp_path / "bank")
    assert bank.read_packed([0]).shape == (1, P + 2 * 2)
    error = np.linalg.norm(bank.read_rows([3, 0, 3]) - rows_NxP[[3, 0, 3]], axis=1)
    assert (error < 0.007 * np.linalg.norm(rows_NxP[[3, 0, 3]], axis=1)).all()
    assert (error > 0).all()
    assert bank.read_rows([]).shape == (0, P)


@pytest.mark.parametrize("read", ["rows", "keys", "records"])
def test_a_process_that_can_open_no_more_files_takes_nothing_for_damaged(tmp_path, read):
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        append(bank, ids("a", 3))
    bank = Bank.open(tmp_path / "bank")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(3, taken), before[1]))
    try:
        with pytest.raises(UnreachableError, match="cannot be reached"):
            {"rows": lambda: bank.read_sound([0]), "keys": bank.keys, "records": lambda: bank.records}[read]()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert bank.verify() == []


def test_a_row_that_was_read_is_gone_with_its_document(tmp_path):
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        append(bank, ["a", "b"])
        np.testing.assert_array_equal(bank.read_rows([0, 1]), arrays(["a", "b"])[0])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Shards, "read", lambda *_: pytest.fail("these rows are in memory"))
            np.testing.assert_array_equal(bank.read_rows([1, 0]), arrays(["b", "a"])[0])
        bank.delete(["a"])
        with pytest.raises(UserError, match="no document at position 0"):
            bank.read_rows([0])
        np.testing.assert_array_equal(bank.read_rows([1]), arrays(["b"])[0])


@pytest.mark.parametrize("is_enough", [True, False])
def test_rows_stay_in_memory_as_the_budget_allows(tmp_path, monkeypatch, is_enough):
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        append(bank, ids("a", 8))
    row = bank.packed_bytes
    bank = Bank.open(tmp_path / "bank", cache_bytes=8 * row if is_enough else 7 * row)
    bank.read_rows([0, 1])  # a quarter of eight
    reads, read = [], Shards.read
    monkeypatch.setattr(Shards, "read", lambda self, *what: reads.append(what) or read(self, *what))
    np.testing.assert_array_equal(bank.read_rows([1, 0]), arrays(["a1", "a0"])[0])
    assert (reads == []) == is_enough


def test_rows_in_memory_outlive_their_file_but_do_not_hide_that_others_are_lost(tmp_path):
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        append(bank, ["a", "b"])
        append(bank, ["c"])
    bank = Bank.open(tmp_path / "bank")
    bank.read_sound([0])
    file_of(tmp_path / "bank", arrays(["a"])[0].tobytes()).unlink()  # of both a and b
    packed, sound = bank.read_sound([0, 1, 2])
    assert sound.tolist() == [True, False, True] and not packed[1].any()
    np.testing.assert_array_equal(packed[sound], bank.read_packed([0, 2]))


def test_a_lost_file_is_an_error_and_not_a_zero_gradient(tmp_path):
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        append(bank, ["a"])
        append(bank, ["b"])
    bank = Bank.open(tmp_path / "bank")
    assert [record.id for record in bank.records.values()] == ["a", "b"]
    file_of(tmp_path / "bank", arrays(["a"])[0].tobytes()).unlink()
    with pytest.raises(UserError, match="'a'"):
        bank.read_rows([0])
    np.testing.assert_array_equal(bank.read_rows([1]), arrays(["b"])[0])
    bank = Bank.open(tmp_path / "bank")
    assert list(bank.damaged) == [0]
    assert_holds(bank, ["b"])
    assert bank.info()["damaged_records"] == 1
    with bank:
        append(bank, ["a"])
        assert bank.delete(damaged=True) == 1
        assert_holds(bank, ["a", "b"])
