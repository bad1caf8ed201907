"""ScaNN against exact search, and an index of one version that answers for another."""

import numpy as np
import pytest

from regrad_jax.retrieval import scann as scann_module
from regrad_jax.retrieval.exact import ExactIndex
from regrad_jax.retrieval.scann import ScannIndex
from tests.retrieval.fake_keys import E, clustered, queries_near

pytest.importorskip("scann")


def test_scann_finds_what_exact_search_finds():
    positions, keys = clustered(20_000)
    queries = queries_near(keys, 200)
    index = ScannIndex.build(positions, keys, "")
    found, scores = index.search(queries, 10)
    truth, true_scores = ExactIndex(positions, keys, "").search(queries, 10)
    assert (found.dtype, scores.dtype) == (np.int64, np.float32)
    same = found[:, 0] == truth[:, 0]
    assert same.mean() >= 0.95
    np.testing.assert_allclose(scores[same, 0], true_scores[same, 0], rtol=1e-5)
    one, _ = index.search(queries[:1], 10)
    np.testing.assert_array_equal(one, found[:1])


@pytest.mark.parametrize("count", [16, 300])
def test_all_documents_come_when_more_are_asked_for_than_there_are(count):
    positions, keys = clustered(count)
    index = ScannIndex.build(positions, keys, "")
    found, scores = index.search(queries_near(keys, 3), count + 5)
    np.testing.assert_array_equal(np.sort(found, axis=1), [positions] * 3)
    assert (np.diff(scores, axis=1) <= 1e-6).all()
    assert index.search(np.empty((0, E), np.float32), 3)[0].shape == (0, 3)


def test_scann_logs_nothing(capfd):
    ScannIndex.build(*clustered(100), "")
    assert capfd.readouterr().err == ""


class Keys:
    """Reads keys by position, and says how many were asked for."""

    def __init__(self, positions: np.ndarray, keys: np.ndarray):
        self.positions, self.keys, self.read = positions, keys, list[int]()

    def __call__(self, some: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.read.append(len(some))
        return some, self.keys[np.searchsorted(self.positions, some)]


def test_what_came_after_the_index_is_found_exactly_and_what_went_is_not():
    positions, vectors = clustered(300)
    read_keys = Keys(positions, vectors)
    gone, here = np.arange(120), np.arange(120, 300)  # among those that went are the nearest of many
    index = ScannIndex.build(positions[:250], vectors[:250], "ScaNN").update(positions[here], read_keys)
    assert index is not None and index.kind == "scann"
    assert read_keys.read == [50], "more was read than what is new"
    assert index.reason == "ScaNN; since then 50 came, searched exactly, and 120 went"
    queries = np.concatenate([vectors[:10], vectors[-10:], queries_near(vectors, 30)])
    wanted = ExactIndex(positions[here], vectors[here], "")
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


def test_an_update_that_does_not_pay_is_none(monkeypatch):
    monkeypatch.setattr(scann_module, "SCANN_MIN_DOCUMENTS", 100)
    positions, vectors = clustered(400)
    read_keys = Keys(positions, vectors)
    index = ScannIndex.build(positions[:200], vectors[:200], "")
    assert index.update(positions[:200], read_keys) is index
    assert index.update(positions[100:299], read_keys) is not None  # half went, and 99 came
    assert index.update(positions[101:299], read_keys) is None
    assert index.update(positions[:300], read_keys) is None
    assert read_keys.read == [99]
