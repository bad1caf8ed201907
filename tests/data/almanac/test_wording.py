"""How templates become sentences."""

import pytest

from regrad_jax.data.almanac.wording import fill, short


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("a {x} in a {y}", "An old urn in a box"),
        ("{y} with a hour", "Box with a hour"),
        ("it is a union, a one-off, a use", "It is a union, a one-off, a use"),
    ],
)
def test_articles_and_capitals(template, filled):
    assert fill(template, {"x": "old urn", "y": "box"}) == filled


def test_a_full_name_is_repeated_by_its_last_word():
    assert short("Maravik Dreltworth") == "Dreltworth"
    assert short("the Orsk dam") == "the Orsk dam"
    assert short("Holtmouth") == "Holtmouth"
