"""The index that a bank is searched by: chosen by size, loaded where one is kept, built where none is."""

import contextlib
import functools
import logging
from typing import Literal, Protocol

import numpy as np

from regrad_jax.errors import UserError
from regrad_jax.retrieval import kept, scann
from regrad_jax.retrieval.base import KeySource, Retrieved
from regrad_jax.retrieval.exact import ExactIndex
from regrad_jax.retrieval.scann import ScannIndex

_logger = logging.getLogger(__name__)

Kind = Literal["auto", "exact", "scann"]


class Index(Protocol):
    """What answers a search by keys.

    Attributes:
        kind: "exact" or "scann".
        reason: a sentence that says why this kind.
    """

    kind: str
    reason: str

    def search(self, queries_QxE: np.ndarray, k: int) -> Retrieved:
        """Finds the documents with the largest inner products, best first.

        Args:
            queries_QxE: unit vectors, float32.
            k: how many for each query; more than there are documents gives all documents.
        """
        ...


def build_index(positions_N: np.ndarray, keys_NxE: np.ndarray, kind: Kind = "auto") -> Index:
    """Builds the index that pays for this many documents, or one of the given kind.

    Args:
        positions_N: int64.
        keys_NxE: unit vectors, float32.
        kind: "exact", "scann", or "auto" to choose by size and by whether ScaNN is installed.

    Raises:
        UserError: `kind` is "scann", and ScaNN is not installed or cannot be trained on so few keys.
    """
    count = len(positions_N)
    if kind == "exact":
        return ExactIndex(positions_N, keys_NxE, f"exact search: {count:,} documents, as asked")
    if kind == "auto" and count < scann.SCANN_MIN_DOCUMENTS:
        reason = f"exact search: {count:,} documents, ScaNN pays from {scann.SCANN_MIN_DOCUMENTS:,}"
        return ExactIndex(positions_N, keys_NxE, reason)
    try:
        scann.load_scann()
    except ImportError as error:
        advice = "ScaNN is not installed (pip install scann; Linux only)"
        if kind == "scann":
            raise UserError(f"{advice}: install it, or use exact search") from error
        return ExactIndex(positions_N, keys_NxE, f"exact search: {count:,} documents, {advice}")
    if count < scann.SCANN_TRAINABLE:
        raise UserError(
            f"ScaNN cannot be trained on {count} documents, only on {scann.SCANN_TRAINABLE} or more: "
            "use exact search"
        )
    return ScannIndex.build(positions_N, keys_NxE, f"ScaNN: {count:,} documents")


def open_index(source: KeySource, kind: Kind = "auto") -> Index:
    """Loads the index that is kept of a bank, and brings it up to date; otherwise as `make_index`.

    Args:
        source: the bank's keys.
        kind: as for `build_index`.

    Raises:
        UserError: as `build_index`.
    """
    if kind != "exact" and (loaded := kept.load(source.index_folder, source.state)):
        if loaded.is_of_version:
            return loaded.scann_index
        read_keys = functools.partial(_read_keys, source)
        if updated := loaded.scann_index.update(source.positions(), read_keys):
            return updated
    return make_index(source, kind)


def make_index(source: KeySource, kind: Kind = "auto") -> Index:
    """Builds the index of a bank anew, whatever is kept, and keeps it; arguments as for `open_index`.

    Exact search needs nothing but the keys, so no index is kept for it. Where `kind` is "auto" and exact
    search pays, a kept index is removed. The index of an older version is not kept.
    """
    index = build_index(*_read_keys(source, source.positions()), kind)
    if source.read_only:
        return index
    if isinstance(index, ScannIndex):
        with contextlib.suppress(OSError):  # a bank that this user may only read still answers
            kept.save(index, source.index_folder, source.state)
    elif kind == "auto":
        kept.remove(source.index_folder)
    return index


def _read_keys(source: KeySource, positions_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sound_M, keys_MxE = source.keys(positions_N)
    if lost := len(positions_N) - len(sound_M):
        _logger.warning(
            "%s: %d of the bank's retrieval keys are damaged, and search passes over their documents; see "
            "`regrad bank verify`",
            source.index_folder,
            lost,
        )
    return sound_M, keys_MxE
