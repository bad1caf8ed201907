"""The almanac as a data set: its settings reach the generator."""

import pytest

from regrad_jax.data.almanac.generate import generate
from regrad_jax.data.readers.almanac import AlmanacSettings, read
from regrad_jax.errors import UserError


@pytest.mark.parametrize(
    ("split", "settings", "expected"),
    [
        ("train", AlmanacSettings(5), {"entities": 5, "seed": 7}),
        ("test", AlmanacSettings(5), {"entities": 5, "seed": 7}),
        ("train", AlmanacSettings(5, held_out_entities=3, seed=0), {"entities": 5, "seed": 0}),
        ("validation", AlmanacSettings(5, held_out_entities=3, seed=0), {"entities": 3, "seed": 0}),
        ("test", AlmanacSettings(4, ("person",), seed=2), {"entities": 4, "kinds": ["person"], "seed": 2}),
    ],
)
def test_settings_decide_what_is_generated(split, settings, expected) -> None:
    assert read(split, settings) == tuple(generate(split=split, **expected))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"entities": 0}, "entities: 0 must be a whole number of at least 1"),
        ({"entities": 2.5}, "entities: 2.5 must"),
        ({"entities": 9, "held_out_entities": 0}, "held_out_entities: 0 must"),
        ({"entities": 9, "seed": -1}, "seed: -1 must be a whole number of at least 0"),
        ({"entities": 9, "seed": True}, "seed: True must"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, said) -> None:
    with pytest.raises(UserError) as raised:
        AlmanacSettings(**settings)
    assert str(raised.value).startswith(said)
