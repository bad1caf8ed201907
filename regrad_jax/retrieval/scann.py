"""Approximate search with ScaNN: tree, asymmetric hashing and rescoring (Guo et al., arXiv 1908.10396).

ScaNN partitions the keys, scores quantised keys in the nearest partitions, and rescores the best of them with
the keys themselves. It is faster than exact search on large banks. It takes seconds to build, and it misses a
neighbour now and then.

A bank never uses a position twice, so an index serves other versions of its bank too. Keys that have been
added since are searched exactly beside the index, and passages that have gone are left out of what it finds.
"""

import contextlib
import importlib
import os
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from regrad_jax.retrieval.base import Retrieved
from regrad_jax.retrieval.exact import ExactIndex

# Measured by benchmarks/retrieval.py on two cores, width 384, milliseconds a query:
#
#   documents      exact: 1 query, in 100      ScaNN: 1 query, in 100, seconds to build
#       1,000            0.06, 0.01                   0.02, 0.01, 0.2
#       5,000            0.15, 0.07                   0.03, 0.02, 0.6
#      20,000            1.3,  0.27                   0.07, 0.05, 2
#     100,000            7 to 13, 1.4                 0.2,  0.15, 12
#
# ScaNN is faster nearly everywhere. Below this size, though, exact search takes about a millisecond of a
# question's hundreds, and thousands of questions would not earn back the building.
SCANN_MIN_DOCUMENTS = 20_000
SCANN_TRAINABLE = 16  # clusters of a product-quantisation block; ScaNN refuses fewer keys

_RERANKED = 100  # candidates rescored with exact keys, at least
_LEAVES_SEARCHED = 5  # a fifth of the partitions
_POSITIONS = "positions.npy"

ReadKeys = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]  # as `base.KeySource.keys`


