"""What a document's gradient is multiplied by, so that its facts do not get into each other's way.

A core's matrix R reads k = A x and feeds B. One step along its plain gradient G_d = sum_t delta_t k_t^T
answers a key k with sum_t delta_t (k_t . k): what one token has to say is heard at every token that resembles
it, and loudest is what most of a document's tokens have in common. So both sides are divided by that:

    N_d^-1 G_d M_d^-1,   M_d = (r S_k + lambda I) / (1 + lambda),   S_k = mean_t k_t k_t^T / |k_t|^2

and N_d alike from the cotangents delta_t. Were all keys of one length, the right side alone would make the
step the ridge regression of what tokens have to say on their keys. S has trace 1, so lambda is measured
against a mean eigenvalue of 1, and without end leaves the gradient as it is.

These are the two factors of K-FAC (Martens and Grosse, arXiv 1503.05671), damped, of one document alone and
with vectors of one length. A layer that is written to by the delta rule divides its right side so, one token
at a time (DeltaNet; Yang et al., arXiv 2406.06484).
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp


class Preconditioner(NamedTuple):
    """N^-1 and M^-1 of one matrix or a stack of them, float32 (..., r, r)."""

    left: jax.Array
    right: jax.Array

    def __call__(self, grad: jax.Array) -> jax.Array:
        """Returns N^-1 G M^-1."""
        return _product(_product(self.left, grad), self.right)


def preconditioner(
    cotangents_TxR: jax.Array, keys_TxR: jax.Array, counts_T: jax.Array, damping: float
) -> Preconditioner:
    """Returns what divides the gradient sum_t cotangent_t key_t^T.

    Args:
        cotangents_TxR: (..., T, r).
        keys_TxR: (..., T, r).
        counts_T: bool (..., T), the tokens to take.
        damping: lambda, above 0 and finite.
    """
    sides = (second_moment(vectors, counts_T) for vectors in (cotangents_TxR, keys_TxR))
    return Preconditioner(*(damped_inverse(moment, damping) for moment in sides))


def second_moment(vectors_TxR: jax.Array, counts_T: jax.Array) -> jax.Array:
    """Returns S, float32 (..., r, r): the mean outer product of vectors of length 1.

    Args:
        vectors_TxR: (..., T, r), of any float type.
        counts_T: bool (..., T), the tokens to take; where there are none, S is zero.
    """
    # Where a vector does not count it may be anything, and must not reach a derivative even as a NaN.
    vectors = jnp.where(counts_T[..., None], vectors_TxR.astype(jnp.float32), 0.0)
    # Cotangents may be too small to be squared.
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(vectors), axis=-1, keepdims=True))
    vectors = vectors / jnp.where(largest > 0, largest, 1.0)
    squared = jnp.sum(vectors * vectors, axis=-1, keepdims=True)
    unit = vectors * jax.lax.rsqrt(jnp.where(squared > 0, squared, 1.0))
    count = jnp.maximum(jnp.sum(counts_T, axis=-1), 1)[..., None, None]
    return jnp.einsum("...tr,...ts->...rs", unit, unit) / count


def damped_inverse(moment: jax.Array, damping: float) -> jax.Array:
    """Returns ((r S + lambda I) / (1 + lambda))^-1 for S of (..., r, r), whose trace is at most 1."""
    rank = moment.shape[-1]
    identity = jnp.eye(rank, dtype=moment.dtype)
    matrix = (rank * moment + damping * identity) / (1 + damping)
    # Newton's iteration (Schulz, 1933) is products alone, which every device is good at; jnp.linalg.solve in
    # its place never came back from a validation step on two CPU cores (jaxlib 0.10.2). An error e becomes
    # e^2, from at most 1 - 1 / condition at the start.
    condition = rank * (1 + damping) / damping
    improved = lambda inverse, matrix: 2 * inverse - _product(inverse, _product(matrix, inverse))
    inverse = identity / rank  # no eigenvalue of the matrix is above its trace, which is at most r
    for _ in range(math.ceil(math.log2(17 * condition))):
        inverse = improved(inverse, jax.lax.stop_gradient(matrix))
    # At the inverse X, a turn's derivative in the matrix is the inverse's own, -X dM X.
    return improved(inverse, matrix)


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)
