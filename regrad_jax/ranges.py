"""Checks of settings by table: which numbers, and which names, each key of a settings object may have."""

import math
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from regrad_jax.errors import UserError


class Range(NamedTuple):
    """The numbers that a setting may be. NaN is never one of them.

    >>> 3 in at_least(1, whole=True), 0 in at_least(1, whole=True), math.nan in at_least(0)
    (True, False, False)
    >>> str(above(0))
    'a number above 0'

    Attributes:
        low: the lowest number.
        high: the highest number; infinity where there is none, and infinity itself is allowed by `endless`
            only.
        excludes_low: whether the number must be above `low`.
        whole: whether the number must be an `int`.
        endless: whether infinity is allowed.
    """

    low: float
    high: float = math.inf
    excludes_low: bool = False
    whole: bool = False
    endless: bool = False

    def __contains__(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        if value == math.inf:
            return self.endless
        return self.low <= value <= self.high and not (self.excludes_low and value == self.low)

    def __str__(self) -> str:
        if self == SHARE:
            return "a share, from 0 to 1"
        number = "a whole number" if self.whole else "a number"
        bound = f"above {self.low:g}" if self.excludes_low else f"of at least {self.low:g}"
        return f"{number} {bound}" + (", or inf" if self.endless else "")


def at_least(low: float, *, whole: bool = False) -> Range:
    """Returns the finite numbers from `low`, `low` included."""
    return Range(low, whole=whole)


def above(low: float, *, endless: bool = False) -> Range:
    """Returns the numbers above `low`, and infinity where `endless` says so."""
    return Range(low, excludes_low=True, endless=endless)


SHARE = Range(0, 1)


def check_ranges(name: str, settings: Any, ranges: Mapping[str, Range]) -> None:
    """Refuses a number that makes no sense.

    Args:
        name: what the settings are called, for the message.
        settings: an object with an attribute for every key of `ranges`.
        ranges: key -> the numbers that it may be.

    Raises:
        UserError: a number is not in its range; the message names `name` and the key.
    """
    for key, numbers in ranges.items():
        check_range(f"{name}.{key}", getattr(settings, key), numbers)


def check_range(name: str, value: Any, numbers: Range) -> None:
    """Refuses one number that is not in its range, as `check_ranges` does."""
    if value not in numbers:
        raise UserError(f"{name}: {value!r} must be {numbers}")


def check_choices(name: str, settings: Any, choices: Mapping[str, Collection[str]]) -> None:
    """Refuses a name that is not in its table.

    Args:
        name: what the settings are called, for the message.
        settings: an object with an attribute for every key of `choices`.
        choices: key -> the names that it may be.

    Raises:
        UserError: a name is unknown; the message names `name` and the key, and lists the choices.
    """
    for key, known in choices.items():
        check_choice(f"{name}.{key}", getattr(settings, key), known)


def check_choice(name: str, value: Any, known: Collection[str]) -> None:
    """Refuses one name that is not among those that are known, as `check_choices` does."""
    if not isinstance(value, str) or value not in known:
        raise UserError(f"{name}: {value!r} is unknown; choose one of {', '.join(known)}")
