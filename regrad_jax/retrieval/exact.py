"""Exact search: the inner product of every key with every query."""

import numpy as np

from regrad_jax.retrieval.base import Retrieved


class ExactIndex:
    """Scores every key in one matrix product.

    Attributes:
        kind: "exact".
        reason: why search is exact.
    """

    kind = "exact"

    def __init__(
        self, positions_N: np.ndarray, keys_NxE: np.ndarray, reason: str, scores_at_once: int = 1 << 24
    ):
        """Takes the keys as they are.

        Args:
            positions_N: int64.
            keys_NxE: unit vectors, float32.
            reason: why search is exact.
            scores_at_once: the most scores that are in memory together.
        """
        self.reason = reason
        self._positions_N = np.asarray(positions_N, np.int64)
        self._keys_NxE = np.asarray(keys_NxE, np.float32)
        self._scores_at_once = scores_at_once

    def search(self, queries_QxE: np.ndarray, k: int) -> Retrieved:
        """Finds the k keys with the largest inner products (`index.Index.search`)."""
        count, k = len(self._positions_N), min(k, len(self._positions_N))
        positions_QxK = np.empty((len(queries_QxE), k), np.int64)
        scores_QxK = np.empty((len(queries_QxE), k), np.float32)
        if k == 0:
            return Retrieved(positions_QxK, scores_QxK)
        block = max(1, self._scores_at_once // count)
        for start in range(0, len(queries_QxE), block):
            rows = slice(start, start + block)
            scores_BxN = np.asarray(queries_QxE[rows], np.float32) @ self._keys_NxE.T
            best_BxK = np.argpartition(scores_BxN, count - k, axis=1)[:, count - k :]
            best_scores_BxK = np.take_along_axis(scores_BxN, best_BxK, axis=1)
            order_BxK = np.argsort(-best_scores_BxK, axis=1)
            positions_QxK[rows] = self._positions_N[np.take_along_axis(best_BxK, order_BxK, axis=1)]
            scores_QxK[rows] = np.take_along_axis(best_scores_BxK, order_BxK, axis=1)
        return Retrieved(positions_QxK, scores_QxK)
