"""Losses of given answers against the log-softmax of whole sequences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.adaptation.outer import Questions, answer_losses
from regrad_jax.adaptation.parameters import MetaParams
from regrad_jax.engine.engine import Engine
from regrad_jax.engine.requests import Request
from regrad_jax.engine.sampling import Sampling
from regrad_jax.engine.scoring import lay_out
from tests.engine.by_hand import NO_STOPS, logits_of, prompts, row_format, theta_of, updates
from tests.tiny_models import KINDS, adapter, decoder, meta_params

PROMPTS = prompts(
    [5, 1, 14, 3, 4, 9, 2, 7, 6, 11, 8, 12, 1, 3, 10, 13, 2, 4, 6]
)  # more than are scored at once
ANSWERS = prompts([3, 1, 9, 2, 4, 1, 8, 5, 2, 3, 1, 6, 7, 2, 1, 4, 3, 2, 1], seed=1)
PLAIN = (1, 4, 17)


def requests_of(meta: MetaParams) -> list[Request]:
    steps = updates(row_format(meta), [1, 2, 0, 3] * 4 + [1, 2, 1])
    return [
        Request(tokens, None if q in PLAIN else step, gamma=1.0 if q % 2 else 0.5)
        for q, (tokens, step) in enumerate(zip(PROMPTS, steps, strict=True))
    ]


def losses_by_hand(kind: str, meta: MetaParams, requests) -> np.ndarray:
    """Returns the mean negative log-probability of each answer's tokens, in NumPy and float64."""
    thetas = [theta_of(meta, request.update, request.gamma) for request in requests]
    sequences = [[*request.tokens, *answer] for request, answer in zip(requests, ANSWERS, strict=True)]
    losses = []
    for logits_TxV, request, answer in zip(
        logits_of(adapter(kind), decoder(), thetas, meta.bases, sequences), requests, ANSWERS, strict=True
    ):
        start = len(request.tokens) - 1  # each token is predicted from the one before it
        logits_MxV = logits_TxV[start : start + len(answer)].astype(np.float64)
        chosen_M = logits_MxV[np.arange(len(answer)), answer]
        losses.append(np.mean(np.log(np.exp(logits_MxV).sum(axis=-1)) - chosen_M))
    return np.array(losses)


@pytest.mark.parametrize("kind", KINDS)
def test_losses_are_the_mean_negative_log_probability_of_each_answer(kind):
    meta = meta_params(adapter(kind))
    requests = requests_of(meta)
    losses = Engine(adapter(kind), decoder(), meta, NO_STOPS).losses(requests, ANSWERS)
    assert losses.shape == (19,) and losses.dtype == np.float64
    np.testing.assert_allclose(losses, losses_by_hand(kind, meta, requests), rtol=1e-5)


def test_losses_are_those_of_training(engine, meta):
    """The same function of the same arrays, on one device and without the engine."""
    requests = requests_of(meta)
    thetas = [theta_of(meta, request.update, request.gamma) for request in requests]
    questions = lay_out(PROMPTS, ANSWERS, rows=19)
    theta_Q = jax.tree.map(lambda *leaves: jnp.stack(leaves), *thetas)
    direct = jax.jit(lambda *arrays: answer_losses(decoder(), adapter(), *arrays)[0])
    losses_Q = direct(theta_Q, meta.bases, questions)
    np.testing.assert_allclose(engine.losses(requests, ANSWERS), losses_Q, rtol=1e-5)


def test_an_answer_alone_has_its_loss_in_the_batch(engine, meta):
    requests = requests_of(meta)
    together = engine.losses(requests, ANSWERS)
    for q in (0, 2, 4, 18):
        np.testing.assert_allclose(engine.losses([requests[q]], [ANSWERS[q]]), together[q : q + 1], rtol=1e-5)


def test_plain_requests_alone_and_sampling_settings_change_nothing(engine, meta):
    plain = [request._replace(update=None) for request in requests_of(meta)]
    losses = engine.losses(plain, ANSWERS)
    np.testing.assert_allclose(losses, losses_by_hand("core", meta, plain), rtol=1e-5)
    mixed = engine.losses(requests_of(meta), ANSWERS)
    moved = np.abs(mixed - losses) / losses > 1e-3
    np.testing.assert_array_equal(moved, [q not in PLAIN for q in range(19)])
    others = [request._replace(sampling=Sampling(2.0), limit=1) for request in plain]
    np.testing.assert_array_equal(engine.losses(others, ANSWERS), losses)


def test_prompts_without_an_answer_each_are_refused(engine):
    with pytest.raises(ValueError, match="zip"):
        engine.losses([Request([1]), Request([2])], [[3]])


def test_rows_after_the_last_pair_are_copies_of_it():
    laid_out = lay_out([[1, 2, 3], [4]], [[5], [6, 7]], rows=4)
    assert isinstance(laid_out, Questions) and laid_out.hidden_QxTxD is None
    tokens_QxT, prompt_lengths_Q, answers_QxM, answer_lengths_Q, _ = laid_out
    assert tokens_QxT.shape == (4, 16) and answers_QxM.shape == (4, 8)
    expected = [[1, 2, 3, 5], [4, 6, 7, 0], [4, 6, 7, 0], [4, 6, 7, 0]]
    np.testing.assert_array_equal(tokens_QxT[:, :4], expected)
    np.testing.assert_array_equal(answers_QxM[:, :2], [[5, 0], [6, 7], [6, 7], [6, 7]])
    assert not tokens_QxT[:, 4:].any() and not answers_QxM[:, 2:].any()
    np.testing.assert_array_equal(prompt_lengths_Q, [3, 1, 1, 1])
    np.testing.assert_array_equal(answer_lengths_Q, [1, 2, 2, 2])
