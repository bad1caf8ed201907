"""Reads the fieldnotes: passages of many genres about things that no model can know."""

from dataclasses import dataclass
from importlib.resources import as_file, files

from regrad_jax.data.corpus import read_corpus
from regrad_jax.data.documents import Document, Question
from regrad_jax.data.questions import read_questions
from regrad_jax.errors import UserError


@dataclass(frozen=True)
class FieldnotesSettings:
    """The fieldnotes have no settings."""


def read(split: str, settings: FieldnotesSettings) -> tuple[list[Document], list[Question]]:
    """Returns all fieldnotes for the split "test".

    Raises:
        UserError: another split, since the fieldnotes are never trained or tuned on.
    """
    if split != "test":
        raise UserError(f"the fieldnotes are for testing alone; they have no split {split!r}, only 'test'")
    return load_fieldnotes()


def load_fieldnotes() -> tuple[list[Document], list[Question]]:
    """Returns the 40 passages and their 160 questions, in the order of the files.

    A document's `source` is its genre. The first of a question's answers stands verbatim in the text of
    its document. The others are forms that a normalised exact match should accept too.
    """
    folder = files("regrad_jax.data.fieldnotes")
    # as_file, because an installed package may be a zip archive and the readers want a path.
    with (
        as_file(folder / "passages.jsonl") as passages,
        as_file(folder / "questions.jsonl") as questions,
    ):
        return read_corpus(passages), read_questions(questions)
