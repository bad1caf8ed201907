"""What everything else is about: documents, the passages they are cut into, questions."""

import dataclasses
import string


@dataclasses.dataclass(frozen=True)
class Document:
    """A text as its owner knows it; ids are unique within a corpus."""

    id: str
    text: str
    title: str = ""
    source: str = ""

    @property
    def content(self) -> str:
        return _content(self.title, self.text)


@dataclasses.dataclass(frozen=True)
class Passage:
    """A piece of a document that fits the model; the unit of gradients and of retrieval.

    Attributes:
        id: the document's id when the document is uncut, else `f"{document_id}#{i}"`.
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

    @property
    def content(self) -> str:
        return _content(self.title, self.text)


@dataclasses.dataclass(frozen=True)
class Question:
    """A question and its acceptable answers, the first as it stands in the document.

    Attributes:
        id: unique within a set of questions.
        question: the wording.
        answers: acceptable answers; empty when unknown.
        document_id: the document that answers it, where that is known.
        choices: what to choose from; empty for a free answer. Of yes and no the answer is one of these two
            words, of others a capital letter that counts them, as in `letters`.
    """

    id: str
    question: str
    answers: tuple[str, ...]
    document_id: str | None = None
    choices: tuple[str, ...] = ()

    @property
    def is_verdict(self) -> bool:
        """Whether yes and no are the choices."""
        return sorted(choice.lower() for choice in self.choices) == ["no", "yes"]

    @property
    def letters(self) -> dict[str, str]:
        """The choices by their letters, A for the first; empty where the answer is none of these."""
        return {} if self.is_verdict else dict(zip(string.ascii_uppercase, self.choices, strict=False))


def _content(title: str, text: str) -> str:
    """What is embedded and what the model reads: a passage often names its subject only in its title."""
    return f"{title}: {text}" if title else text
