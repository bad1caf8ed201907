"""What becomes of document gradients between the inner step and its use, as a run's config has it."""

import functools

import jax

from regrad_jax.adaptation.adapter import Tree
from regrad_jax.adaptation.codecs import CODECS
from regrad_jax.adaptation.outer import ORDERS, GradientMap
from regrad_jax.adaptation.rows import RowLayout
from regrad_jax.training.config import TrainConfig


def through_bank(codec: str, grads_N: Tree) -> Tree:
    """Returns gradients as a bank of this codec gives them back; their derivative is that of the plain ones.

    The straight-through estimator (Bengio et al., arXiv 1308.3432): a checkpoint learns to be served from
    packed rows.
    """
    layout = RowLayout.of(jax.tree.map(lambda x: x[0], grads_N))
    rows_NxP = layout.flatten(grads_N)
    still_NxP = jax.lax.stop_gradient(rows_NxP)
    stored_NxP = CODECS[codec].decode(CODECS[codec].encode(still_NxP), length=layout.size)
    return layout.unflatten(rows_NxP + (stored_NxP - still_NxP))


@functools.cache
def _gradient_map(order: str, codec: str) -> GradientMap:
    if codec == "float32":
        return ORDERS[order]
    return lambda grads_N: ORDERS[order](through_bank(codec, grads_N))


def gradient_map(config: TrainConfig) -> GradientMap:
    """Returns the way of a run's gradients; the same function for the same config, as `jax.jit` wants it."""
    return _gradient_map(config.order, config.codec)
