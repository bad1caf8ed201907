"""The bank on a real disk: commits, deletion, damage, death of the process, bad input."""

import dataclasses
import json
import os
import pathlib
import random
import re
import resource
import signal
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import tensorstore as ts

from regrad_jax.bank.bank import Bank
from regrad_jax.bank.builder import Encoded, build
from regrad_jax.bank.manifest import Fingerprint, Manifest
from regrad_jax.bank.records import Entry, pack_record, text_digest
from regrad_jax.bank.storage.database import document_keys, record_key
from regrad_jax.bank.storage.errors import UnreachableError
from regrad_jax.bank.storage.shard import Shard
from regrad_jax.data.documents import Passage
from regrad_jax.errors import UserError

P, E = 100, 32
FINGERPRINT = Fingerprint({"base_model": "sha256:aa", "adapter_config": {"rank": 32}})


def _manifest(codec: str = "float32") -> Manifest:
    return Manifest(
        fingerprint=FINGERPRINT,
        row_length=P,
        row_layout=[],
        embedder="test",
        embedder_digest="",
        key_width=E,
        codec=codec,
    )


def _entry(id: str, **changes) -> Entry:
    given: dict[str, Any] = {"document_id": id, "text": f"Text of {id}.", "source": "corpus.jsonl"}
    return Entry(id=id, tokens=5, **{"inner_loss": 2.5} | given | changes)


