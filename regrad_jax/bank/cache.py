"""The packed rows that were read last, in memory.

TensorStore can cache chunks too. But it looks for each chunk in its tree and hands it over between threads,
which takes several times as long as copying three rows.
"""

import collections
import threading
from collections.abc import Callable, Sequence

import numpy as np

from regrad_jax.bank.storage.history import State

ROW_CACHE_BYTES = 32 * 1024 * 1024  # of a bank, by default


class RowCache:
    """Rows of one state of a bank. The least recently used rows go first. Threads may share a cache."""

    def __init__(self, packed_bytes: int, limit_bytes: int):
        """Makes an empty cache.

        Args:
            packed_bytes: C, bytes in a row.
            limit_bytes: of all rows in the cache. One row is kept, whatever its size.
        """
        self._packed_bytes = packed_bytes
        self._most = limit_bytes // packed_bytes
        self._state: State | None = None
        self._rows: collections.OrderedDict[int, np.ndarray] = collections.OrderedDict()
        self._lock = threading.Lock()

    def read(
        self, state: State, positions: Sequence[int], read: Callable[[np.ndarray], np.ndarray]
    ) -> np.ndarray:
        """Returns rows, from memory as far as they are there.

        Args:
            state: of the bank that is read. Rows of another state are dropped: their documents may be gone.
            positions: K of them, repeats among them.
            read: positions_M, int64 -> packed_MxC. It is called at most once, with the positions that are not
                in memory. What it raises is raised here, and nothing of this read stays in memory.

        Returns:
            packed_KxC, uint8.
        """
        with self._lock:
            if state != self._state:
                self._state = state
                self._rows.clear()
            cached = {p: self._rows[p] for p in positions if p in self._rows}
            for position in cached:
                self._rows.move_to_end(position)
        if missing := [p for p in dict.fromkeys(positions) if p not in cached]:
            read_MxC = read(np.array(missing, np.int64))
            cached |= dict(zip(missing, read_MxC, strict=True))
            if len(missing) <= max(1, self._most // 4):  # whoever reads more goes through all rows once
                self._keep(state, missing, read_MxC)
        packed_KxC = np.empty((len(positions), self._packed_bytes), np.uint8)
        for place, position in enumerate(positions):
            packed_KxC[place] = cached[position]
        return packed_KxC

    def _keep(self, state: State, positions: Sequence[int], packed_MxC: np.ndarray) -> None:
        with self._lock:
            if state != self._state:
                return
            while self._rows and len(self._rows) + len(positions) > self._most:
                self._rows.popitem(last=False)
            for position, row in zip(positions, packed_MxC, strict=True):
                self._rows[position] = row.copy()  # a view would keep the whole array alive
