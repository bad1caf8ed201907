"""How a token is chosen: the limits in which it is certain, and the frequencies of many draws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.engine.sampling import GREEDY, Sampling, SamplingBatch, choose

PROBABILITIES = np.array([0.1, 0.4, 0.05, 0.3, 0.15])  # of five tokens at temperature 1
DRAWS = 20_000
_choose = jax.jit(choose)


def draw(settings, logits_BxV, step_B=None) -> np.ndarray:
    """Returns the tokens; every sequence has emitted three before, unless said."""
    step_B = np.full(len(logits_BxV), 3, np.int32) if step_B is None else step_B
    return np.asarray(_choose(jnp.asarray(logits_BxV, jnp.float32), SamplingBatch.of(settings), step_B))


@pytest.fixture(scope="module")
def logits_BxV() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(64, 97))


def test_settings_are_none_where_all_are_greedy_and_arrays_where_one_is_not():
    assert SamplingBatch.of([GREEDY, Sampling(0.0, 0.5, 7)]) is None
    batch = SamplingBatch.of([GREEDY, Sampling(0.5, 0.9, 2**32 - 1)])
    np.testing.assert_array_equal(batch.temperature_B, np.float32([0, 0.5]))
    np.testing.assert_array_equal(batch.top_p_B, np.float32([1, 0.9]))
    np.testing.assert_array_equal(batch.seed_B, np.uint32([0, 2**32 - 1]))
    assert [leaf.dtype for leaf in batch] == [np.float32, np.float32, np.uint32]


@pytest.mark.parametrize("certain", [Sampling(0.0), Sampling(0.0, 0.1), Sampling(2.0, 1e-6), Sampling(1e-4)])
def test_no_temperature_a_tiny_one_and_a_tiny_share_take_the_most_likely_token(certain, logits_BxV):
    """Though the others in the batch are drawn."""
    settings = [certain._replace(seed=n) if n % 2 else Sampling(2.0, seed=n) for n in range(64)]
    tokens_B, best_B = draw(settings, logits_BxV), logits_BxV.argmax(axis=-1)
    np.testing.assert_array_equal(tokens_B[1::2], best_B[1::2])
    assert (tokens_B[::2] != best_B[::2]).sum() > 16
    assert tokens_B.dtype == np.int32


def test_without_settings_the_most_likely_tokens_are_taken(logits_BxV):
    np.testing.assert_array_equal(draw([GREEDY] * 64, logits_BxV), logits_BxV.argmax(axis=-1))


def test_a_seed_draws_the_same_token_alone_and_in_any_batch(logits_BxV):
    settings = [Sampling(1.0 + n / 64, 0.9, seed=n) for n in range(64)]
    together = draw(settings, logits_BxV)
    np.testing.assert_array_equal(draw(settings, logits_BxV), together)
    np.testing.assert_array_equal(draw(settings[::-1], logits_BxV[::-1])[::-1], together)
    alone = [draw([settings[n]], logits_BxV[n : n + 1])[0] for n in range(0, 64, 8)]
    np.testing.assert_array_equal(alone, together[::8])


def test_another_seed_and_another_step_draw_others(logits_BxV):
    settings = [Sampling(1.0, seed=n) for n in range(64)]
    tokens_B = draw(settings, logits_BxV)
    assert (draw([s._replace(seed=s.seed + 64) for s in settings], logits_BxV) != tokens_B).sum() > 32
    assert (draw(settings, logits_BxV, np.full(64, 4, np.int32)) != tokens_B).sum() > 32
    one = np.repeat(logits_BxV[:1], 64, axis=0)
    assert len(set(draw([Sampling(1.0)] * 64, one, np.arange(64, dtype=np.int32)).tolist())) > 16


@pytest.mark.parametrize("over", ["seeds", "steps"])
@pytest.mark.parametrize(
    ("temperature", "top_p", "kept"),
    [
        (1.0, 1.0, [0, 1, 2, 3, 4]),
        (2.0, 1.0, [0, 1, 2, 3, 4]),
        (0.5, 1.0, [0, 1, 2, 3, 4]),
        (1.0, 0.6, [1, 3]),  # 0.4 is less than the share, 0.4 + 0.3 is enough
        (1.0, 0.75, [1, 3, 4]),
        (1.0, 0.3, [1]),
        # The share is of the probabilities at the temperature: 0.56, 0.32, 0.08, 0.04, 0.01 at T = 0.5.
        (0.5, 0.6, [1, 3]),
        (0.5, 0.8, [1, 3]),
        (2.0, 0.6, [1, 3, 4]),  # 0.30, 0.26, 0.18, ... at T = 2
    ],
)
def test_tokens_are_drawn_as_often_as_their_probabilities_say(over, temperature, top_p, kept):
    numbers, same = np.arange(DRAWS), np.full(DRAWS, 5)
    seeds, steps = (numbers, same) if over == "seeds" else (same, numbers)
    settings = [Sampling(temperature, top_p, int(seed)) for seed in seeds]
    logits_BxV = np.broadcast_to(np.log(PROBABILITIES) + 3.0, (DRAWS, 5))
    counts_V = np.bincount(draw(settings, logits_BxV, steps.astype(np.int32)), minlength=5)
    expected_V = np.zeros(5)
    expected_V[kept] = PROBABILITIES[kept] ** (1 / temperature)
    expected_V *= DRAWS / expected_V.sum()
    np.testing.assert_array_equal(counts_V > 0, expected_V > 0)
    # Each count is within four standard deviations of what is expected.
    assert (np.abs(counts_V - expected_V) <= 4 * np.sqrt(expected_V)).all(), (counts_V, expected_V)
