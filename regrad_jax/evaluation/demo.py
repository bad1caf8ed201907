"""The whole way on a small corpus: documents, bank, answers in every mode, a document taken out again."""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from regrad_jax.api import ReGrad
from regrad_jax.bank.bank import Bank
from regrad_jax.data.corpus import read_corpus
from regrad_jax.data.documents import Document, Question
from regrad_jax.errors import RunError
from regrad_jax.evaluation import report
from regrad_jax.evaluation.harness import Result, evaluate
from regrad_jax.evaluation.metrics import exact_match
from regrad_jax.evaluation.question_sets import Part, read_parts
from regrad_jax.methods.base import Setup
from regrad_jax.methods.options import Options
from regrad_jax.progress import Progress

# The bank of this many takes two cores a minute and a half, and so do the questions.
_ENTITIES = 260  # almanac entries beside the 40 fieldnotes: 300 passages
_QUESTIONS = 16  # of each question set
_SETTINGS = ("Direct", "RAG k=1", "ReGrad k=1", "ReGrad k=3", "ReGrad+ICL k=1")
_REMOVED_FROM = "ReGrad k=1"  # whose right answer is to go with its document


def run_demo(regrad: ReGrad, workdir: pathlib.Path, say: Progress) -> str:
    """Runs the demo and returns what it found, as text.

    Args:
        regrad: a loaded checkpoint.
        workdir: gets corpus.jsonl, bank/ and report/; the demo goes on with a bank that is there already.
        say: takes lines of progress.

    Raises:
        RunError: no answer was right, the removed document's answer stayed, or a weight has changed. The
            report is written all the same.
    """
    engine = regrad.runtime.engine
    before = engine.weights_digest()
    almanac = Part("almanac", {"entities": _ENTITIES}, sample=_QUESTIONS)
    data = read_parts({"almanac": almanac, "fieldnotes": Part("fieldnotes", sample=_QUESTIONS)})
    corpus = _write_corpus(workdir, data.documents)
    say(f"building a bank from {corpus}: {len(data.documents)} documents about things that do not exist")
    questions = {label: each.questions for label, each in data.question_sets.items()}
    setup = Setup(regrad.runtime, folder=workdir / "bank", progress=say)
    results = evaluate(setup, read_corpus(corpus), data.question_sets, _SETTINGS)
    bank = regrad.open(workdir / "bank")
    removal = _remove_one(regrad, bank, results, questions)
    drift = {"before": before, "after": engine.weights_digest()}
    facts = {"removal": removal, "weights_sha256": drift, "bank": bank.info()}
    report.write(workdir / "report", "ReGrad demo", results, questions, facts)
    _require_claims(removal, drift)
    assert removal is not None
    return "\n".join(
        [
            report.table(results),
            "",
            report.samples(results, questions, 3),
            "",
            f"asked:   {removal['question']}",
            f"answer:  {removal['answer']}   (expected: {removal['expected']})",
            f"removed: {removal['document']} from the bank",
            f"answer:  {removal['answer_after']}   (gone)",
            "",
            f"weights after {sum(len(r.answers) for r in results)} adapted and plain answers: sha256 "
            f"{drift['after'][:16]}, bit-identical to before",
            f"report:  {workdir / 'report' / 'report.html'}",
        ]
    )


def _write_corpus(workdir: pathlib.Path, documents: Sequence[Document]) -> pathlib.Path:
    workdir.mkdir(parents=True, exist_ok=True)
    corpus = workdir / "corpus.jsonl"
    lines = [
        json.dumps({"id": d.id, "text": d.text, "title": d.title, "source": d.source}, ensure_ascii=False)
        for d in documents
    ]
    corpus.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return corpus


def _remove_one(
    regrad: ReGrad, bank: Bank, results: Sequence[Result], questions: Mapping[str, Sequence[Question]]
) -> dict[str, Any] | None:
    """Deletes the document that gave a right answer and asks again; None where no answer was right."""
    for result in results:
        if result.setting != _REMOVED_FROM:
            continue
        for question, answer in zip(questions[result.dataset], result.answers, strict=True):
            if not exact_match(answer.answer, question.answers):
                continue
            with bank:
                bank.delete([str(question.document_id)])
            [again] = regrad.ask([question], bank, Options("regrad", top_k=1))
            return {
                "question": question.question,
                "expected": question.answers[0],
                "document": question.document_id,
                "answer": answer.answer,
                "answer_after": again.answer,
                "gone": not exact_match(again.answer, question.answers),
            }
    return None


def _require_claims(removal: Mapping[str, Any] | None, drift: Mapping[str, str]) -> None:
    if removal is None:
        raise RunError(
            f"not one answer of {_REMOVED_FROM} was right, so there is nothing to take out again; is the "
            "checkpoint trained?"
        )
    if not removal["gone"]:
        raise RunError(f"{removal['document']} was removed and is still known: {removal['answer_after']!r}")
    if drift["before"] != drift["after"]:
        raise RunError(
            f"weights have changed: sha256 {drift['before'][:16]} before, {drift['after'][:16]} after"
        )
