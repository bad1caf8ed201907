"""The one module that knows `jax.pmap` and counts devices: functions of a batch, spread over the local
devices.

The frozen model is copied to every device once; each call then moves only its batch. Letter G counts the
local devices, the leading axis of everything that lies on them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

AXIS = "device"  # the name of that axis


def local() -> list[jax.Device]:
    """Returns the devices of this process."""
    return jax.local_devices()


def count() -> int:
    """Returns G."""
    return len(local())


def everywhere() -> list[jax.Device]:
    """Returns the devices of all processes."""
    return jax.devices()


def round_up(rows: int) -> int:
    """Returns the fewest rows that are not below `rows` and can be shared out evenly."""
    return -(-rows // count()) * count()


def stack(parts: Sequence[jax.Array]) -> jax.Array:
    """Returns arrays (1, *) that lie on the local devices, one on each, as one array (G, *)."""
    sharding = NamedSharding(Mesh(np.array(local()), (AXIS,)), PartitionSpec(AXIS))
    shape = (len(parts), *parts[0].shape[1:])
    return jax.make_array_from_single_device_arrays(shape, sharding, list(parts))


def replicate(tree: Any) -> Any:
    """Returns the tree on every local device, leaves (G, *); a leaf that stands in it twice is copied
    once."""
    copies: dict[int, jax.Array] = {}  # tied embeddings stand in a decoder's tree twice

    def copy(leaf):
        if id(leaf) not in copies:
            copies[id(leaf)] = stack([jax.device_put(leaf[None], device) for device in local()])
        return copies[id(leaf)]

    return jax.tree.map(copy, tree)


def spread(function: Callable, static: tuple[int, ...] = (), donated: tuple[int, ...] = ()) -> Callable:
    """Returns `function` mapped over the leading device axis of every argument that is not static."""
    return jax.pmap(function, axis_name=AXIS, static_broadcasted_argnums=static, donate_argnums=donated)


def shard(tree: Any) -> Any:
    """Returns leaves of G x n rows as leaves (G, n, *)."""
    devices = count()
    return jax.tree.map(lambda x: x.reshape(devices, x.shape[0] // devices, *x.shape[1:]), tree)


def unshard(tree: Any) -> Any:
    """Inverse of `shard`, as NumPy arrays."""
    return jax.tree.map(lambda x: np.asarray(x).reshape(-1, *x.shape[2:]), tree)
