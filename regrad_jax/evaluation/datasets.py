"""What methods are measured on: documents for a bank and questions about some of them."""

from collections.abc import Sequence
from typing import NamedTuple

from regrad_jax.data.almanac.generate import generate
from regrad_jax.data.corpus import read_corpus
from regrad_jax.data.documents import Document, Question
from regrad_jax.data.questions import read_questions
from regrad_jax.data.readers.fieldnotes import load_fieldnotes
from regrad_jax.data.readers.squad import read_squad, split_articles
from regrad_jax.errors import UserError

_SEED = 7  # apart from training's; the test split shares no name with it anyway


class Dataset(NamedTuple):
    """Documents, and for each name of a question set its questions."""

    documents: list[Document]
    questions: dict[str, list[Question]]


def invented(entities: int, almanac_questions: int) -> Dataset:
    """Returns one bank of almanac test entries and the fieldnotes, with both question sets.

    Args:
        entities: almanac documents.
        almanac_questions: how many of their questions to ask, spread evenly over the documents; 0 asks all.
    """
    almanac = generate(entities, seed=_SEED, split="test")
    notes, note_questions = load_fieldnotes()
    asked = spread(almanac.questions, almanac_questions)
    return Dataset(almanac.documents + notes, {"almanac": asked, "fieldnotes": note_questions})


def squad(
    path: str, split: str, questions: int = 0, train_articles: int = 36, validation_articles: int = 4
) -> Dataset:
    """Returns a split of a SQuAD-format file.

    Args:
        path: the file.
        split: "train", "validation" or "test".
        questions: how many to ask, spread evenly over the documents; 0 asks all.
        train_articles: as the checkpoint was trained (`training.config.SourceConfig`).
        validation_articles: likewise.

    Raises:
        UserError: no such split, or a file that cannot be read or split so.
    """
    articles = split_articles(read_squad(path), train_articles, validation_articles)
    if split not in articles:
        raise UserError(f"split {split!r} is unknown; choose one of {', '.join(articles)}")
    chosen = articles[split]
    asked = [question for article in chosen for question in article.questions]
    documents = [document for article in chosen for document in article.documents]
    return Dataset(documents, {f"squad {split}": spread(asked, questions)})


def own(corpus: str, questions: str) -> Dataset:
    """Returns a user's corpus and questions; every question needs an answer."""
    asked = read_questions(questions)
    if unanswered := [q.id for q in asked if not q.answers]:
        raise UserError(f"{questions}: question {unanswered[0]!r} has no answer to compare with")
    return Dataset(read_corpus(corpus), {"own": asked})


def spread(questions: Sequence[Question], count: int) -> list[Question]:
    """Returns so many of the questions, evenly over them; 0 returns all."""
    count = min(count or len(questions), len(questions))
    return [questions[i * len(questions) // count] for i in range(count)]
