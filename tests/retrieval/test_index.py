"""Search: exact against brute force, ScaNN against exact, and which is chosen."""

import importlib.util
import os
import sys
import time

import numpy as np
import pytest

from regrad_jax.errors import UserError
from regrad_jax.retrieval import index as index_module
from regrad_jax.retrieval.index import (
    ExactIndex,
    Index,
    Kind,
    ScannIndex,
    Source,
    build_index,
    make_index,
    open_index,
)

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
    assert _Keys(50).open(tmp_path / "index", 1, np.arange(50)).kind == "exact"


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
    again, is_of_version = ScannIndex.load(tmp_path / "moved" / "index", (7,))
    assert is_of_version
    queries = _queries(keys, 5)
    for ours, theirs in zip(again.search(queries, 4), index.search(queries, 4), strict=True):
        np.testing.assert_array_equal(ours, theirs)


class _Keys:
    """A bank's keys, of which a version has some; `read` says which were asked for."""

    def __init__(self, count: int):
        self._positions, self._keys = _clustered(count)
        self.read: list[int] = []

    def open(self, folder, version: int, here: np.ndarray, kind: Kind = "auto", keep: bool = True) -> Index:
        """Opens the index of the documents of these numbers."""

        def read_keys(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            self.read.append(len(positions))
            return positions, self._keys[np.searchsorted(self._positions, positions)]

        return open_index(Source(folder, (version,), lambda: self._positions[here], read_keys), kind, keep)


@needs_scann
def test_what_came_after_the_index_is_found_exactly_and_what_went_is_not(tmp_path):
    keys = _Keys(300)
    positions, vectors = _clustered(300)
    assert keys.open(tmp_path, 1, np.arange(250), "scann").kind == "scann"
    gone = np.arange(0, 120)  # among them the nearest of many
    here = np.arange(120, 300)
    index = keys.open(tmp_path, 2, here)
    assert keys.read == [250, 50], "more was read than what is new"
    assert "50 came" in index.reason and "120 went" in index.reason
    queries = np.concatenate([vectors[:10], vectors[-10:], _queries(vectors, 30)])
    wanted = build_index(positions[here], vectors[here], "exact")
    for k in (1, 5, 180, 1000):
        found, scores = index.search(queries, k)
        expected, _ = wanted.search(queries, k)
        assert found.shape == expected.shape
        assert not np.isin(found, positions[gone]).any()
        assert all(len({*row}) == len(row) for row in found.tolist())
        assert (np.diff(scores, axis=1) <= 1e-6).all()
        recalled = [np.isin(row, best).mean() for row, best in zip(expected, found, strict=True)]
        # ScaNN looks through a fifth of its partitions, which it draws anew each time it is trained.
        assert np.mean(recalled) > (0.5 if k < 180 else 0.999)
        own = np.einsum("qe,qke->qk", queries, vectors[np.searchsorted(positions, found)])
        np.testing.assert_allclose(scores, own, atol=1e-5)
    np.testing.assert_array_equal(index.search(vectors[-10:], 1)[0][:, 0], positions[-10:])  # the new ones
    assert index.search(queries[:0], 3)[0].shape == (0, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["00000001"], "it is not made again for a few"


@needs_scann
def test_an_index_is_made_again_when_much_has_come_or_half_has_gone(tmp_path, monkeypatch):
    monkeypatch.setattr(index_module, "SCANN_MIN_DOCUMENTS", 100)
    keys = _Keys(400)
    keys.open(tmp_path, 1, np.arange(200))
    assert "loaded" in keys.open(tmp_path, 2, np.arange(100, 299)).reason
    assert keys.open(tmp_path, 3, np.arange(300)).reason == "ScaNN: 300 documents"
    assert [path.name for path in tmp_path.iterdir()] == ["00000003"]
    assert "150 went" in keys.open(tmp_path, 4, np.arange(150, 300)).reason
    assert keys.open(tmp_path, 5, np.arange(151, 300)).reason == "ScaNN: 149 documents"
    assert keys.open(tmp_path, 6, np.arange(380, 400)).kind == "exact"
    assert keys.open(tmp_path, 7, np.arange(0)).search(_queries(_clustered(9)[1], 2), 3)[0].shape == (2, 0)


@needs_scann
def test_the_index_of_an_older_version_leaves_the_newest_in_place(tmp_path, monkeypatch):
    monkeypatch.setattr(index_module, "SCANN_MIN_DOCUMENTS", 50)
    keys = _Keys(200)
    keys.open(tmp_path, 2, np.arange(200))
    keys.open(tmp_path, 1, np.arange(60), keep=False)  # made anew, and not kept
    assert keys.open(tmp_path, 2, np.arange(200)).reason.endswith("loaded")
    assert keys.read == [200, 60]


@needs_scann
def test_an_index_is_kept_for_its_version_and_made_anew_when_asked_for(tmp_path):
    folder, keys, everything = tmp_path / "index", _Keys(100), np.arange(100)
    first = keys.open(folder, 1, everything, "scann")
    kept = keys.open(folder, 1, everything)
    assert (first.kind, kept.kind, keys.read) == ("scann", "scann", [100])
    queries = _queries(_clustered(100)[1], 20)
    np.testing.assert_array_equal(kept.search(queries, 1)[0], first.search(queries, 1)[0])
    assert isinstance(keys.open(folder, 1, everything, "exact"), ExactIndex)
    fewer = Source(folder, (2,), lambda: _clustered(90)[0], lambda some: (some, _clustered(90)[1]))
    make_index(fewer, "scann")
    assert [path.name for path in folder.iterdir()] == ["00000002"]
    make_index(fewer, "exact")
    assert folder.exists(), "what is searched exactly for once leaves the index"
    assert make_index(fewer).kind == "exact" and not folder.exists()


@needs_scann
def test_a_damaged_index_is_made_again(tmp_path):
    folder, keys, everything = tmp_path / "index", _Keys(100), np.arange(100)
    keys.open(folder, 1, everything, "scann")
    (folder / "00000001" / "serialized_partitioner.pb").unlink()
    assert ScannIndex.load(folder, (1,)) is None
    index = keys.open(folder, 1, everything, "scann")
    assert index.search(_queries(_clustered(100)[1], 2), 3)[0].shape == (2, 3)
    assert ScannIndex.load(folder, (1,)) is not None


@needs_scann
@pytest.mark.parametrize("part", ["positions.npy", "dataset.npy", "datapoint_to_token.npy"])
def test_a_flipped_bit_in_an_index_is_noticed(tmp_path, part):
    _Keys(100).open(tmp_path, 1, np.arange(100), "scann")
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
    _Keys(100).open(tmp_path, 1, np.arange(100), "scann")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".at work", "00000001"]


@needs_scann
def test_an_index_of_many_shards_is_kept_by_all_their_versions(tmp_path):
    version = tuple(range(256))
    index = ScannIndex.build(*_clustered(100), "as asked")
    index.save(tmp_path, version)
    assert ScannIndex.load(tmp_path, version)[1]
    assert not ScannIndex.load(tmp_path, (1, 0, *version[2:]))[1]  # as many commits, but others
