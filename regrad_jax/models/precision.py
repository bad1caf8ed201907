"""The number type of what must keep its digits when the weights have few."""

from typing import Any

import jax.numpy as jnp


def wide(dtype: Any) -> jnp.dtype:
    """Returns the type that losses, norms, softmax statistics and moments are computed in.

    It is the type of the data, but never narrower than float32.

    >>> wide("bfloat16"), wide("float32"), wide("float64")
    (dtype('float32'), dtype('float32'), dtype('float64'))
    """
    return jnp.promote_types(dtype, jnp.float32)
