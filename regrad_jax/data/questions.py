"""Reads questions from a JSONL file."""

import dataclasses
from pathlib import Path

from regrad_jax.data.documents import Question
from regrad_jax.data.fields import check_unique, id_field, text_field, texts_field
from regrad_jax.data.text_files import read_json_lines
from regrad_jax.errors import UserError


def read_questions(path: str | Path) -> list[Question]:
    """Returns the questions of a JSONL file, in its order.

    A line is an object with "question", and optionally "id" (a string or a whole number; when
    absent, the line's number, counted from 1), "answer" (a string) or "answers" (a list of
    strings), "choices" (a list of strings), and "document_id". A question without an answer has
    `answers == ()`. The answer to a question with choices is the words of a choice or its label, and becomes
    the label. Blank lines and other fields are ignored.

    Raises:
        UserError: the file is missing or empty, JSON is broken, a field has the wrong type or is empty, an id
            stands twice, or an answer is none of the choices; the message names the file and the line.
    """
    path = Path(path)
    questions: list[Question] = []
    lines: dict[str, int] = {}
    for number, record in read_json_lines(path):
        where = f"{path}, line {number}"
        question_id = id_field(record, where) if record.get("id") is not None else str(number)
        check_unique(question_id, number, lines, path)
        document_id = record.get("document_id")
        answers = _answers(record, where)
        question = Question(
            id=question_id,
            question=text_field(record, "question", where).strip(),
            answers=answers,
            document_id=None if document_id is None else text_field(record, "document_id", where),
        )
        if choices := texts_field(record, "choices", where):
            question = _with_choices(question, choices, where)
        questions.append(question)
    if not questions:
        raise UserError(f'{path}: no questions; write one {{"question": ...}} object a line')
    return questions


def _answers(record: dict[str, object], where: str) -> tuple[str, ...]:
    """Returns the distinct accepted answers in order, from "answer" or "answers"."""
    single = record.get("answer")
    if single is not None and record.get("answers") is not None:
        raise UserError(f'{where}: both "answer" and "answers" are given; keep one')
    if single is not None:
        return (text_field(record, "answer", where).strip(),)
    return tuple(dict.fromkeys(texts_field(record, "answers", where)))


def _with_choices(question: Question, choices: list[str], where: str) -> Question:
    """Returns the question with choices and with labels in place of its answers' words."""
    try:
        asked = dataclasses.replace(question, answers=(), choices=tuple(choices))
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    names = {label.lower(): label for label in asked.labels}
    names |= {choice.lower(): label for label, choice in asked.labels.items()}  # words before letters
    if strange := [answer for answer in question.answers if answer.lower() not in names]:
        raise UserError(
            f"{where}: answer {strange[0]!r} is none of the choices; give the words of one, or "
            f"{' or '.join(asked.labels)}"
        )
    labels = dict.fromkeys(names[answer.lower()] for answer in question.answers)
    return dataclasses.replace(asked, answers=tuple(labels))
