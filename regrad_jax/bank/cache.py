"""Packed rows that were read last, in memory.

TensorStore caches chunks too, but looks for each in its tree and hands it over between threads, which takes
several times as long as copying three rows.
"""

import collections
import threading
from collections.abc import Callable, Sequence

import numpy as np

from regrad_jax.bank.storage.shards import State


class RowCache:
    """Rows of one state of a bank; the least recently used go first. Threads may share it."""

    def __init__(self, packed_bytes: int, limit_bytes: int):
        """Holds nothing yet.

        Args:
          packed_bytes: C, bytes in a row.
          limit_bytes: of all rows that are held; one is, whatever its size.
        """
        self._packed_bytes = packed_bytes
        self._most = limit_bytes // packed_bytes
        self._state: State | None = None
        self._rows: collections.OrderedDict[int, np.ndarray] = collections.OrderedDict()
        self._lock = threading.Lock()

    def read(
        self, state: State, positions: Sequence[int], read: Callable[[np.ndarray], np.ndarray]
    ) -> np.ndarray:
        """Returns packed_KxC, uint8, of K positions, repeats among them.

        Args:
          state: of the bank that is read. Rows of another are dropped: their documents may be gone.
          positions: K of them.
          read: M positions, int64 -> packed_MxC; called once at most, with those that are not held. What it
            raises is raised here, and nothing is held of it.
        """
        with self._lock:
            if state != self._state:
                self._state = state
                self._rows.clear()
            found = {p: self._rows[p] for p in positions if p in self._rows}
            for position in found:
                self._rows.move_to_end(position)
        if missing := [p for p in dict.fromkeys(positions) if p not in found]:
            read_MxC = read(np.array(missing, np.int64))
            found |= dict(zip(missing, read_MxC, strict=True))
            if len(missing) <= max(1, self._most // 4):  # who reads more goes through all rows once
                self._hold(state, missing, read_MxC)
        packed_KxC = np.empty((len(positions), self._packed_bytes), np.uint8)
        for place, position in enumerate(positions):
            packed_KxC[place] = found[position]
        return packed_KxC

    def _hold(self, state: State, positions: Sequence[int], packed_MxC: np.ndarray) -> None:
        with self._lock:
            if state != self._state:
                return
            while self._rows and len(self._rows) + len(positions) > self._most:
                self._rows.popitem(last=False)
            for position, row in zip(positions, packed_MxC, strict=True):
                self._rows[position] = row.copy()  # a row must not keep the array that it was read with
