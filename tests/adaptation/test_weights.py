"""Document weights by hand, and their gradients where a question has no documents."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.adaptation.weights import DOCUMENT_WEIGHTS

RETRIEVED = jnp.array([[1, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]], bool)
SCORES = jnp.array([[0.9, 0.4, 50.0, 0.1], [9.0, 9.0, -0.3, 9.0], [5.0] * 4, [0.2, 0.2, 0.2, 0.2]])


def test_plain_sum_weighs_every_retrieved_document_alike():
    weights = DOCUMENT_WEIGHTS["sum"](SCORES, RETRIEVED, jnp.float32(0.3))
    np.testing.assert_array_equal(weights, np.asarray(RETRIEVED, np.float32))


def test_mean_shares_one_step_out_evenly():
    weights = DOCUMENT_WEIGHTS["mean"](SCORES, RETRIEVED, jnp.float32(0.3))
    third = 1 / 3
    expected = [[third, third, 0, third], [0, 0, 1, 0], [0, 0, 0, 0], [0.25] * 4]
    np.testing.assert_allclose(weights, expected, rtol=1e-6)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 10.0])
def test_relevance_is_a_softmax_over_what_was_retrieved(temperature):
    weights = np.asarray(DOCUMENT_WEIGHTS["relevance"](SCORES, RETRIEVED, jnp.log(temperature)))
    np.testing.assert_allclose(weights.sum(1), [1, 1, 0, 1], rtol=1e-6)
    assert not np.any(weights[~np.asarray(RETRIEVED)])
    raw = np.exp(np.array([0.9, 0.4, 0.1]) / temperature)
    np.testing.assert_allclose(weights[0, [0, 1, 3]], raw / raw.sum(), rtol=1e-5)
    np.testing.assert_allclose(weights[3], 0.25, rtol=1e-6)


@pytest.mark.parametrize("weighting", DOCUMENT_WEIGHTS)
def test_weights_have_finite_gradients_even_without_documents(weighting):
    def total(scores, log_temperature):
        return jnp.sum(DOCUMENT_WEIGHTS[weighting](scores, RETRIEVED, log_temperature) ** 2)

    scores, temperature = jax.grad(total, argnums=(0, 1))(SCORES, jnp.float32(-1.0))
    assert np.all(np.isfinite(scores)) and np.isfinite(temperature)
    assert not np.any(np.asarray(scores)[~np.asarray(RETRIEVED)])
    assert (float(temperature) != 0) == (weighting == "relevance")


@pytest.mark.parametrize("weighting", DOCUMENT_WEIGHTS)
def test_weights_have_the_number_type_of_the_parameters(weighting):
    weigh = DOCUMENT_WEIGHTS[weighting]
    assert weigh(SCORES, RETRIEVED, jnp.float32(-1)).dtype == jnp.float32
    with jax.enable_x64(True):
        scores = jnp.asarray(np.asarray(SCORES), jnp.float64)
        weights = weigh(scores, RETRIEVED, jnp.float64(-1))
        assert weights.dtype == jnp.float64
        np.testing.assert_allclose(weights[0].sum(), 3 if weighting == "sum" else 1, rtol=1e-14)
