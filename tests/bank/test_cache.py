"""The row cache asks for what it does not hold, once, and holds rows of one state only."""

import numpy as np
import pytest

from regrad_jax.bank.cache import RowCache

C = 3


class Source:
    """Rows whose bytes tell their position, and what was asked for."""

    def __init__(self):
        self.asked: list[list[int]] = []

    def read(self, positions_M: np.ndarray) -> np.ndarray:
        assert positions_M.dtype == np.int64
        self.asked.append(positions_M.tolist())
        return rows(positions_M)


def rows(positions_M) -> np.ndarray:
    return np.repeat(np.asarray(positions_M, np.uint8)[:, None], C, axis=1)


def test_only_what_is_not_held_is_read_and_once():
    cache, source = RowCache(C, 100 * C), Source()
    for wanted, asked in (([5, 2, 5], [5, 2]), ([2, 7, 5], [7]), ([7, 7], None), ([], None)):
        source.asked.clear()
        np.testing.assert_array_equal(cache.read((1,), wanted, source.read), rows(wanted).reshape(-1, C))
        assert source.asked == ([asked] if asked else [])


def test_a_read_of_very_many_rows_pushes_none_out():
    cache, source = RowCache(C, 8 * C), Source()
    cache.read((1,), [1, 2], source.read)
    np.testing.assert_array_equal(cache.read((1,), [3, 4, 5, 2], source.read), rows([3, 4, 5, 2]))
    cache.read((1,), [1, 2, 3], source.read)
    assert source.asked == [[1, 2], [3, 4, 5], [3]]


def test_rows_of_another_state_are_dropped():
    cache, source = RowCache(C, 100 * C), Source()
    cache.read((1, 1), [1], source.read)
    cache.read((1, 2), [1], source.read)
    cache.read((1, 1), [1], source.read)
    assert source.asked == [[1], [1], [1]]


def test_the_least_recently_used_row_goes_first():
    cache, source = RowCache(C, 4 * C + 1), Source()
    for position in (1, 2, 3, 4):
        cache.read((1,), [position], source.read)
    cache.read((1,), [1], source.read)
    cache.read((1,), [5], source.read)  # 2 goes
    cache.read((1,), [1, 3, 4, 5], source.read)
    cache.read((1,), [2], source.read)
    assert source.asked == [[1], [2], [3], [4], [5], [2]]


def test_one_row_is_held_however_low_the_limit():
    cache, source = RowCache(C, 0), Source()
    for _ in range(2):
        np.testing.assert_array_equal(cache.read((1,), [4], source.read), rows([4]))
    assert source.asked == [[4]]


def test_nothing_is_held_of_a_read_that_failed():
    cache, source = RowCache(C, 100 * C), Source()

    def fail(positions_M):
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        cache.read((1,), [1, 2], fail)
    cache.read((1,), [1, 2], source.read)
    assert source.asked == [[1, 2]]


def test_a_row_is_the_callers_to_change():
    cache, source = RowCache(C, 100 * C), Source()
    cache.read((1,), [1], source.read)[:] = 9
    np.testing.assert_array_equal(cache.read((1,), [1], source.read), rows([1]))
