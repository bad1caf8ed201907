"""A user's own corpus and questions as a data set."""

import json
from pathlib import Path
from typing import Any

import pytest

from regrad_jax.data.readers.own import OwnSettings, conflicts, read
from regrad_jax.errors import UserError


def written(folder: Path, asked: list[dict[str, Any]] | None = None) -> dict[str, str]:
    """Ten documents and two questions about each, in reverse order."""
    documents = [{"id": n, "text": f"Lamp {n} is lit at {n}."} for n in range(10)]
    questions = [
        {"id": f"q{n}{m}", "question": f"When is lamp {n} lit?", "answer": str(n), "document_id": str(n)}
        for n in reversed(range(10))
        for m in "ab"
    ]
    contents = {"corpus": documents, "questions": questions + (asked or [])}
    for name, records in contents.items():
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, records)))
    return {name: str(folder / f"{name}.jsonl") for name in contents}


def test_everything_is_tested_on_unless_sizes_are_given(tmp_path: Path) -> None:
    files: dict[str, Any] = written(tmp_path, [{"question": "Who?", "answer": "Jo"}])  # of no document
    documents, questions = read("test", OwnSettings(**files))
    assert [d.id for d in documents] == [str(n) for n in range(10)]
    assert len(questions) == 21 and questions[0].id == "q9a" and questions[-1].document_id is None
    with pytest.raises(UserError, match="of 10 documents none is in split 'train'; raise `train_documents`"):
        read("train", OwnSettings(**files))


def test_documents_are_split_in_their_order_and_questions_with_them(tmp_path: Path) -> None:
    settings = OwnSettings(**written(tmp_path), train_documents=0.7, validation_documents=1)
    for split, expected in {"train": range(7), "validation": [7], "test": [8, 9]}.items():
        documents, questions = read(split, settings)
        assert [d.id for d in documents] == [str(n) for n in expected]
        assert [q.id for q in questions] == [f"q{n}{m}" for n in reversed(expected) for m in "ab"]


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"question": "Who?"}, "question '21' has no answer"),
        ({"question": "Who?", "answer": "Jo"}, "question '21' names no document, so it is in no split"),
        (
            {"question": "Who?", "answer": "Jo", "document_id": "x"},
            "question '21' names document 'x', so it is in no split",
        ),
    ],
)
def test_a_question_that_cannot_be_used_is_named(tmp_path: Path, question: dict[str, str], said: str) -> None:
    settings = OwnSettings(**written(tmp_path, [question]), train_documents=8, validation_documents=1)
    with pytest.raises(UserError, match=f"questions.jsonl: {said}"):
        read("train", settings)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"corpus": ""}, "corpus: '' must be a text"),
        ({"questions": 300}, "questions: 300 must be a text"),
        ({"train_documents": -0.5}, "train_documents: -0.5 must be how many"),
        ({"validation_documents": 1.5}, "validation_documents: 1.5 must be how many"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as raised:
        OwnSettings(**{"corpus": "c.jsonl", "questions": "q.jsonl"} | settings)
    assert str(raised.value).startswith(said)


def test_another_split_of_the_corpus_of_the_training_is_a_conflict() -> None:
    trained = OwnSettings("there/c.jsonl", "q.jsonl", 0.8, 0.1)
    assert conflicts(trained, OwnSettings("here/c.jsonl", "q.jsonl", 0.8, 0.1)) is None
    assert conflicts(trained, OwnSettings("here/d.jsonl", "q.jsonl")) is None
    said = conflicts(trained, OwnSettings("here/c.jsonl", "q.jsonl"))
    assert said is not None and said.startswith("train_documents: 0, but the checkpoint was trained with 0.8")
