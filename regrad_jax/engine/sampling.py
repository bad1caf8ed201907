"""How the next token is chosen from logits, for each sequence of a batch in its own way."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Sampling(NamedTuple):
    """How one request's tokens are chosen.

    Attributes:
        temperature: what logits are divided by; 0 takes the most likely token.
        top_p: only the most likely tokens that together have this share of the probability are drawn.
        seed: of the draws; the same seed draws the same tokens whatever else is in the batch.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0


GREEDY = Sampling()


class SamplingBatch(NamedTuple):
    """The settings of B sequences; leaves (B,)."""

    temperature_B: jax.Array | np.ndarray
    top_p_B: jax.Array | np.ndarray
    seed_B: jax.Array | np.ndarray

    @classmethod
    def of(cls, settings: Sequence[Sampling]) -> "SamplingBatch | None":
        """Returns the settings as arrays; None where every sequence is decoded greedily."""
        if all(one.temperature == 0 for one in settings):
            return None
        columns = zip(*settings, strict=True)
        return cls(*(np.array(c, t) for c, t in zip(columns, ("float32", "float32", "uint32"), strict=True)))


def choose(logits_BxV: jax.Array, settings: SamplingBatch | None, step_B: jax.Array) -> jax.Array:
    """Returns the next token of every sequence, int32 (B,).

    Args:
        logits_BxV: float32.
        settings: how each sequence is sampled; None takes the most likely token of all.
        step_B: int32, how many tokens each sequence has emitted so far.
    """
    greedy_B = jnp.argmax(logits_BxV, axis=-1).astype(jnp.int32)
    if settings is None:
        return greedy_B
    return jnp.where(settings.temperature_B > 0, jax.vmap(_draw)(logits_BxV, settings, step_B), greedy_B)


def _draw(logits_V: jax.Array, setting: SamplingBatch, step: jax.Array) -> jax.Array:
    """Draws a token among the most likely ones (nucleus sampling; Holtzman et al., arXiv 1904.09751)."""
    temperature, top_p, seed = setting
    scaled_V = logits_V / jnp.where(temperature > 0, temperature, 1.0)
    order_V = jnp.argsort(-scaled_V)
    probabilities_V = jax.nn.softmax(scaled_V[order_V])
    # A token is left out where those before it have the share already; the first always stays.
    before_V = (jnp.cumsum(probabilities_V) - probabilities_V).at[0].set(-1.0)
    kept_V = jnp.where(before_V < top_p, scaled_V[order_V], -jnp.inf)
    key = jax.random.fold_in(jax.random.key(seed), step)
    return order_V[jax.random.categorical(key, kept_V)].astype(jnp.int32)
