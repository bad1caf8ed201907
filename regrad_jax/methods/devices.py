"""The one place that knows `jax.pmap`: functions of a batch, spread over the local devices.

The frozen model is copied to every device once; each call then moves only its batch.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec


def replicate(tree: Any) -> Any:
    """Returns the tree on every local device, with a leading device axis; shared leaves stay shared."""
    devices = jax.local_devices()
    sharding = NamedSharding(Mesh(np.array(devices), ("device",)), PartitionSpec("device"))

    copies: dict[int, jax.Array] = {}  # tied embeddings stand in a decoder's tree twice

    def copy(leaf):
        if id(leaf) not in copies:
            copies[id(leaf)] = copy_once(leaf)
        return copies[id(leaf)]

    def copy_once(x):
        x = jnp.asarray(x)[None]
        shards = [jax.device_put(x, device) for device in devices]
        return jax.make_array_from_single_device_arrays((len(devices), *x.shape[1:]), sharding, shards)

    return jax.tree.map(copy, tree)


def spread(function: Callable, static: tuple[int, ...] = ()) -> Callable:
    """Returns `function` mapped over a leading device axis of every argument that is not static."""
    return jax.pmap(function, axis_name="device", static_broadcasted_argnums=static)


def shard(tree: Any) -> Any:
    """Splits leading axes of D x n (D local devices) into (D, n)."""
    count = jax.local_device_count()
    return jax.tree.map(lambda x: x.reshape(count, x.shape[0] // count, *x.shape[1:]), tree)


def unshard(tree: Any) -> Any:
    """Inverse of `shard`, as NumPy arrays."""
    return jax.tree.map(lambda x: np.asarray(x).reshape(-1, *x.shape[2:]), tree)
