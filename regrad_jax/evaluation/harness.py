"""Runs ways of answering over question sets and scores them."""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from regrad_jax.bank.bank import Bank
from regrad_jax.data.documents import Question
from regrad_jax.errors import UserError
from regrad_jax.evaluation.metrics import Score, score
from regrad_jax.methods.regrad import Answer, ReGrad, Retrieved
from regrad_jax.progress import Progress

_SEED = 0
_CHUNK = 64  # questions between two lines of progress

# (regrad, bank, questions, k) -> documents to use
Retriever = Callable[[ReGrad, Bank, Sequence[Question], int], Retrieved]


class Setting(NamedTuple):
    """One way of answering, as measured.

    Attributes:
        mode: a name in `methods.modes.MODES`.
        top_k: documents a question.
        weighting: document weights; None takes the checkpoint's own.
        retriever: a name in `RETRIEVERS`; None searches.
    """

    mode: str
    top_k: int = 3
    weighting: str | None = None
    retriever: str | None = None


def _random(regrad: ReGrad, bank: Bank, questions: Sequence[Question], k: int) -> Retrieved:
    """Draws other documents than the question's own: the control that tells knowledge from format."""
    rng = np.random.default_rng(_SEED)
    positions = np.array(list(bank.records))
    owners = np.array([bank.records[int(p)].document_id for p in positions])
    if short := [q.id for q in questions if np.sum(owners != q.document_id) < k]:
        raise UserError(
            f"bank {bank.place} holds fewer than {k} passages of other documents than that of question "
            f"{short[0]!r}; leave the settings with random documents out"
        )
    drawn = [rng.choice(positions[owners != q.document_id], k, replace=False) for q in questions]
    return Retrieved(np.array(drawn), np.zeros((len(questions), k), np.float32))


# What is used in place of what search finds.
RETRIEVERS: Mapping[str, Retriever] = {"random": _random}

SETTINGS: Mapping[str, Setting] = {
    "Direct": Setting("direct"),
    "RAG k=1": Setting("rag", 1),
    "RAG k=3": Setting("rag"),
    "ReGrad k=1": Setting("regrad", 1),
    "ReGrad k=3": Setting("regrad", 3),
    "ReGrad k=3, plain sum": Setting("regrad", 3, "sum"),
    "ReGrad, random documents": Setting("regrad", 1, retriever="random"),
    "ReGrad+ICL k=1": Setting("regrad+icl", 1),
    "ReGrad+ICL k=3": Setting("regrad+icl", 3),
}


@dataclasses.dataclass(frozen=True)
class Result:
    """A setting's answers to a question set.

    Attributes:
        dataset: name of the question set.
        setting: a name in `SETTINGS`.
        score: exact match and F1 with their intervals.
        recall: share of questions that used their document; None where none used any.
        ms_per_question: wall time, but for a `retriever`'s.
        timings_ms: its parts.
        answers: one for each question.
    """

    dataset: str
    setting: str
    score: Score
    recall: float | None
    ms_per_question: float
    timings_ms: Mapping[str, float]
    answers: Sequence[Answer]

    def facts(self) -> dict[str, Any]:
        """Returns everything but the answers, ready for JSON."""
        facts = {k: v for k, v in self.__dict__.items() if k not in ("answers", "score")}
        return facts | dataclasses.asdict(self.score)


def evaluate(
    regrad: ReGrad,
    bank: Bank,
    dataset: str,
    questions: Sequence[Question],
    settings: Sequence[str],
    progress: Progress,
) -> list[Result]:
    """Answers and scores.

    Args:
        regrad: what answers.
        bank: holds the questions' documents.
        dataset: name for the results.
        questions: with answers.
        settings: names in `SETTINGS`.
        progress: takes a line of text now and then.

    Raises:
        UserError: an unknown setting, or a bank too small for random documents.
    """
    if unknown := [name for name in settings if name not in SETTINGS]:
        raise UserError(f"setting {unknown[0]!r} is unknown; choose from {', '.join(SETTINGS)}")
    given = {
        name: RETRIEVERS[retriever](regrad, bank, questions, SETTINGS[name].top_k)
        for name in settings
        if (retriever := SETTINGS[name].retriever)
    }
    for first in range(0, len(questions), _CHUNK):  # compiles, for every setting that searches
        regrad.embedder.embed([q.question for q in questions[first : first + _CHUNK]])
    return [
        _evaluate_one(regrad, bank, dataset, questions, name, given.get(name), progress) for name in settings
    ]


def _evaluate_one(regrad, bank, dataset, questions, name, found, progress) -> Result:
    mode, top_k, weighting, _ = SETTINGS[name]

    def ask(rows: slice) -> list[Answer]:
        chosen = Retrieved(found.positions_QxK[rows], found.scores_QxK[rows]) if found else None
        return regrad.ask(
            questions[rows], bank, mode=mode, top_k=top_k, weighting=weighting, retrieved=chosen
        )

    with regrad.answerer.first_tokens_only():
        ask(slice(0, _CHUNK))  # compiles
    answers: list[Answer] = []
    start = time.perf_counter()
    for first in range(0, len(questions), _CHUNK):
        answers += ask(slice(first, first + _CHUNK))
        rate = len(answers) / (time.perf_counter() - start)
        progress(
            f"{dataset}, {name}: {len(answers)}/{len(questions)} questions, {rate:.1f}/s, "
            f"{(len(questions) - len(answers)) / rate:.0f} s left"
        )
    took = 1e3 * (time.perf_counter() - start) / len(questions)
    scored = score([a.answer for a in answers], [q.answers for q in questions])
    progress(f"{dataset}, {name}: exact match {scored.exact_match:.1f}%, F1 {scored.f1:.1f}%")
    parts = {key: float(np.mean([a.timings_ms[key] for a in answers])) for key in answers[0].timings_ms}
    return Result(dataset, name, scored, _recall(bank, questions, answers), took, parts, answers)


def _recall(bank: Bank, questions: Sequence[Question], answers: Sequence[Answer]) -> float | None:
    if not any(answer.documents for answer in answers):
        return None
    owner = {record.id: record.document_id for record in bank.records.values()}
    hits = [
        any(owner[cited.id] == question.document_id for cited in answer.documents)
        for question, answer in zip(questions, answers, strict=True)
        if question.document_id is not None
    ]
    return float(np.mean(hits)) if hits else None