def _arrays(ids: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and keys that can be told from the id alone, in this process or another."""
    rows, keys = np.empty((len(ids), P), np.float32), np.empty((len(ids), E), np.float32)
    for i, id in enumerate(ids):
        rng = np.random.default_rng(list(id.encode()))
        rows[i], keys[i] = rng.standard_normal(P), rng.standard_normal(E)
    return rows, keys


def _append(bank: Bank, ids: list[str]) -> list[int]:
    return bank.append([_entry(id) for id in ids], *_arrays(ids))


def _assert_holds(bank: Bank, ids: list[str]) -> None:
    """The bank holds these documents and no others, each with its own row, key and text."""
    assert sorted(record.id for record in bank.records.values()) == sorted(ids)
    assert len(bank) - len(bank.damaged) == len(ids)
    positions, keys = bank.keys()
    rows, expected_keys = _arrays([bank.records[position].id for position in positions])
    np.testing.assert_array_equal(keys, expected_keys)
    np.testing.assert_array_equal(bank.read_rows(positions), rows)
    for position in positions:
        record = bank.records[position]
        assert record.position == position
        assert record.text == f"Text of {record.id}."
        assert bank.contains(record.id, text_digest(record.text))


def _ids(name: str, count: int) -> list[str]:
    return [f"{name}{i}" for i in range(count)]


@pytest.mark.parametrize("count", [0, 1, 7])
def test_a_batch_is_read_back_as_it_was_given(tmp_path, count):
    with Bank.create(tmp_path / "bank", _manifest()) as bank:
        assert _append(bank, _ids("a", count)) == list(range(count))
        assert bank.version == (1 if count else 0)
        _assert_holds(bank, _ids("a", count))
    _assert_holds(Bank.open(tmp_path / "bank", FINGERPRINT), _ids("a", count))
    assert [path.name for path in tmp_path.iterdir()] == ["bank"]


def test_two_sessions(tmp_path):
    with Bank.create(tmp_path / "bank", _manifest()) as bank:
        _append(bank, _ids("a", 3))
    with Bank.open(tmp_path / "bank") as bank:
        assert _append(bank, _ids("b", 2)) == [3, 4]
    bank = Bank.open(tmp_path / "bank")
    assert bank.version == 2
    assert list(bank.records) == [0, 1, 2, 3, 4]
    _assert_holds(bank, _ids("a", 3) + _ids("b", 2))


def test_rows_are_packed_by_the_manifest_s_codec(tmp_path):
    ids = _ids("a", 5)
    with Bank.create(tmp_path / "bank", _manifest("int8")) as bank:
        _append(bank, ids)
    rows, _ = _arrays(ids)
    bank = Bank.open(tmp_path / "bank")
    assert bank.read_packed([0]).shape == (1, P + 2 * 2)
    error = np.linalg.norm(bank.read_rows([3, 0, 3]) - rows[[3, 0, 3]], axis=1)
    assert (error < 0.007 * np.linalg.norm(rows[[3, 0, 3]], axis=1)).all()
    assert (error > 0).all()
    assert bank.read_rows([]).shape == (0, P)


def test_delete_then_reopen(tmp_path):
    path = tmp_path / "bank"
    with Bank.create(path, _manifest()) as bank:
        _append(bank, _ids("a", 6))
        passages = [_entry(f"long#{i}", document_id="long") for i in range(3)]
        bank.append(passages, *_arrays([p.id for p in passages]))
        assert bank.delete(["a1", "a4", "nobody"]) == 2
        assert bank.delete(["long"]) == 3
        assert bank.delete(["a1"]) == 0
        assert bank.version == 4
        _assert_holds(bank, ["a0", "a2", "a3", "a5"])
    with Bank.open(path) as bank:
        _assert_holds(bank, ["a0", "a2", "a3", "a5"])
        with pytest.raises(UserError, match="no document at position 4"):
            bank.read_rows([0, 4])
        assert not bank.contains("a1", text_digest("Text of a1."))
        # Positions are not used again, even those at the end.
        assert _append(bank, ["a1"]) == [9]
        _assert_holds(bank, ["a0", "a1", "a2", "a3", "a5"])


def test_a_changed_document_replaces_its_old_row_in_the_same_commit(tmp_path):
    with Bank.create(tmp_path / "bank", _manifest()) as bank:
        _append(bank, _ids("a", 3))
        assert not bank.contains("a1", text_digest("New text."))
        bank.append([_entry("a1", text="New text."), _entry("b")], *_arrays(["x", "b"]))
        assert bank.version == 2
    bank = Bank.open(tmp_path / "bank")
    assert list(bank.records) == [0, 2, 3, 4]
    assert bank.contains("a1", text_digest("New text."))
    np.testing.assert_array_equal(bank.read_rows([3]), _arrays(["x"])[0])


def test_every_commit_is_one_generation_of_the_database(tmp_path):
    folder = tmp_path / "bank" / "shards" / "00000"
    base = ts.KvStore.open({"driver": "file", "path": f"{folder}/"}).result()

    def generation() -> int:
        return ts.ocdbt.dump(base).result()["versions"][-1]["generation_number"]

    with Bank.create(tmp_path / "bank", _manifest()) as bank:
        empty = generation()
        for version, change in enumerate(
            [
                lambda: _append(bank, _ids("a", 5)),
                lambda: _append(bank, ["a1", "b", "a3"]),
                lambda: bank.delete(["a0", "b"]),
                lambda: bank.rollback(1),
            ],
            start=1,
        ):
            change()
            assert (bank.version, generation()) == (version, empty + version)


def test_another_fingerprint_is_refused(tmp_path):
    Bank.create(tmp_path / "bank", _manifest())
    other = Fingerprint({"base_model": "sha256:aa", "adapter_config": {"rank": 16}})
    with pytest.raises(UserError, match=r"adapter_config\.rank is 32 in the bank, 16 here"):
        Bank.open(tmp_path / "bank", other)


@pytest.mark.parametrize("part", ["row", "key", "loss"])
def test_what_is_not_finite_never_enters(tmp_path, part):
    entries = [_entry(id) for id in _ids("a", 4)]
    rows, keys = _arrays(_ids("a", 4))
    if part == "row":
        rows[2, 5] = np.nan
    elif part == "key":
        keys[2, 5] = np.inf
    else:
        entries[2] = _entry("a2", inner_loss=float("nan"))
    with Bank.create(tmp_path / "bank", _manifest()) as bank:
        with pytest.raises(UserError, match="of 'a2' is not finite"):
            bank.append(entries, rows, keys)
        assert bank.version == 0
        _assert_holds(bank, [])


def test_bad_batches_change_nothing(tmp_path):
    with Bank.create(tmp_path / "bank", _manifest()) as bank:
        _append(bank, ["a"])
        with pytest.raises(UserError, match="'b' is given 2 times"):
            _append(bank, ["b", "c", "b"])
        with pytest.raises(ValueError, match="expected"):
            bank.append([_entry("b")], np.zeros((1, P + 1)), np.zeros((1, E)))
        # This one fails when rows and keys are in the transaction already.
        with pytest.raises(TypeError):
            bank.append([_entry("b"), _entry("c", title=object())], *_arrays(["b", "c"]))
        _assert_holds(bank, ["a"])
        assert _append(bank, ["b"]) == [1]
    bank = Bank.open(tmp_path / "bank")
    assert bank.version == 2
    _assert_holds(bank, ["a", "b"])


def test_one_writer_at_a_time(tmp_path):
    first = Bank.create(tmp_path / "bank", _manifest())
    second = Bank.open(tmp_path / "bank")
    _append(first, ["a"])
    with pytest.raises(UserError, match=f"is being written by process {os.getpid()} "):
        _append(second, ["b"])
    with pytest.raises(UserError, match="is being written"):
        second.delete(["a"])
    first.close()
    # The second one sees what the first committed before it chooses a position.
    assert _append(second, ["b"]) == [1]
    _assert_holds(second, ["a", "b"])
    assert second.version == 2


def _files(path: pathlib.Path) -> list[pathlib.Path]:
    return sorted(f for f in path.rglob("*") if f.is_file() and f.suffix != ".lock")


def _flip(path: pathlib.Path, offset: int, bit: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1 << bit
    path.write_bytes(data)


@pytest.mark.parametrize("array", ["rows", "keys"])
def test_a_flipped_byte_is_found_and_the_document_named(tmp_path, array):
    ids = _ids("a", 6)
    with Bank.create(tmp_path / "bank", _manifest()) as bank:
        _append(bank, ids)
    stored = _arrays(ids)[0 if array == "rows" else 1][4].tobytes()
    [(file, offset)] = [
        (file, file.read_bytes().find(stored))
        for file in _files(tmp_path / "bank")
        if stored in file.read_bytes()
    ]
    _flip(file, offset + 7)
    bank = Bank.open(tmp_path / "bank")
    assert [(fault.position, fault.id, fault.reason[:4]) for fault in bank.verify()] == [
        (4, "a4", f"{array[:-1]}:")
    ]
    sound = [0, 1, 2, 3, 5]
    if array == "rows":
        with pytest.raises(UserError, match="rows of 'a4' are damaged"):
            bank.read_rows(range(6))
        packed, usable = bank.read_sound(range(6))
        assert usable.tolist() == [True, True, True, True, False, True]
        np.testing.assert_array_equal(packed[sound], bank.read_packed(sound))
        assert not packed[4].any()
    else:
        assert bank.keys()[0].tolist() == sound
    np.testing.assert_array_equal(bank.read_rows(sound), _arrays(ids)[0][sound])
    with bank:
        assert bank.delete(damaged=True) == 1
        _append(bank, ["a4"])
        assert bank.verify() == []
    _assert_holds(Bank.open(tmp_path / "bank"), ids)


def test_random_bit_flips_are_never_silent(tmp_path):
    ids, path = _ids("a", 5), tmp_path / "bank"
    with Bank.create(path, _manifest()) as bank:
        _append(bank, ids[:3])
        _append(bank, ids[3:])
    rng, detected = random.Random(0), 0
    for _ in range(120):
        files = _files(path)
        file = rng.choices(files, [f.stat().st_size for f in files])[0]
        offset, bit = rng.randrange(file.stat().st_size), rng.randrange(8)
        _flip(file, offset, bit)
        try:
            faults = Bank.open(path, FINGERPRINT).verify()
        except UserError:
            faults = ["all of it"]
        if faults:
            detected += 1
        else:
            _assert_holds(Bank.open(path, FINGERPRINT), ids)
        _flip(file, offset, bit)
    # The rest fell on tree nodes and heads of older versions, which nothing reads.
    assert detected > 80
    _assert_holds(Bank.open(path), ids)


def test_what_a_bank_lost_without_a_trace_is_noticed(tmp_path):
    with Bank.create(tmp_path / "bank", _manifest()) as bank:
        _append(bank, ["a", "b", "c"])
        _change(bank, dict.fromkeys(document_keys(1)))
    bank = Bank.open(tmp_path / "bank")
    [fault] = bank.verify()
    assert (fault.position, fault.id) == (None, "") and "1 of the bank's 3 documents" in fault.reason
    with bank:
        bank.delete(damaged=True)
        _assert_holds(bank, ["a", "c"])
        assert bank.verify() == []


def test_records_that_stand_in_anothers_place_or_under_anothers_id_are_noticed(tmp_path):
    with Bank.create(tmp_path / "bank", _manifest()) as bank:
        _append(bank, ["a", "b", "c"])
        own, other = bank.records[0], bank.records[1]
        twice = pack_record(dataclasses.replace(own, id="b"))
        _change(bank, {record_key(0): twice, record_key(2): pack_record(other)})
    bank = Bank.open(tmp_path / "bank")
    assert [(fault.position, fault.reason) for fault in bank.verify()] == [
        (0, "id: is that of the document at position 1 too"),
        (2, "record: is that of position 1"),
    ]


def _change(bank: Bank, values: dict[str, bytes | None]) -> None:
    """Writes to a bank's database past the bank."""
    kv = bank._shards[0]._kv
    for key, value in values.items():
        kv.write(key, value).result()


@pytest.mark.parametrize("read", ["rows", "keys", "records"])
def test_a_process_that_can_open_no_more_files_takes_nothing_for_damaged(tmp_path, read):
    with Bank.create(tmp_path / "bank", _manifest()) as bank:
        _append(bank, _ids("a", 3))
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


def test_a_new_label_costs_no_encoding_and_is_asked_for_by_its_new_name(tmp_path):
    passages = [Passage(id, id, f"Text of {id}.", "", "old.jsonl") for id in _ids("a", 3)]
    moved = [passages[0], *(dataclasses.replace(p, source="new.jsonl") for p in passages[1:])]

    def encode(batch):
        rows, keys = _arrays([p.id for p in batch])
        return Encoded(rows, keys, np.full(len(batch), 5), np.full(len(batch), 2.5), 8 * len(batch))

    with Bank.create(tmp_path / "bank", _manifest()) as bank:
        build(bank, passages, encode, progress=lambda line: None)
        assert build(bank, moved, None, progress=lambda line: None).unchanged == 3
        _assert_holds(bank, _ids("a", 3))
        assert bank.verify() == []
        assert [r.source for r in bank.records.values()] == ["old.jsonl", "new.jsonl", "new.jsonl"]
        assert (bank.log(1)[0].reason, bank.version, len(bank)) == ("relabel", 2, 3)
        assert build(bank, moved, None, progress=lambda line: None).unchanged == 3
        assert bank.version == 2, "what is the same makes no commit"
        assert bank.delete(sources=["new.jsonl"]) == 2
    bank = Bank.open(tmp_path / "bank", version=1)
    assert {r.source for r in bank.records.values()} == {"old.jsonl"}


def test_a_build_tells_rate_padding_and_bytes(tmp_path):
    said: list[str] = []

    def encode(batch):
        rows, keys = _arrays([p.id for p in batch])
        return Encoded(rows, keys, np.full(len(batch), 6), np.full(len(batch), 2.5), 8 * len(batch))

    with Bank.create(tmp_path / "bank", _manifest()) as bank:
        build(bank, [Passage(id, id, "Text.") for id in _ids("a", 50)], encode, progress=said.append)
        expected = (
            rf"50/50 passages, .* tokens/s, 25% padding, {50 * bank.packed_bytes / 1e6:.1f} MB of rows, 0 s"
        )
    assert re.match(expected, said[-1]), said


def test_a_row_that_was_read_is_gone_with_its_document(tmp_path):
    with Bank.create(tmp_path / "bank", _manifest()) as bank:
        _append(bank, ["a", "b"])
        np.testing.assert_array_equal(bank.read_rows([0, 1]), _arrays(["a", "b"])[0])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bank._shards, "read", lambda *_: pytest.fail("these rows are in memory"))
            np.testing.assert_array_equal(bank.read_rows([1, 0]), _arrays(["b", "a"])[0])
        bank.delete(["a"])
        with pytest.raises(UserError, match="no document at position 0"):
            bank.read_rows([0])
        np.testing.assert_array_equal(bank.read_rows([1]), _arrays(["b"])[0])


