"""What becomes of document gradients between the inner step and its use, as a run's config has it."""

import dataclasses
import functools

import jax

from regrad_jax.adaptation.adapter import RowLayout, Tree
from regrad_jax.adaptation.outer import ORDERS, GradientMap
from regrad_jax.bank.codecs import CODECS
from regrad_jax.training.config import TrainConfig


@dataclasses.dataclass(frozen=True)
class ThroughBank:
    """Gradients as a bank of this codec gives them back; their derivative is that of the plain ones.

    The straight-through estimator (Bengio et al., arXiv 1308.3432): a checkpoint learns to be served from
    packed rows.
    """

    codec: str

    def __call__(self, grads_N: Tree) -> Tree:
        layout = RowLayout.of(jax.tree.map(lambda x: x[0], grads_N))
        codec, rows_NxP = CODECS[self.codec], layout.flatten(grads_N)
        still_NxP = jax.lax.stop_gradient(rows_NxP)
        error_NxP = codec.decode(codec.encode(still_NxP), length=layout.size) - still_NxP
        return layout.unflatten(rows_NxP + error_NxP)


@functools.cache
def _gradient_map(order: str, codec: str) -> GradientMap:
    if codec == "float32":
        return ORDERS[order]
    return lambda grads_N: ORDERS[order](ThroughBank(codec)(grads_N))


def gradient_map(config: TrainConfig) -> GradientMap:
    """Returns the way of a run's gradients; the same function for the same config, as `jax.jit` wants it."""
    return _gradient_map(config.order, config.codec)
