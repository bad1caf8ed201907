"""A bank's rows held in device memory, cut over the local devices: a question then reads no row.

The gather stands inside the compiled step (`answering.Answerer.adapt`), and packed rows are what is held.
"""

import time
from typing import NamedTuple

import jax
import numpy as np

from regrad_jax.bank.bank import Bank
from regrad_jax.engine.devices import stack
from regrad_jax.errors import UserError
from regrad_jax.progress import Progress, to_stderr

_READ_AT_ONCE = 1024  # rows
_TELL_EVERY = 5  # seconds


class Resident(NamedTuple):
    """All rows of one version of a bank.

    Attributes:
        packed_DxRxC: uint8, as stored; D local devices hold R rows each, the last of them maybe fewer and
            zeros behind.
        positions_N: int64, increasing: the bank's positions that stand in places 0 to N - 1.
        sound_N: bool, false where a row is damaged; zeros stand for it.
    """

    packed_DxRxC: jax.Array
    positions_N: np.ndarray
    sound_N: np.ndarray

    @classmethod
    def load(cls, bank: Bank, progress: Progress = to_stderr) -> "Resident":
        """Reads every row of the bank's present version, and its records, which the bank then has in memory.

        Args:
            bank: whose rows to hold.
            progress: takes a line of text every few seconds.

        Raises:
            UserError: the bank is empty, or its rows do not fit into the memory that the devices have left.
        """
        positions_N = bank.positions()
        if not len(positions_N):
            raise UserError(f"bank {bank.place} is empty; there is nothing to hold in memory")
        devices = jax.local_devices()
        each = -(-len(positions_N) // len(devices))
        _require(bank, each * bank.packed_bytes, devices)
        _ = bank.records
        sound_N = np.ones(len(positions_N), bool)
        parts, told, began = [], time.monotonic(), time.monotonic()
        for number, device in enumerate(devices):
            part_RxC = np.zeros((each, bank.packed_bytes), np.uint8)
            end = min((number + 1) * each, len(positions_N))
            for start in range(number * each, end, _READ_AT_ONCE):
                some = slice(start, min(start + _READ_AT_ONCE, end))
                place = slice(some.start - number * each, some.stop - number * each)
                part_RxC[place], sound_N[some] = bank.read_sound(positions_N[some])
                if time.monotonic() - told > _TELL_EVERY:
                    told, rate = time.monotonic(), some.stop / (time.monotonic() - began)
                    left = (len(positions_N) - some.stop) / rate
                    progress(f"{some.stop:,}/{len(positions_N):,} rows, {rate:.0f}/s, {left:.0f} s left")
            parts.append(jax.device_put(part_RxC[None], device))
        return cls(stack(parts), positions_N, sound_N)

    @property
    def bytes_a_device(self) -> int:
        _, rows, width = self.packed_DxRxC.shape
        return rows * width

    def places(self, positions_K: np.ndarray) -> np.ndarray:
        """Returns where these positions of the bank stand here, as int32."""
        places_K = np.minimum(np.searchsorted(self.positions_N, positions_K), len(self.positions_N) - 1)
        if np.any(self.positions_N[places_K] != positions_K):
            raise UserError("the rows in memory are of another version of the bank; hold it again")
        return places_K.astype(np.int32)


def _require(bank: Bank, wanted: int, devices: list[jax.Device]) -> None:
    for device in devices:
        stats = device.memory_stats()  # None where the device does not tell, as a CPU
        limit = (stats or {}).get("bytes_limit")
        # What generation needs beside the model is left out: a bank that only just fits may still not do.
        if limit and wanted > (left := limit - stats["bytes_in_use"]):
            raise UserError(
                f"bank {bank.place}: {wanted / 2**30:.1f} GiB of rows a device do not fit into the "
                f"{left / 2**30:.1f} GiB that {device} has left; ask without holding them"
            )