@pytest.mark.parametrize("held", [True, False])
def test_rows_stay_in_memory_as_the_budget_allows(tmp_path, monkeypatch, held):
    ids = _ids("a", 8)
    with Bank.create(tmp_path / "bank", _manifest()) as bank:
        _append(bank, ids)
    row = bank.packed_bytes
    bank = Bank.open(tmp_path / "bank", cache_bytes=8 * row if held else 7 * row)
    bank.read_rows([0, 1])  # a quarter of eight
    read = []
    monkeypatch.setattr(
        bank._shards, "read", lambda array, p, whole=bank._shards.read: read.append(p) or whole(array, p)
    )
    np.testing.assert_array_equal(bank.read_rows([1, 0]), _arrays(["a1", "a0"])[0])
    assert (read == []) == held


def test_rows_in_memory_outlive_their_file_but_do_not_hide_that_others_are_lost(tmp_path):
    with Bank.create(tmp_path / "bank", _manifest()) as bank:
        _append(bank, ["a", "b"])
        _append(bank, ["c"])
    row = _arrays(["a"])[0].tobytes()
    [file] = [f for f in _files(tmp_path / "bank") if row in f.read_bytes()]
    bank = Bank.open(tmp_path / "bank")
    bank.read_sound([0])
    file.unlink()  # of both a and b
    packed, sound = bank.read_sound([0, 1, 2])
    assert sound.tolist() == [True, False, True] and not packed[1].any()
    np.testing.assert_array_equal(packed[sound], bank.read_packed([0, 2]))


