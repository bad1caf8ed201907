"""Keys in clusters, and a source of keys that says which it was asked for."""

import os

import numpy as np

from regrad_jax.retrieval.index import Index, Kind, open_index

E = 48


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def clustered(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Positions with gaps (as deletions leave them), and keys in clusters of about twenty."""
    rng = np.random.default_rng(seed)
    centres = unit(rng.standard_normal((max(1, count // 20), E)))
    noise = unit(rng.standard_normal((count, E)))
    keys = unit(centres[rng.integers(0, len(centres), count)] + 0.7 * noise)
    return 3 * np.arange(count, dtype=np.int64) + 10, keys


def queries_near(keys_NxE: np.ndarray, count: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = unit(rng.standard_normal((count, E)))
    return unit(keys_NxE[rng.integers(0, len(keys_NxE), count)] + 0.5 * noise)


class FakeSource:
    """A version of a bank whose keys are those of `clustered`; `read` says how many were asked for.

    Attributes:
        damaged: positions whose keys cannot be read.
    """

    def __init__(self, count: int, index_folder: str | os.PathLike[str], version: int = 1):
        self.index_folder, self.state, self.read_only = str(index_folder), (version,), False
        self.damaged: list[int] = []
        self.read: list[int] = []
        self._all, self._keys = clustered(count)
        self._here = np.arange(count)

    def at(self, version: int, here: np.ndarray, read_only: bool = False) -> "FakeSource":
        """Returns this source at a version that holds the documents of these numbers."""
        self.state, self._here, self.read_only = (version,), here, read_only
        return self

    def open(self, version: int, here: np.ndarray, kind: Kind = "auto", read_only: bool = False) -> Index:
        """Opens the index of a version (`at`)."""
        return open_index(self.at(version, here, read_only), kind)

    def positions(self) -> np.ndarray:
        return self._all[self._here]

    def keys(self, positions_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.read.append(len(positions_N))
        sound_M = positions_N[~np.isin(positions_N, self.damaged)]
        return sound_M, self._keys[np.searchsorted(self._all, sound_M)]

    def texts(self, positions) -> dict[int, str]:
        """Every passage but the damaged ones says its position."""
        return {int(p): f"This is passage {p}." for p in positions if p not in self.damaged}
