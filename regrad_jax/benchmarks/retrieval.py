"""Measures exact search against ScaNN, to choose `retrieval.scann.SCANN_MIN_DOCUMENTS`."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from regrad_jax import machine
from regrad_jax.retrieval.index import build_index

_WIDTH = 384
_QUERIES = 100
_NEIGHBOURS = 10
_REPEATS = 7


def measure(sizes: Sequence[int], seed: int = 0) -> list[dict[str, Any]]:
    """Times both kinds of index on random keys, with noisy copies of some of the keys as queries.

    Independent random keys are the hardest case for recall beyond the first neighbour, since all keys but
    the first are equally far from a query.

    Args:
        sizes: numbers of documents.
        seed: of the random keys.

    Returns:
        For each size: `documents`; `exact_ms_1` and `scann_ms_1`, milliseconds for one query;
        `exact_ms_100` and `scann_ms_100`, milliseconds for 100 queries in one call; `scann_build_s`, seconds;
        `recall_at_1` and `recall_at_10` of ScaNN against exact search.

    Raises:
        UserError: ScaNN is not installed.
    """
    rng = np.random.default_rng(seed)
    return [_measure_one(size, rng) for size in sizes]


def _measure_one(size: int, rng: np.random.Generator) -> dict[str, Any]:
    keys_NxE = _unit(rng.standard_normal((size, _WIDTH), np.float32))
    noise_QxE = _unit(rng.standard_normal((_QUERIES, _WIDTH), np.float32))
    queries_QxE = _unit(keys_NxE[rng.integers(0, size, _QUERIES)] + 0.5 * noise_QxE)
    positions_N = np.arange(size)

    exact = build_index(positions_N, keys_NxE, "exact")
    start = time.perf_counter()
    scann = build_index(positions_N, keys_NxE, "scann")
    build_s = time.perf_counter() - start

    truth_QxK, _ = exact.search(queries_QxE, _NEIGHBOURS)
    found_QxK, _ = scann.search(queries_QxE, _NEIGHBOURS)
    shared = [len(np.intersect1d(t, f)) for t, f in zip(truth_QxK, found_QxK, strict=True)]
    return {
        "documents": size,
        "exact_ms_1": _milliseconds(lambda: exact.search(queries_QxE[:1], _NEIGHBOURS)),
        "exact_ms_100": _milliseconds(lambda: exact.search(queries_QxE, _NEIGHBOURS)),
        "scann_ms_1": _milliseconds(lambda: scann.search(queries_QxE[:1], _NEIGHBOURS)),
        "scann_ms_100": _milliseconds(lambda: scann.search(queries_QxE, _NEIGHBOURS)),
        "scann_build_s": build_s,
        "recall_at_1": float(np.mean(truth_QxK[:, 0] == found_QxK[:, 0])),
        "recall_at_10": sum(shared) / truth_QxK.size,
    }


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _milliseconds(call: Callable[[], object]) -> float:
    return 1e3 * machine.median_seconds(call, _REPEATS)
