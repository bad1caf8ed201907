"""How the values of an almanac entry are drawn: the table DRAWS, from a name in a data file to a function.

Each function takes what the data file gives and returns a Draw. The data files write a draw as its name
alone (`spouse = "person"`), or as its name with a list or with a table (`colour.choice = ["red", "blue"]`,
`pages.number = { low = 90, high = 900 }`).
"""

import calendar
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from regrad_jax.data.almanac import names
from regrad_jax.data.almanac.names import pick
from regrad_jax.errors import UserError

# (random generator, split) -> the words that fill a placeholder
Draw = Callable[[np.random.Generator, str], str]


def draw(spec: Any) -> Draw:
    """Returns the draw that a data file describes.

    Args:
        spec: the name of a draw, or a table that holds the name with a list or a table of arguments.

    Raises:
        UserError: the draw is unknown, or its arguments do not fit it.

    >>> draw({"number": {"low": 7, "high": 7, "form": "{} pages"}})(np.random.default_rng(0), "train")
    '7 pages'
    """
    if isinstance(spec, str):
        spec = {spec: {}}
    if not isinstance(spec, dict) or len(spec) != 1:
        raise UserError(f"one draw is needed, a name or a table with one name, not {spec!r}")
    ((name, arguments),) = spec.items()
    if name not in DRAWS:
        raise UserError(f"draw {name!r} is unknown; choose one of {', '.join(DRAWS)}")
    try:
        result = DRAWS[name](**arguments) if isinstance(arguments, dict) else DRAWS[name](arguments)
        result(np.random.default_rng(0), names.SPLITS[0])  # Wrong numbers and frames show at the first draw.
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise UserError(f"draw {name!r}: {error}") from error
    return result


def choice(values: Sequence[str]) -> Draw:
    """Draws one of the values. Give twenty or more, so that none is a good guess."""
    words = _texts(values)
    return lambda rng, split: pick(rng, words)


def pair(first: Sequence[str], second: Sequence[str], joint: str = " ") -> Draw:
    """Draws one word of each list, such as "red lamp" from "blue", "red" and "lamp", "door"."""
    firsts, seconds = _texts(first), _texts(second)
    return lambda rng, split: f"{pick(rng, firsts)}{joint}{pick(rng, seconds)}"


def number(low: int, high: int, step: int = 1, form: str = "{:,}") -> Draw:
    """Draws a multiple of `step` in [low, high] and formats it, such as 12,400."""
    first, after_last = low // step, high // step + 1
    return lambda rng, split: form.format(int(rng.integers(first, after_last)) * step)


def decimal(low: float, high: float, form: str = "{:.1f}") -> Draw:
    """Draws a number in [low, high) and formats it, such as "{:.1f} km"."""
    return lambda rng, split: form.format(rng.uniform(low, high))


def ordinal(low: int, high: int, form: str = "{}") -> Draw:
    """Draws an ordinal number in [low, high] and puts it in a frame, such as "31st minute"."""

    def draw_ordinal(rng: np.random.Generator, split: str) -> str:
        count = int(rng.integers(low, high + 1))
        teens = 10 < count % 100 < 20
        ending = "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(count % 10, "th")
        return form.format(f"{count}{ending}")

    return draw_ordinal


def year(low: int, high: int) -> Draw:
    """Draws a year in [low, high]."""
    return number(low, high, form="{}")


def date() -> Draw:
    """Draws a day of the year, such as "14 March"."""

    def draw_date(rng: np.random.Generator, split: str) -> str:
        month = int(rng.integers(1, 13))
        return f"{int(rng.integers(1, 29))} {calendar.month_name[month]}"

    return draw_date


def clock(first: int, last: int, step: int) -> Draw:
    """Draws a time of day, such as "6:45 pm".

    Args:
        first: the first hour, from 0 to 23.
        last: the last hour, from 0 to 23.
        step: the minutes are a multiple of this number.
    """

    def draw_time(rng: np.random.Generator, split: str) -> str:
        hour = int(rng.integers(first, last + 1))
        minute = int(rng.integers(60 // step)) * step
        return f"{(hour - 1) % 12 + 1}:{minute:02d} {'am' if hour < 12 else 'pm'}"

    return draw_time


def majority() -> Draw:
    """Draws a close vote, such as "14 to 11"."""

    def draw_votes(rng: np.random.Generator, split: str) -> str:
        ayes = int(rng.integers(7, 31))
        return f"{ayes} to {ayes - int(rng.integers(1, 6))}"

    return draw_votes


def score() -> Draw:
    """Draws the score of a match, the winner's goals first, such as "3-1"."""

    def draw_score(rng: np.random.Generator, split: str) -> str:
        goals = int(rng.integers(1, 9))
        return f"{goals}-{int(rng.integers(goals))}"

    return draw_score


def person() -> Draw:
    """Draws an invented person's full name."""
    return lambda rng, split: f"{names.given_name(rng, split)} {names.family_name(rng, split)}"


def noun() -> Draw:
    """Draws an invented common noun, such as "gornite"."""
    return lambda rng, split: names.thing_name(rng, split).lower()


def framed(name: Draw) -> Callable[..., Draw]:
    """Returns a draw of invented names in one of several frames, such as "the {} Bridge"."""

    def in_frames(frames: Sequence[str] = ("{}",)) -> Draw:
        if nameless := [frame for frame in _texts(frames) if "{}" not in frame]:
            raise ValueError(f"{nameless[0]!r} has no {{}} for the name")
        return lambda rng, split: pick(rng, frames).format(name(rng, split))

    return in_frames


def either(draws: Sequence[Any]) -> Draw:
    """Draws in one of several ways, such as a name with a town or one with a surname."""
    ways = [draw(spec) for spec in draws]
    return lambda rng, split: pick(rng, ways)(rng, split)


def join(form: str, parts: Sequence[Any]) -> Draw:
    """Draws several values in turn and puts them in a frame, such as "{}.{}"."""
    draws = [draw(spec) for spec in parts]
    return lambda rng, split: form.format(*[part(rng, split) for part in draws])


def _texts(values: Sequence[str]) -> Sequence[str]:
    if not isinstance(values, list | tuple) or not values or not all(isinstance(v, str) for v in values):
        raise TypeError(f"a list of texts is needed, not {values!r}")
    return values


DRAWS: dict[str, Callable[..., Draw]] = {
    "choice": choice,
    "pair": pair,
    "number": number,
    "decimal": decimal,
    "ordinal": ordinal,
    "year": year,
    "date": date,
    "clock": clock,
    "majority": majority,
    "score": score,
    "person": person,
    "town": framed(names.town_name),
    "surname": framed(names.family_name),
    "firm": framed(names.firm_name),
    "thing": framed(names.thing_name),
    "noun": noun,
    "either": either,
    "join": join,
}