def test_a_lost_file_is_an_error_and_not_a_zero_gradient(tmp_path):
    with Bank.create(tmp_path / "bank", _manifest()) as bank:
        _append(bank, ["a"])
        _append(bank, ["b"])
    row = _arrays(["a"])[0].tobytes()
    [file] = [f for f in _files(tmp_path / "bank") if row in f.read_bytes()]
    bank = Bank.open(tmp_path / "bank")
    assert [record.id for record in bank.records.values()] == ["a", "b"]
    file.unlink()
    with pytest.raises(UserError, match="'a'"):
        bank.read_rows([0])
    np.testing.assert_array_equal(bank.read_rows([1]), _arrays(["b"])[0])
    bank = Bank.open(tmp_path / "bank")
    assert list(bank.damaged) == [0]
    _assert_holds(bank, ["b"])
    assert bank.info()["damaged_records"] == 1
    with bank:
        _append(bank, ["a"])
        assert bank.delete(damaged=True) == 1
        _assert_holds(bank, ["a", "b"])


WRITER = """
from tests.bank.test_bank import Bank, _append
bank = Bank.open({path!r})
start = bank.version
for i in range(start, start + 100_000):
    _append(bank, [f"{{i}}-{{j}}" for j in range(3)])
    if i % 5 == 4:
        bank.delete([f"{{i}}-{{j}}" for j in range(3)])
    print(i, flush=True)
"""


