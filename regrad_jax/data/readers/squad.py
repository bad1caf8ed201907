"""Reads SQuAD-format files: articles of paragraphs, each with questions and answers.

SQuAD 1.1, SQuAD 2.0 and SQuADShifts have this format: {"data": [articles]}, an article {"title",
"paragraphs"}, a paragraph {"context", "qas"}, a question {"id", "question", "answers": [{"text"}]}.
"""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from regrad_jax.data.documents import Document, Question
from regrad_jax.data.fields import json_object, list_field, text_field
from regrad_jax.data.splits import SplitSizes
from regrad_jax.data.text_files import parse_json, read_text
from regrad_jax.errors import UserError
from regrad_jax.settings import require_text


@dataclass(frozen=True)
class SquadSettings:
    """Which file, and how its articles are split.

    Attributes:
        path: the file.
        train_articles: how many of the articles, the first of the file, are trained on; below 1 it is their
            share.
        validation_articles: how many of the articles after those are validated on; below 1 it is their share.
            The rest is the test split.
    """

    path: str
    train_articles: float = 36.0  # of the 48 of SQuADShifts' new Wikipedia
    validation_articles: float = 4.0

    def __post_init__(self):
        require_text("path", self.path)
        self.sizes.check()

    @property
    def sizes(self) -> SplitSizes:
        return SplitSizes("articles", self.train_articles, self.validation_articles)


def read(split: str, settings: SquadSettings) -> tuple[list[Document], list[Question]]:
    """Returns the paragraphs of a split's articles and their questions, in the order of the file.

    Raises:
        UserError: the file cannot be read, or cannot be split so.
    """
    articles = settings.sizes.take(read_squad(settings.path), split, settings.path)
    return [d for article in articles for d in article.documents], [
        q for article in articles for q in article.questions
    ]


def conflicts(trained: SquadSettings, settings: SquadSettings) -> str | None:
    """Returns why a checkpoint that was trained so may have seen what is tested on; None where it has not."""
    if Path(trained.path).name != Path(settings.path).name:  # a checkpoint's paths are of another machine
        return None
    return settings.sizes.conflict(trained.sizes)


@dataclass(frozen=True)
class Article:
    """One article: its paragraphs as documents, and the questions that they answer."""

    title: str
    documents: list[Document]
    questions: list[Question]


def read_squad(path: str | Path) -> list[Article]:
    """Returns the articles of a SQuAD-format file, in the order of the file.

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
    records = list_field(root, "data", str(path))
    if not records:
        raise UserError(f'{path}: "data" holds no articles; give a file with at least one')
    places: dict[str, str] = {}
    return [_article(record, index, path, places) for index, record in enumerate(records)]


def _article(value: object, index: int, path: Path, places: dict[str, str]) -> Article:
    """Reads one article; `places` maps each question id that was read so far to its place."""
    where = f"{path}, data[{index}]"
    record = json_object(value, where)
    title = unquote(text_field(record, "title", where)).replace("_", " ")
    slug = _slug(title)
    documents: list[Document] = []
    questions: list[Question] = []
    for number, item in enumerate(list_field(record, "paragraphs", where)):
        place = f"{where}.paragraphs[{number}]"
        paragraph = json_object(item, place)
        document_id = f"{slug}-{index:03d}-{number:03d}".lstrip("-")
        text = text_field(paragraph, "context", place)
        documents.append(Document(id=document_id, text=text, title=title, source=path.name))
        for position, entry in enumerate(list_field(paragraph, "qas", place)):
            question = _question(entry, f"{place}.qas[{position}]", document_id, places)
            if question is not None:
                questions.append(question)
    return Article(title=title, documents=documents, questions=questions)


def _question(value: object, where: str, document_id: str, places: dict[str, str]) -> Question | None:
    record = json_object(value, where)
    question_id = text_field(record, "id", where)
    if question_id in places:
        raise UserError(
            f"{where}: id {question_id!r} was used before, at {places[question_id]}; make ids unique"
        )
    places[question_id] = where
    text = text_field(record, "question", where)
    if record.get("is_impossible") is True:
        return None
    answers = [
        text_field(json_object(entry, f"{where}.answers[{i}]"), "text", f"{where}.answers[{i}]").strip()
        for i, entry in enumerate(list_field(record, "answers", where))
    ]
    if not answers:
        raise UserError(f'{where}: "answers" is empty; add one or set "is_impossible": true')
    return Question(
        id=question_id,
        question=text.strip(),
        answers=tuple(dict.fromkeys(answers)),  # distinct, order kept
        document_id=document_id,
    )


def _slug(title: str) -> str:
    """Returns the title in lower-case ASCII letters and digits with single dashes between."""
    # Letter by letter, since the time to order a long run of accents would be quadratic.
    decomposed = (mark for letter in title.lower() for mark in unicodedata.normalize("NFKD", letter))
    plain = "".join(mark for mark in decomposed if not unicodedata.combining(mark))
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
