"""Packed rows in device memory, cut over the local devices, so that a question reads none from a disk."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax.engine import devices
from regrad_jax.errors import UserError


class ResidentRows(NamedTuple):
    """N packed rows in device memory.

    Attributes:
        packed_GxRxC: uint8 as stored; each of G devices holds R rows, the last ones maybe fewer and then
            zeros.
    """

    packed_GxRxC: jax.Array

    @classmethod
    def load(cls, count: int, packed_bytes: int, read: Callable[[slice], np.ndarray]) -> "ResidentRows":
        """Lays rows over the local devices.

        Args:
            count: N.
            packed_bytes: C.
            read: a slice of the N rows -> packed_MxC; called once for each device.

        Raises:
            UserError: the rows do not fit into the memory that a device has left.
        """
        each = devices.round_up(count) // devices.count()
        _require_room(each * packed_bytes)
        parts = []
        for number, device in enumerate(devices.local()):
            part_RxC = np.zeros((each, packed_bytes), np.uint8)
            some = slice(min(number * each, count), min((number + 1) * each, count))
            part_RxC[: some.stop - some.start] = read(some)
            parts.append(jax.device_put(part_RxC[None], device))
        return cls(devices.stack(parts))

    @property
    def bytes_a_device(self) -> int:
        """Bytes of rows on each device."""
        _, rows, width = self.packed_GxRxC.shape
        return rows * width


def fetch(packed_RxC: jax.Array, places_QxK: jax.Array) -> jax.Array:
    """Returns packed_QxKxC of this device's requests, from rows that lie on all devices; inside `spread`."""
    everyones_places = jax.lax.all_gather(places_QxK, devices.AXIS, tiled=True)
    count = len(packed_RxC)
    is_here = everyones_places // count == jax.lax.axis_index(devices.AXIS)
    rows = jnp.where(is_here[..., None], packed_RxC[everyones_places % count], 0)
    # One device has a row and the others have zeros, so a sum of bytes is the row.
    return jax.lax.psum_scatter(rows, devices.AXIS, scatter_dimension=0, tiled=True)


def _require_room(wanted: int) -> None:
    for device in devices.local():
        stats = device.memory_stats()  # None where the device does not tell, as a CPU
        limit = (stats or {}).get("bytes_limit")
        # What generation needs beside the model is left out: rows that only just fit may still be too many.
        if limit and wanted > (left := limit - stats["bytes_in_use"]):
            raise UserError(
                f"{wanted / 2**30:.1f} GiB of rows a device do not fit into the {left / 2**30:.1f} GiB that "
                f"{device} has left; ask without loading them"
            )
