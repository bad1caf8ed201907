"""Search: exact against brute force, ScaNN against exact, and which is chosen."""

import importlib.util
import os
import sys
import time

import numpy as np
import pytest

from regrad_jax.errors import UserError
from regrad_jax.retrieval import index as index_module
from regrad_jax.retrieval.index import ExactIndex, ScannIndex, build_index, open_index

E = 48

needs_scann = pytest.mark.skipif(not importlib.util.find_spec("scann"), reason="scann missing")


def _unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def _clustered(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Positions with gaps (as deletions leave them), and keys in clusters of about twenty."""
    rng = np.random.default_rng(seed)
    centres = _unit(rng.standard_normal((max(1, count // 20), E)))
    noise = _unit(rng.standard_normal((count, E)))
    keys = _unit(centres[rng.integers(0, len(centres), count)] + 0.7 * noise)
    return 3 * np.arange(count, dtype=np.int64) + 10, keys


def _queries(keys_NxE: np.ndarray, count: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = _unit(rng.standard_normal((count, E)))
    return _unit(keys_NxE[rng.integers(0, len(keys_NxE), count)] + 0.5 * noise)


@pytest.mark.parametrize("queries", [0, 1, 7])
@pytest.mark.parametrize("k", [1, 5, 60])
def test_exact_search_is_a_full_sort(queries, k, monkeypatch):
    monkeypatch.setattr(index_module, "_QUERY_BLOCK", 150)  # three queries at a time
    positions, keys = _clustered(60)
    query = _queries(keys, queries)
    found, scores = build_index(positions, keys, "exact").search(query, k)
    order = np.argsort(-(query @ keys.T), axis=1)[:, :k]
    assert (found.dtype, scores.dtype) == (np.int64, np.float32)
    np.testing.assert_array_equal(found, positions[order])
    np.testing.assert_allclose(scores, np.take_along_axis(query @ keys.T, order, 1), atol=1e-6)


def test_exact_search_of_fewer_documents_than_k():
    positions, keys = _clustered(3)
    found, scores = build_index(positions, keys).search(_queries(keys, 2), 10)
    assert found.shape == scores.shape == (2, 3)
    np.testing.assert_array_equal(np.sort(found, axis=1), [positions, positions])


def test_an_empty_bank_gives_no_columns():
    index = build_index(np.empty(0, np.int64), np.empty((0, E), np.float32))
    found, scores = index.search(np.ones((4, E), np.float32), 3)
    assert found.shape == scores.shape == (4, 0)


def test_small_banks_are_searched_exactly_and_say_so():
    index = build_index(*_clustered(50))
    assert index.kind == "exact"
    assert index.reason == "exact search: 50 documents, ScaNN pays from 20,000"


def test_without_scann_large_banks_are_searched_exactly_and_say_so(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "scann", None)  # makes `import scann` fail
    monkeypatch.setattr(index_module, "SCANN_MIN_DOCUMENTS", 40)
    index = build_index(*_clustered(50))
    assert index.kind == "exact"
    assert "ScaNN is not installed (pip install scann" in index.reason
    with pytest.raises(UserError, match="ScaNN is not installed"):
        build_index(*_clustered(50), "scann")
    assert open_index(tmp_path / "index", (1,), lambda: _clustered(50)).kind == "exact"


@needs_scann
def test_scann_finds_what_exact_search_finds():
    positions, keys = _clustered(20_000)
    queries = _queries(keys, 200)
    index = build_index(positions, keys)
    assert isinstance(index, ScannIndex)
    assert index.reason == "ScaNN: 20,000 documents"
    found, scores = index.search(queries, 10)
    truth, true_scores = build_index(positions, keys, "exact").search(queries, 10)
    assert (found.dtype, scores.dtype) == (np.int64, np.float32)
    same = found[:, 0] == truth[:, 0]
    assert same.mean() >= 0.95
    np.testing.assert_allclose(scores[same, 0], true_scores[same, 0], rtol=1e-5)
    one, _ = index.search(queries[:1], 10)
    np.testing.assert_array_equal(one, found[:1])


@needs_scann
@pytest.mark.parametrize("count", [16, 300])
def test_scann_gives_all_documents_when_asked_for_more_than_there_are(count):
    positions, keys = _clustered(count)
    index = build_index(positions, keys, "scann")
    found, scores = index.search(_queries(keys, 3), count + 5)
    np.testing.assert_array_equal(np.sort(found, axis=1), [positions] * 3)
    assert (np.diff(scores, axis=1) <= 1e-6).all()
    assert index.search(np.empty((0, E), np.float32), 3)[0].shape == (0, 3)


@needs_scann
def test_scann_asked_for_too_few_documents_is_refused():
    with pytest.raises(UserError, match="cannot be trained on 15 documents"):
        build_index(*_clustered(15), "scann")


@needs_scann
def test_scann_logs_nothing(capfd):
    build_index(*_clustered(100), "scann")
    assert capfd.readouterr().err == ""


@needs_scann
def test_saved_index_answers_as_before_wherever_the_bank_is_moved(tmp_path):
    positions, keys = _clustered(300)
    index = ScannIndex.build(positions, keys, "")
    index.save(tmp_path / "bank" / "index", (7,))
    (tmp_path / "bank").rename(tmp_path / "moved")
    again = ScannIndex.load(tmp_path / "moved" / "index", (7,))
    assert again is not None
    queries = _queries(keys, 5)
    for ours, theirs in zip(again.search(queries, 4), index.search(queries, 4), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@needs_scann
def test_the_index_of_an_older_version_leaves_the_newest_in_place(tmp_path):
    made = []

    def read_keys():
        made.append(1)
        return _clustered(100)

    open_index(tmp_path, (2,), read_keys, "scann")
    open_index(tmp_path, (1,), read_keys, "scann", keep=False)
    open_index(tmp_path, (2,), read_keys, "scann")
    assert len(made) == 2


@needs_scann
def test_an_index_of_another_version_is_not_used_and_then_replaced(tmp_path):
    folder, calls = tmp_path / "index", []

    def read_keys():
        calls.append(1)
        return _clustered(100, seed=len(calls))

    first = open_index(folder, (1,), read_keys, "scann")
    assert first.kind == "scann"
    assert open_index(folder, (1,), read_keys).kind == "scann"
    assert len(calls) == 1
    second = open_index(folder, (2,), read_keys, "scann")
    assert len(calls) == 2
    query = _queries(_clustered(100, seed=2)[1], 20)
    kept = open_index(folder, (2,), read_keys)
    np.testing.assert_array_equal(kept.search(query, 1)[0], second.search(query, 1)[0])
    assert (kept.search(query, 1)[0] != first.search(query, 1)[0]).any()
    assert [path.name for path in folder.iterdir()] == ["00000002"]
    assert isinstance(open_index(folder, (2,), read_keys, "exact"), ExactIndex)


@needs_scann
def test_a_damaged_index_is_made_again(tmp_path):
    folder = tmp_path / "index"
    open_index(folder, (1,), lambda: _clustered(100), "scann")
    (folder / "00000001" / "serialized_partitioner.pb").unlink()
    assert ScannIndex.load(folder, (1,)) is None
    index = open_index(folder, (1,), lambda: _clustered(100), "scann")
    assert index.search(_queries(_clustered(100)[1], 2), 3)[0].shape == (2, 3)
    assert ScannIndex.load(folder, (1,)) is not None


@needs_scann
@pytest.mark.parametrize("part", ["positions.npy", "dataset.npy", "datapoint_to_token.npy"])
def test_a_flipped_bit_in_an_index_is_noticed(tmp_path, part):
    open_index(tmp_path, (1,), lambda: _clustered(100), "scann")
    path = tmp_path / "00000001" / part
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    assert ScannIndex.load(tmp_path, (1,)) is None


@needs_scann
def test_drafts_of_killed_processes_are_removed_and_young_ones_stay(tmp_path):
    for name, age in ((".killed", 7200), (".at work", 0)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    open_index(tmp_path, (1,), lambda: _clustered(100), "scann")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".at work", "00000001"]


def test_an_index_of_many_shards_is_kept_by_all_their_versions(tmp_path):
    version = tuple(range(256))
    index = ScannIndex.build(*_clustered(100), "as asked")
    index.save(tmp_path, version)
    assert ScannIndex.load(tmp_path, version) is not None
    assert ScannIndex.load(tmp_path, (1, 0, *version[2:])) is None  # as many commits, but others
