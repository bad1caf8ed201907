"""Requests through the engine on eight devices: every one is answered under parameters of its own."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.adaptation.parameters import MetaParams
from regrad_jax.engine.engine import Engine
from regrad_jax.engine.requests import Request
from regrad_jax.engine.sampling import Sampling
from regrad_jax.models.decoder import random_params, split
from tests.engine.by_hand import (
    NO_STOPS,
    assert_greedy,
    logits_of,
    prompts,
    row_format,
    theta_of,
    updates,
)
from tests.tiny_models import DECODER, FIRST_LAYER, KINDS, adapter, decoder, meta_params

LIMIT = 8
LENGTHS = [4, 1, 7, 5, 2, 30, 3, 9, 6, 8, 11]  # of eleven prompts on eight devices


def mixed_requests(meta: MetaParams, limit: int = LIMIT) -> list[Request]:
    """Eleven requests: plain ones, rows of different number, gammas of their own, 0 among them."""
    form = row_format(meta)
    steps = updates(form, [2, 1, 3, 0, 2, 1, 2, 3, 1, 2, 1])
    gammas = [1.0, 0.5, 1.0, 1.0, 0.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0]
    requests = [
        Request(tokens, update, gamma, limit=limit)
        for tokens, update, gamma in zip(prompts(LENGTHS), steps, gammas, strict=True)
    ]
    for plain in (1, 5, 10):
        requests[plain] = requests[plain]._replace(update=None)
    return requests


@pytest.fixture(scope="module")
def together(engine, meta) -> list[np.ndarray]:
    """What the engine answers to the mixed requests in one batch."""
    return engine.complete(mixed_requests(meta)).tokens


def same(found, expected) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("kind", KINDS)
def test_every_request_is_continued_greedily_under_its_own_parameters(kind):
    config = adapter(kind)
    meta = meta_params(config)
    requests = mixed_requests(meta)
    answers = Engine(config, decoder(), meta, NO_STOPS).complete(requests).tokens
    assert [len(answer) for answer in answers] == [LIMIT] * 11
    assert len(np.unique(np.concatenate(answers))) > 20  # else an error might not show
    sequences = [[*request.tokens, *answer] for request, answer in zip(requests, answers, strict=True)]
    thetas = [theta_of(meta, request.update, request.gamma) for request in requests]
    tokens = [request.tokens for request in requests]
    assert_greedy(logits_of(config, decoder(), thetas, meta.bases, sequences), tokens, answers)


def test_a_request_alone_is_answered_as_in_the_batch(engine, meta, together):
    requests = mixed_requests(meta)
    alone = [engine.complete([requests[q]]).tokens[0] for q in range(11)]
    same(alone, together)


def test_plain_requests_are_answered_as_the_base_model_among_adapted_ones_and_alone(engine, meta, together):
    plain = [request._replace(update=None) for request in mixed_requests(meta)]
    base = engine.complete(plain).tokens
    same([together[q] for q in (1, 5, 10)], [base[q] for q in (1, 5, 10)])
    zeros = [theta_of(meta, None)] * 11
    sequences = [[*request.tokens, *answer] for request, answer in zip(plain, base, strict=True)]
    logits = logits_of(adapter(), decoder(), zeros, meta.bases, sequences)
    assert_greedy(logits, [request.tokens for request in plain], base)
    assert sum((a != b).any() for a, b in zip(together, base, strict=True)) >= 7  # the updates matter


def test_gamma_zero_is_theta_star_and_not_the_base_model(engine, meta):
    [update] = updates(row_format(meta), [2])
    [prompt] = prompts([6], seed=1)
    still, none, base = (
        engine.complete([request._replace(limit=LIMIT)]).tokens[0]
        for request in (
            Request(prompt, update, gamma=0.0),
            Request(prompt, update._replace(rows=update.rows[:0], weights_K=update.weights_K[:0])),
            Request(prompt),
        )
    )
    logits = logits_of(adapter(), decoder(), [meta.theta], meta.bases, [[*prompt, *still]])
    assert_greedy(logits, [prompt], [still])
    np.testing.assert_array_equal(none, still)  # no document takes no step
    assert (still != base).any()


def test_no_request_has_no_answer(engine):
    done = engine.complete([])
    assert done.tokens == [] and done.adapt_s == done.generate_s == 0
    losses = engine.losses([], [])
    assert losses.shape == (0,) and losses.dtype == np.float64


def test_many_requests_of_all_lengths_are_answered_in_their_order(engine, meta, together):
    """More than a batch holds, and prompts too long for the others' shape."""
    requests = mixed_requests(meta)
    long = Request(prompts([33], seed=2)[0], limit=4)
    many = [long, *requests * 30, long]
    answers = engine.complete(many).tokens
    same(answers[1:-1], together * 30)
    np.testing.assert_array_equal(answers[0], answers[-1])
    sequences = [[*long.tokens, *answers[0]]]
    logits = logits_of(adapter(), decoder(), [theta_of(meta, None)], meta.bases, sequences)
    assert_greedy(logits, [long.tokens], answers[:1])


def test_each_request_has_a_limit_of_its_own(engine, meta, together):
    limits = [1, 8, 3, 2, 8, 1, 5, 4, 7, 6, 8]
    requests = [r._replace(limit=n) for r, n in zip(mixed_requests(meta), limits, strict=True)]
    same(engine.complete(requests).tokens, [answer[:n] for answer, n in zip(together, limits, strict=True)])


