"""From a mapping of a config to typed settings."""

import dataclasses
import math

import pytest

from regrad_jax.errors import UserError
from regrad_jax.settings import (
    arguments,
    require_count_or_share,
    require_share,
    require_text,
    require_whole,
)


@dataclasses.dataclass(frozen=True)
class Lamp:
    colour: str
    hours: tuple[int, ...] = ()
    notes: list[str] = dataclasses.field(default_factory=list)


def test_arguments_build_the_dataclass():
    assert Lamp(**arguments(Lamp, "lamp", {"colour": "red", "hours": [9, 10]})) == Lamp("red", (9, 10))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "lamp: key 'colour' is missing"),
        ({"colour": "red", "size": 1}, "lamp: unknown key 'size'; known keys: colour, hours, notes"),
        ({"colour": "red", "hours": 9}, "lamp: hours is 9; give several values in brackets"),
        ("red", "lamp: 'red' is no group of keys"),
    ],
)
def test_what_does_not_build_it_is_refused(values, said):
    with pytest.raises(UserError) as raised:
        arguments(Lamp, "lamp", values)
    assert str(raised.value) == said


@pytest.mark.parametrize(
    ("require", "allowed", "refused"),
    [
        (require_text, ["a", " a"], ["", " ", None, 3, ["a"]]),
        (require_whole, [1, 10**9], [0, -1, 1.0, True, "1", None, math.nan]),
        (require_share, [0, 1, 0.5], [-0.1, 1.1, math.nan, math.inf, True, "0.5", None]),
        (require_count_or_share, [0, 0.0, 0.5, 1, 36.0], [-1, 1.5, math.nan, math.inf, True, "36", None]),
    ],
)
def test_values_are_what_they_must_be_or_are_refused(require, allowed, refused):
    for value in allowed:
        require("key", value)
    for value in refused:
        with pytest.raises(UserError, match="^key: .* must be"):
            require("key", value)
