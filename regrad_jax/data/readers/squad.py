"""Read SQuAD-format files: articles of paragraphs, each with questions and answers.

The format is that of SQuAD 1.1, SQuAD 2.0 and SQuADShifts: {"data": [articles]}, an article
{"title", "paragraphs"}, a paragraph {"context", "qas"}, a question {"id", "question", "answers":
[{"text"}]}.
"""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from regrad_jax.data.corpus import json_object, kind, parse_json, read_text, text_field
from regrad_jax.data.documents import Document, Question
from regrad_jax.errors import UserError


@dataclass(frozen=True)
class Article:
    """One article: its paragraphs as documents, and the questions that they answer."""

    title: str
    documents: list[Document]
    questions: list[Question]


def read_squad(path: str | Path) -> list[Article]:
    """Return the articles of a SQuAD-format file, in the order of the file.

    A document's id is "{slug of the title}-{article:03d}-{paragraph:03d}", counted from 0. Titles
    are made readable ("Tin_%28metal%29" becomes "Tin (metal)"). A question's answers are its
    distinct answer texts in order. Questions that SQuAD 2.0 marks as impossible are left out: they
    have no answer to learn or to score.

    Raises:
        UserError: the file is missing, not UTF-8, not JSON, not in SQuAD format, or repeats a
            question's id; the message names the place.
    """
    path = Path(path)
    root = json_object(parse_json(read_text(path), str(path)), str(path))
    records = _list_field(root, "data", str(path))
    if not records:
        raise UserError(f'{path}: "data" holds no articles; give a file with at least one')
    seen: dict[str, str] = {}
    return [_article(record, index, path, seen) for index, record in enumerate(records)]


def split_articles(articles: list[Article], train: int = 36, validation: int = 4) -> dict[str, list[Article]]:
    """Split articles by their order: the first `train`, the next `validation`, the rest as test.

    Raises:
        UserError: a count is negative, or no article is left to test on.
    """
    if train < 0 or validation < 0 or len(articles) <= train + validation:
        raise UserError(
            f"{len(articles)} articles cannot be split into {train} to train, {validation} to "
            "validate and at least one to test; give a larger file, or lower train_articles and "
            "validation_articles"
        )
    return {
        "train": articles[:train],
        "validation": articles[train : train + validation],
        "test": articles[train + validation :],
    }


def _article(value: object, index: int, path: Path, seen: dict[str, str]) -> Article:
    """Read one article; `seen` maps each question id read so far to its place."""
    where = f"{path}, data[{index}]"
    record = json_object(value, where)
    title = unquote(text_field(record, "title", where)).replace("_", " ")
    slug = _slug(title)
    documents: list[Document] = []
    questions: list[Question] = []
    for number, item in enumerate(_list_field(record, "paragraphs", where)):
        place = f"{where}.paragraphs[{number}]"
        paragraph = json_object(item, place)
        document_id = f"{slug}-{index:03d}-{number:03d}".lstrip("-")
        text = text_field(paragraph, "context", place)
        documents.append(Document(id=document_id, text=text, title=title, source=path.name))
        for position, entry in enumerate(_list_field(paragraph, "qas", place)):
            question = _question(entry, f"{place}.qas[{position}]", document_id, seen)
            if question is not None:
                questions.append(question)
    return Article(title=title, documents=documents, questions=questions)


def _question(value: object, where: str, document_id: str, seen: dict[str, str]) -> Question | None:
    record = json_object(value, where)
    question_id = text_field(record, "id", where)
    if question_id in seen:
        raise UserError(
            f"{where}: id {question_id!r} was used before, at {seen[question_id]}; make ids unique"
        )
    seen[question_id] = where
    text = text_field(record, "question", where)
    if record.get("is_impossible") is True:
        return None
    answers = [
        text_field(json_object(entry, f"{where}.answers[{i}]"), "text", f"{where}.answers[{i}]").strip()
        for i, entry in enumerate(_list_field(record, "answers", where))
    ]
    if not answers:
        raise UserError(f'{where}: "answers" is empty; add one or set "is_impossible": true')
    return Question(
        id=question_id,
        question=text.strip(),
        answers=tuple(dict.fromkeys(answers)),  # distinct, order kept
        document_id=document_id,
    )


def _list_field(record: dict[str, object], name: str, where: str) -> list[object]:
    value = record.get(name)
    if not isinstance(value, list):
        found = "nothing" if value is None else kind(value)
        raise UserError(f'{where}: "{name}" must be a list, found {found}; is this a SQuAD-format file?')
    return value


def _slug(title: str) -> str:
    """Return the title in lower-case ASCII letters and digits with single dashes between."""
    decomposed = unicodedata.normalize("NFKD", title.lower())  # accents become marks of their own
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
