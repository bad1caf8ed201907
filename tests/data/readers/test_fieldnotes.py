"""The fieldnotes keep what an evaluation relies on: sizes, links, answers that stand in their passages."""

import pytest

from regrad_jax.data.documents import Document, Question
from regrad_jax.data.readers.fieldnotes import FieldnotesSettings, load_fieldnotes, read
from regrad_jax.errors import UserError

Fieldnotes = tuple[list[Document], list[Question]]


@pytest.fixture(scope="module")
def fieldnotes() -> Fieldnotes:
    return load_fieldnotes()


def test_the_fieldnotes_are_a_test_split_alone(fieldnotes: Fieldnotes) -> None:
    assert read("test", FieldnotesSettings()) == fieldnotes
    for split in ("train", "validation"):
        with pytest.raises(UserError, match=f"for testing alone; they have no split '{split}'"):
            read(split, FieldnotesSettings())


def test_enough_passages_questions_and_genres(fieldnotes: Fieldnotes) -> None:
    documents, questions = fieldnotes
    assert len(documents) >= 30
    assert len(questions) >= 100
    assert all(document.title and document.source for document in documents)
    assert len({document.source for document in documents}) >= 8


def test_ids_texts_and_questions_are_unique(fieldnotes: Fieldnotes) -> None:
    documents, questions = fieldnotes
    assert len({document.id for document in documents}) == len(documents)
    assert len({document.text for document in documents}) == len(documents)
    assert len({question.id for question in questions}) == len(questions)
    assert len({question.question for question in questions}) == len(questions)


def test_every_passage_has_50_to_120_words(fieldnotes: Fieldnotes) -> None:
    lengths = {document.id: len(document.text.split()) for document in fieldnotes[0]}
    assert {name: words for name, words in lengths.items() if not 50 <= words <= 120} == {}


def test_every_passage_has_at_least_three_questions_and_every_question_a_passage(
    fieldnotes: Fieldnotes,
) -> None:
    documents, questions = fieldnotes
    asked = [question.document_id for question in questions]
    assert set(asked) == {document.id for document in documents}
    assert all(asked.count(document.id) >= 3 for document in documents)
    assert all(question.id.startswith(f"{question.document_id}-q") for question in questions)


def test_first_answer_stands_verbatim_in_its_own_passage(fieldnotes: Fieldnotes) -> None:
    documents, questions = fieldnotes
    texts = {document.id: document.text for document in documents}
    missing = [
        question.id for question in questions if question.answers[0] not in texts[question.document_id or ""]
    ]
    assert missing == []


def test_answers_are_short_and_not_given_away_by_the_question(fieldnotes: Fieldnotes) -> None:
    for question in fieldnotes[1]:
        assert question.question.endswith("?"), question.id
        assert all(1 <= len(answer.split()) <= 5 for answer in question.answers), question.id
        assert question.answers[0].lower() not in question.question.lower(), question.id
