"""What document gradients go through on their way to the questions: a bank's rounding, or nothing."""

import functools

import jax

from regrad_jax.adaptation.adapter import Tree
from regrad_jax.adaptation.codecs import CODECS
from regrad_jax.adaptation.outer import ORDERS, GradientMap
from regrad_jax.adaptation.rows import RowLayout
from regrad_jax.training.config import TrainConfig


def through_bank(codec: str, grads_N: Tree) -> Tree:
    """Returns gradients as a bank of this codec gives them back.

    A checkpoint that is trained with it learns to be served from such a bank. Rounding has no useful
    derivative, so the result has the derivative of the gradients as they were: the straight-through estimator
    (Bengio et al., arXiv 1308.3432).
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
    """Returns the function that a run's document gradients go through.

    Equal configs get the same function object, so that `jax.jit` does not compile again.
    """
    return _gradient_map(config.order, config.codec)
