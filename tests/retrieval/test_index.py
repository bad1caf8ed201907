"""Which index is chosen, when it is built, and when a kept one serves."""

import importlib.util
import logging
import sys

import numpy as np
import pytest

from regrad_jax.errors import UserError
from regrad_jax.retrieval import kept, scann
from regrad_jax.retrieval.exact import ExactIndex
from regrad_jax.retrieval.index import build_index, make_index
from regrad_jax.retrieval.scann import ScannIndex
from tests.retrieval.fake_keys import FakeSource, clustered, queries_near

needs_scann = pytest.mark.skipif(not importlib.util.find_spec("scann"), reason="scann missing")


def names(folder) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_small_banks_are_searched_exactly_and_say_so():
    index = build_index(*clustered(50))
    assert index.kind == "exact"
    assert index.reason == "exact search: 50 documents, ScaNN pays from 20,000"
    assert build_index(*clustered(50), "exact").reason == "exact search: 50 documents, as asked"


def test_without_scann_large_banks_are_searched_exactly_and_say_so(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "scann", None)  # makes `import scann` fail
    monkeypatch.setattr(scann, "SCANN_MIN_DOCUMENTS", 40)
    index = build_index(*clustered(50))
    assert index.kind == "exact"
    assert "ScaNN is not installed (pip install scann" in index.reason
    with pytest.raises(UserError, match="ScaNN is not installed"):
        build_index(*clustered(50), "scann")
    assert FakeSource(50, tmp_path / "index").open(1, np.arange(50)).kind == "exact"


@needs_scann
def test_large_banks_are_searched_by_scann_and_say_so(monkeypatch):
    monkeypatch.setattr(scann, "SCANN_MIN_DOCUMENTS", 40)
    index = build_index(*clustered(40))
    assert isinstance(index, ScannIndex) and index.kind == "scann"
    assert index.reason == "ScaNN: 40 documents"


@needs_scann
def test_scann_asked_for_too_few_documents_is_refused():
    with pytest.raises(UserError, match="cannot be trained on 15 documents"):
        build_index(*clustered(15), "scann")


def test_an_empty_bank_gives_no_columns(tmp_path):
    index = FakeSource(9, tmp_path).open(1, np.arange(0))
    assert index.search(queries_near(clustered(9)[1], 2), 3).positions_QxK.shape == (2, 0)


@needs_scann
def test_the_index_of_the_own_version_is_loaded_and_nothing_is_read_of_the_bank(tmp_path, monkeypatch):
    source = FakeSource(100, tmp_path)
    source.open(1, np.arange(100), "scann")
    for name in ("positions", "keys", "texts"):
        monkeypatch.setattr(source, name, None)
    assert source.open(1, np.arange(100)).reason == "ScaNN: 100 documents, loaded"


@needs_scann
def test_an_index_is_kept_for_its_version_and_made_anew_when_asked_for(tmp_path):
    folder, everything = tmp_path / "index", np.arange(100)
    source = FakeSource(100, folder)
    first = source.open(1, everything, "scann")
    again = source.open(1, everything)
    assert (first.kind, again.kind, source.read) == ("scann", "scann", [100])
    queries = queries_near(clustered(100)[1], 20)
    np.testing.assert_array_equal(again.search(queries, 1)[0], first.search(queries, 1)[0])
    assert isinstance(source.open(1, everything, "exact"), ExactIndex)
    fewer = source.at(2, np.arange(90))
    make_index(fewer, "scann")
    assert names(folder) == ["00000002"]
    make_index(fewer, "exact")
    assert folder.exists(), "what is searched exactly for once leaves the index"
    assert make_index(fewer).kind == "exact" and not folder.exists()


@needs_scann
def test_an_index_of_another_version_is_brought_up_to_date_and_not_made_again(tmp_path):
    source, positions = FakeSource(300, tmp_path), clustered(300)[0]
    source.open(1, np.arange(250), "scann")
    index = source.open(2, np.arange(120, 300))
    assert source.read == [250, 50], "more was read than what is new"
    assert index.reason == (
        "ScaNN: 250 documents, loaded; since then 50 came, searched exactly, and 120 went"
    )
    found, _ = index.search(clustered(300)[1][-10:], 1)
    np.testing.assert_array_equal(found[:, 0], positions[-10:])
    assert names(tmp_path) == ["00000001"], "it is not made again for a few"


@needs_scann
def test_an_index_is_made_again_when_much_has_come_or_half_has_gone(tmp_path, monkeypatch):
    monkeypatch.setattr(scann, "SCANN_MIN_DOCUMENTS", 100)
    source = FakeSource(400, tmp_path)
    source.open(1, np.arange(200))
    assert "loaded" in source.open(2, np.arange(100, 299)).reason
    assert source.open(3, np.arange(300)).reason == "ScaNN: 300 documents"
    assert names(tmp_path) == ["00000003"]
    assert "150 went" in source.open(4, np.arange(150, 300)).reason
    assert source.open(5, np.arange(151, 300)).reason == "ScaNN: 149 documents"
    assert source.open(6, np.arange(380, 400)).kind == "exact"


@needs_scann
def test_the_index_of_an_older_version_leaves_the_newest_in_place(tmp_path, monkeypatch):
    monkeypatch.setattr(scann, "SCANN_MIN_DOCUMENTS", 50)
    source = FakeSource(200, tmp_path)
    source.open(2, np.arange(200))
    source.open(1, np.arange(60), read_only=True)  # made anew, and not kept
    source.open(1, np.arange(20), read_only=True)  # exact search pays, and the index stays
    assert source.open(2, np.arange(200)).reason.endswith("loaded")
    assert source.read == [200, 60, 20]


@needs_scann
def test_a_damaged_index_is_made_again(tmp_path):
    source, everything = FakeSource(100, tmp_path), np.arange(100)
    source.open(1, everything, "scann")
    (tmp_path / "00000001" / "serialized_partitioner.pb").unlink()
    index = source.open(1, everything, "scann")
    assert index.reason == "ScaNN: 100 documents"
    assert index.search(queries_near(clustered(100)[1], 2), 3).positions_QxK.shape == (2, 3)
    assert kept.load(tmp_path, (1,)) is not None


@needs_scann
def test_an_index_that_cannot_be_kept_answers_all_the_same(tmp_path):
    (tmp_path / "index").write_text("a file, where the folder would be")
    assert FakeSource(40, tmp_path / "index").open(1, np.arange(40), "scann").kind == "scann"


def test_damaged_keys_are_passed_over_with_a_warning(tmp_path, caplog):
    source, (positions, keys) = FakeSource(30, tmp_path), clustered(30)
    with caplog.at_level(logging.WARNING):
        source.open(1, np.arange(30))
        assert not caplog.records
        source.damaged = positions[:2].tolist()
        index = source.open(1, np.arange(30))
    [warning] = caplog.records
    assert f"{tmp_path}: 2 of the bank's retrieval keys are damaged" in warning.getMessage()
    found, _ = index.search(keys, 30)
    np.testing.assert_array_equal(np.unique(found), positions[2:])
