"""Prefill and decoding: in any number of steps, with sequences that end and others that take their places."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.adaptation.inner import adapted_head
from regrad_jax.engine import decode as decoding
from regrad_jax.engine.decode import DecodeState
from regrad_jax.engine.generate import generate
from regrad_jax.engine.prefill import prefill
from regrad_jax.engine.sampling import Sampling, SamplingBatch, choose
from regrad_jax.models.decoder import base_head
from tests.engine.by_hand import NO_STOPS, assert_greedy, logits_of, prompts, theta_of
from tests.tiny_models import DECODER, KINDS, adapter, decoder, meta_params

CAPACITY = 8
PROMPTS = prompts([4, 1, 7, 5, 2, 6, 3, 9, 1, 8])
FIRST, SECOND = (
    list(range(5)),
    list(range(5, 10)),
)  # two batches of one shape, so that few programs are compiled
SAMPLED = [Sampling(1.0, 0.95, seed) for seed in range(10)]
META = functools.cache(lambda: meta_params(adapter()))


def lay_out(some) -> tuple[np.ndarray, np.ndarray]:
    """Returns (prompts_BxT, lengths_B); other tokens, not zeros, stand after each prompt."""
    tokens_BxT = np.array(prompts([9] * len(some), seed=5), np.int32)
    for row, prompt in zip(tokens_BxT, some, strict=True):
        row[: len(prompt)] = prompt
    return tokens_BxT, np.array([len(prompt) for prompt in some], np.int32)


@functools.cache
def thetas_Q():
    """Adapted parameters of all sequences."""
    rng = np.random.default_rng(5)
    return jax.tree.map(lambda x: np.float32(x + rng.normal(0, 0.5, (10, *x.shape))), META().theta)


def take(theta_Q, rows):
    return jax.tree.map(lambda leaf: leaf[np.array(rows)], theta_Q)


def _head(theta_Q):
    return adapted_head(decoder(), adapter(), theta_Q, META().bases)


@jax.jit
def _prefill(theta_Q, stops_V, tokens_BxT, lengths_B, limits_B, sampling) -> DecodeState:
    head = _head(theta_Q)
    return prefill(decoder(), head, stops_V, tokens_BxT, lengths_B, limits_B, sampling, CAPACITY)


@jax.jit
def decode(theta_Q, stops_V, state: DecodeState, steps) -> DecodeState:
    return decoding.decode(decoder(), _head(theta_Q), stops_V, state, steps)


insert = jax.jit(decoding.insert)


def begin(rows, *, stops_V=NO_STOPS, limits=(CAPACITY,) * 10, sampled: bool = False) -> DecodeState:
    """Prefills some of the sequences, each under its own parameters."""
    sampling = SamplingBatch.of([SAMPLED[row] for row in rows]) if sampled else None
    limits_B = np.array([limits[row] for row in rows], np.int32)
    tokens_BxT, lengths_B = lay_out([PROMPTS[row] for row in rows])
    return _prefill(take(thetas_Q(), rows), stops_V, tokens_BxT, lengths_B, limits_B, sampling)


def finish(state: DecodeState, rows, stops_V=NO_STOPS) -> np.ndarray:
    """Decodes to the end and returns out_BxM."""
    return np.asarray(decode(take(thetas_Q(), rows), stops_V, state, 2 * CAPACITY).out_BxM)


@pytest.fixture(scope="module", params=[False, True], ids=["greedy", "sampled"])
def sampled(request) -> bool:
    return request.param


def test_every_token_is_chosen_by_the_logits_of_all_before_it(sampled):
    """As they are computed without a cache and for each sequence alone, so a batch changes no sequence."""
    out_BxM = np.concatenate([finish(begin(rows, sampled=sampled), rows) for rows in (FIRST, SECOND)])
    assert out_BxM.shape == (10, CAPACITY) and out_BxM.dtype == np.int32 and len(np.unique(out_BxM)) > 20
    sequences = [[*prompt, *out] for prompt, out in zip(PROMPTS, out_BxM, strict=True)]
    thetas = [take(thetas_Q(), row) for row in range(10)]
    logits_BxTxV = logits_of(adapter(), decoder(), thetas, META().bases, sequences)
    settings = SamplingBatch.of(SAMPLED) if sampled else None
    for step in range(CAPACITY):
        logits_BxV = logits_BxTxV[np.arange(10), [len(prompt) - 1 + step for prompt in PROMPTS]]
        chosen_B = choose(jnp.asarray(logits_BxV), settings, jnp.full(10, step))
        np.testing.assert_array_equal(out_BxM[:, step], chosen_B)


def test_no_step_is_taken_after_the_last_sequence_is_done():
    limits, steps = [3, 5, 2, 1, 4], []

    def counting_head(*arguments):
        steps.append(None)
        return base_head(decoder())(*arguments)

    state = begin(FIRST, limits=limits)
    with jax.disable_jit():  # a loop in Python calls the head at each step
        state = decoding.decode(decoder(), counting_head, jnp.asarray(NO_STOPS), state, 20)
    assert len(steps) == 4
    np.testing.assert_array_equal(state.emitted_B, limits)


def test_prefill_emits_one_token_and_no_steps_emit_none(sampled):
    state = begin(FIRST, sampled=sampled)
    whole = finish(state, FIRST)
    expected = np.where(np.arange(CAPACITY) < 1, whole, -1)
    for unmoved in (state, decode(take(thetas_Q(), FIRST), NO_STOPS, state, 0)):
        np.testing.assert_array_equal(unmoved.out_BxM, expected)
        np.testing.assert_array_equal(unmoved.emitted_B, np.ones(5))
        assert not np.any(unmoved.done_B)


def test_steps_of_one_stream_what_decoding_at_once_gives(sampled):
    state = begin(FIRST, sampled=sampled)
    whole = finish(state, FIRST)
    assert (whole >= 0).all()
    for emitted in range(2, CAPACITY + 1):
        state = decode(take(thetas_Q(), FIRST), NO_STOPS, state, 1)
        np.testing.assert_array_equal(state.out_BxM[:, :emitted], whole[:, :emitted])
        np.testing.assert_array_equal(state.out_BxM[:, emitted:], -1)
        np.testing.assert_array_equal(state.emitted_B, np.full(5, emitted))
        np.testing.assert_array_equal(state.done_B, np.full(5, emitted == CAPACITY))
    np.testing.assert_array_equal(finish(state, FIRST), whole)


def test_a_sequence_ends_at_its_limit_or_its_stop_token_and_others_go_on(sampled):
    free = finish(begin(FIRST, sampled=sampled), FIRST)
    limits, stops = [8, 1, 8, 8, 3], {int(free[0, 3]), int(free[3, 0])}
    stops_V = NO_STOPS.copy()
    stops_V[list(stops)] = True
    state = begin(FIRST, stops_V=stops_V, limits=limits, sampled=sampled)
    ends = [
        next((m for m, token in enumerate(row[:limit], start=1) if token in stops), limit)
        for row, limit in zip(free, limits, strict=True)
    ]
    assert ends == [4, 1, 8, 1, 3]
    np.testing.assert_array_equal(state.done_B, np.equal(ends, 1))
    expected = np.where(np.arange(CAPACITY) < np.array(ends)[:, None], free, -1)
    np.testing.assert_array_equal(finish(state, FIRST, stops_V), expected)


def test_a_sequence_put_into_a_running_batch_is_decoded_as_if_alone(sampled):
    limits = [8, 2, 8, 8, 8, 8, 8, 8, 6, 8]
    alone = np.concatenate(
        [finish(begin(rows, limits=limits, sampled=sampled), rows) for rows in (FIRST, SECOND)]
    )
    assert (alone >= 0).sum(axis=1).tolist() == limits
    running = decode(take(thetas_Q(), FIRST), NO_STOPS, begin(FIRST, limits=limits, sampled=sampled), 3)
    assert np.asarray(running.done_B).tolist() == [False, True, False, False, False]
    np.testing.assert_array_equal(running.out_BxM[1], alone[1])
    arriving = begin(SECOND, limits=limits, sampled=sampled)
    joined = insert(running, 1, arriving, 3)
    np.testing.assert_array_equal(joined.emitted_B, [4, 1, 4, 4, 4])
    mixed = [0, 8, 2, 3, 4]
    np.testing.assert_array_equal(finish(joined, mixed), alone[mixed])
    # A sequence that is under way in the other state goes on from where it is, beside the one before.
    later = decode(take(thetas_Q(), SECOND), NO_STOPS, arriving, 2)
    mixed = [0, 8, 2, 3, 5]
    np.testing.assert_array_equal(finish(insert(joined, 4, later, 0), mixed), alone[mixed])


@pytest.mark.parametrize("kind", [None, *KINDS])
def test_generate_decodes_greedily_in_one_program(kind):
    config = adapter(kind or "core")
    meta = meta_params(config)
    tokens_BxT, lengths_B = lay_out(PROMPTS[:5])
    theta_Q = jax.tree.map(lambda leaf: np.broadcast_to(leaf, (5, *leaf.shape)), meta.theta)
    head = adapted_head(decoder(), config, theta_Q, meta.bases) if kind else base_head(decoder())
    program = jax.jit(lambda stops_V: generate(decoder(), head, tokens_BxT, lengths_B, stops_V, 6))
    out_BxM = np.asarray(program(NO_STOPS))
    assert out_BxM.shape == (5, 6) and (out_BxM >= 0).all()
    sequences = [[*prompt, *out] for prompt, out in zip(PROMPTS[:5], out_BxM, strict=True)]
    thetas = [meta.theta if kind else theta_of(meta, None)] * 5
    assert_greedy(logits_of(config, decoder(), thetas, meta.bases, sequences), PROMPTS[:5], out_BxM)
    stop = out_BxM[0, 2]
    stopped = np.asarray(program(jnp.arange(DECODER.vocab_size) == stop))
    ends = [(np.flatnonzero(row == stop)[:1] + 1).tolist() or [6] for row in out_BxM]
    np.testing.assert_array_equal(stopped, np.where(np.arange(6) < ends, out_BxM, -1))
