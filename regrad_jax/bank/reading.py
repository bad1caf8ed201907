"""Reading the rows and keys of a bank."""

import functools
from collections.abc import Sequence

import jax
import numpy as np

from regrad_jax.adaptation.codecs import CODECS
from regrad_jax.bank.cache import RowCache
from regrad_jax.bank.contents import Contents
from regrad_jax.bank.manifest import Manifest
from regrad_jax.bank.storage.errors import DamagedError
from regrad_jax.bank.storage.shards import Shards
from regrad_jax.errors import UserError


class Reader:
    """Reads rows and keys, and says which of them are damaged. The methods are as those of `Bank`."""

    def __init__(self, manifest: Manifest, shards: Shards, contents: Contents, cache_bytes: int):
        """Takes the bank's parts.

        Args:
            manifest: the bank's fixed facts.
            shards: of the bank.
            contents: of the bank; they tell a damaged document from one that is not there.
            cache_bytes: of rows that may stay in memory.
        """
        self._shards, self._contents = shards, contents
        self._row_length, self._packed_bytes = manifest.row_length, manifest.packed_bytes
        self._cache = RowCache(manifest.packed_bytes, cache_bytes)
        self._decode = jax.jit(CODECS[manifest.codec].decode, static_argnames="length")

    def keys(self, positions_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `Bank.keys`."""
        try:
            return positions_N, self._shards.read("keys", positions_N)
        except DamagedError as error:
            positions_N = positions_N[~np.isin(positions_N, error.positions)]
            return positions_N, self._shards.read("keys", positions_N)

    def packed(self, positions: Sequence[int] | np.ndarray) -> np.ndarray:
        """As `Bank.read_packed`."""
        try:
            return self._read(positions)
        except DamagedError as error:
            names = self._contents.names(error.positions) or "documents"
            raise UserError(
                f"bank {self._shards.place}: the stored rows of {names} are damaged ({error}): delete these "
                "(`regrad bank delete --damaged`) and build them again"
            ) from error

    def sound(self, positions: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `Bank.read_sound`."""
        positions_K = np.asarray(positions, np.int64)
        sound_K = np.ones(len(positions_K), bool)
        while True:  # a row in the cache is looked for on the disk only after it has left the cache
            try:
                sound_SxC = self._read(positions_K[sound_K])
                break
            except DamagedError as error:
                damaged_K = np.isin(positions_K, error.positions)
                if not (damaged_K & sound_K).any():
                    raise
                sound_K &= ~damaged_K
        if sound_K.all():  # spares a copy
            return sound_SxC, sound_K
        packed_KxC = np.zeros((len(positions_K), self._packed_bytes), np.uint8)
        packed_KxC[sound_K] = sound_SxC
        return packed_KxC, sound_K

    def rows(self, positions: Sequence[int] | np.ndarray) -> jax.Array:
        """As `Bank.read_rows`."""
        return self._decode(self.packed(positions), length=self._row_length)

    def _read(self, positions: Sequence[int] | np.ndarray) -> np.ndarray:
        """Reads rows as the shards do, but tells a damaged document from one that is not there at all."""
        wanted = np.asarray(positions, np.int64).tolist()
        try:
            return self._cache.read(self._shards.state, wanted, functools.partial(self._shards.read, "rows"))
        except DamagedError:
            for position in wanted:
                if position not in self._contents:
                    place = self._shards.place
                    raise UserError(f"bank {place} has no document at position {position}") from None
            raise
