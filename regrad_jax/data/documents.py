"""What everything else is about: documents, the passages they are cut into, questions."""

import dataclasses
import re
import string
from collections.abc import Sequence

from regrad_jax.errors import UserError

_LETTERS = string.ascii_uppercase


class _Titled:
    """What a document and a passage have in common."""

    title: str
    text: str

    @property
    def content(self) -> str:
        """What is embedded and what the model reads: the title, if there is one, and the text."""
        return _content(self.title, self.text)


@dataclasses.dataclass(frozen=True)
class Document(_Titled):
    """A text as its owner knows it; ids are unique within a corpus."""

    id: str
    text: str
    title: str = ""
    source: str = ""


@dataclasses.dataclass(frozen=True)
class Passage(_Titled):
    """A piece of a document that fits the model; the unit of gradients and of retrieval.

    `passages_of` makes the passages of a document, and `join` makes the document of its passages.

    Attributes:
        id: unique within a corpus.
        document_id: the document that it comes from.
        text: the piece.
        title: the document's title.
        source: the document's source.
    """

    id: str
    document_id: str
    text: str
    title: str = ""
    source: str = ""

    @classmethod
    def from_content(
        cls, id: str, document_id: str, content: str, title: str = "", source: str = ""
    ) -> "Passage":
        """Returns the passage that has this content: the text is the content without the title in front.

        A content that does not begin with the title becomes the text as it is.

        >>> Passage.from_content("d#1", "d", "Tides: Tides: a table.", "Tides").text
        'Tides: a table.'
        """
        return cls(id, document_id, content.removeprefix(_content(title, "")), title, source)


def passages_of(document: Document, texts: Sequence[str]) -> list[Passage]:
    """Returns the pieces of a document as passages, in order.

    Args:
        document: each passage takes over its title and source.
        texts: the pieces. A single one keeps the document's id; of several, piece i is "{document's id}#{i}".

    >>> [passage.id for passage in passages_of(Document("d", "One. Two."), ["One.", "Two."])]
    ['d#0', 'd#1']
    """
    ids = [document.id] if len(texts) == 1 else [f"{document.id}#{i}" for i in range(len(texts))]
    return [
        Passage(id, document.id, text, document.title, document.source)
        for id, text in zip(ids, texts, strict=True)
    ]


def join(passages: Sequence[Passage]) -> Document:
    """Returns the document that passages were cut from; white space at the cuts is a line's end.

    Args:
        passages: of one document, at least one. Where `passages_of` named all of them, they are joined in the
            order of their numbers; passages of other names are joined in the order given.

    >>> join([Passage("d#10", "d", "Eleven."), Passage("d#9", "d", "Ten.")]).text
    'Ten.\\nEleven.'
    """
    numbered = [(number, p) for p in passages if (number := _piece_number(p)) is not None]
    if len(numbered) == len(passages):
        passages = [passage for _, passage in sorted(numbered, key=lambda item: item[0])]
    first = passages[0]
    text = "\n".join(passage.text for passage in passages)
    return Document(first.document_id, text, first.title, first.source)


def _piece_number(passage: Passage) -> int | None:
    """Returns which piece of its document a passage is, or None where `passages_of` did not name it."""
    if passage.id == passage.document_id:
        return 0
    number = re.fullmatch(re.escape(passage.document_id) + "#(0|[1-9][0-9]{0,17})", passage.id)
    return int(number[1]) if number else None


@dataclasses.dataclass(frozen=True)
class Question:
    """A question and its acceptable answers, the first as it stands in the document.

    Attributes:
        id: unique within a set of questions.
        question: the wording.
        answers: acceptable answers; empty when unknown.
        document_id: the document that answers it, where that is known.
        choices: what to choose from, of which the answers are `labels`; empty for a free answer. Search looks
            for the wording alone.

    Raises:
        UserError: choices that cannot be told apart or listed, or an answer that is none of their labels.
    """

    id: str
    question: str
    answers: tuple[str, ...]
    document_id: str | None = None
    choices: tuple[str, ...] = ()

    def __post_init__(self):
        if not self.choices:
            return
        different = {choice.strip().lower() for choice in self.choices}
        if not 2 <= len(different) == len(self.choices) <= len(_LETTERS) or "" in different:
            raise UserError(f"choices must be 2 to {len(_LETTERS)} different texts; found {self.choices}")
        if any(choice.splitlines() != [choice.strip()] for choice in self.choices):
            raise UserError(f"choices must be one line each, with no space around; found {self.choices}")
        if strange := set(self.answers) - set(self.labels):
            raise UserError(f"answer {min(strange)!r} must be one of {', '.join(self.labels)}")

    @property
    def is_verdict(self) -> bool:
        """Whether the choices are yes and no."""
        return sorted(choice.lower() for choice in self.choices) == ["no", "yes"]

    @property
    def has_letters(self) -> bool:
        """Whether there are choices that letters stand for."""
        return bool(self.choices) and not self.is_verdict

    @property
    def labels(self) -> dict[str, str]:
        """What the model is to say -> the choice that it means: yes and no, or a letter, A for the first."""
        if not self.has_letters:
            return {choice.lower(): choice for choice in self.choices}
        return dict(zip(_LETTERS[: len(self.choices)], self.choices, strict=True))

    def spelled(self, answer: str) -> str:
        """Returns an answer as people read it: of a letter, its choice too."""
        return f"{answer}. {self.labels[answer]}" if self.has_letters and answer in self.labels else answer


def _content(title: str, text: str) -> str:
    """What is embedded and what the model reads: a passage often names its subject only in its title."""
    return f"{title}: {text}" if title else text
