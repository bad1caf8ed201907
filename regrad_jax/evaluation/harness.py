"""Runs ways of answering over question sets and scores them."""

import dataclasses
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from regrad_jax.data.documents import Document, Question
from regrad_jax.evaluation.metrics import SCORES, Score
from regrad_jax.evaluation.settings import find_setting
from regrad_jax.methods.base import Answer, Method, Setup
from regrad_jax.methods.table import make_method

logger = logging.getLogger(__name__)

_CHUNK = 64  # questions between two lines of progress


@dataclasses.dataclass(frozen=True)
class QuestionSet:
    """Questions that are scored together.

    Attributes:
        questions: each with an answer.
        score: a name in `SCORES`.
    """

    questions: Sequence[Question]
    score: str = "short_answer"


@dataclasses.dataclass(frozen=True)
class Result:
    """A setting's answers to a question set.

    Attributes:
        dataset: name of the question set.
        setting: a name that `find_setting` knows.
        score: exact match and F1 with their intervals.
        unanswered: questions that could not be asked, as those that are too long; they count as wrong.
        recall: share of questions that used their document; None where none used any.
        ms_per_question: wall time.
        timings_ms: its parts.
        answers: one for each question.
    """

    dataset: str
    setting: str
    score: Score
    unanswered: int
    recall: float | None
    ms_per_question: float
    timings_ms: Mapping[str, float]
    answers: Sequence[Answer]

    def facts(self) -> dict[str, Any]:
        """Returns everything but the answers, ready for JSON."""
        facts = {k: v for k, v in self.__dict__.items() if k not in ("answers", "score")}
        return facts | dataclasses.asdict(self.score)


def evaluate(
    setup: Setup,
    documents: Sequence[Document],
    question_sets: Mapping[str, QuestionSet],
    settings: Sequence[str],
) -> list[Result]:
    """Prepares each method on the documents, asks it all question sets, and scores its answers.

    Args:
        setup: what methods are made with; a setting's options and retriever take the place of its own. Its
            `progress` takes a line of text now and then.
        documents: what the questions are about.
        question_sets: by the name that results are to have.
        settings: names that `find_setting` knows.

    Returns:
        The results of one question set after the other, each in the order of the settings.

    Raises:
        UserError: an unknown setting, or what a method's `prepare` and `answer` raise.
    """
    chosen = [(name, find_setting(name)) for name in settings]
    results: dict[str, list[Result]] = {label: [] for label in question_sets}
    for name, (options, retriever) in chosen:
        method = make_method(dataclasses.replace(setup, options=options, retriever=retriever))
        method.prepare(documents)
        for label, question_set in question_sets.items():
            results[label].append(measure(method, label, name, question_set))
    return [result for of_set in results.values() for result in of_set]


def measure(method: Method, label: str, setting: str, question_set: QuestionSet) -> Result:
    """Asks a method that is prepared, and scores its answers.

    Args:
        method: what answers.
        label: the question set's name in the result.
        setting: the method's name in the result.
        question_set: what is asked.
    """
    questions = question_set.questions
    starts = range(0, len(questions), _CHUNK)
    with method.setup.runtime.engine.first_tokens_only():
        for start in {starts[0], starts[-1]}:  # compiles
            method.answer(questions[start : start + _CHUNK])
    progress, answers = method.setup.progress, list[Answer]()
    began = time.perf_counter()
    for start in starts:
        answers += method.answer(questions[start : start + _CHUNK])
        rate = len(answers) / (time.perf_counter() - began)
        progress(
            f"{label}, {setting}: {len(answers)}/{len(questions)} questions, {rate:.1f}/s, "
            f"{(len(questions) - len(answers)) / rate:.0f} s left"
        )
    ms = 1e3 * (time.perf_counter() - began) / len(questions)
    score = SCORES[question_set.score]([a.answer for a in answers], [q.answers for q in questions])
    progress(f"{label}, {setting}: exact match {score.exact_match:.1f}%, F1 {score.f1:.1f}%")
    mean_of = lambda part: float(np.mean([answer.timings_ms[part] for answer in answers]))
    timings_ms = {part: mean_of(part) for part in answers[0].timings_ms}
    if errors := [answer.error for answer in answers if answer.error]:
        logger.warning(
            "%s, %s: %d questions have no answer and count as wrong (%s)",
            label,
            setting,
            len(errors),
            errors[0],
        )
    recall = _recall(questions, answers)
    return Result(label, setting, score, len(errors), recall, ms, timings_ms, answers)


def _recall(questions: Sequence[Question], answers: Sequence[Answer]) -> float | None:
    if not any(answer.documents for answer in answers):
        return None
    hits = [
        any(cited.document_id == question.document_id for cited in answer.documents)
        for question, answer in zip(questions, answers, strict=True)
        if question.document_id is not None
    ]
    return float(np.mean(hits)) if hits else None
