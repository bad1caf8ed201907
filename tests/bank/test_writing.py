"""Commits: whole or absent, logged, rolled back and compacted, by one writer at a time."""

import os
import pathlib
import random
import signal
import subprocess
import sys

import numpy as np
import pytest

from regrad_jax.bank.bank import Bank
from regrad_jax.bank.records import pack_record, text_digest
from regrad_jax.errors import UserError
from regrad_jax.retrieval.index import open_index
from tests.bank.banks import (
    FINGERPRINT,
    E,
    P,
    append,
    arrays,
    assert_holds,
    entry,
    files,
    flip_stored,
    ids,
    manifest,
)

# ---- appending and deleting ----


def test_delete_then_reopen(tmp_path):
    path = tmp_path / "bank"
    with Bank.create(path, manifest()) as bank:
        append(bank, ids("a", 6))
        pieces = [entry(f"long#{i}", document_id="long") for i in range(3)]
        bank.append(pieces, *arrays([piece.id for piece in pieces]))
        assert bank.delete(["a1", "a4", "nobody"]) == 2
        assert bank.delete(["long"]) == 3
        assert bank.delete(["a1"]) == 0
        assert bank.version == 4
        assert_holds(bank, ["a0", "a2", "a3", "a5"])
    with Bank.open(path) as bank:
        assert_holds(bank, ["a0", "a2", "a3", "a5"])
        with pytest.raises(UserError, match="no document at position 4"):
            bank.read_rows([0, 4])
        assert not bank.contains("a1", text_digest("Text of a1."))
        # Positions are not used again, even those at the end.
        assert append(bank, ["a1"]) == [9]
        assert_holds(bank, ["a0", "a1", "a2", "a3", "a5"])


def test_delete_by_source(tmp_path):
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        bank.append(
            [entry("a", source="x"), entry("b", source="y"), entry("c", source="x")],
            *arrays(["a", "b", "c"]),
        )
        assert bank.delete(sources=["x", "z"]) == 2
        assert_holds(bank, ["b"])


def test_a_changed_document_replaces_its_old_row_in_the_same_commit(tmp_path):
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        append(bank, ids("a", 3))
        assert not bank.contains("a1", text_digest("New text."))
        bank.append([entry("a1", text="New text."), entry("b")], *arrays(["x", "b"]))
        assert bank.version == 2
    bank = Bank.open(tmp_path / "bank")
    assert list(bank.records) == [0, 2, 3, 4]
    assert bank.contains("a1", text_digest("New text."))
    np.testing.assert_array_equal(bank.read_rows([3]), arrays(["x"])[0])


@pytest.mark.parametrize("part", ["row", "key", "loss"])
def test_what_is_not_finite_never_enters(tmp_path, part):
    entries = [entry(id) for id in ids("a", 4)]
    rows_NxP, keys_NxE = arrays(ids("a", 4))
    if part == "row":
        rows_NxP[2, 5] = np.nan
    elif part == "key":
        keys_NxE[2, 5] = np.inf
    else:
        entries[2] = entry("a2", inner_loss=float("nan"))
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        with pytest.raises(UserError, match="of 'a2' is not finite"):
            bank.append(entries, rows_NxP, keys_NxE)
        assert bank.version == 0
        assert_holds(bank, [])


def test_bad_batches_change_nothing(tmp_path):
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        append(bank, ["a"])
        with pytest.raises(UserError, match="'b' is given 2 times"):
            append(bank, ["b", "c", "b"])
        with pytest.raises(ValueError, match="expected"):
            bank.append([entry("b")], np.zeros((1, P + 1)), np.zeros((1, E)))
        # This one fails when rows and keys are in the transaction already.
        with pytest.raises(TypeError):
            bank.append([entry("b"), entry("c", title=object())], *arrays(["b", "c"]))
        assert_holds(bank, ["a"])
        assert append(bank, ["b"]) == [1]
    bank = Bank.open(tmp_path / "bank")
    assert bank.version == 2
    assert_holds(bank, ["a", "b"])


