"""Packed rows in device memory: what lies where, what a request gets, and what does not fit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.engine.devices import shard, spread, unshard
from regrad_jax.engine.resident import ResidentRows, fetch
from regrad_jax.errors import UserError

WIDTH = 6  # bytes of a row


def packed(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(1, 256, (count, WIDTH), np.uint8)


def load(rows_NxC: np.ndarray) -> ResidentRows:
    return ResidentRows.load(len(rows_NxC), WIDTH, rows_NxC.__getitem__)


@pytest.mark.parametrize(
    ("count", "each", "shares"),
    [(11, 2, [2, 2, 2, 2, 2, 1, 0, 0]), (16, 2, [2] * 8), (3, 1, [1, 1, 1, 0, 0, 0, 0, 0])],
)
def test_rows_lie_in_order_over_the_devices_and_zeros_after_the_last(count, each, shares):
    rows_NxC, asked = packed(count), []

    def read(some: slice) -> np.ndarray:
        asked.append(some.stop - some.start)
        return rows_NxC[some]

    resident = ResidentRows.load(count, WIDTH, read)
    assert asked == shares
    packed_GxRxC = resident.packed_GxRxC
    assert packed_GxRxC.shape == (8, each, WIDTH) and packed_GxRxC.dtype == jnp.uint8
    assert len(packed_GxRxC.devices()) == 8
    assert {shard.data.shape for shard in packed_GxRxC.addressable_shards} == {(1, each, WIDTH)}
    flat = np.asarray(packed_GxRxC).reshape(-1, WIDTH)
    np.testing.assert_array_equal(flat[:count], rows_NxC)
    assert not flat[count:].any()
    assert resident.bytes_a_device == each * WIDTH


@pytest.mark.parametrize("count", [11, 16, 3])
@pytest.mark.parametrize("documents", [4, 1])
def test_every_request_gets_its_rows_from_whatever_device_has_them(count, documents):
    rows_NxC = packed(count)
    places_QxK = np.random.default_rng(1).integers(0, count, (24, documents)).astype(np.int32)
    found = spread(fetch)(load(rows_NxC).packed_GxRxC, shard(places_QxK))
    assert len(found.devices()) == 8 and found.dtype == jnp.uint8
    np.testing.assert_array_equal(unshard(found), rows_NxC[places_QxK])


class Device:
    """A device that tells what memory it has."""

    def __init__(self, stats):
        self._stats = stats

    def memory_stats(self):
        return self._stats

    def __str__(self):
        return "small:0"


def refuse(some: slice) -> np.ndarray:
    raise AssertionError("rows that do not fit are not read")


def test_rows_that_do_not_fit_into_a_device_are_refused_before_they_are_read(monkeypatch):
    share = 2 * 2**30  # of eleven rows of 2^30 bytes on eight devices
    large = Device({"bytes_limit": 80 * 2**30, "bytes_in_use": 2**30})
    small = Device({"bytes_limit": 4 * 2**30 + share - 1, "bytes_in_use": 4 * 2**30})
    monkeypatch.setattr(jax, "local_devices", lambda: [*[large] * 7, small])
    with pytest.raises(
        UserError, match=r"^2.0 GiB of rows a device do not fit into the 2.0 GiB that small:0 has left; ask"
    ):
        ResidentRows.load(11, 2**30, refuse)


@pytest.mark.parametrize("stats", [None, {}, {"bytes_limit": 100, "bytes_in_use": 100 - 2 * WIDTH}])
def test_rows_that_just_fit_or_of_devices_that_do_not_tell_are_loaded(stats, monkeypatch):
    """The devices only tell of themselves here, and the rows go onto the real ones."""
    real = jax.local_devices()
    monkeypatch.setattr(type(real[0]), "memory_stats", lambda self: stats, raising=False)
    assert load(packed(11)).bytes_a_device == 2 * WIDTH
