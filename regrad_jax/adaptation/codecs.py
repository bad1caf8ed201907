"""How a row of float32 numbers is packed into bytes, and unpacked.

A packed row is one uint8 vector: the values, then the scales of their blocks. So a document is one chunk and
one read. Encoding and decoding are pure functions of arrays. They run on the device, and the compiler can
fuse decoding into the step that uses the row. Numbers of several bytes are little-endian.

    codec      bits a number   relative error on Gaussian rows
    float32    32              0
    bfloat16   16              0.17%
    float16    16.25           0.02%
    int8        8.25           0.6%
    int4        4.25           10%
    int2        2.25           34%
    ternary     1.66           44%
    sign        1.06           60%

The relative error is the norm of the difference over the norm of the row. float16 has scales too, since a
gradient has numbers below float16's smallest, 6e-8.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

_UNROLLED_ROWS = 8  # of a weighted sum; more would only take longer to compile


class Codec(NamedTuple):
    """One way of packing rows.

    A byte may hold several numbers. Rows are first decoded to planes: the first plane has the first number of
    every byte, the second plane the second number, and so on. Interleaving the planes costs more than
    decoding them. So several rows are added up plane by plane, and only the sum is interleaved.

    Attributes:
        encode: rows_NxP float32 -> packed_NxC uint8. The rows must be finite.
        planes: (packed_NxC uint8, P) -> one or more float32 arrays N x *, together of P numbers a row or
            more.
        packed_bytes: P -> C.
    """

    encode: Callable[[jax.Array], jax.Array]
    planes: Callable[[jax.Array, int], Sequence[jax.Array]]
    packed_bytes: Callable[[int], int]

    def decode(self, packed_NxC: jax.Array, length: int) -> jax.Array:
        """Returns rows_NxP float32, P being `length`."""
        return _interleave(self.planes(packed_NxC, length), length)


def _interleave(planes: Sequence[jax.Array], length: int) -> jax.Array:
    together = jnp.stack(planes, axis=-1)
    return together.reshape(together.shape[0], math.prod(together.shape[1:]))[:, :length]


def weighted_sum(codec: Codec, packed_QxKxC: jax.Array, weights_QxK: jax.Array, length: int) -> jax.Array:
    """Decodes each question's K rows and adds them up by weight.

    The rows are taken one after the other, so that decoding is fused into the sum and there never is an array
    of Q x K x P numbers.

    Args:
        codec: the codec that packed the rows.
        packed_QxKxC: uint8.
        weights_QxK: float32.
        length: P, numbers in a row.

    Returns:
        sum_QxP float32.
    """

    def add(sums, one):
        packed_QxC, weights_Q = one
        weigh = lambda plane: jnp.expand_dims(weights_Q, range(1, plane.ndim)) * plane
        planes = codec.planes(packed_QxC, length)
        return [s + weigh(plane) for s, plane in zip(sums, planes, strict=True)], None

    packed_KxQxC = jnp.swapaxes(packed_QxKxC, 0, 1)
    one = jax.ShapeDtypeStruct(packed_KxQxC.shape[1:], packed_KxQxC.dtype)  # a shape, since K may be 0
    of_one = jax.eval_shape(lambda packed_QxC: codec.planes(packed_QxC, length), one)
    zeros = [jnp.zeros(plane.shape, plane.dtype) for plane in of_one]
    sums, _ = jax.lax.scan(add, zeros, (packed_KxQxC, weights_QxK.T), unroll=_UNROLLED_ROWS)
    return _interleave(sums, length)


def _to_bytes(values: jax.Array) -> jax.Array:
    """Reinterprets numbers as their bytes: (N, count) of b bytes each -> (N, count * b) uint8."""
    as_bytes = jax.lax.bitcast_convert_type(values, jnp.uint8)
    return as_bytes.reshape(values.shape[0], values.shape[1] * values.dtype.itemsize)


def _from_bytes(packed_NxC: jax.Array, dtype: jnp.dtype) -> jax.Array:
    """Returns the numbers that `_to_bytes` took apart."""
    count, length = packed_NxC.shape
    if dtype.itemsize == 1:  # a byte stays a byte, and gets no axis
        return jax.lax.bitcast_convert_type(packed_NxC, dtype)
    split = packed_NxC.reshape(count, length // dtype.itemsize, dtype.itemsize)
    return jax.lax.bitcast_convert_type(split, dtype)


def _plain(dtype: jnp.dtype) -> Codec:
    return Codec(
        encode=lambda rows_NxP: _to_bytes(rows_NxP.astype(dtype)),
        planes=lambda packed_NxC, length: [_from_bytes(packed_NxC, dtype).astype(jnp.float32)],
        packed_bytes=lambda length: length * dtype.itemsize,
    )


def _digits(levels: int) -> Codec:
    """Returns the codec that rounds to -(levels - 1)/2, ..., (levels - 1)/2 and packs base-`levels` digits.

    A byte holds as many digits as fit.

    Example:
        Three levels are -1, 0 and 1. 3^5 = 243 fits a byte, so five numbers do. The numbers -1 0 1 0 0 have
        the digits 0 1 2 1 1, and the byte 0 + 1 x 3 + 2 x 9 + 1 x 27 + 1 x 81.
    """
    per_byte = int(math.log(256) / math.log(levels) + 1e-9)
    places_Y = levels ** np.arange(per_byte, dtype=np.uint8)  # NumPy, so that an import starts no device
    middle = (levels - 1) / 2
    bits = levels.bit_length() - 1
    # The numbers of every byte, for digits that are not bits: looking them up is faster than dividing.
    values_256xY = (np.arange(256)[:, None] // places_Y % levels - middle).astype(np.float32)

    def encode(values_NxP):
        count, P = values_NxP.shape
        digits = jnp.clip(jnp.round(values_NxP + middle), 0, levels - 1).astype(jnp.uint8)
        digits = jnp.pad(digits, ((0, 0), (0, -P % per_byte)))
        digits_NxCxY = digits.reshape(count, -(-P // per_byte), per_byte)
        # `@` would be an integer matmul, which XLA does not vectorise on CPUs.
        return jnp.sum(digits_NxCxY * places_Y, axis=-1, dtype=jnp.uint8)

    def planes(packed_NxC, length):
        if levels == 1 << bits:
            digit_NxC = lambda place: packed_NxC >> np.uint8(bits * place) & (levels - 1)
            return [digit_NxC(place).astype(jnp.float32) - middle for place in range(per_byte)]
        values_NxCxY = jnp.take(values_256xY, packed_NxC, axis=0, mode="clip")  # a byte is in range
        return [values_NxCxY.reshape(packed_NxC.shape[0], packed_NxC.shape[1] * per_byte)]

    return Codec(encode, planes, lambda length: -(-length // per_byte))


def _int8(values_NxP: jax.Array) -> jax.Array:
    return _to_bytes(jnp.clip(jnp.round(values_NxP), -127, 127).astype(jnp.int8))


def _scaled(block: int, unit: Callable[[jax.Array, jax.Array], jax.Array], inner: Codec) -> Codec:
    """Returns the codec that divides each block of numbers by a scale before another codec packs them.

    The scale of a block is one bfloat16.

    Args:
        block: I, the numbers that share a scale.
        unit: (magnitudes_NxJxI, zero where a block is short; counts_J, the numbers of each block) ->
            scales_NxJ, the number that `inner` is to see as 1.
        inner: packs the quotients.

    Example:
        int8: a block whose largest magnitude is 254 has the scale 2. The number 5.0 is stored as round(5 / 2)
            = 2
        and read back as 4.0. No number is off by more than half a step, before the scale is rounded.
    """
    blocks = lambda length: -(-length // block)

    def encode(rows_NxP):
        count, P = rows_NxP.shape
        blocks_NxJxI = jnp.pad(rows_NxP, ((0, 0), (0, -P % block))).reshape(count, blocks(P), block)
        counts_J = jnp.minimum(block, P - block * jnp.arange(blocks(P)))  # the last block may be short
        # Values are divided by the scale as it is stored. So rounding the scale to bfloat16 costs nothing but
        # the clipping of a block's largest number, by at most 0.4% of it.
        scales_NxJ = unit(jnp.abs(blocks_NxJxI), counts_J).astype(jnp.bfloat16)
        divisors_NxJ = scales_NxJ.astype(jnp.float32)
        divisors_NxJ = jnp.where(divisors_NxJ > 0, divisors_NxJ, 1.0)  # a block of zeros
        values = (blocks_NxJxI / divisors_NxJ[..., None]).reshape(count, blocks(P) * block)[:, :P]
        return jnp.concatenate([inner.encode(values), _to_bytes(scales_NxJ)], axis=1)

    def planes(packed_NxC, length):
        end, count = inner.packed_bytes(length), len(packed_NxC)
        scales_NxJ = _from_bytes(packed_NxC[:, end:], jnp.dtype(jnp.bfloat16)).astype(jnp.float32)
        values = inner.planes(packed_NxC[:, :end], length)
        size = block // len(values)  # numbers of a block in each plane; no byte lies in two blocks

        def scaled(plane):
            missing = blocks(length) * size - plane.shape[1]  # below 0 where the last byte is not full
            plane = jax.lax.pad(plane, jnp.float32(0), ((0, 0, 0), (0, missing, 0)))
            # The plane stays in blocks. If it were flat, XLA would divide every index and not vectorise the
            # loop.
            return plane.reshape(count, blocks(length), size) * scales_NxJ[..., None]

        return [scaled(plane) for plane in values]

    return Codec(encode, planes, lambda length: inner.packed_bytes(length) + 2 * blocks(length))


def _largest(magnitudes_NxJxI, counts_J):
    return magnitudes_NxJxI.max(axis=-1)


def _mean(magnitudes_NxJxI, counts_J):
    return magnitudes_NxJxI.sum(axis=-1) / counts_J


def _deviation(magnitudes_NxJxI, counts_J):
    # The squares of small gradients underflow, but those of their ratios do not.
    largest = jnp.maximum(magnitudes_NxJxI.max(axis=-1, keepdims=True), jnp.finfo(jnp.float32).tiny)
    return largest[..., 0] * jnp.sqrt(jnp.sum((magnitudes_NxJxI / largest) ** 2, axis=-1) / counts_J)


def _times(factor: float, unit):
    return lambda magnitudes_NxJxI, counts_J: factor * unit(magnitudes_NxJxI, counts_J)


# With few levels, the step is the one with the least squared error on Gaussian numbers (Max, "Quantizing for
# minimum distortion", 1960): 0.996 of the deviation for four levels, 1.224 for three, 1.596 for two. For two
# levels the deviation is estimated from the mean magnitude, which is 0.8 of it.
CODECS: Mapping[str, Codec] = {
    "float32": _plain(jnp.dtype(jnp.float32)),
    "bfloat16": _plain(jnp.dtype(jnp.bfloat16)),
    "float16": _scaled(64, _largest, _plain(jnp.dtype(jnp.float16))),
    "int8": _scaled(64, _times(1 / 127, _largest), _plain(jnp.dtype(jnp.int8))._replace(encode=_int8)),
    "int4": _scaled(64, _times(1 / 7.5, _largest), _digits(16)),
    "int2": _scaled(64, _times(0.996, _deviation), _digits(4)),
    "ternary": _scaled(256, _times(1.224, _deviation), _digits(3)),
    "sign": _scaled(256, _times(2, _mean), _digits(2)),
}
DEFAULT_CODEC = "int4"