def test_a_batch_is_whole_or_absent_after_sigkill(tmp_path):
    paths = [tmp_path / f"bank{i}" for i in range(3)]
    writers = []
    for path in paths:
        Bank.create(path, _manifest())
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
            said = writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)
        said = (writer.stdout.read().split() or [said])[-1]
        assert writer.wait() == -signal.SIGKILL
        last = int(said)
        with Bank.open(path) as bank:
            batches = {int(record.id.split("-")[0]) for record in bank.records.values()}
            kept = {i for i in range(last + 1) if i % 5 != 4}
            # What was reported is there; the batch in flight is there whole, or not at all.
            assert kept <= batches <= kept | {last + 1}
            expected = [f"{i}-{j}" for i in batches for j in range(3)]
            _assert_holds(bank, expected)
            _append(bank, ["afterwards"])
            _assert_holds(bank, [*expected, "afterwards"])


def test_what_a_killed_writer_left_of_a_longer_manifest_harms_nobody(tmp_path):
    with Bank.create(tmp_path / "bank", _manifest()) as bank:
        _append(bank, _ids("a", 3))
    leftover = tmp_path / "bank" / "shards" / "00000" / "manifest.ocdbt.__lock"
    leftover.write_bytes(b"x" * 5000)
    with Bank.open(tmp_path / "bank") as bank:
        _append(bank, ["b"])
    _assert_holds(Bank.open(tmp_path / "bank"), [*_ids("a", 3), "b"])
    assert not leftover.exists()


def test_opening_reads_no_record_and_looking_some_up_reads_those(tmp_path, monkeypatch):
    with Bank.create(tmp_path / "bank", _manifest()) as bank:
        _append(bank, _ids("a", 7))
    asked: list[int] = []
    read = Shard.records
    monkeypatch.setattr(Shard, "records", lambda self, some: (asked.extend(some), read(self, some))[1])
    bank = Bank.open(tmp_path / "bank")
    assert len(bank) == 7 and bank.version == 1
    assert len(bank.keys()[0]) == 7 and bank.read_packed([3]).shape[0] == 1
    assert asked == []
    found = bank.read_records([5, 2, 99])
    assert {p: record.id for p, record in found.items()} == {5: "a5", 2: "a2"}
    assert asked == [5, 2, 99]
    assert len(bank.records) == 7 and asked[3:] == list(range(7))
    assert bank.read_records([1, 99])[1] is bank.records[1] and len(asked) == 10


