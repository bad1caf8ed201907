"""Read questions from a JSONL file."""

import string
from pathlib import Path

from regrad_jax.data.corpus import check_unique, id_field, kind, read_json_lines, text_field
from regrad_jax.data.documents import Question
from regrad_jax.errors import UserError


def read_questions(path: str | Path) -> list[Question]:
    """Return the questions of a JSONL file, in its order.

    A line is an object with "question", and optionally "id" (a string or a whole number; when
    absent, the line's number, counted from 1), "answer" (a string) or "answers" (a list of
    strings), "choices" (a list of strings), and "document_id". A question without an answer has
    `answers == ()`. Of choices the answer is one, in words or by its letter, A for the first.
    Blank lines and other fields are ignored.

    Raises:
        UserError: missing or empty file, broken JSON, wrong types, empty strings, repeated ids
            or an answer that is none of the choices; the message names file and line.
    """
    path = Path(path)
    questions: list[Question] = []
    places: dict[str, int] = {}
    for number, record in read_json_lines(path):
        where = f"{path}, line {number}"
        question_id = id_field(record, where) if record.get("id") is not None else str(number)
        check_unique(question_id, number, places, path)
        document_id = record.get("document_id")
        choices = _choices(record, where)
        questions.append(
            Question(
                id=question_id,
                question=text_field(record, "question", where).strip(),
                answers=_chosen(_answers(record, where), choices, where),
                document_id=None if document_id is None else text_field(record, "document_id", where),
                choices=choices,
            )
        )
    if not questions:
        raise UserError(f'{path}: no questions; write one {{"question": ...}} object a line')
    return questions


def _answers(record: dict[str, object], where: str) -> tuple[str, ...]:
    """Return the distinct accepted answers in order, from "answer" or "answers"."""
    single = record.get("answer")
    if single is not None and record.get("answers") is not None:
        raise UserError(f'{where}: both "answer" and "answers" are given; keep one')
    if single is not None:
        return (text_field(record, "answer", where).strip(),)
    return tuple(dict.fromkeys(_texts(record, "answers", where)))


def _choices(record: dict[str, object], where: str) -> tuple[str, ...]:
    choices = _texts(record, "choices", where)
    most = len(string.ascii_uppercase)
    if choices and not 2 <= len(set(choices)) == len(choices) <= most:
        raise UserError(f'{where}: "choices" must be 2 to {most} different strings')
    return tuple(choices)


def _chosen(answers: tuple[str, ...], choices: tuple[str, ...], where: str) -> tuple[str, ...]:
    """Return the answers as the model is to give them: for choices that letters count, their letters."""
    if not choices:
        return answers
    question = Question("", "", (), choices=choices)
    names = question.letters or {choice.lower(): choice for choice in choices}
    known = {choice: name for name, choice in names.items()} | {name: name for name in names}
    if strange := [answer for answer in answers if answer not in known]:
        raise UserError(f'{where}: answer {strange[0]!r} is none of "choices"; name one, or its letter')
    return tuple(known[answer] for answer in answers)


def _texts(record: dict[str, object], name: str, where: str) -> list[str]:
    """Return the strings of a list, stripped; none where the field is absent or null."""
    value = record.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not value:
        found = "an empty list" if value == [] else kind(value)
        raise UserError(f'{where}: "{name}" must be a list of strings, found {found}')
    entries = {f"{name}[{index}]": entry for index, entry in enumerate(value)}
    return [text_field(entries, entry, where).strip() for entry in entries]
