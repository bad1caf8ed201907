"""Does a gradient carry its document's knowledge? The answer's loss with the right one and a wrong one."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from regrad_jax.bank.bank import Bank
from regrad_jax.data.documents import Question
from regrad_jax.engine.requests import Request, Update
from regrad_jax.evaluation.metrics import Difference, paired_difference
from regrad_jax.library.runtime import Runtime

_SEED = 0


class KnowledgeGap(NamedTuple):
    """Mean losses of answer tokens in nats, and how much the question's own gradient lowers them.

    Attributes:
        gold: with the gradient of the question's document.
        other: with that of another document.
        none: without any.
        gap: other - gold, with its interval.
        questions: how many.
    """

    gold: float
    other: float
    none: float
    gap: Difference
    questions: int


def knowledge_gap(runtime: Runtime, bank: Bank, questions: Sequence[Question]) -> KnowledgeGap | None:
    """Measures the gap over questions whose document is one passage of the bank, for their first answers.

    Returns:
        The gap; None where there is no such question, or no other document to compare with.
    """
    rng = np.random.default_rng(_SEED)
    questions, gold_positions = _with_documents(bank, questions)
    if not questions or len(bank) < 2:
        return None
    positions_N = np.array(list(bank.records))
    other_positions = [int(rng.choice(positions_N[positions_N != p])) for p in gold_positions]
    gold_Q = _losses(runtime, bank, questions, gold_positions, 1.0)
    other_Q = _losses(runtime, bank, questions, other_positions, 1.0)
    none_Q = _losses(runtime, bank, questions, gold_positions, 0.0)
    gold, other, none = (float(losses_Q.mean()) for losses_Q in (gold_Q, other_Q, none_Q))
    return KnowledgeGap(gold, other, none, paired_difference(other_Q, gold_Q), len(questions))


def gold_losses(runtime: Runtime, bank: Bank, questions: Sequence[Question]) -> np.ndarray:
    """Returns the losses in nats with own documents, of the questions that `knowledge_gap` takes."""
    return _losses(runtime, bank, *_with_documents(bank, questions), 1.0)


def _with_documents(bank: Bank, questions: Sequence[Question]) -> tuple[list[Question], list[int]]:
    """Returns the questions whose document is one passage of the bank, and its positions."""
    whole = {r.document_id: position for position, r in bank.records.items() if r.id == r.document_id}
    kept = [question for question in questions if question.document_id in whole]
    return kept, [whole[str(question.document_id)] for question in kept]


def _losses(
    runtime: Runtime, bank: Bank, questions: Sequence[Question], positions: Sequence[int], gamma: float
) -> np.ndarray:
    """Returns each answer's loss under the gradient at its question's position."""
    if not questions:
        return np.empty(0)
    wording, form = runtime.wording, runtime.row_format(bank)
    packed_QxC = bank.read_packed(positions)
    requests = [
        Request(
            runtime.tokens(wording.question(question, [])),
            Update(packed_C[None], np.ones(1, np.float32), form),
            gamma,
        )
        for question, packed_C in zip(questions, packed_QxC, strict=True)
    ]
    answers = [runtime.tokens(wording.answer(question.answers[0])) for question in questions]
    return runtime.engine.losses(requests, answers)
