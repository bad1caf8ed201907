"""Does a gradient carry its document's knowledge? The answer's loss with the right one and a wrong one."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax.adaptation.outer import Questions, answer_losses
from regrad_jax.adaptation.parameters import descend
from regrad_jax.bank.bank import Bank
from regrad_jax.data.documents import Question
from regrad_jax.engine.devices import shard, spread, unshard
from regrad_jax.evaluation.metrics import Difference, paired_difference
from regrad_jax.methods.regrad import ReGrad

_SEED = 0
_BATCH = 16
_TOKEN_STEP = 16


class KnowledgeGap(NamedTuple):
    """Mean answer-token losses in nats, and how much the question's own gradient lowers it, with interval.

    Attributes:
        gold: with the gradient of the question's document.
        other: with that of another document.
        none: without any.
        gap: other - gold.
        questions: how many.
    """

    gold: float
    other: float
    none: float
    gap: Difference
    questions: int


def knowledge_gap(regrad: ReGrad, bank: Bank, questions: Sequence[Question]) -> KnowledgeGap | None:
    """Measures the gap over questions whose document is one passage of the bank, for its first answer.

    Returns None where there is no such question, or no other document to compare with.
    """
    rng = np.random.default_rng(_SEED)
    asked, gold = _with_documents(bank, questions)
    if not asked or len(bank) < 2:
        return None
    everything = np.array(list(bank.records))
    other = [int(rng.choice(everything[everything != p])) for p in gold]
    losses = {
        "gold": _losses(regrad, bank, asked, gold, 1.0),
        "other": _losses(regrad, bank, asked, other, 1.0),
        "none": _losses(regrad, bank, asked, gold, 0.0),
    }
    means = {name: float(values.mean()) for name, values in losses.items()}
    gap = paired_difference(losses["other"], losses["gold"])
    return KnowledgeGap(**means, gap=gap, questions=len(asked))


def gold_losses(regrad: ReGrad, bank: Bank, questions: Sequence[Question]) -> np.ndarray:
    """Returns answer losses with the questions' own documents, of those that `knowledge_gap` takes."""
    return _losses(regrad, bank, *_with_documents(bank, questions), 1.0)


def _with_documents(bank: Bank, questions: Sequence[Question]) -> tuple[list[Question], list[int]]:
    """Returns the questions whose document is one passage of the bank, and its positions."""
    place = {
        record.document_id: position
        for position, record in bank.records.items()
        if record.id == record.document_id
    }
    asked = [q for q in questions if q.document_id in place]
    return asked, [place[str(q.document_id)] for q in asked]


def _losses(regrad, bank, questions, positions, gamma) -> np.ndarray:
    if not questions:
        return np.empty(0)
    encode = lambda text: regrad.base.tokenizer(text, add_special_tokens=False)["input_ids"]
    prompts = [encode(regrad.wording.question(q, [])) for q in questions]
    answers = [encode(regrad.wording.answer(q.answers[0])) for q in questions]
    longest = max(len(p) + len(a) for p, a in zip(prompts, answers, strict=True))
    width = -(-longest // _TOKEN_STEP) * _TOKEN_STEP
    program = _program(regrad.checkpoint.adapter, regrad.layout(bank))
    devices = jax.local_device_count()
    size = -(-_BATCH // devices) * devices
    gammas = np.full(devices, gamma, np.float32)
    losses = []
    for start in range(0, len(questions), size):
        rows = [min(start + i, len(questions) - 1) for i in range(size)]
        batch = _lay_out([prompts[r] for r in rows], [answers[r] for r in rows], width)
        rows_QxP = bank.read_rows([positions[r] for r in rows])
        decoder, meta, _ = regrad.replicas
        losses_Q = unshard(program(decoder, meta, *shard((rows_QxP, batch)), gammas))
        losses += losses_Q[: len(questions) - start].tolist()
    return np.array(losses)


@functools.cache
def _program(adapter, layout):
    def losses(decoder, meta, rows_QxP, batch, gamma):
        theta_Q = descend(meta, layout.unflatten(rows_QxP), gamma)
        return answer_losses(decoder, adapter, theta_Q, meta.bases, batch)[0]

    return spread(losses)


def _lay_out(prompts, answers, width: int) -> Questions:
    tokens = np.zeros((len(prompts), width), np.int32)
    wanted = np.zeros((len(prompts), width), np.int32)
    for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        tokens[row, : len(prompt) + len(answer)] = prompt + answer
        wanted[row, : len(answer)] = answer
    count = lambda items: jnp.array([len(item) for item in items], jnp.int32)
    # The longest answer bounds the positions whose logits are formed.
    most = -(-max(map(len, answers)) // 8) * 8
    return Questions(jnp.asarray(tokens), count(prompts), jnp.asarray(wanted[:, :most]), count(answers))
