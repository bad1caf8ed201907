"""Moments and inverses against NumPy's in float64, at the damping that is shipped and far below it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.adaptation.preconditioner import damped_inverse, preconditioner, second_moment


def drawn(rank: int, tokens: int, seed: int = 0) -> np.ndarray:
    """Vectors of which one direction takes the larger part, as what a network reads has."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(2, tokens, rank)) + 4 * rng.normal(size=(2, 1, rank))


@pytest.mark.parametrize("damping", [1e-3, 0.1, 1.0, 30.0])
@pytest.mark.parametrize(("rank", "tokens"), [(1, 5), (8, 3), (32, 100)])
@pytest.mark.parametrize("size", [1e-25, 1.0])
def test_moments_are_of_directions_and_inverses_are_damped(rank, tokens, damping, size):
    vectors = drawn(rank, tokens)
    unit = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    moment = np.swapaxes(unit, -1, -2) @ unit / tokens
    found = second_moment(jnp.asarray(size * vectors, jnp.float32), jnp.ones((2, tokens), bool))
    np.testing.assert_allclose(found, moment, atol=1e-6)
    np.testing.assert_allclose(jnp.trace(found, axis1=1, axis2=2), 1.0, rtol=1e-5)
    expected = np.linalg.inv((rank * moment + damping * np.eye(rank)) / (1 + damping))
    # What float32 leaves of a matrix of this condition.
    tolerance = max(1e-6 * rank * (1 + damping) / damping, 1e-5)
    assert np.abs(damped_inverse(found, damping) - expected).max() < tolerance * np.abs(expected).max()


def test_what_all_tokens_share_is_damped_and_what_one_has_alone_is_not():
    common, own = np.eye(4)[0], np.eye(4)[1]
    vectors = jnp.asarray(np.stack([common] * 9 + [own]), jnp.float32)
    condition = preconditioner(vectors[:, ::-1], vectors, jnp.ones(10, bool), 1.0)
    often, once = 2 / (4 * 0.9 + 1), 2 / (4 * 0.1 + 1)
    expected = np.zeros((4, 4))
    expected[3, 0], expected[2, 1], expected[3, 1] = often * often, once * once, often * once
    grad = np.zeros((4, 4), np.float32)
    grad[3, 0] = grad[2, 1] = grad[3, 1] = 1.0  # left sides stand in columns turned round
    np.testing.assert_allclose(condition(jnp.asarray(grad)), expected, atol=1e-5)


@pytest.mark.parametrize("garbage", [0.0, 1e30, np.nan])
def test_tokens_that_do_not_count_reach_neither_moment_nor_derivative(garbage):
    keys = drawn(4, 6)
    counts = jnp.arange(6) < 4
    padded = keys.copy()
    padded[:, 4:] = garbage
    total = lambda keys: jnp.sum(second_moment(keys, counts) ** 2)
    padded, keys = jnp.asarray(padded, jnp.float32), jnp.asarray(keys, jnp.float32)
    np.testing.assert_array_equal(second_moment(padded, counts), second_moment(keys, counts))
    np.testing.assert_array_equal(jax.grad(total)(padded), jax.grad(total)(keys))
    assert not np.any(jax.grad(total)(padded)[:, 4:])


def test_without_a_token_or_with_keys_of_zero_there_is_no_moment():
    keys = jnp.zeros((3, 2))
    for counts in (jnp.zeros(3, bool), jnp.ones(3, bool)):
        moment = second_moment(keys, counts)
        slope = jax.grad(lambda keys, counts=counts: second_moment(keys, counts).sum())(keys)
        assert not np.any(moment) and np.all(np.isfinite(slope))
        np.testing.assert_allclose(damped_inverse(moment, 0.5), 3 * np.eye(2), rtol=1e-5)


@pytest.mark.parametrize(
    ("given", "computed"), [("bfloat16", "float32"), ("float32", "float32"), ("float64", "float64")]
)
def test_moments_have_the_vectors_number_type_or_float32(given, computed):
    with jax.enable_x64(True):
        keys = jnp.asarray(drawn(4, 6), given)
        condition = preconditioner(keys, keys, jnp.ones(6, bool), 0.5)
        assert condition.left.dtype == condition.right.dtype == computed
        assert condition(jnp.ones((2, 4, 4), computed)).dtype == computed
