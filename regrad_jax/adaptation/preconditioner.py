"""What a document's gradient is multiplied by, so that its facts do not get into each other's way.

An adapted matrix reads k = A x. One step along the plain gradient sum_t delta_t k_t^T answers a key k with
sum_t delta_t (k_t . k): what one token has to say is heard at every token that resembles it, and loudest
where all of a document's keys agree. Divided by the keys' second moment, the step is the ridge regression
of what tokens have to say on their keys instead:

    g_d M_d^-1,   M_d = (r S_d + lambda I) / (1 + lambda),   S_d = mean_t k_t k_t^T / |k_t|^2

S_d has trace 1, so lambda is measured against a mean eigenvalue of 1, and without end leaves the gradient as
it is. M_d is the input factor of K-FAC (Martens and Grosse, arXiv 1503.05671), damped, of one document alone
and with keys of one length; a linear layer that is written to by the delta rule does the same one token at a
time (DeltaNet; Yang et al., arXiv 2406.06484).
"""

import math

import jax
import jax.numpy as jnp


def second_moment(keys_TxR: jax.Array, counts_T: jax.Array) -> jax.Array:
    """Returns S, float32 (..., R, R): the mean outer product of keys of length 1.

    Args:
        keys_TxR: (..., T, R), of any float type.
        counts_T: bool (..., T), the tokens to take; where there are none, S is zero.
    """
    # Where a key does not count it may be anything, and must not reach a derivative even as a NaN.
    keys = jnp.where(counts_T[..., None], keys_TxR.astype(jnp.float32), 0.0)
    squared = jnp.sum(keys * keys, axis=-1, keepdims=True)
    unit = keys * jax.lax.rsqrt(jnp.where(squared > 0, squared, 1.0))
    count = jnp.maximum(jnp.sum(counts_T, axis=-1), 1)[..., None, None]
    return jnp.einsum("...tr,...ts->...rs", unit, unit) / count


def precondition(grad: jax.Array, moment: jax.Array, damping: float) -> jax.Array:
    """Returns the gradient times M^-1.

    Args:
        grad: (..., S, R), of a matrix that reads the keys.
        moment: S of them, (..., R, R).
        damping: lambda, above 0.
    """
    rank = moment.shape[-1]
    identity = jnp.eye(rank, dtype=moment.dtype)
    matrix = (rank * moment + damping * identity) / (1 + damping)
    # Newton's iteration (Schulz, 1933) is products alone, which every device is good at; jnp.linalg.solve in
    # its place never came back from a validation step on two CPU cores (jaxlib 0.10.2). An error e becomes
    # e^2, from at most 1 - 1 / condition at the start.
    condition = rank * (1 + damping) / damping
    product = lambda a, b: jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)
    inverse = identity / rank  # no eigenvalue of M is above its trace, which is at most R
    for _ in range(math.ceil(math.log2(17 * condition))):
        inverse = 2 * inverse - product(inverse, product(matrix, inverse))
    return product(grad, inverse)
