"""Read questions from a JSONL file."""

from pathlib import Path

from regrad_jax.data.corpus import check_unique, id_field, kind, read_json_lines, text_field
from regrad_jax.data.documents import Question
from regrad_jax.errors import UserError


def read_questions(path: str | Path) -> list[Question]:
    """Return the questions of a JSONL file, in its order.

    A line is an object with "question", and optionally "id" (a string or a whole number; when
    absent, the line's number, counted from 1), "answer" (a string) or "answers" (a list of
    strings), and "document_id". A question without an answer has `answers == ()`. Blank lines and
    other fields are ignored.

    Raises:
        UserError: missing or empty file, broken JSON, wrong types, empty strings or repeated ids;
            the message names file and line.
    """
    path = Path(path)
    questions: list[Question] = []
    places: dict[str, int] = {}
    for number, record in read_json_lines(path):
        where = f"{path}, line {number}"
        question_id = id_field(record, where) if record.get("id") is not None else str(number)
        check_unique(question_id, number, places, path)
        document_id = record.get("document_id")
        questions.append(
            Question(
                id=question_id,
                question=text_field(record, "question", where).strip(),
                answers=_answers(record, where),
                document_id=None if document_id is None else text_field(record, "document_id", where),
            )
        )
    if not questions:
        raise UserError(f'{path}: no questions; write one {{"question": ...}} object a line')
    return questions


def _answers(record: dict[str, object], where: str) -> tuple[str, ...]:
    """Return the distinct accepted answers in order, from "answer" or "answers"."""
    single, several = record.get("answer"), record.get("answers")
    if single is not None and several is not None:
        raise UserError(f'{where}: both "answer" and "answers" are given; keep one')
    if single is not None:
        return (text_field(record, "answer", where).strip(),)
    if several is None:
        return ()
    if not isinstance(several, list) or not several:
        found = "an empty list" if several == [] else kind(several)
        raise UserError(f'{where}: "answers" must be a list of strings, found {found}')
    entries = {f"answers[{index}]": entry for index, entry in enumerate(several)}
    answers = [text_field(entries, name, where).strip() for name in entries]
    return tuple(dict.fromkeys(answers))
