"""Packing of rows: what is lost, and how the bytes lie."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from regrad_jax.adaptation.codecs import CODECS, weighted_sum

pytestmark = pytest.mark.usefixtures("optimised")

BLOCK = 64  # numbers that share a scale in most codecs
# name -> (relative error on Gaussian rows, bound of any block's)
ERRORS = {
    "float32": (0.0, 0.0),
    "bfloat16": (0.0017, 0.004),
    "float16": (0.0002, 0.0005),
    "int8": (0.006, 0.009),
    "int4": (0.10, 0.15),
    "int2": (0.34, 0.6),
    "ternary": (0.44, 0.7),
    "sign": (0.60, 0.8),
}


def _rows(count: int, length: int, seed: int = 0) -> np.ndarray:
    """Gaussian rows whose blocks differ in size over ten orders of magnitude."""
    rng = np.random.default_rng(seed)
    sizes = 10.0 ** rng.uniform(-12, -2, (count, length))
    sizes = np.repeat(sizes[:, ::BLOCK], BLOCK, axis=1)[:, :length]
    return (rng.standard_normal((count, length)) * sizes).astype(np.float32)


def _round_trip(name: str, rows_NxP: np.ndarray) -> np.ndarray:
    codec = CODECS[name]
    packed = jax.jit(codec.encode)(rows_NxP)
    assert packed.dtype == jnp.uint8
    assert packed.shape == (len(rows_NxP), codec.packed_bytes(rows_NxP.shape[1]))
    decoded = jax.jit(codec.decode, static_argnames="length")(packed, length=rows_NxP.shape[1])
    assert decoded.dtype == jnp.float32
    return np.asarray(decoded)


@pytest.mark.parametrize("name", CODECS)
def test_relative_error_of_gaussian_rows(name):
    rows = np.random.default_rng(0).standard_normal((20, 640), np.float32)
    measured = np.linalg.norm(_round_trip(name, rows) - rows) / np.linalg.norm(rows)
    assert measured == pytest.approx(ERRORS[name][0], rel=0.1)


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16", "int8", "int4", "int2"])
@pytest.mark.parametrize(("count", "length"), [(0, 130), (1, 1), (1, 64), (5, 1000)])
def test_relative_error_of_every_block(name, count, length):
    rows = _rows(count, length)
    decoded = _round_trip(name, rows)
    assert decoded.shape == rows.shape
    for start in range(0, length, BLOCK):
        block, difference = (x[:, start : start + BLOCK] for x in (rows, decoded - rows))
        error = np.linalg.norm(difference, axis=1) / np.linalg.norm(block, axis=1)
        assert (error <= ERRORS[name][1]).all(), error


def test_no_number_of_an_int8_block_is_off_by_more_than_half_a_step():
    rows = _rows(8, 640)
    largest = np.abs(rows.reshape(8, 10, BLOCK)).max(-1).repeat(BLOCK, axis=1)
    # Half a step, and the rounding of the scale to bfloat16's eight bits.
    assert (np.abs(_round_trip("int8", rows) - rows) <= 0.505 * largest / 127).all()


def test_worked_example_of_int8():
    row = np.zeros((1, BLOCK), np.float32)
    row[0, :4] = 254.0, 5.0, -254.0, 0.9
    np.testing.assert_array_equal(_round_trip("int8", row)[0, :4], [254.0, 4.0, -254.0, 0.0])


def test_int8_bytes_can_be_read_without_jax():
    rows = _rows(3, 100)
    packed = np.asarray(jax.jit(CODECS["int8"].encode)(rows))
    codes = packed[:, :100].copy().view(np.int8).astype(np.float32)
    scales = packed[:, 100:].copy().view(ml_dtypes.bfloat16).astype(np.float32)
    assert scales.shape == (3, 2)
    by_hand = codes * np.repeat(scales, BLOCK, axis=1)[:, :100]
    np.testing.assert_array_equal(by_hand, _round_trip("int8", rows))


@pytest.mark.parametrize("name", CODECS)
def test_zero_rows_stay_zero(name):
    np.testing.assert_array_equal(_round_trip(name, np.zeros((2, 130), np.float32)), 0.0)


@pytest.mark.parametrize("name", CODECS)
def test_gradients_below_float16_survive(name):
    rows = np.random.default_rng(0).standard_normal((2, 512), np.float32) * np.float32(1e-15)
    assert (np.abs(rows) < 6e-8).all()
    error = np.linalg.norm(_round_trip(name, rows) - rows) / np.linalg.norm(rows)
    assert error < ERRORS[name][1] + 0.001


@pytest.mark.parametrize("name", CODECS)
def test_decode_fuses_into_a_compiled_step(name):
    codec, rows = CODECS[name], _rows(4, 200)
    packed = jax.jit(codec.encode)(rows)
    summed = jax.jit(lambda packed: codec.decode(packed, length=200).sum(axis=0))(packed)
    np.testing.assert_allclose(summed, _round_trip(name, rows).sum(axis=0), rtol=1e-6)


@pytest.mark.parametrize(("name", "levels", "block", "step"), [
    ("int4", 16, 64, lambda x: np.abs(x).max() / 7.5),
    ("int2", 4, 64, lambda x: 0.996 * np.sqrt(np.mean(x.astype(float) ** 2))),
    ("ternary", 3, 256, lambda x: 1.224 * np.sqrt(np.mean(x.astype(float) ** 2))),
    ("sign", 2, 256, lambda x: 2 * np.abs(x).mean()),
])  # fmt: skip
def test_few_levels_by_hand(name, levels, block, step):
    """Packs and unpacks one row with Python's whole numbers; its last block is short."""
    row = np.random.default_rng(3).standard_normal(300).astype(np.float32)
    scales = np.array([step(row[i : i + block]) for i in range(0, 300, block)])
    scales = scales.astype(ml_dtypes.bfloat16).astype(np.float32)
    middle = (levels - 1) / 2
    wanted = [
        min(max(round(float(x / scales[i // block] + middle)), 0), levels - 1) for i, x in enumerate(row)
    ]

    packed = np.asarray(jax.jit(CODECS[name].encode)(row[None]))[0]
    digits, per_byte = [], {16: 2, 4: 4, 3: 5, 2: 8}[levels]
    for byte in packed[: -2 * len(scales)].tolist():
        for _ in range(per_byte):
            byte, digit = divmod(byte, levels)
            digits.append(digit)
    assert digits[:300] == wanted
    stored = packed[-2 * len(scales) :].copy().view(ml_dtypes.bfloat16).astype(np.float32)
    np.testing.assert_allclose(stored, scales, rtol=0.005)
    by_hand = (np.array(wanted) - middle) * np.repeat(stored, block)[:300]
    np.testing.assert_allclose(_round_trip(name, row[None])[0], by_hand, rtol=1e-6)


def test_a_ternary_number_costs_at_most_1_7_bits():
    assert 8 * CODECS["ternary"].packed_bytes(46_080) / 46_080 <= 1.7


def test_importing_the_codecs_starts_no_device():
    """`jax.distributed.initialize` must come before the first device, and `regrad bank log` needs none."""
    lines = (
        "import regrad_jax.bank.bank",
        "from jax._src import xla_bridge",
        "print(xla_bridge.backends_are_initialized())",
    )
    done = subprocess.run(
        [sys.executable, "-c", "; ".join(lines)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("k", [0, 1, 3])
def test_the_weighted_sum_is_of_the_decoded_rows(name, k):
    codec, length = CODECS[name], 300
    rng = np.random.default_rng(0)
    weights_QxK = rng.standard_normal((2, k)).astype(np.float32)
    packed_QxKxC = np.stack(
        [codec.encode(jnp.asarray(rng.standard_normal((k, length), np.float32))) for _ in weights_QxK]
    )
    rows_QxKxP = [codec.decode(jnp.asarray(packed_KxC), length=length) for packed_KxC in packed_QxKxC]
    added = jax.jit(weighted_sum, static_argnums=(0, 3))(codec, packed_QxKxC, weights_QxK, length)
    assert added.dtype == jnp.float32
    expected = np.einsum("qk,qkp->qp", weights_QxK, np.stack(rows_QxKxP))
    np.testing.assert_allclose(added, expected, rtol=1e-5, atol=1e-6)
