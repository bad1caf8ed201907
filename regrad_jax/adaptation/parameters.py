"""The parameters that meta-training learns, and the one step from them along document gradients."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax.adaptation.adapter import AdapterConfig, Tree, init_adapter
from regrad_jax.models.config import DecoderConfig

# Batches are laid out in NumPy and become JAX arrays where a compiled function takes them.
Array = jax.Array | np.ndarray

# One array for all of theta, or a tree of theta's form. A leaf of the tree may lack the last axes of theta's
# leaf.
StepSizes = Array | Tree


class MetaParams(NamedTuple):
    """What meta-training learns.

    Attributes:
        theta: the adapted parameters before any document moves them.
        bases: the adapter's matrices that the inner step holds still.
        alpha: step sizes, in one of the forms of `ALPHAS`.
        log_temperature: scalar, the log of the relevance softmax's temperature.
    """

    theta: Tree
    bases: Tree
    alpha: StepSizes
    log_temperature: jax.Array


def init_meta(
    config: AdapterConfig,
    decoder: DecoderConfig,
    key: jax.Array,
    *,
    alpha: float,
    temperature: float,
    alpha_mode: str = "tie",
) -> MetaParams:
    """Returns the starting point of meta-training, float32; `alpha_mode` is a name in `ALPHAS`."""
    theta, bases = init_adapter(config, decoder, key)
    return MetaParams(theta, bases, ALPHAS[alpha_mode](theta, alpha), jnp.log(jnp.float32(temperature)))


def widen(meta: MetaParams, fresh: MetaParams) -> MetaParams:
    """Returns trained parameters in an adapter of higher rank, whose first directions are the trained ones.

    The network at theta* is unchanged, since the matrices that `init_meta` adds have the product zero. Steps
    on documents change: they move the added directions too. Damped steps along the trained directions become
    shorter as well, since damping compares each direction with the mean over all of them (`preconditioner`).

    Args:
        meta: the trained parameters.
        fresh: the result of `init_meta` for the same adapter at the higher rank, with step sizes of the same
            mode. The added directions start as they are there.
    """
    inside = lambda wide, narrow: jnp.asarray(wide).at[tuple(map(slice, jnp.shape(narrow)))].set(narrow)
    return jax.tree.map(inside, fresh, meta)


def _one_alpha(theta: Tree, alpha: float) -> jax.Array:
    return jnp.float32(alpha)


def _alpha_of_layers(theta: Tree, alpha: float) -> StepSizes:
    return jax.tree.map(lambda x: jnp.full(x.shape[:1], alpha, jnp.float32), theta)


def _alpha_of_numbers(theta: Tree, alpha: float) -> StepSizes:
    return jax.tree.map(lambda x: jnp.full(x.shape, alpha, jnp.float32), theta)


# How many step sizes there are, as functions (theta, initial value) -> alpha. The names are the reference's.
ALPHAS: Mapping[str, Callable[[Tree, float], StepSizes]] = {
    "fix": _one_alpha,  # one for all, and training does not change it
    "same": _one_alpha,  # one for all
    "tie": _alpha_of_layers,  # one for every layer of every adapter tensor
    "full": _alpha_of_numbers,  # one for every number
}


def adapted_parameters(
    meta: MetaParams, weights_QxN: jax.Array, grads_N: Tree, gamma: float | jax.Array = 1.0
) -> Tree:
    """Returns theta_Q, leaves Q x *: theta - gamma alpha . sum_n weights_qn grads_n for each question.

    Args:
        meta: theta and alpha.
        weights_QxN: float32 document weights, zero for documents that a question does not use.
        grads_N: theta-shaped gradients with a leading document axis.
        gamma: step multiplier; 0 gives the unadapted parameters back.
    """
    totals_Q = jax.tree.map(lambda grads: jnp.einsum("qn,n...->q...", weights_QxN, grads), grads_N)
    return descend(meta, totals_Q, gamma)


def descend(meta: MetaParams, totals_Q: Tree, gamma: float | jax.Array = 1.0) -> Tree:
    """Returns theta - gamma alpha . totals for sums of gradients, with or without a leading question axis."""

    def step(theta, alpha, total_Q):
        return theta - gamma * alpha * total_Q

    return jax.tree.map(step, meta.theta, step_sizes(meta), totals_Q)


def step_sizes(meta: MetaParams) -> Tree:
    """Returns alpha as a tree of theta's form, each leaf with as many axes as theta's."""
    alpha = meta.alpha
    if not isinstance(alpha, Mapping):
        alpha = jax.tree.map(lambda _: alpha, meta.theta)
    align = lambda alpha, theta: jnp.reshape(alpha, (*alpha.shape, *(1,) * (theta.ndim - alpha.ndim)))
    return jax.tree.map(align, alpha, meta.theta)