class ScannIndex:
    """A trained ScaNN index.

    Attributes:
        kind: "scann".
        reason: why search goes by ScaNN.
    """

    kind = "scann"

    def __init__(self, positions_N: np.ndarray, searcher: Any, reason: str):
        """Use `ScannIndex.build` or `ScannIndex.read`."""
        self.reason = reason
        self._positions_N = np.asarray(positions_N, np.int64)
        self._searcher = searcher

    @classmethod
    def build(cls, positions_N: np.ndarray, keys_NxE: np.ndarray, reason: str) -> "ScannIndex":
        """Trains and fills the index.

        Args:
            positions_N: int64.
            keys_NxE: unit vectors, float32, at least `SCANN_TRAINABLE` of them.
            reason: why search goes by ScaNN.

        Raises:
            ImportError: ScaNN is not installed.
        """
        leaves = _leaves(len(keys_NxE))
        keys_NxE = np.ascontiguousarray(keys_NxE, np.float32)
        builder = load_scann().builder(keys_NxE, _RERANKED, "dot_product")
        builder = builder.tree(
            num_leaves=leaves,
            num_leaves_to_search=max(1, leaves // _LEAVES_SEARCHED),
            training_sample_size=min(len(keys_NxE), 100_000),
        )
        builder = builder.score_ah(2, anisotropic_quantization_threshold=0.2).reorder(_RERANKED)
        with _quiet_stderr():
            return cls(positions_N, builder.build(), reason)

    def __len__(self) -> int:
        return len(self._positions_N)

    def search(self, queries_QxE: np.ndarray, k: int) -> Retrieved:
        """Finds k keys with large inner products (`index.Index.search`)."""
        count = len(self._positions_N)
        k = min(k, count)
        if len(queries_QxE) == 0 or k == 0:
            return Retrieved(
                np.empty((len(queries_QxE), k), np.int64), np.empty((len(queries_QxE), k), np.float32)
            )
        queries_QxE = np.ascontiguousarray(queries_QxE, np.float32)
        reranked = max(_RERANKED, 4 * k)
        numbers_QxK, scores_QxK = self._searcher.search_batched(queries_QxE, k, reranked)
        # NaN marks what is missing when the partitions that were searched hold fewer than k keys.
        if np.isnan(scores_QxK).any():
            everywhere = _leaves(count)
            numbers_QxK, scores_QxK = self._searcher.search_batched(queries_QxE, k, count, everywhere)
        return Retrieved(self._positions_N[numbers_QxK], np.asarray(scores_QxK, np.float32))

    def update(self, positions_N: np.ndarray, read_keys: ReadKeys) -> "ScannIndex | UpdatedIndex | None":
        """Returns an index of another version of the bank, or None where building a new one pays.

        Args:
            positions_N: int64, of all passages of that version.
            read_keys: called with the positions that are not in this index, where there are any.
        """
        added_M = np.setdiff1d(positions_N, self._positions_N, assume_unique=True)
        gone_M = np.setdiff1d(self._positions_N, positions_N, assume_unique=True)
        if len(added_M) >= SCANN_MIN_DOCUMENTS or 2 * len(gone_M) > len(self):
            return None
        if not len(added_M) and not len(gone_M):
            return self
        change = f"{len(added_M):,} came, searched exactly, and {len(gone_M):,} went"
        sound_M, keys_MxE = read_keys(added_M) if len(added_M) else (added_M, np.empty((0, 0), np.float32))
        return UpdatedIndex(
            self, gone_M, ExactIndex(sound_M, keys_MxE, f"{self.reason}; since then {change}")
        )

    def write(self, folder: pathlib.Path) -> None:
        """Writes the index's files into an empty folder."""
        self._searcher.serialize(str(folder), relative_path=True)
        np.save(folder / _POSITIONS, self._positions_N)

    @classmethod
    def read(cls, folder: pathlib.Path) -> "ScannIndex":
        """Reads what `write` wrote. ScaNN checks nothing, so the caller vouches for the files (`kept`).

        Raises:
            OSError, EOFError, ValueError, RuntimeError: the files are incomplete or damaged.
            ImportError: ScaNN is not installed.
        """
        positions_N = np.load(folder / _POSITIONS)
        with _quiet_stderr():
            searcher = load_scann().load_searcher(str(folder))
        return cls(positions_N, searcher, f"ScaNN: {len(positions_N):,} documents, loaded")


class UpdatedIndex:
    """A ScaNN index of another version of the bank, without passages that have gone, with those added since.

    Attributes:
        kind: "scann".
        reason: why search goes by ScaNN, and what has changed since the index was built.
    """

    kind = "scann"

    def __init__(self, base: ScannIndex, gone_M: np.ndarray, added: ExactIndex):
        """Use `ScannIndex.update`."""
        self.reason = added.reason
        self._base, self._gone_M, self._added = base, gone_M, added

    def search(self, queries_QxE: np.ndarray, k: int) -> Retrieved:
        """Finds k keys with large inner products (`index.Index.search`)."""
        parts = self._search_base(queries_QxE, k), self._added.search(queries_QxE, k)
        both = Retrieved(*(np.concatenate(part, axis=1) for part in zip(*parts, strict=True)))
        return _take(both, np.argsort(-both.scores_QxK, axis=1, kind="stable")[:, :k])

    def _search_base(self, queries_QxE: np.ndarray, k: int) -> Retrieved:
        """Searches for more and more keys until k of them are of passages that are still there."""
        wanted = k = min(k, len(self._base) - len(self._gone_M))
        while True:
            retrieved = self._base.search(queries_QxE, wanted)
            here_QxK = ~np.isin(retrieved.positions_QxK, self._gone_M)
            if (here_QxK.sum(axis=1) >= k).all():
                return _take(retrieved, np.argsort(~here_QxK, axis=1, kind="stable")[:, :k])
            wanted = min(2 * wanted, len(self._base))


def load_scann() -> Any:
    """Returns ScaNN's Python interface.

    Raises:
        ImportError: ScaNN is not installed; its wheel exists for Linux only.
    """
    return importlib.import_module("scann").scann_ops_pybind


def _take(retrieved: Retrieved, columns_QxK: np.ndarray) -> Retrieved:
    return Retrieved(*(np.take_along_axis(part, columns_QxK, axis=1) for part in retrieved))


def _leaves(count: int) -> int:
    return max(1, round(count**0.5))


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Hides what ScaNN's C++ code logs, which no setting turns off. Its errors are raised all the same."""
    stderr = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
