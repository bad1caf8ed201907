"""What a gradient does to its own answer, against the same by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.adaptation.adapter import chains
from regrad_jax.adaptation.parameters import descend
from regrad_jax.evaluation.knowledge import gold_losses, knowledge_gap


def loss_by_hand(regrad, bank, question, position: int, gamma: float) -> float:
    """The mean loss of an answer's tokens, one question at a time and from logits."""
    runtime = regrad.runtime
    checkpoint, decoder = runtime.checkpoint, jax.tree.map(jnp.asarray, runtime.base.decoder)
    grads = runtime.layout(bank).unflatten(bank.read_rows([position])[0])
    theta = descend(checkpoint.meta, grads, gamma)
    prompt = runtime.tokens(f"Question: {question.question}\nAnswer:")
    answer = runtime.tokens(f" {question.answers[0]}\n")
    hidden, _ = decoder.trunk(np.array([prompt + answer]))
    features, _ = decoder.head(hidden, chains(checkpoint.adapter, theta, checkpoint.meta.bases))
    log_probabilities = jax.nn.log_softmax(decoder.logits(features)[0])
    places = np.arange(len(prompt) - 1, len(prompt) + len(answer) - 1)
    return -float(np.mean(np.asarray(log_probabilities)[places, answer]))


@pytest.fixture(scope="module")
def whole(people_bank) -> dict[str, int]:
    return {r.document_id: p for p, r in people_bank.records.items() if r.id == r.document_id}


def test_losses_are_those_of_one_question_at_a_time(regrad, people_bank, people, whole):
    questions = [q for q in people.questions if q.document_id in whole]
    expected = [loss_by_hand(regrad, people_bank, q, whole[q.document_id], 1.0) for q in questions]
    np.testing.assert_allclose(
        gold_losses(regrad.runtime, people_bank, people.questions), expected, rtol=1e-4
    )
    assert gold_losses(regrad.runtime, people_bank, []).size == 0


def test_the_gap_is_between_own_and_other_documents(regrad, people_bank, people, whole):
    gap = knowledge_gap(regrad.runtime, people_bank, people.questions)
    questions = [q for q in people.questions if q.document_id in whole]
    assert gap.questions == len(questions)
    assert gap.gap.mean == pytest.approx(gap.other - gap.gold)
    assert gap.gold == pytest.approx(gold_losses(regrad.runtime, people_bank, people.questions).mean())
    none = [loss_by_hand(regrad, people_bank, q, whole[q.document_id], 0.0) for q in questions]
    assert gap.none == pytest.approx(np.mean(none), rel=1e-4)
    assert knowledge_gap(regrad.runtime, people_bank, []) is None
