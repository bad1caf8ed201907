"""Finding the documents nearest to a question, by inner product of unit keys.

Exact search is one matrix product. ScaNN partitions the keys, scores quantised ones in the nearest
partitions and rescores the best with the keys themselves: faster on large banks, at the price of
seconds to build it and, now and then, a missed neighbour. `build_index` chooses, and says why.

A ScaNN index is kept under `FOLDER/VERSION/`, VERSION being the bank's version that it was made of. It
is written beside its place and renamed into it, so that a folder with a version's name is complete;
it can be deleted at any time, since it is made again from the keys.

A bank never uses a position twice, so an index that is kept serves every other version too: what has come
since is searched exactly beside it, and what has gone is left out of what it finds. It is made anew when
that would no longer pay.
"""

import contextlib
import hashlib
import importlib
import os
import pathlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from regrad_jax.errors import UserError

# Measured by benchmarks/retrieval.py on two cores, width 384, milliseconds a query:
#
#   documents      exact: 1 query, in 100      ScaNN: 1 query, in 100, seconds to build
#       1,000            0.06, 0.01                   0.02, 0.01, 0.2
#       5,000            0.15, 0.07                   0.03, 0.02, 0.6
#      20,000            1.3,  0.27                   0.07, 0.05, 2
#     100,000            7 to 13, 1.4                 0.2,  0.15, 12
#
# ScaNN is faster nearly everywhere, but below this size exact search takes about a millisecond of a
# question's hundreds, and thousands of questions would not earn back the building.
SCANN_MIN_DOCUMENTS = 20_000

_SCANN_TRAINABLE = 16  # clusters of a product-quantisation block; ScaNN refuses fewer keys
_RERANKED = 100  # candidates rescored with exact keys, at least
_LEAVES_SEARCHED = 5  # a fifth of the partitions
_QUERY_BLOCK = 1 << 24  # scores held in memory at once
_DIGEST = "sha256"  # the file that vouches for an index's other files
_DRAFT_SECONDS = 3600

Kind = Literal["auto", "exact", "scann"]
Version = tuple[int, ...]  # of a bank, exactly: commits of each of its shards
ReadKeys = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]  # positions -> the sound ones, keys_NxE


class Source(NamedTuple):
    """What an index is made of: the keys of one version of a bank.

    Attributes:
      folder: where indexes of the bank are kept (`Bank.index_folder`).
      version: of the bank.
      list_positions: returns positions_N of that version, int64.
      read_keys: called with those whose keys the index needs.
    """

    folder: str | os.PathLike[str]
    version: Version
    list_positions: Callable[[], np.ndarray]
    read_keys: ReadKeys


