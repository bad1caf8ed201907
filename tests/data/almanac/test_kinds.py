"""Training has phrasings of its own; validation and test share the others."""

from regrad_jax.data.almanac.kinds import Phrasings, kind_of
from tests.data.almanac.lamps import LAMP


def test_validation_and_test_share_phrasings():
    phrasings = Phrasings(("a", "b", "c"), ("d",))
    assert phrasings.of_split("train") == ("a", "b", "c")
    assert phrasings.of_split("test") == phrasings.of_split("validation") == ("d",)


def test_a_kind_keeps_the_order_of_its_data():
    kind = kind_of(LAMP)
    assert list(kind.fields) == ["colour", "owner", "weight", "age"]
    assert kind.statements.train == tuple(LAMP["statements"]["train"])
    assert kind.aliases == ("it",)
    assert kind_of(LAMP | {"aliases": ["the lamp", "this light"]}).aliases == ("the lamp", "this light")