def test_a_completion_ends_with_its_stop_token(meta, together):
    stops = {int(together[0][3]), int(together[7][0])}
    stops_V = NO_STOPS.copy()
    stops_V[list(stops)] = True
    stopped = Engine(adapter(), decoder(), meta, stops_V).complete(mixed_requests(meta)).tokens
    ends = [next((m + 1 for m, token in enumerate(a) if token in stops), LIMIT) for a in together]
    same(stopped, [answer[:end] for answer, end in zip(together, ends, strict=True)])
    assert ends[0] <= 4 and ends[7] == 1 and max(ends) == LIMIT


def test_sampled_requests_draw_the_same_tokens_alone_and_in_any_batch(engine, meta, together):
    requests = mixed_requests(meta)
    sampled = [r._replace(sampling=Sampling(1.5, 0.95, seed)) for seed, r in enumerate(requests)]
    sampled[2] = requests[2]  # one stays greedy
    answers = engine.complete(sampled).tokens
    np.testing.assert_array_equal(answers[2], together[2])
    same(engine.complete(sampled[::-1]).tokens[::-1], answers)
    same([engine.complete([sampled[q]]).tokens[0] for q in (0, 5)], [answers[q] for q in (0, 5)])
    others = [r._replace(sampling=r.sampling._replace(seed=r.sampling.seed + 99)) for r in sampled]
    different = engine.complete(others).tokens
    assert sum((a != b).any() for a, b in zip(different, answers, strict=True)) == 10


@pytest.mark.parametrize(
    ("count", "limit"), [(0, 1), (DECODER.max_position, 1), (DECODER.max_position - 7, 8)]
)
def test_requests_without_tokens_or_room_are_refused(engine, count, limit):
    good = Request([1, 2], limit=LIMIT)
    with pytest.raises(ValueError, match=f"request 1: {count} tokens and {limit} new ones"):
        engine.complete([good, Request([3] * count, limit=limit)])


def test_a_request_may_fill_all_positions(meta):
    config = dataclasses.replace(DECODER, max_position=12)
    small = Engine(adapter(), decoder().replace(config=config), meta, NO_STOPS)
    [prompt] = prompts([10])
    assert small.positions == 12
    [answer] = small.complete([Request(prompt, limit=2)]).tokens
    logits = logits_of(adapter(), decoder(), [theta_of(meta, None)], meta.bases, [[*prompt, *answer]])
    assert_greedy(logits, [prompt], [answer])
    with pytest.raises(ValueError, match="request 0: 11 tokens and 2 new ones"):
        small.complete([Request([*prompt, 1], limit=2)])


def test_first_tokens_compile_everything_and_leave_the_engine_as_it_was(meta, caplog):
    engine = Engine(adapter(), decoder(), meta, NO_STOPS)
    requests = mixed_requests(meta, limit=7)  # a limit that no test before has compiled
    batches = requests, [requests[0]._replace(sampling=Sampling(1.0))]
    answers = lambda: [token for batch in batches for token in engine.complete(batch).tokens]
    compiled = lambda: [r.getMessage() for r in caplog.records if "XLA compilation" in r.getMessage()]
    before = engine.weights_digest()
    with jax.log_compiles():
        with engine.first_tokens_only():
            short = answers()
        assert compiled()
        caplog.clear()
        whole = answers()
    assert not compiled()
    assert {len(answer) for answer in short} == {1} and {len(answer) for answer in whole} == {7}
    same(short, [answer[:1] for answer in whole])
    assert engine.weights_digest() == before
    with pytest.raises(KeyError), engine.first_tokens_only():
        raise KeyError  # an error inside does not leave it so
    same(engine.complete(requests).tokens, whole[:11])


def test_the_digest_changes_with_any_number_of_the_model_and_with_no_request(engine, meta):
    model = decoder(), meta
    leaves, form = jax.tree.flatten(model)
    engine.complete(mixed_requests(meta))
    own = engine.weights_digest()
    assert own == Engine(adapter(), *model, NO_STOPS).weights_digest()
    digests = {own}
    for number, leaf in enumerate(leaves):
        leaf = np.array(leaf)
        leaf.flat[-1] += 1
        changed = [*leaves[:number], leaf, *leaves[number + 1 :]]
        digests.add(Engine(adapter(), *jax.tree.unflatten(form, changed), NO_STOPS).weights_digest())
    assert len(leaves) > 20 and len(digests) == len(leaves) + 1


def test_a_bfloat16_decoder_answers_and_its_losses_are_near(engine, meta):
    shapes = jax.eval_shape(lambda: random_params(DECODER, jax.random.key(0)))
    rng = np.random.default_rng(0)
    draw = lambda path, leaf: rng.normal(float(path[-1].key == "scale"), 0.3, leaf.shape).astype(np.float32)
    params = jax.tree_util.tree_map_with_path(draw, shapes)
    coarse = Engine(adapter(), split(DECODER, params, FIRST_LAYER, dtype=jnp.bfloat16), meta, NO_STOPS)
    requests = mixed_requests(meta)
    answers = coarse.complete(requests).tokens
    assert [len(answer) for answer in answers] == [LIMIT] * 11
    assert all(((answer >= 0) & (answer < DECODER.vocab_size)).all() for answer in answers)
    expected = engine.losses(requests, answers)
    error = np.abs(coarse.losses(requests, answers) - expected) / expected
    assert 1e-5 < error.max() < 0.05
    assert coarse.adapt_one(requests[0].update)["up"]["R"].dtype == np.float32
