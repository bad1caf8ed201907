"""What a kind of almanac entry is made of.

A kind has fields, of which each has a way to draw its value, sentences that state fields, and questions
that ask for fields. A sentence states the fields whose placeholders it holds, so that one sentence may
state several.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from regrad_jax.data.almanac.draws import Draw, draw


class Phrasings(NamedTuple):
    """Wordings of one thing, of which training uses some and the other splits the rest.

    Attributes:
        train: the wordings of the split "train".
        held_out: the wordings of the splits "validation" and "test", which differ in their names alone.
    """

    train: tuple[str, ...]
    held_out: tuple[str, ...]

    def of_split(self, split: str) -> tuple[str, ...]:
        """Returns the wordings that a split uses."""
        return self.train if split == "train" else self.held_out


class Kind(NamedTuple):
    """One kind of entry.

    Attributes:
        genre: the kind of text, such as "biography". It becomes the documents' source.
        subject: draws the entry's name, which stands for the placeholder {name} and in every question.
        aliases: other ways to refer to the subject, such as "the company" and "the firm". Each document
            uses one of them, for the placeholder {alias} of its statements.
        fields: placeholder -> how its value is drawn. A value stands in the text as it is, and is the
            answer to the questions of its field.
        openings: first sentences. Each holds {name} and may state fields.
        statements: further sentences. They may hold {name}, {alias} and {short}, the last word of a
            person's name.
        titles: title templates. Half the documents get a title.
        questions: field -> questions, each with {name}. Fields without questions are scenery.
    """

    genre: str
    subject: Draw
    aliases: tuple[str, ...]
    fields: Mapping[str, Draw]
    openings: Phrasings
    statements: Phrasings
    titles: Phrasings
    questions: Mapping[str, Phrasings]


def kind_of(data: Mapping[str, Any]) -> Kind:
    """Returns the kind that sound data describe (`faults.faults` finds none in them).

    Args:
        data: a parsed data file.
    """
    return Kind(
        genre=data["genre"],
        subject=draw(data["subject"]),
        aliases=tuple(data.get("aliases", ("it",))),
        fields={field: draw(spec) for field, spec in data["fields"].items()},
        openings=_phrasings(data["openings"]),
        statements=_phrasings(data["statements"]),
        titles=_phrasings(data["titles"]),
        questions={field: _phrasings(table) for field, table in data["questions"].items()},
    )


def _phrasings(table: Mapping[str, list[str]]) -> Phrasings:
    return Phrasings(tuple(table["train"]), tuple(table["held_out"]))
