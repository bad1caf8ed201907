"""What everything else is about: documents, the passages they are cut into, questions."""

import dataclasses
import string

from regrad_jax.errors import UserError

_LETTERS = string.ascii_uppercase


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
