"""The one place that knows `jax.pmap`: functions of a batch, spread over the local devices.

The frozen model is copied to every device once; each call then moves only its batch.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from regrad_jax.adaptation.parameters import MetaParams
from regrad_jax.models.decoder import SplitDecoder

DEVICE = "device"  # the axis of every array that lies on the local devices


class Replicas(NamedTuple):
    """A model on every local device, with a leading device axis.

    Attributes:
        decoder: the frozen network.
        meta: what was learned.
        stops_V: bool, the tokens that end an answer.
    """

    decoder: SplitDecoder
    meta: MetaParams
    stops_V: jax.Array | np.ndarray


def stack(parts: Sequence[jax.Array]) -> jax.Array:
    """Returns arrays (1, *) that lie on the local devices, one on each, as one array (devices, *)."""
    sharding = NamedSharding(Mesh(np.array(jax.local_devices()), (DEVICE,)), PartitionSpec(DEVICE))
    shape = (len(parts), *parts[0].shape[1:])
    return jax.make_array_from_single_device_arrays(shape, sharding, list(parts))


def replicate(tree: Any) -> Any:
    """Returns the tree on every local device, with a leading device axis; shared leaves stay shared."""
    copies: dict[int, jax.Array] = {}  # tied embeddings stand in a decoder's tree twice

    def copy(leaf):
        if id(leaf) not in copies:
            copies[id(leaf)] = copy_once(leaf)
        return copies[id(leaf)]

    def copy_once(x):
        return stack([jax.device_put(x[None], device) for device in jax.local_devices()])

    return jax.tree.map(copy, tree)


def spread(function: Callable, static: tuple[int, ...] = ()) -> Callable:
    """Returns `function` mapped over a leading device axis of every argument that is not static."""
    return jax.pmap(function, axis_name=DEVICE, static_broadcasted_argnums=static)


def shard(tree: Any) -> Any:
    """Splits leading axes of D x n (D local devices) into (D, n)."""
    count = jax.local_device_count()
    return jax.tree.map(lambda x: x.reshape(count, x.shape[0] // count, *x.shape[1:]), tree)


def unshard(tree: Any) -> Any:
    """Inverse of `shard`, as NumPy arrays."""
    return jax.tree.map(lambda x: np.asarray(x).reshape(-1, *x.shape[2:]), tree)
