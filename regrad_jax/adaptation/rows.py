"""How a theta-shaped gradient is laid out as one row of P numbers, and read back."""

import dataclasses
import math
from collections.abc import Collection

import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax.adaptation.adapter import Tree
from regrad_jax.errors import UserError


@dataclasses.dataclass(frozen=True)
class RowLayout:
    """The fixed order in which a theta-shaped tree becomes one row of P numbers.

    Leaves are taken in sorted order of their path (projection, then factor), each raveled in C order
    with the layer as its slowest axis. A row may hold some of the leaves only; the others then count as 0.

    >>> layout = RowLayout((("down/R", (1, 2, 2)), ("gate/R", (1, 1, 1))))
    >>> layout.size
    5
    >>> layout.keep(["gate"]).size
    1

    Attributes:
        leaves: (path, shape) of what a row holds.
        absent: (path, shape) of what it does not.
    """

    leaves: tuple[tuple[str, tuple[int, ...]], ...]
    absent: tuple[tuple[str, tuple[int, ...]], ...] = ()

    @classmethod
    def of(cls, theta: Tree) -> "RowLayout":
        paths = sorted((f"{target}/{name}", x.shape) for target in theta for name, x in theta[target].items())
        return cls(tuple(paths))

    def keep(self, names: Collection[str]) -> "RowLayout":
        """Returns the layout of rows that hold only leaves of these paths, projections or factors.

        Raises:
            UserError: a name is none of them.
        """
        called = lambda path: {path, *path.split("/")}
        for name in names:
            if not any(name in called(path) for path, _ in self.leaves):
                known = sorted(set().union(*(called(path) for path, _ in self.leaves)))
                raise UserError(f"the adapter has no tensors {name!r}; choose among {', '.join(known)}")
        kept = tuple(leaf for leaf in self.leaves if called(leaf[0]) & set(names))
        return RowLayout(kept, (*self.absent, *(leaf for leaf in self.leaves if leaf not in kept)))

    @property
    def size(self) -> int:
        """P, the numbers in a row."""
        return sum(math.prod(shape) for _, shape in self.leaves)

    def flatten(self, grads: Tree) -> jax.Array:
        """Flattens a tree of leaves (N, *shape) into rows_NxP float32."""
        parts = []
        for path, shape in self.leaves:
            target, name = path.split("/")
            leaf = jnp.asarray(grads[target][name], jnp.float32)
            parts.append(leaf.reshape(leaf.shape[0], math.prod(shape)))
        return jnp.concatenate(parts, axis=1)

    def unflatten(self, rows_NxP: jax.Array) -> dict[str, dict[str, jax.Array]]:
        """Inverse of `flatten`: rows (..., P) become a tree of leaves (..., *shape), absent ones of zeros."""
        sizes = [math.prod(shape) for _, shape in self.leaves]
        parts = jnp.split(rows_NxP, np.cumsum(sizes)[:-1], axis=-1)
        tree: dict[str, dict[str, jax.Array]] = {}
        for (path, shape), part in zip(self.leaves, parts, strict=True):
            target, name = path.split("/")
            tree.setdefault(target, {})[name] = part.reshape(*part.shape[:-1], *shape)
        for path, shape in self.absent:
            target, name = path.split("/")
            tree.setdefault(target, {})[name] = jnp.zeros((*rows_NxP.shape[:-1], *shape), rows_NxP.dtype)
        return tree
