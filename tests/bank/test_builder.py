"""A build adds what is new, relabels what is moved, tells how fast it is, and shares shards with others."""

import dataclasses
import re
import signal
import subprocess
import sys
import time

import pytest

from regrad_jax.bank import builder
from regrad_jax.bank.bank import Bank
from regrad_jax.bank.builder import build
from regrad_jax.bank.storage.errors import BusyError
from regrad_jax.bank.storage.folder import FileLock
from regrad_jax.data.documents import Passage
from regrad_jax.errors import UserError
from tests.bank.banks import append, assert_holds, encode, ids, manifest, passages

SILENT = lambda line: None


def test_a_new_label_costs_no_encoding_and_is_asked_for_by_its_new_name(tmp_path):
    old = [Passage(id, id, f"Text of {id}.", "", "old.jsonl") for id in ids("a", 3)]
    moved = [old[0], *(dataclasses.replace(p, source="new.jsonl") for p in old[1:])]
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        build(bank, old, encode, progress=SILENT)
        assert build(bank, moved, None, progress=SILENT).unchanged == 3
        assert_holds(bank, ids("a", 3))
        assert bank.verify() == []
        assert [r.source for r in bank.records.values()] == ["old.jsonl", "new.jsonl", "new.jsonl"]
        assert (bank.log(1)[0].reason, bank.version, len(bank)) == ("relabel", 2, 3)
        assert build(bank, moved, None, progress=SILENT).unchanged == 3
        assert bank.version == 2, "what is the same makes no commit"
        assert bank.delete(sources=["new.jsonl"]) == 2
    bank = Bank.open(tmp_path / "bank", version=1)
    assert {r.source for r in bank.records.values()} == {"old.jsonl"}


def test_passages_of_a_document_that_is_cut_otherwise_are_removed(tmp_path):
    cut = lambda count: [Passage(f"d#{i}", "d", f"Text of d#{i}.", "", "") for i in range(count)]
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        append(bank, ["other"])
        build(bank, cut(3), encode, progress=SILENT)
        assert build(bank, cut(2), None, progress=SILENT).unchanged == 2
        assert_holds(bank, ["other", "d#0", "d#1"])


def test_a_gradient_that_is_not_finite_is_refused_and_the_others_are_added(tmp_path):
    def overflowing(batch):
        encoded = encode(batch)
        for row, passage in zip(encoded.rows_NxP, batch, strict=True):
            if passage.id in ("a1", "a4"):
                row[3] = float("inf")
        return encoded

    with Bank.create(tmp_path / "bank", manifest()) as bank:
        built = build(bank, passages(ids("a", 5)), overflowing, commit_size=2, progress=SILENT)
        assert built == (3, 0, ["a1", "a4"])
        assert_holds(bank, ["a0", "a2", "a3"])


def test_a_build_tells_rate_padding_and_bytes(tmp_path):
    lines: list[str] = []
    with Bank.create(tmp_path / "bank", manifest()) as bank:
        build(bank, [Passage(id, id, "Text.") for id in ids("a", 50)], encode, progress=lines.append)
        size = f"{50 * bank.packed_bytes / 1e6:.1f} MB"
    assert re.match(rf"50/50 passages, .* tokens/s, 25% padding, {size} of rows, 0 s left", lines[-1]), lines


def test_a_builder_whose_lease_ran_out_meanwhile_comes_back_to_the_shard(tmp_path, monkeypatch):
    path = tmp_path / "bank"
    Bank.create(path, manifest(shards=2))
    monkeypatch.setattr(builder, "WAIT_SECONDS", 0)
    calls = 0

    def renew(self):
        nonlocal calls
        calls += 1
        if calls == 5:
            raise BusyError("another writer has it")

    monkeypatch.setattr(FileLock, "renew", renew)
    with Bank.open(path) as bank:
        built = build(bank, passages(ids("a", 12)), encode, commit_size=2, progress=SILENT)
        assert built == (12, 0, [])
        assert calls > 5
        assert_holds(bank, ids("a", 12))


def test_a_builder_waits_for_writers_and_for_nothing_else(tmp_path):
    path = tmp_path / "bank"
    with Bank.create(path, manifest(shards=2)) as bank:
        append(bank, ids("a", 6))
    changed = [Passage(id, id, "new", "", "") for id in ids("a", 6)]
    with pytest.raises(UserError, match="open at version 1, to be read only"):
        build(Bank.open(path, version=1), changed, encode, progress=SILENT)
    other = Bank.open(path)
    other.lock([1])
    only = [p for p in changed if other.shard_of(p.id) == 0]
    assert build(Bank.open(path), only, encode, progress=SILENT).added == len(only) > 0


BUILDER = """
from tests.bank import test_builder

test_builder.build_slowly({path!r})
"""


def build_slowly(path: str) -> None:
    """What a builder's process does: 60 documents in batches of two, a tenth of a second each."""

    def encode_slowly(batch):
        time.sleep(0.1)
        print(*(p.id for p in batch), flush=True)
        return encode(batch)

    with Bank.open(path) as bank:
        built = build(bank, passages(ids("a", 60)), encode_slowly, commit_size=2, progress=SILENT)
        assert built.refused == []


def test_builders_share_the_work_and_finish_a_dead_ones(tmp_path):
    path = str(tmp_path / "bank")
    Bank.create(path, manifest(shards=4))
    start = lambda: subprocess.Popen(
        [sys.executable, "-c", BUILDER.format(path=path)], stdout=subprocess.PIPE, text=True
    )
    builders = [start(), start(), start()]
    victim = builders[0]
    lines = [victim.stdout.readline() for _ in range(3)]
    victim.send_signal(signal.SIGKILL)
    sizes: list[int] = []
    while builders[1].poll() is None or builders[2].poll() is None:
        reader = Bank.open(path)
        present = [record.id for record in reader.records.values()]
        assert_holds(reader, present)
        sizes.append(len(present))
        time.sleep(0.05)
    encoded = [set(process.stdout.read().split()) for process in builders[1:]]
    assert [process.wait() for process in builders[1:]] == [0, 0]
    bank = Bank.open(path)
    assert_holds(bank, ids("a", 60))
    assert bank.verify() == []
    assert encoded[0] and encoded[1] and not encoded[0] & encoded[1]
    # The victim's last batch may have been encoded again, what it had committed was not.
    assert not set(" ".join(lines[:2]).split()) & (encoded[0] | encoded[1])
    assert sizes == sorted(sizes) and len(set(sizes)) > 3
