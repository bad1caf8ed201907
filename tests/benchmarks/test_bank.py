"""The bank's bench on a bank of a few dozen documents: its numbers fit together and nothing stays behind."""

import itertools
import tempfile
import types

import numpy as np
import pytest

from regrad_jax.bank.bank import Bank
from regrad_jax.benchmarks import bank as bench_bank


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """Few repeats, in a folder that can be looked at."""
    for name in ("_READS", "_BUILDS", "_ADDITIONS", "_OPENINGS"):
        monkeypatch.setattr(bench_bank, name, 3)
    monkeypatch.setattr(bench_bank, "_FEW", 10)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_facts_fit_together(quick, monkeypatch):
    lines: list[str] = []
    commits: list[int] = []
    append = Bank.append

    def counted(bank, *batch):
        commits.append(len(batch[0]))
        return append(bank, *batch)

    monkeypatch.setattr(Bank, "append", counted)
    facts = bench_bank.measure(300, "int4", documents=70, many=100, commit=40, progress=lines.append)
    assert list(quick.iterdir()) == []
    assert (facts["codec"], facts["row_length"], facts["documents"]) == ("int4", 300, 70)
    assert facts["commit"] == 40 and commits[:8] == 4 * [40, 30]  # once for the compiler
    read, append = facts["read"], facts["append"]
    assert read["ratio"] == pytest.approx(read["total_us"] / read["plain_us"])
    assert append["ratio"] == pytest.approx(append["mb_per_s"] / append["raw_mb_per_s"])
    assert append["ratio_packed"] > append["ratio"]
    assert facts["open"]["documents"] == [10, 100]
    assert facts["open"]["ratio"] == pytest.approx(facts["open"]["ms"][1] / facts["open"]["ms"][0])
    assert facts["add"]["documents"] == 1
    assert 0 < facts["add"]["opening_ms"] < facts["add"]["ms"]
    parts = facts["bytes_per_document"]
    assert parts["row"] == 150 + 5 * 2 + 4 and parts["key"] == 384 * 4 + 4
    assert parts["total"] == pytest.approx(sum(parts.values()) - parts["total"], abs=0.5)
    assert len(lines) == 3 + 1 + 1 + 2


def test_throughput_is_bytes_over_the_median_time(quick, monkeypatch):
    """By a clock on which packing takes 1 s, appending 4 s and writing 2 s, for each of two batches."""
    ticks = itertools.accumulate(itertools.chain([0], itertools.cycle([1, 4, 2, 0])))
    monkeypatch.setattr(bench_bank, "time", types.SimpleNamespace(perf_counter=lambda: next(ticks)))
    manifest = bench_bank._manifest(64, 8, "int8")
    appended = bench_bank._append(quick, manifest, 40, ["A text."], lambda line: None, 32)
    size = 40 * (64 + 2)
    assert appended.plain.stat().st_size == size
    assert appended.seconds == 8
    wanted = {
        "mb_per_s": size / 8e6, "raw_mb_per_s": size / 4e6, "ratio": 0.5, "packing_mb_per_s": size / 2e6,
        "ratio_packed": 4 / 6,
    }  # fmt: skip
    assert appended.facts == pytest.approx(wanted)


def test_what_is_added_is_there_and_nothing_is_replaced(quick):
    manifest = bench_bank._manifest(64, 8, "int8")
    appended = bench_bank._append(quick, manifest, 200, ["A text."], lambda line: None, 32)
    assert bench_bank._add(appended, ["A text."], lambda line: None, 32)["documents"] == 2
    with Bank.open(appended.path) as bank:
        assert len(bank) == 200 + 4 * 2  # once for the compiler
        assert bank.verify() == []


def test_every_row_is_read_once_in_a_round():
    triples = bench_bank._triples(np.arange(100, 120))
    assert triples.shape == (6, 3)
    assert len(set(triples.ravel().tolist())) == 18 and set(triples.ravel()) <= set(range(100, 120))


def test_the_plain_sum_adds_signed_bytes():
    rows = [np.array(row, np.int8).tobytes() for row in ([127, -1, 0], [127, -128, 3], [1, 1, 1])]
    np.testing.assert_array_equal(bench_bank._sum(rows), np.array([255, -128, 4], np.float32))


def test_texts_are_of_one_length_and_differ():
    texts = bench_bank._texts()
    assert {len(text) for text in texts} == {600}
    assert len(set(texts)) > 0.9 * len(texts)