def test_one_writer_at_a_time(tmp_path):
    first = Bank.create(tmp_path / "bank", manifest())
    second = Bank.open(tmp_path / "bank")
    append(first, ["a"])
    with pytest.raises(UserError, match=f"is being written by process {os.getpid()} "):
        append(second, ["b"])
    with pytest.raises(UserError, match="is being written"):
        second.delete(["a"])
    first.close()
    # The second one sees what the first committed before it chooses a position.
    assert append(second, ["b"]) == [1]
    assert_holds(second, ["a", "b"])
    assert second.version == 2


WRITER = """
from regrad_jax.bank.bank import Bank
from tests.bank.banks import append
bank = Bank.open({path!r})
start = bank.version
for i in range(start, start + 100_000):
    append(bank, [f"{{i}}-{{j}}" for j in range(3)])
    if i % 5 == 4:
        bank.delete([f"{{i}}-{{j}}" for j in range(3)])
    print(i, flush=True)
"""


def test_a_batch_is_whole_or_absent_after_sigkill(tmp_path):
    paths = [tmp_path / f"bank{i}" for i in range(3)]
    writers = []
    for path in paths:
        Bank.create(path, manifest())
        program = WRITER.format(path=str(path))
        writers.append(
            subprocess.Popen(
                [sys.executable, "-c", program],
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | {"JAX_PLATFORMS": "cpu"},
            )
        )
    rng = random.Random(1)
    for path, writer in zip(paths, writers, strict=True):
        assert writer.stdout is not None
        for _ in range(rng.randrange(5, 25)):
            line = writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)
        line = (writer.stdout.read().split() or [line])[-1]
        assert writer.wait() == -signal.SIGKILL
        last = int(line)
        with Bank.open(path) as bank:
            batches = {int(record.id.split("-")[0]) for record in bank.records.values()}
            kept = {i for i in range(last + 1) if i % 5 != 4}
            # What was reported is there; the batch in flight is there whole, or not at all.
            assert kept <= batches <= kept | {last + 1}
            expected = [f"{i}-{j}" for i in batches for j in range(3)]
            assert_holds(bank, expected)
            append(bank, ["afterwards"])
            assert_holds(bank, [*expected, "afterwards"])


# ---- versions ----


def _history(path: pathlib.Path) -> Bank:
    """A bank of four versions: a0-a2; and b0, b1; without a1; with another a0."""
    bank = Bank.create(path, manifest())
    append(bank, ids("a", 3))
    append(bank, ids("b", 2))
    bank.delete(["a1"])
    append(bank, ["a0"])
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
    for version, names in enumerate(HISTORY):
        bank = Bank.open(tmp_path / "bank", FINGERPRINT, version)
        assert bank.version == version
        assert_holds(bank, names)
        assert bank.verify() == []
        with pytest.raises(UserError, match=f"open at version {version}, to be read only"):
            append(bank, ["c"])
    with pytest.raises(UserError, match="version 5 is not in the bank; it holds 0 to 4"):
        Bank.open(tmp_path / "bank", version=5)


