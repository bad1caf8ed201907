"""The bank's bench: its numbers by a clock of our own, and a whole run on a bank of a few dozen documents."""

import itertools
import tempfile
import types

import numpy as np
import pytest

from regrad_jax.bank.bank import Bank
from regrad_jax.benchmarks import bank as bench_bank

SILENT = lambda line: None


def test_a_bench_of_few_repeats(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    lines: list[str] = []
    commits: list[int] = []
    append = Bank.append

    def counted(bank, *batch):
        commits.append(len(batch[0]))
        return append(bank, *batch)

    monkeypatch.setattr(Bank, "append", counted)
    facts = bench_bank.measure(
        300, "int4", documents=70, many=100, commit=40, progress=lines.append, few=10,
        repeats=bench_bank.Repeats(3, 3, 3, 3),
    )  # fmt: skip
    assert list(tmp_path.iterdir()) == [], "something stays behind"
    assert (facts["codec"], facts["row_length"], facts["documents"]) == ("int4", 300, 70)
    assert facts["commit"] == 40 and commits[:8] == 4 * [40, 30]  # once for the compiler
    assert facts["open"]["documents"] == [10, 100]
    assert facts["add"]["documents"] == 1
    parts = facts["bytes_per_document"]
    assert parts["row"] == 150 + 5 * 2 + 4 and parts["key"] == 384 * 4 + 4
    assert parts["total"] == pytest.approx(sum(parts.values()) - parts["total"], abs=0.5)
    assert len(lines) == 3 + 1 + 1 + 2


@pytest.fixture
def clock(monkeypatch):
    """Takes the steps of a clock, and lets the bench tell the time by it."""

    def set_clock(*steps: float) -> None:
        ticks = itertools.accumulate(itertools.chain([0], itertools.cycle(steps)))
        monkeypatch.setattr(bench_bank, "time", types.SimpleNamespace(perf_counter=lambda: next(ticks)))

    return set_clock


def _appended(folder) -> bench_bank.Appended:
    manifest = bench_bank.make_manifest(64, 8, "int8")
    return bench_bank.measure_append(folder, manifest, 40, ["A text."], SILENT, 32, builds=3)


def test_throughput_is_bytes_over_the_median_time(tmp_path, clock):
    """Packing takes 1 s, appending 4 s and writing 2 s, for each of two batches."""
    clock(1, 4, 2, 0)
    appended = _appended(tmp_path)
    size = 40 * (64 + 2)
    assert appended.plain.stat().st_size == size
    assert appended.seconds == 8
    wanted = {
        "mb_per_s": size / 8e6, "raw_mb_per_s": size / 4e6, "ratio": 0.5, "packing_mb_per_s": size / 2e6,
        "ratio_packed": 4 / 6,
    }  # fmt: skip
    assert appended.facts == pytest.approx(wanted)


def test_reading_is_compared_with_a_plain_file(tmp_path, clock):
    """Total takes 6 s, read 1, decode 2, resident 9, plain 3, pread 2; the first reads then take 6, 1, 2."""
    appended = _appended(tmp_path)
    clock(6, 0, 1, 0, 2, 0, 9, 0, 3, 0, 2, 0)
    facts = bench_bank.measure_read(appended, SILENT, reads=3)
    assert facts == {
        "rows": 3, "total_us": 6e6, "read_us": 1e6, "decode_us": 2e6, "resident_us": 9e6, "plain_us": 3e6,
        "pread_us": 2e6, "ratio": 2, "ratio_resident": 3, "first_read_us": pytest.approx(2e6),
    }  # fmt: skip


def test_opening_is_compared_by_size(tmp_path, clock):
    clock(2, 0, 5, 0)
    facts = bench_bank.measure_open(tmp_path, "int8", [3, 20], ["A text."], SILENT, openings=3)
    assert facts == {"documents": [3, 20], "ms": [2e3, 5e3], "ratio": 2.5}


def test_what_is_added_is_there_and_nothing_is_replaced(tmp_path, clock):
    """Opening takes 1 s and the rest of an addition 3 s, of 16 s for the whole bank."""
    manifest = bench_bank.make_manifest(64, 8, "int8")
    appended = bench_bank.measure_append(tmp_path, manifest, 200, ["A text."], SILENT, 32, builds=1)
    clock(1, 3, 0)
    facts = bench_bank.measure_add(appended._replace(seconds=16), ["A text."], SILENT, 32, additions=3)
    assert facts == {"documents": 2, "share": 0.25, "ms": 4e3, "opening_ms": 1e3}
    with Bank.open(appended.path) as bank:
        assert len(bank) == 200 + 4 * 2  # once for the compiler
        assert bank.verify() == []


def test_every_row_is_read_once_in_a_round():
    triples = bench_bank.make_triples(np.arange(100, 120))
    assert triples.shape == (6, 3)
    assert len(set(triples.ravel().tolist())) == 18 and set(triples.ravel()) <= set(range(100, 120))


def test_the_plain_sum_adds_signed_bytes():
    rows = [np.array(row, np.int8).tobytes() for row in ([127, -1, 0], [127, -128, 3], [1, 1, 1])]
    np.testing.assert_array_equal(bench_bank.plain_sum(rows), np.array([255, -128, 4], np.float32))


def test_texts_are_of_one_length_and_differ():
    texts = bench_bank.make_texts()
    assert {len(text) for text in texts} == {600}
    assert len(set(texts)) > 0.9 * len(texts)
