"""What is wrong with the data of a kind is said, with the key."""

import copy
import re
from typing import Any

import pytest

from regrad_jax.data.almanac.faults import faults, poor_fields
from tests.data.almanac.lamps import LAMP

OWNER: Any = LAMP["questions"]["owner"]  # type: ignore[index]


def changed(key: str, value) -> dict:
    """Returns the lamp with another value at a key such as "titles.train", or without the key for None."""
    data: dict[str, Any] = copy.deepcopy(LAMP)
    table: Any = data
    *path, last = key.split(".")
    for part in path:
        table = table[part]
    if value is None:
        del table[last]
    else:
        table[last] = value
    return data


def test_the_lamp_is_sound():
    assert faults(LAMP) == [] == poor_fields(LAMP)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("genre", None, "genre: missing"),
        ("titles", None, "titles: missing"),
        ("colours", {}, "colours: unknown key; choose among aliases, fields, genre"),
        ("genre", 3, "genre: a text is needed, not 3"),
        ("aliases", "it", "aliases: a list of texts is needed, not 'it'"),
        ("aliases", [], "aliases: a list of texts is needed"),
        ("fields", ["colour"], "fields: a table is needed"),
        ("fields.owner", {"colour": ["red"]}, "fields.owner: draw 'colour' is unknown; choose one of choice"),
        ("subject", "colour", "subject: draw 'colour' is unknown"),
        ("openings", ["{name} is."], "openings: a table with train and held_out is needed"),
        ("titles.held_out", None, "titles.held_out: missing"),
        ("questions.owner.held_out", None, "questions.owner.held_out: missing"),
        ("questions.owner.held_out", [], "questions.owner.held_out: a list of texts is needed"),
        ("titles.held_out", "{name}", "titles.held_out: a list of texts is needed, not '{name}'"),
        ("titles.test", ["{name}"], "titles.test: unknown key; choose among held_out, train"),
        ("titles.train", ["{name}"], "titles.train: 1 phrasings; at least 3 are needed"),
        ("openings.train", ["{name} is old."] * 3, "openings.train: 3 phrasings; at least 3 are"),
        ("openings.held_out", ["It is old."], "openings.held_out: 'It is old.' does not hold {name}"),
        ("openings.held_out", ["{name} is old0."], "openings.held_out: '{name} is old0.' stands in train"),
        ("statements.held_out", ["It weighs {mass}."], "statements.held_out: placeholder {mass} is unknown"),
        ("statements.held_out", ["It weighs {weight."], "statements.held_out: broken braces in 'It weighs"),
        ("questions.owner.held_out", ["Who?"], "questions.owner.held_out: 'Who?' does not hold {name}"),
        ("questions.owner.held_out", ["Who has {colour} {name}?"], "questions.owner.held_out: placeholder {"),
        ("questions.smell", OWNER, "questions.smell: there is no field 'smell'"),
        ("statements.held_out", ["It is {colour}."], "statements.held_out: no sentence states {owner}"),
        ("statements.train", ["It is {owner}.", "A.", "B."], "statements.train: no sentence states {colour}"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_kind_is_said(key, value, message):
    found = faults(changed(key, value))
    assert any(fault.startswith(message) for fault in found), found
    assert all(re.match(r"\w+(\.\w+)*: ", fault) for fault in found), found


def test_every_fault_is_found_at_once():
    data = changed("genre", None) | {"subject": "colour", "aliases": 3}
    assert len(faults(data)) == 3
    wordings = changed("titles.held_out", ["{mass}"]) | {"openings": LAMP["titles"] | {"held_out": ["A {"]}}
    assert len(faults(wordings)) == 3  # unknown placeholder; no name; broken braces


def test_a_value_that_can_be_guessed_is_found():
    assert poor_fields(changed("fields.owner", {"choice": ["x", "y"]})) == [
        "fields.owner: 2 values are too few to ask for"
    ]
    assert poor_fields(changed("fields.age", {"choice": ["x", "y"]})) == []  # no question asks for the age