def test_the_log_says_what_each_commit_did(tmp_path):
    with _history(tmp_path / "bank") as bank:
        bank.rollback(2)
        log = bank.log()
    assert [(h.version, h.added, h.removed, h.documents, h.reason) for h in log] == [
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
        assert_holds(bank, HISTORY[version])
    past, now = Bank.open(tmp_path / "bank", version=version), Bank.open(tmp_path / "bank")
    assert past.records == now.records
    assert now.verify() == []
    with now:
        # Positions are never used twice, not even those of a future that was rolled back.
        assert append(now, ["c"]) == [6]
        now.rollback(4)
        assert_holds(now, HISTORY[4])


@pytest.mark.parametrize("part", ["row", "record"])
def test_a_rollback_brings_nothing_damaged_back_and_leaves_nothing_damaged(tmp_path, part):
    path = tmp_path / "bank"
    with Bank.create(path, manifest()) as bank:
        append(bank, ["a"])
        append(bank, ["b"])
        stored = arrays(["b"])[0].tobytes() if part == "row" else pack_record(bank.records[1])
    flip_stored(path, stored)
    with Bank.open(path) as bank:
        bank.rollback(1)
        assert_holds(bank, ["a"])
        assert bank.verify() == []
        with pytest.raises(UserError, match=r"version 2 of .* is damaged"):
            bank.rollback(2)
        assert_holds(bank, ["a"])


def test_a_lost_document_is_not_rolled_back_to(tmp_path):
    path = tmp_path / "bank"
    with _history(path) as bank:
        flip_stored(path, pack_record(Bank.open(path, version=2).records[1]))  # of a1, deleted since
        with pytest.raises(UserError, match="version 2 of the document at position 1 is damaged"):
            bank.rollback(2)
        assert bank.version == 4
        assert_holds(bank, HISTORY[4])


def test_a_reader_keeps_the_version_that_it_opened(tmp_path):
    path = tmp_path / "bank"
    with _history(path) as bank:
        reader = Bank.open(path)
        bank.delete(["a0", "a2"])
        append(bank, ["c"])
        bank.compact()
        append(bank, ["d"])
        assert_holds(reader, HISTORY[4])
        assert reader.verify() == []
        assert bank.version == 7
    assert_holds(bank, ["b0", "b1", "c", "d"])
    assert_holds(Bank.open(path), ["b0", "b1", "c", "d"])
    # The reader's database goes after the reader has gone.
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
        assert_holds(first, HISTORY[4])
    assert append(first, ["c"]) == [6]
    assert_holds(first, ["a2", "b0", "b1", "c"])


# ---- compaction ----


def test_compact_removes_what_was_deleted_from_the_disk(tmp_path):
    path = tmp_path / "bank"
    with _history(path) as bank:
        secret = arrays(["a1"])[0].tobytes()
        assert any(secret in f.read_bytes() for f in files(path))
        before = bank.info()["bytes"]
        freed = bank.compact()
        assert bank.info()["bytes"] == before - freed
        assert freed > 0
        assert not any(secret in f.read_bytes() for f in files(path))
        assert_holds(bank, HISTORY[4])
        assert bank.version == 4
        assert [head.version for head in bank.log()] == [4]
        with pytest.raises(UserError, match="version 3 is not in the bank; it holds 4 to 4"):
            bank.rollback(3)
        assert append(bank, ["c"]) == [6]
        bank.compact()
        bank.delete(["c"])
        bank.rollback(5)
        assert_holds(bank, [*HISTORY[4], "c"])
    assert sorted(f.name for f in (path / "shards").iterdir()) == ["00000.2", "00000.lock"]
    assert_holds(Bank.open(path), [*HISTORY[4], "c"])


def test_compact_removes_the_index_with_the_keys_of_what_was_deleted(tmp_path):
    path, names = tmp_path / "bank", ids("a", 20)
    pytest.importorskip("scann")
    with Bank.create(path, manifest()) as bank:
        append(bank, names)
        open_index(bank, "scann")
        bank.delete(["a7"])
        secret = arrays(["a7"])[1].tobytes()
        assert any(secret in f.read_bytes() for f in (path / "index").rglob("*") if f.is_file())
        bank.compact()
    assert not any(secret in f.read_bytes() for f in path.rglob("*") if f.is_file())


def test_an_empty_bank_can_be_compacted_and_filled(tmp_path):
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        bank.compact()
        assert_holds(bank, [])
        append(bank, ["a"])
    assert_holds(Bank.open(tmp_path / "bank"), ["a"])


@pytest.mark.parametrize("part", ["row", "record"])
def test_a_damaged_document_stops_compaction_and_is_named(tmp_path, part):
    path = tmp_path / "bank"
    with _history(path) as bank:
        stored = arrays(["b1"])[0].tobytes() if part == "row" else pack_record(bank.records[4])
    flip_stored(path, stored)
    with Bank.open(path) as bank:
        name = "'b1'" if part == "row" else "position 4"
        with pytest.raises(UserError, match=f"cannot be compacted: .*{name}"):
            bank.compact()
        assert sorted(f.name for f in (path / "shards").iterdir()) == ["00000", "00000.lock"]
        assert bank.delete(damaged=True) == 1
        bank.compact()
        assert bank.verify() == []
        assert_holds(bank, ["a0", "a2", "b0"])
