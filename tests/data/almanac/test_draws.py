"""Draws keep to their ranges and fill them, and one that cannot work is refused."""

import re

import numpy as np
import pytest

from regrad_jax.data.almanac import names
from regrad_jax.data.almanac.draws import draw
from regrad_jax.errors import UserError

WORD = "[A-Z][a-z]+"


@pytest.mark.parametrize(
    ("spec", "pattern", "allowed"),
    [
        ({"number": {"low": 1000, "high": 1003}}, r"1,00[0-3]", 4),
        ({"number": {"low": 100, "high": 300, "step": 50, "form": "{} g"}}, r"(100|150|200|250|300) g", 5),
        ({"year": {"low": 1871, "high": 1874}}, r"187[1-4]", 4),
        ({"decimal": {"low": 1, "high": 2, "form": "{:.1f} km"}}, r"(1\.\d|2\.0) km", 11),
        ({"ordinal": {"low": 1, "high": 4}}, r"1st|2nd|3rd|4th", 4),
        ({"ordinal": {"low": 11, "high": 14, "form": "{} lap"}}, r"1[1-4]th lap", 4),
        ({"ordinal": {"low": 21, "high": 24}}, r"21st|22nd|23rd|24th", 4),
        ({"ordinal": {"low": 111, "high": 113}}, r"11[1-3]th", 3),
        ("date", r"([1-9]|1\d|2[0-8]) [A-Z][a-z]+", 336),
        ({"clock": {"first": 11, "last": 13, "step": 30}}, r"(11:[03]0 am)|((12|1):[03]0 pm)", 6),
        ({"clock": {"first": 0, "last": 0, "step": 5}}, r"12:[0-5][05] am", 12),
        ("majority", r"[1-3]?\d to [1-2]?\d", 120),
        ("score", r"[1-8]-[0-7]", 36),
        ({"choice": ["x", "y"]}, r"x|y", 2),
        ({"pair": {"first": ["a", "b"], "second": ["c", "d"], "joint": "-"}}, r"[ab]-[cd]", 4),
        ({"pair": {"first": ["a", "b"], "second": ["c", "d"]}}, r"[ab] [cd]", 4),
        ({"either": [{"choice": ["x", "y"]}, {"number": {"low": 1, "high": 2}}]}, r"x|y|1|2", 4),
        ({"join": {"form": "{}.{}", "parts": [{"choice": ["x", "y"]}, {"choice": ["z"]}]}}, r"[xy]\.z", 2),
    ],
)
def test_values_keep_to_their_ranges_and_fill_them(spec, pattern, allowed):
    rng, drawing = np.random.default_rng(0), draw(spec)
    values = {drawing(rng, "train") for _ in range(6000)}
    assert all(re.fullmatch(pattern, value) for value in values), values
    assert len(values) == allowed


def test_a_majority_is_one_and_a_winner_has_more_goals():
    rng, majority, score = np.random.default_rng(0), draw("majority"), draw("score")
    for _ in range(500):
        ayes, noes = map(int, majority(rng, "train").split(" to "))
        won, lost = map(int, score(rng, "train").split("-"))
        assert ayes > noes > 0 and won > lost >= 0


@pytest.mark.parametrize(
    ("spec", "pattern"),
    [
        ("person", f"{WORD} {WORD}"),
        ("town", WORD),
        ({"town": ["{} Bridge", "Lake {}"]}, f"{WORD} Bridge|Lake {WORD}"),
        ({"surname": ["the {} report"]}, f"the {WORD} report"),
        ({"firm": ["{} & Sons"]}, f"{WORD} & Sons"),
        ({"thing": ["the {} process"]}, f"the {WORD} process"),
        ("noun", "[a-z]+"),
    ],
)
def test_invented_names_are_of_the_split(spec, pattern):
    rng, drawing = np.random.default_rng(0), draw(spec)
    fixed = {"Bridge", "Lake", "Sons", "the", "report", "process"}
    for split in names.SPLITS:
        for _ in range(40):
            value = drawing(rng, split)
            assert re.fullmatch(pattern, value)
            assert {names.split_of(word) for word in re.findall("[A-Za-z]+", value) if word not in fixed} == {
                split
            }


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("colour", "draw 'colour' is unknown; choose one of choice, pair, number, "),
        ({"colour": ["red"]}, "draw 'colour' is unknown"),
        (3, "one draw is needed, a name or a table with one name, not 3"),
        ({"choice": ["x"], "town": ["{}"]}, "one draw is needed"),
        ({"choice": "red"}, "draw 'choice': a list of texts is needed, not 'red'"),
        ({"choice": []}, "draw 'choice': a list of texts is needed"),
        ({"pair": {"first": ["a"], "second": [1]}}, "draw 'pair': a list of texts is needed"),
        ({"number": {"low": 3}}, "draw 'number': .*missing 1 required positional argument: 'high'"),
        (
            {"number": {"low": 3, "high": 9, "unit": "kg"}},
            "draw 'number': .*unexpected keyword argument 'unit'",
        ),
        ({"number": {"low": 9, "high": 3}}, "draw 'number': low >= high"),
        ({"number": {"low": 3, "high": 9, "step": 0}}, "draw 'number': .*by zero"),
        ({"number": {"low": 3, "high": 9, "form": "{} of {}"}}, "draw 'number': "),
        ({"decimal": {"low": "3", "high": 9}}, "draw 'decimal': "),
        ({"town": ["the bridge"]}, "draw 'town': 'the bridge' has no {} for the name"),
        ({"town": "the {} bridge"}, "draw 'town': a list of texts is needed"),
        ({"either": [{"colour": []}]}, "draw 'colour' is unknown"),
        ({"date": ["May"]}, "draw 'date': "),
    ],
)
def test_a_draw_that_cannot_work_is_refused(spec, message):
    with pytest.raises(UserError) as raised:
        draw(spec)
    assert re.match(message.replace("{}", r"\{\}"), str(raised.value)), raised.value
    assert "\n" not in str(raised.value)
