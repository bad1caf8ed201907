"""Rotary position embedding: queries and keys are turned by an angle that grows with their position.

RoFormer (Su et al., arXiv 2104.09864). The stretching of long wavelengths is Llama 3.1's.
"""

from typing import Any

import jax
import jax.numpy as jnp

from regrad_jax.models.config import DecoderConfig, RopeScaling
from regrad_jax.models.precision import wide


def rotary_frequencies(config: DecoderConfig, dtype: Any = jnp.float32) -> jax.Array:
    """Returns the angular frequency of every rotated pair, in radians a position, of shape (d / 2,)."""
    exponents = jnp.arange(0, config.head_dim, 2, dtype=dtype) / config.head_dim
    frequencies = 1.0 / config.rope_base**exponents
    if config.rope_scaling is None:
        return frequencies
    return _stretch(frequencies, config.rope_scaling)


def _stretch(frequencies: jax.Array, scaling: RopeScaling) -> jax.Array:
    # The turns that a pair makes over the original context decide. A pair of few turns is slowed by `factor`,
    # a pair of many turns is left alone, and between the two bounds the change is linear in the turns.
    turns = scaling.original_max_position * frequencies / (2 * jnp.pi)
    keep = (turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor)
    keep = jnp.clip(keep, 0.0, 1.0)
    return frequencies * (keep + (1.0 - keep) / scaling.factor)


def rotate(x_BxTxHxd: jax.Array, positions_BxT: jax.Array, config: DecoderConfig) -> jax.Array:
    """Returns the heads with each pair (first half, second half) turned by position times frequency.

    The turn is computed in float32 at least. The result has the type of `x_BxTxHxd`.
    """
    dtype = wide(x_BxTxHxd.dtype)
    angles = positions_BxT[..., None, None].astype(dtype) * rotary_frequencies(config, dtype)
    cos, sin = jnp.cos(angles), jnp.sin(angles)
    first, second = jnp.split(x_BxTxHxd.astype(dtype), 2, axis=-1)
    rotated = jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
    return rotated.astype(x_BxTxHxd.dtype)