def test_of_two_that_make_a_bank_at_once_one_is_told(tmp_path, monkeypatch):
    create = Shard.create

    def overtaken(*arguments):
        monkeypatch.setattr(Shard, "create", create)
        _append(Bank.create(tmp_path / "bank", _manifest()), ["a"])
        create(*arguments)

    monkeypatch.setattr(Shard, "create", overtaken)
    with pytest.raises(UserError, match="cannot create a bank at .*bank: Directory not empty"):
        Bank.create(tmp_path / "bank", _manifest())
    _assert_holds(Bank.open(tmp_path / "bank"), ["a"])
    assert [path.name for path in tmp_path.iterdir()] == ["bank"]


def test_where_no_bank_can_be_is_told(tmp_path):
    (tmp_path / "file").write_text("hello")
    with pytest.raises(UserError, match="cannot create a bank at .*file/bank: "):
        Bank.create(tmp_path / "file" / "bank", _manifest())


def test_what_is_not_a_bank_is_refused(tmp_path):
    with pytest.raises(UserError, match="there is no bank at .*nowhere"):
        Bank.open(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="there is no bank at .*empty: make one"):
        Bank.open(tmp_path / "empty")
    (tmp_path / "empty" / "thesis.txt").write_text("...")
    with pytest.raises(UserError, match=r"is not a bank: it holds no manifest\.json"):
        Bank.open(tmp_path / "empty")
    (tmp_path / "empty" / "thesis.txt").unlink()
    (tmp_path / "file").write_text("hello")
    with pytest.raises(UserError, match="is not a bank"):
        Bank.open(tmp_path / "file")
    with pytest.raises(UserError, match="exists and is not empty"):
        Bank.create(tmp_path / "file", _manifest())
    with pytest.raises(UserError, match="exists and is not empty"):
        Bank.create(tmp_path, _manifest())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file"]
    _append(Bank.create(tmp_path / "empty", _manifest()), ["a"])


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b'{"schema_version": 1}'])
def test_a_damaged_manifest_is_refused(tmp_path, text):
    Bank.create(tmp_path / "bank", _manifest())
    (tmp_path / "bank" / "manifest.json").write_bytes(text)
    with pytest.raises(UserError, match=r"manifest\.json is damaged"):
        Bank.open(tmp_path / "bank")


@pytest.mark.parametrize("damage", ["lost", "overwritten"])
def test_a_damaged_database_is_refused(tmp_path, damage):
    with Bank.create(tmp_path / "bank", _manifest()) as bank:
        _append(bank, ["a"])
    database = tmp_path / "bank" / "shards" / "00000" / "manifest.ocdbt"
    database.unlink() if damage == "lost" else database.write_bytes(b"nonsense")
    with pytest.raises(UserError, match="is damaged .*restore it"):
        Bank.open(tmp_path / "bank")


def test_info_accounts_for_every_byte_on_disk(tmp_path):
    with Bank.create(tmp_path / "bank", _manifest("int8")) as bank:
        assert bank.info()["documents"] == 0
        _append(bank, _ids("a", 50))
        info = json.loads(json.dumps(bank.info()))
    assert (info["documents"], info["version"], info["codec"]) == (50, 1, "int8")
    assert info["fingerprint"] == {"base_model": "sha256:aa", "adapter_config": {"rank": 32}}
    du = subprocess.run(["du", "-sk", tmp_path / "bank"], capture_output=True, text=True, check=True)
    folders = 4 * 4096  # du counts the folders themselves too
    assert info["bytes"] <= int(du.stdout.split()[0]) * 1024 <= info["bytes"] + folders
    parts = info["bytes_per_document"]
    assert (parts["row"], parts["key"]) == (P + 2 * 2 + 4, 4 * E + 4)
    assert parts["total"] * 50 == pytest.approx(info["bytes"], rel=1e-3)
    assert sum(parts.values()) == pytest.approx(2 * parts["total"], abs=1)
