"""The preconditioner of damped gradients, which keeps the facts of one document out of each other's way.

A core adapter adds s B R A x to a frozen projection (`adapter.KINDS`). Its matrix R reads the keys k = A x.
The plain gradient of a document's loss in R is a sum over the document's tokens, G = sum_t c_t k_t^T. Here
c_t is the cotangent of token t: the loss's derivative in R k_t, which is what R writes there. A step along G
(its size and sign left out) adds sum_t c_t (k_t . k) to what R writes for a key k. So what one token has to
say is heard at every token whose key resembles its own, and what most tokens have in common is heard loudest:
the direction that most keys share, and the direction that most cotangents share.

Damped gradients divide both out. The shared part of the keys is divided out on the right side of G, and that
of the cotangents on the left side:

    N^-1 G M^-1    with M = (r S + lambda I) / (1 + lambda)    and S = mean_t k_t k_t^T / |k_t|^2

S is the second moment of the keys' directions, an r x r matrix. N is made of the cotangents in the same way.
The trace of S is 1, unless a key is zero: such a key adds nothing, and the trace is then less. With the trace
1, the eigenvalues of r S have the mean 1, and so do those of M whatever lambda is. A lambda far below 1
divides each direction by its full share in the keys. A lambda far above 1 makes M nearly the identity, which
leaves G as it is. For an infinite lambda, rule "plain" does without this file.

If all keys had one length, G M^-1 would be, up to a factor, the solution of ridge regression from the tokens'
keys to their cotangents. M and N are the damped factors of K-FAC (Martens and Grosse, arXiv 1503.05671), with
two differences: they are computed from one document alone, and from keys and cotangents of length 1. DeltaNet
(Yang et al., arXiv 2406.06484) has a related effect on the right side, one token at a time: before it stores
the value of a key k, it takes out what its state holds for k, by the factor I - beta k k^T.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from regrad_jax.models.precision import wide


class Preconditioner(NamedTuple):
    """The two matrices that a document's gradient is multiplied by, for one matrix R or a stack of them.

    Attributes:
        left: N^-1, (..., r, r).
        right: M^-1, (..., r, r).
    """

    left: jax.Array
    right: jax.Array

    def __call__(self, grad: jax.Array) -> jax.Array:
        """Returns N^-1 G M^-1."""
        return _product(_product(self.left, grad), self.right)


def preconditioner(
    cotangents_Txr: jax.Array, keys_Txr: jax.Array, counts_T: jax.Array, damping: float
) -> Preconditioner:
    """Returns the preconditioner of the gradient sum_t cotangent_t key_t^T.

    The letters T and r are explained in `models/config.py`.

    Args:
        cotangents_Txr: (..., T, r).
        keys_Txr: (..., T, r).
        counts_T: bool (..., T), the tokens to take into the second moments.
        damping: lambda, above 0 and finite. Rule "plain" stands for an infinite one.
    """
    sides = (second_moment(vectors, counts_T) for vectors in (cotangents_Txr, keys_Txr))
    return Preconditioner(*(damped_inverse(moment, damping) for moment in sides))


def second_moment(vectors_Txr: jax.Array, counts_T: jax.Array) -> jax.Array:
    """Returns S, (..., r, r), float32 at least: the mean outer product of the vectors' directions.

    The trace of S is the share of vectors that are not zero: 1, unless a vector is zero.

    Args:
        vectors_Txr: (..., T, r), of any float type. A vector of zeros has no direction and adds nothing.
        counts_T: bool (..., T), the tokens to take. Where there are none, S is zero.
    """
    # A vector that does not count may be anything, and must not reach a derivative even as a NaN.
    vectors = jnp.where(counts_T[..., None], vectors_Txr.astype(wide(vectors_Txr.dtype)), 0.0)
    # The squares of small cotangents would be zero, so each vector is first divided by its largest number.
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
    # Newton's iteration (Schulz, 1933) takes only products, which every device is good at. With
    # jnp.linalg.solve in its place, a validation step on two CPU cores never ended (jaxlib 0.10.2). Each turn
    # squares the error, which is at most 1 - 1 / condition at the start.
    condition = rank * (1 + damping) / damping
    improved = lambda inverse, matrix: 2 * inverse - _product(inverse, _product(matrix, inverse))
    inverse = identity / rank  # no eigenvalue of the matrix is above its trace, which is at most r
    for _ in range(math.ceil(math.log2(17 * condition))):
        inverse = improved(inverse, jax.lax.stop_gradient(matrix))
    # At the inverse X, the derivative of one turn in the matrix is that of the inverse itself, -X dM X. So
    # only the last turn is differentiated.
    return improved(inverse, matrix)


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)