class Index(Protocol):
    """What answers a search.

    Attributes:
      kind: "exact" or "scann".
      reason: a sentence that says why this kind.
    """

    kind: str
    reason: str

    def search(self, queries_QxE: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Finds the documents with the largest inner products, best first.

        Args:
          queries_QxE: unit vectors, float32.
          k: how many for each query; more than there are documents gives all documents.

        Returns:
          positions_Qxk int64 and scores_Qxk float32.
        """
        ...


class ExactIndex:
    """Scores every key."""

    kind = "exact"

    def __init__(self, positions_N: np.ndarray, keys_NxE: np.ndarray, reason: str):
        """Takes the keys as they are; `reason` as in `Index`."""
        self.reason = reason
        self._positions_N = np.asarray(positions_N, np.int64)
        self._keys_NxE = np.asarray(keys_NxE, np.float32)

    def search(self, queries_QxE: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """As `Index.search`."""
        count, k = len(self._positions_N), min(k, len(self._positions_N))
        found = np.empty((len(queries_QxE), k), np.int64)
        scores = np.empty((len(queries_QxE), k), np.float32)
        if k == 0:
            return found, scores
        block = max(1, _QUERY_BLOCK // count)
        for start in range(0, len(queries_QxE), block):
            rows = slice(start, start + block)
            scores_BxN = np.asarray(queries_QxE[rows], np.float32) @ self._keys_NxE.T
            best_BxK = np.argpartition(scores_BxN, count - k, axis=1)[:, count - k :]
            best_scores_BxK = np.take_along_axis(scores_BxN, best_BxK, axis=1)
            order_BxK = np.argsort(-best_scores_BxK, axis=1)
            found[rows] = self._positions_N[np.take_along_axis(best_BxK, order_BxK, axis=1)]
            scores[rows] = np.take_along_axis(best_scores_BxK, order_BxK, axis=1)
        return found, scores


class ScannIndex:
    """Tree, asymmetric hashing and rescoring: Guo et al., arXiv 1908.10396."""

    kind = "scann"

    def __init__(self, positions_N: np.ndarray, searcher: Any, reason: str):
        """Use `ScannIndex.build` or `ScannIndex.load`."""
        self.reason = reason
        self._positions_N = np.asarray(positions_N, np.int64)
        self._searcher = searcher

    @classmethod
    def build(cls, positions_N: np.ndarray, keys_NxE: np.ndarray, reason: str) -> "ScannIndex":
        """Trains and fills the index.

        Args:
          positions_N: int64.
          keys_NxE: unit vectors, float32, at least 16 of them.
          reason: as in `Index`.
        """
        leaves = _leaves(len(keys_NxE))
        keys_NxE = np.ascontiguousarray(keys_NxE, np.float32)
        builder = _scann().builder(keys_NxE, _RERANKED, "dot_product")
        builder = builder.tree(
            num_leaves=leaves,
            num_leaves_to_search=max(1, leaves // _LEAVES_SEARCHED),
            training_sample_size=min(len(keys_NxE), 100_000),
        )
        builder = builder.score_ah(2, anisotropic_quantization_threshold=0.2).reorder(_RERANKED)
        with _quiet_stderr():
            return cls(positions_N, builder.build(), reason)

    def search(self, queries_QxE: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """As `Index.search`."""
        count = len(self._positions_N)
        k = min(k, count)
        if len(queries_QxE) == 0 or k == 0:
            return np.empty((len(queries_QxE), k), np.int64), np.empty((len(queries_QxE), k), "f4")
        queries_QxE = np.ascontiguousarray(queries_QxE, np.float32)
        reranked = max(_RERANKED, 4 * k)
        found, scores = self._searcher.search_batched(queries_QxE, k, reranked)
        # NaN marks what is missing when the partitions searched hold fewer than k documents.
        if np.isnan(scores).any():
            everywhere = _leaves(count)
            found, scores = self._searcher.search_batched(queries_QxE, k, count, everywhere)
        return self._positions_N[found], np.asarray(scores, np.float32)

    def __len__(self) -> int:
        return len(self._positions_N)

    def update(self, positions_N: np.ndarray, read_keys: ReadKeys) -> "ScannIndex | UpdatedIndex | None":
        """Returns an index of these documents, or None where making one anew pays.

        Args:
          positions_N: int64, of all documents that are to be found.
          read_keys: called with those that are not in the index, where there are any.
        """
        fresh_M = np.setdiff1d(positions_N, self._positions_N, assume_unique=True)
        gone_M = np.setdiff1d(self._positions_N, positions_N, assume_unique=True)
        if len(fresh_M) >= SCANN_MIN_DOCUMENTS or 2 * len(gone_M) > len(self):
            return None
        if not len(fresh_M) and not len(gone_M):
            return self
        came = f"{len(fresh_M):,} came, searched exactly, and {len(gone_M):,} went"
        sound_M, keys_MxE = read_keys(fresh_M) if len(fresh_M) else (fresh_M, np.empty((0, 0), np.float32))
        return UpdatedIndex(self, gone_M, ExactIndex(sound_M, keys_MxE, f"{self.reason}; since then {came}"))

    def save(self, folder: str | os.PathLike[str], version: Version) -> None:
        """Keeps the index for `load`, in place of those of other versions.

        Args:
          folder: made when absent.
          version: of the bank that the index covers.
        """
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".") as scratch:
            draft = pathlib.Path(scratch, "index")
            draft.mkdir()
            self._searcher.serialize(str(draft), relative_path=True)
            np.save(draft / "positions.npy", self._positions_N)
            (draft / _DIGEST).write_text(_digest(draft))
            shutil.rmtree(folder / _name(version), ignore_errors=True)  # a damaged one
            # Where the name is taken again, another process has just saved the same index.
            with contextlib.suppress(OSError):
                os.rename(draft, folder / _name(version))
        for other in folder.glob("[0-9]*"):
            if other.name != _name(version):
                shutil.rmtree(other, ignore_errors=True)
        for draft in folder.glob(".*"):  # of processes that were killed; young ones may be at work
            with contextlib.suppress(FileNotFoundError):
                if time.time() - draft.stat().st_mtime > _DRAFT_SECONDS:
                    shutil.rmtree(draft, ignore_errors=True)

    @classmethod
    def load(cls, folder: str | os.PathLike[str], version: Version) -> "tuple[ScannIndex, bool] | None":
        """Returns the index that is kept, and whether it was made of this version of the bank.

        Where there are several, that of this version or else the newest; None where there is no sound one.
        """
        own = pathlib.Path(folder, _name(version))
        for home in [own, *sorted(pathlib.Path(folder).glob("[0-9]*"), reverse=True)]:
            if index := cls._load(home):
                return index, home == own
        return None

    @classmethod
    def _load(cls, home: pathlib.Path) -> "ScannIndex | None":
        if not home.is_dir():
            return None
        try:
            if (home / _DIGEST).read_text() != _digest(home):
                return None
            positions_N = np.load(home / "positions.npy")
            with _quiet_stderr():
                searcher = _scann().load_searcher(str(home))
        # Half deleted by a newer save, damaged, or carried to a machine without ScaNN.
        except (OSError, EOFError, ValueError, RuntimeError, ImportError):
            return None
        return cls(positions_N, searcher, f"ScaNN: {len(positions_N):,} documents, loaded")


class UpdatedIndex:
    """A ScaNN index of another version of the bank, less what has gone, and what has come."""

    kind = "scann"

    def __init__(self, base: ScannIndex, gone_M: np.ndarray, fresh: ExactIndex):
        """Use `ScannIndex.update`."""
        self.reason = fresh.reason
        self._base, self._gone_M, self._fresh = base, gone_M, fresh

    def search(self, queries_QxE: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """As `Index.search`."""
        parts = self._search_base(queries_QxE, k), self._fresh.search(queries_QxE, k)
        found, scores = (np.concatenate(part, axis=1) for part in zip(*parts, strict=True))
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(found, best, axis=1), np.take_along_axis(scores, best, axis=1)

    def _search_base(self, queries_QxE: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        wanted = k = min(k, len(self._base) - len(self._gone_M))
        while True:
            found, scores = self._base.search(queries_QxE, wanted)
            here = ~np.isin(found, self._gone_M)
            if (here.sum(axis=1) >= k).all():
                break
            wanted = min(2 * wanted, len(self._base))
        first = np.argsort(~here, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(found, first, axis=1), np.take_along_axis(scores, first, axis=1)


def build_index(positions_N: np.ndarray, keys_NxE: np.ndarray, kind: Kind = "auto") -> Index:
    """Makes the index that pays for this many documents, or the one asked for.

    Args:
      positions_N: int64.
      keys_NxE: unit vectors, float32.
      kind: "exact", "scann", or "auto" to choose by size and by whether ScaNN is installed.

    Raises:
      UserError: ScaNN is asked for and cannot be had.
    """
    count = len(positions_N)
    if kind == "exact":
        return ExactIndex(positions_N, keys_NxE, f"exact search: {count:,} documents, as asked")
    if kind == "auto" and count < SCANN_MIN_DOCUMENTS:
        reason = f"exact search: {count:,} documents, ScaNN pays from {SCANN_MIN_DOCUMENTS:,}"
        return ExactIndex(positions_N, keys_NxE, reason)
    try:
        _scann()
    except ImportError as error:
        advice = "ScaNN is not installed (pip install scann; Linux only)"
        if kind == "scann":
            raise UserError(f"{advice}: install it, or use exact search") from error
        return ExactIndex(positions_N, keys_NxE, f"exact search: {count:,} documents, {advice}")
    if count < _SCANN_TRAINABLE:
        raise UserError(
            f"ScaNN cannot be trained on {count} documents, only on {_SCANN_TRAINABLE} or more: "
            "use exact search"
        )
    return ScannIndex.build(positions_N, keys_NxE, f"ScaNN: {count:,} documents")


def open_index(source: Source, kind: Kind = "auto", keep: bool = True) -> Index:
    """Loads the index that is kept of a bank, and brings it up to date; otherwise makes one, and keeps it.

    Args:
      source: the bank's keys.
      kind: as for `build_index`.
      keep: whether what is made takes the place of what is kept, as an older version's must not.

    Raises:
      UserError: as `build_index`.
    """
    if kind != "exact" and (kept := ScannIndex.load(source.folder, source.version)):
        index, is_of_version = kept
        if is_of_version:
            return index
        if updated := index.update(source.list_positions(), source.read_keys):
            return updated
    return make_index(source, kind, keep)


def make_index(source: Source, kind: Kind = "auto", keep: bool = True) -> Index:
    """Makes the index of a bank anew, whatever is kept; otherwise as `open_index`.

    Exact search needs nothing but the keys, so nothing is kept for it; where that is what pays, an index that
    is kept goes.
    """
    index = build_index(*source.read_keys(source.list_positions()), kind)
    with contextlib.suppress(OSError):  # a bank that may only be read still answers
        if keep and isinstance(index, ScannIndex):
            index.save(source.folder, source.version)
        elif keep and kind == "auto":
            shutil.rmtree(source.folder, ignore_errors=True)
    return index


def _digest(folder: pathlib.Path) -> str:
    """Returns the sha256 of an index's files. ScaNN checks nothing: it would return wrong documents."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.name != _DIGEST:
            with path.open("rb") as file:
                digest.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _name(version: Version) -> str:
    name = f"{sum(version):08d}"
    if len(version) > 1:
        name += "-" + hashlib.sha256(repr(version).encode()).hexdigest()[:16]
    return name


def _leaves(count: int) -> int:
    return max(1, round(count**0.5))


def _scann() -> Any:
    # Imported when first needed: the wheel exists for Linux only.
    return importlib.import_module("scann").scann_ops_pybind


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Hides what ScaNN's C++ side logs, which no setting turns off; its errors are raised."""
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
