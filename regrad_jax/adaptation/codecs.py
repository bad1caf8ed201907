"""How a row of float32 numbers is packed into bytes, and unpacked.

A packed row is one uint8 vector, values first and block scales behind them, so that a document is
one chunk and one read. Encode and decode are pure jax.numpy: they run on the device, and a decode
can be fused into the step that uses the row. Multi-byte numbers are little-endian.

    codec      bits a number   relative error on Gaussian rows
    float32    32              0
    bfloat16   16              0.17%
    float16    16.25           0.02%   scaled: a gradient has numbers below float16's smallest, 6e-8
    int8        8.25           0.6%
    int4        4.25           10%
    int2        2.25           34%
    ternary     1.66           44%
    sign        1.06           60%

(The norm of the difference over the norm of the row.)
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

    Where a byte holds several numbers, laying them side by side costs more than telling them apart. So they
    are decoded to planes, the first with the first number of every byte and so on, which can be added up for
    several rows before they are interleaved once.

    Attributes:
      encode: rows_NxP float32 -> packed_NxC uint8. The rows must be finite.
      planes: (packed_NxC uint8, P) -> one or more float32 arrays N x *, together of P numbers a row or more.
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

    One row after the other, so that decoding is fused into the sum and no Q x K x P array is made.

    Args:
      codec: that packed them.
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
    one = jax.ShapeDtypeStruct(packed_KxQxC.shape[1:], packed_KxQxC.dtype)  # there may be none
    of_one = jax.eval_shape(lambda packed_QxC: codec.planes(packed_QxC, length), one)
    zeros = [jnp.zeros(plane.shape, plane.dtype) for plane in of_one]
    sums, _ = jax.lax.scan(add, zeros, (packed_KxQxC, weights_QxK.T), unroll=_UNROLLED_ROWS)
    return _interleave(sums, length)


def _to_bytes(values_NxM: jax.Array) -> jax.Array:
    """Reinterprets numbers as their bytes: (N, M) of b bytes each -> (N, M * b) uint8."""
    as_bytes = jax.lax.bitcast_convert_type(values_NxM, jnp.uint8)
    return as_bytes.reshape(values_NxM.shape[0], values_NxM.shape[1] * values_NxM.dtype.itemsize)


def _from_bytes(packed_NxC: jax.Array, dtype: jnp.dtype) -> jax.Array:
    """Inverse of `_to_bytes`."""
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
    """Rounds to -(levels - 1)/2, ..., (levels - 1)/2 and packs as many base-`levels` digits as fit a byte.

    Example:
      Three levels are -1, 0, 1, and 3^5 = 243 fits a byte: -1 0 1 0 0 is 0 + 1 x 3 + 2 x 9 + 1 x 27 + 1 x 81.
    """
    per_byte = int(math.log(256) / math.log(levels) + 1e-9)
    places_D = levels ** np.arange(per_byte, dtype=np.uint8)  # of NumPy: an import starts no device
    middle = (levels - 1) / 2
    bits = levels.bit_length() - 1
    # What each byte stands for, where digits are not bits: looking it up is faster than dividing.
    values_256xD = (np.arange(256)[:, None] // places_D % levels - middle).astype(np.float32)

    def encode(values_NxP):
        count, P = values_NxP.shape
        digits = jnp.clip(jnp.round(values_NxP + middle), 0, levels - 1).astype(jnp.uint8)
        digits = jnp.pad(digits, ((0, 0), (0, -P % per_byte)))
        digits_NxCxD = digits.reshape(count, -(-P // per_byte), per_byte)
        # `@` would be an integer matmul, which XLA does not vectorise on CPUs.
        return jnp.sum(digits_NxCxD * places_D, axis=-1, dtype=jnp.uint8)

    def planes(packed_NxC, length):
        if levels == 1 << bits:
            digit_NxC = lambda place: packed_NxC >> np.uint8(bits * place) & (levels - 1)
            return [digit_NxC(place).astype(jnp.float32) - middle for place in range(per_byte)]
        values_NxCxD = jnp.take(values_256xD, packed_NxC, axis=0, mode="clip")  # a byte is in range
        return [values_NxCxD.reshape(packed_NxC.shape[0], packed_NxC.shape[1] * per_byte)]

    return Codec(encode, planes, lambda length: -(-length // per_byte))


def _int8(values_NxP: jax.Array) -> jax.Array:
    return _to_bytes(jnp.clip(jnp.round(values_NxP), -127, 127).astype(jnp.int8))


def _scaled(block: int, unit: Callable[[jax.Array, jax.Array], jax.Array], inner: Codec) -> Codec:
    """Divides each block of `block` numbers by a bfloat16 of its own before another codec packs them.

    Args:
      block: numbers that share a scale.
      unit: (magnitudes_NxMxB, zero where a block is short; counts_M) -> what `inner` is to see as 1, N x M.
      inner: packs the quotients.

    Example:
      int8: a block whose largest magnitude is 254 has scale 2. 5.0 is stored as round(5 / 2) = 2 and
      read back as 4.0; no number is off by more than half a step (before the scale is rounded).
    """
    blocks = lambda length: -(-length // block)

    def encode(rows_NxP):
        count, P = rows_NxP.shape
        blocks_NxMxB = jnp.pad(rows_NxP, ((0, 0), (0, -P % block))).reshape(count, blocks(P), block)
        counts_M = jnp.minimum(block, P - block * jnp.arange(blocks(P)))  # the last block may be short
        # Values are divided by the scale as stored, so that rounding it to bfloat16 costs nothing but
        # the clipping of a block's largest number, at most 0.4% of it.
        scales_NxM = unit(jnp.abs(blocks_NxMxB), counts_M).astype(jnp.bfloat16)
        divisors_NxM = scales_NxM.astype(jnp.float32)
        divisors_NxM = jnp.where(divisors_NxM > 0, divisors_NxM, 1.0)  # a block of zeros
        values = (blocks_NxMxB / divisors_NxM[..., None]).reshape(count, blocks(P) * block)[:, :P]
        return jnp.concatenate([inner.encode(values), _to_bytes(scales_NxM)], axis=1)

    def planes(packed_NxC, length):
        end, count = inner.packed_bytes(length), len(packed_NxC)
        scales_NxM = _from_bytes(packed_NxC[:, end:], jnp.dtype(jnp.bfloat16)).astype(jnp.float32)
        values = inner.planes(packed_NxC[:, :end], length)
        size = block // len(values)  # what a plane has of a block; all numbers of a byte lie in one

        def scaled(plane):
            missing = blocks(length) * size - plane.shape[1]  # below 0 where the last byte is not full
            plane = jax.lax.pad(plane, jnp.float32(0), ((0, 0, 0), (0, missing, 0)))
            # Left in blocks: flat, XLA divides every index, and the loop is not vectorised.
            return plane.reshape(count, blocks(length), size) * scales_NxM[..., None]

        return [scaled(plane) for plane in values]

    return Codec(encode, planes, lambda length: inner.packed_bytes(length) + 2 * blocks(length))


def _largest(magnitudes_NxMxB, counts_M):
    return magnitudes_NxMxB.max(axis=-1)


def _mean(magnitudes_NxMxB, counts_M):
    return magnitudes_NxMxB.sum(axis=-1) / counts_M


def _deviation(magnitudes_NxMxB, counts_M):
    # Squares of small gradients underflow, squares of their ratios do not.
    largest = jnp.maximum(magnitudes_NxMxB.max(axis=-1, keepdims=True), jnp.finfo(jnp.float32).tiny)
    return largest[..., 0] * jnp.sqrt(jnp.sum((magnitudes_NxMxB / largest) ** 2, axis=-1) / counts_M)


def _times(factor: float, unit):
    return lambda magnitudes_NxMxB, counts_M: factor * unit(magnitudes_NxMxB, counts_M)


# Where a few levels must do, the step is the one with the least squared error on Gaussian numbers (Max,
# "Quantizing for minimum distortion", 1960): 0.996 of the deviation for four, 1.224 for three, 1.596 for two.
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
