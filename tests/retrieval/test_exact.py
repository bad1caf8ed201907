"""Exact search against a full sort."""

import numpy as np
import pytest

from regrad_jax.retrieval.exact import ExactIndex
from tests.retrieval.fake_keys import E, clustered, queries_near


@pytest.mark.parametrize("queries", [0, 1, 7])
@pytest.mark.parametrize("k", [1, 5, 60])
def test_exact_search_is_a_full_sort(queries, k):
    positions, keys = clustered(60)
    query = queries_near(keys, queries)
    index = ExactIndex(positions, keys, "", scores_at_once=150)  # three queries at a time, or two and a half
    found, scores = index.search(query, k)
    order = np.argsort(-(query @ keys.T), axis=1)[:, :k]
    assert (found.dtype, scores.dtype) == (np.int64, np.float32)
    np.testing.assert_array_equal(found, positions[order])
    np.testing.assert_allclose(scores, np.take_along_axis(query @ keys.T, order, 1), atol=1e-6)


def test_fewer_documents_than_k_are_all_found():
    positions, keys = clustered(3)
    found, scores = ExactIndex(positions, keys, "").search(queries_near(keys, 2), 10)
    assert found.shape == scores.shape == (2, 3)
    np.testing.assert_array_equal(np.sort(found, axis=1), [positions, positions])


def test_no_documents_give_no_columns():
    index = ExactIndex(np.empty(0, np.int64), np.empty((0, E), np.float32), "")
    found, scores = index.search(np.ones((4, E), np.float32), 3)
    assert found.shape == scores.shape == (4, 0)
