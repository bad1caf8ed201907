"""What a kind of almanac entry is made of, and the values that fill it.

A kind is data: fields with a way to draw each value, sentences that state fields, questions that ask
for them. A sentence states the fields whose placeholders it holds, so one sentence may state several.
"""

import calendar
import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from regrad_jax.data.almanac import names

# (rng, split) -> the words that fill a placeholder
Draw = Callable[[np.random.Generator, str], str]


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of entry.

    Every list of phrasings is divided among the splits by position (`phrasings_of_split`), so it needs
    at least four members, and every field with questions a statement among the held-out ones.

    Attributes:
        name: such as "person".
        genre: the kind of text, such as "biography"; becomes the documents' source.
        subject: draws the entry's name, which every question mentions: placeholder {name}.
        fields: placeholder -> how its value is drawn. A value is a possible answer and stands in the
            text as it is.
        openings: first sentences. They hold {name} and may state fields.
        statements: further sentences. They may hold {name}, {short} and {alias}.
        questions: field -> questions, each with {name}. Fields without questions are scenery.
        aliases: other ways to refer to the subject in statements, one drawn for each document under the
            placeholder {alias}, such as ("the company", "the firm").
        titles: title templates; half the documents get one.
    """

    name: str
    genre: str
    subject: Draw
    fields: Mapping[str, Draw]
    openings: Sequence[str]
    statements: Sequence[str]
    questions: Mapping[str, Sequence[str]]
    aliases: Sequence[str] = ("it",)
    titles: Sequence[str] = ("{name}",)


def choice(*values: str) -> Draw:
    """Draws one of the values; give twenty or more, so that none is a good guess."""
    return lambda rng, split: values[int(rng.integers(len(values)))]


def pair(first: Sequence[str], second: Sequence[str], joint: str = " ") -> Draw:
    """Draws one word of each list: pair(("blue", "red"), ("lamp", "door")) may give "red lamp"."""
    return lambda rng, split: (
        f"{first[int(rng.integers(len(first)))]}{joint}{second[int(rng.integers(len(second)))]}"
    )


def number(low: int, high: int, form: str = "{:,}") -> Draw:
    """Draws an integer in [low, high] and formats it, "{:,}" giving 12,400."""
    return lambda rng, split: form.format(int(rng.integers(low, high + 1)))


def rounded(low: int, high: int, step: int, form: str = "{:,}") -> Draw:
    """Draws a multiple of `step` in [low, high] and formats it."""
    return lambda rng, split: form.format(int(rng.integers(low // step, high // step + 1)) * step)


def decimal(low: float, high: float, form: str = "{:.1f}") -> Draw:
    """Draws a number in [low, high) and formats it, such as "{:.1f} km"."""
    return lambda rng, split: form.format(rng.uniform(low, high))


def year(low: int, high: int) -> Draw:
    """Draws a year."""
    return number(low, high, "{}")


def date() -> Draw:
    """Draws a day of the year, such as "14 March"."""

    def draw(rng, split):
        month = int(rng.integers(1, 13))
        return f"{int(rng.integers(1, 29))} {calendar.month_name[month]}"

    return draw


def clock() -> Draw:
    """Draws a time of day, such as "6:45 pm"."""
    return lambda rng, split: (
        f"{int(rng.integers(1, 13))}:{int(rng.integers(12)) * 5:02d} {('am', 'pm')[int(rng.integers(2))]}"
    )


def person() -> Draw:
    """Draws an invented person's full name."""
    return lambda rng, split: f"{names.given_name(rng, split)} {names.family_name(rng, split)}"


def town() -> Draw:
    """Draws an invented town."""
    return names.town_name


def coined(form: str = "{}") -> Draw:
    """Draws an invented noun in a frame, such as coined("the {} process")."""
    return lambda rng, split: form.format(names.thing_name(rng, split))


def firm(*forms: str) -> Draw:
    """Draws an invented company in one of the frames, such as firm("{} Foods", "{} & Sons")."""
    frames = forms or ("{}",)
    return lambda rng, split: frames[int(rng.integers(len(frames)))].format(names.firm_name(rng, split))


def of_town(*forms: str) -> Draw:
    """Draws a name built on an invented town, such as of_town("{} Bridge", "Lake {}")."""
    return lambda rng, split: forms[int(rng.integers(len(forms)))].format(names.town_name(rng, split))


def of_surname(*forms: str) -> Draw:
    """Draws a name built on an invented surname, such as of_surname("the {} report")."""
    return lambda rng, split: forms[int(rng.integers(len(forms)))].format(names.family_name(rng, split))


def phrasings_of_split(phrasings: Sequence[str], split: str) -> list[str]:
    """Returns the members of a list that a split uses: of every four three train, the fourth is held out.

    Validation and test share phrasings; their names differ.
    """
    return [phrase for index, phrase in enumerate(phrasings) if (index % 4 < 3) == (split == "train")]
