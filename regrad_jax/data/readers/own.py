"""Reads a user's own data set: a corpus, and a JSONL file of questions with answers about it."""

from dataclasses import dataclass
from pathlib import Path

from regrad_jax.data.corpus import read_corpus
from regrad_jax.data.documents import Document, Question
from regrad_jax.data.questions import read_questions
from regrad_jax.data.splits import SplitSizes
from regrad_jax.errors import UserError
from regrad_jax.settings import require_text


@dataclass(frozen=True)
class OwnSettings:
    """Which files, and how their documents are split.

    Attributes:
        corpus: the documents, in a form of `read_corpus`.
        questions: the questions, in the form of `read_questions`. Every question needs an answer, and where
            the documents are split also the "document_id" of the document that answers it.
        train_documents: how many of the documents, the first of the corpus, are trained on; below 1 it is
            their share.
        validation_documents: how many of the documents after those are validated on; below 1 it is their
            share. The rest is the test split: everything, unless sizes are given.
    """

    corpus: str
    questions: str
    train_documents: float = 0.0
    validation_documents: float = 0.0

    def __post_init__(self):
        require_text("corpus", self.corpus)
        require_text("questions", self.questions)
        self.sizes.check()

    @property
    def sizes(self) -> SplitSizes:
        return SplitSizes("documents", self.train_documents, self.validation_documents)


def read(split: str, settings: OwnSettings) -> tuple[list[Document], list[Question]]:
    """Returns the documents of a split and the questions about them, in the order of the files.

    Raises:
        UserError: a file cannot be read or split so, or a question lacks an answer, or a document of the
            corpus where that is needed.
    """
    documents, questions = read_corpus(settings.corpus), read_questions(settings.questions)
    if unanswered := [question.id for question in questions if not question.answers]:
        raise UserError(
            f"{settings.questions}: question {unanswered[0]!r} has no answer to learn or to compare with"
        )
    chosen = list(settings.sizes.take(documents, split, settings.corpus))
    if chosen == documents:
        return documents, questions
    known = {document.id for document in documents}
    for question in questions:
        if question.document_id not in known:
            found = "no document" if question.document_id is None else f"document {question.document_id!r}"
            raise UserError(
                f"{settings.questions}: question {question.id!r} names {found}, so it is in no split; set "
                f'"document_id" to the id of a document in {settings.corpus}'
            )
    ids = {document.id for document in chosen}
    return chosen, [question for question in questions if question.document_id in ids]


def conflicts(trained: OwnSettings, settings: OwnSettings) -> str | None:
    """Returns why a checkpoint that was trained so may have seen what is tested on; None where it has not."""
    if Path(trained.corpus).name != Path(settings.corpus).name:  # a checkpoint's paths are of another machine
        return None
    return settings.sizes.conflict(trained.sizes)
