"""How training is laid over the devices of one process or of many.

The devices form a mesh with the axes `data` and `fsdp`.

- A step's batches are shared out over all devices.
- The frozen weights are cut into parts over `fsdp`, so each row of `fsdp` devices holds them once.
- The learned parameters and the optimizer's state are small, and every device holds them whole.

The compiler adds the communication: it gathers the frozen weights layer by layer, and it averages the
gradients.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from regrad_jax.adaptation.outer import TaskBatch
from regrad_jax.engine import devices
from regrad_jax.errors import UserError
from regrad_jax.training.config import TrainConfig


class Layout:
    """Places a run's arrays on its mesh.

    Attributes:
        mesh: the devices, (data, fsdp).
        whole: the sharding of arrays that every device holds whole.
        split: the sharding of a step's batches, (U, G, *): U turns, each with one batch on each of the G
            devices.
        turns: U.
    """

    def __init__(self, config: TrainConfig):
        """Takes the first data x fsdp devices.

        Raises:
            UserError: there are fewer devices, or a process would be left without one.
        """
        wanted, present = config.devices, devices.everywhere()
        if wanted > len(present) or (jax.process_count() > 1 and wanted != len(present)):
            raise UserError(
                f"config.mesh: data {config.mesh.data} x fsdp {config.mesh.fsdp} is {wanted} devices, "
                f"there are {len(present)}; choose others"
            )
        shape = config.mesh.data, config.mesh.fsdp
        self.mesh = Mesh(np.array(present[:wanted]).reshape(shape), ("data", "fsdp"))
        self.whole = NamedSharding(self.mesh, PartitionSpec())
        self.split = NamedSharding(self.mesh, PartitionSpec(None, ("data", "fsdp")))
        self.turns = config.batches_per_step // wanted

    def local(self) -> list[int]:
        """Returns the numbers of the batches of a step that this process draws."""
        here = jax.process_index()
        columns = [i for i, d in enumerate(self.mesh.devices.flat) if d.process_index == here]
        return [turn * self.mesh.size + column for turn in range(self.turns) for column in columns]

    def batches(self, by_number: Mapping[int, TaskBatch]) -> TaskBatch:
        """Returns a step's batches on their devices, leaves (U, G, *).

        Args:
            by_number: the batches that `local` names.
        """
        columns = len(by_number) // self.turns

        def place(*leaves: np.ndarray) -> jax.Array:
            stacked = np.stack(leaves)
            local = stacked.reshape(self.turns, columns, *stacked.shape[1:])
            whole = self.turns, self.mesh.size, *stacked.shape[1:]
            return jax.make_array_from_process_local_data(self.split, local, whole)

        return jax.tree.map(place, *(by_number[number] for number in self.local()))

    def replicate(self, tree: Any) -> Any:
        """Returns the tree whole on every device."""
        return jax.tree.map(lambda leaf: _place(leaf, self.whole), tree)

    def shard_frozen(self, tree: Any) -> Any:
        """Returns frozen weights cut over `fsdp`. An array that stands in the tree twice is placed once."""
        sharding = {
            id(leaf): self.frozen(path, leaf.shape)
            for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
        }
        return place_once(tree, lambda leaf: _place(leaf, sharding[id(leaf)]))

    def frozen(self, path: tuple[Any, ...], shape: Sequence[int]) -> NamedSharding:
        """Returns the sharding of a frozen weight: cut along the longest axis that divides evenly, if any.

        Args:
            path: the weight's place in the tree of parameters. The axis of layers stays whole, since it is
                scanned.
            shape: the weight's shape.
        """
        first = 1 if "layers" in jax.tree_util.keystr(path) else 0
        axes = [axis for axis in range(first, len(shape)) if shape[axis] % self.mesh.shape["fsdp"] == 0]
        cut = max(axes, key=lambda axis: shape[axis], default=None)
        parts = ["fsdp" if axis == cut else None for axis in range(len(shape))]
        return NamedSharding(self.mesh, PartitionSpec(*parts))


def place_once(tree: Any, place: Callable[[Any], jax.Array]) -> Any:
    """Returns the tree with every leaf placed.

    A leaf that stands in the tree twice, as tied embeddings do, is placed once.
    """
    placed: dict[int, jax.Array] = {}

    def once(leaf):
        if id(leaf) not in placed:
            placed[id(leaf)] = place(leaf)
        return placed[id(leaf)]

    return jax.tree.map(once, tree)


def _place(leaf: Any, sharding: NamedSharding) -> jax.Array:
    # Not device_put: with several processes it would compare the array across all of them.
    value = np.asarray(leaf)
    return jax.make_array_from_callback(value.shape, sharding, lambda index: value[index])
