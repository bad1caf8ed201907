"""Splits by the order of items."""

import pytest

from regrad_jax.data.splits import SPLITS, SplitSizes
from regrad_jax.errors import UserError


def split(train: float, validation: float, count: int = 10) -> list[str]:
    sizes = SplitSizes("letters", train, validation)
    return ["".join(sizes.take("abcdefghij"[:count], name, "here")) for name in SPLITS]


@pytest.mark.parametrize(
    ("train", "validation", "parts"),
    [
        (4, 2, ["abcd", "ef", "ghij"]),
        (4.0, 2.0, ["abcd", "ef", "ghij"]),
        (0.5, 0.2, ["abcde", "fg", "hij"]),
        (0.5, 1, ["abcde", "f", "ghij"]),
        (0.77, 0.11, ["abcdefgh", "i", "j"]),  # to the nearest whole number
    ],
)
def test_the_first_items_train_the_next_validate_and_the_rest_tests(train, validation, parts) -> None:
    assert split(train, validation) == parts


@pytest.mark.parametrize(("train", "validation"), [(8, 2), (36, 4), (0.9, 0.1), (0.99, 1)])
def test_a_split_that_leaves_no_test_is_refused(train: float, validation: float) -> None:
    expected = (
        "here: 10 letters cannot be split into .* lower `train_letters` and `validation_letters`, or give"
    )
    with pytest.raises(UserError, match=expected):
        split(train, validation)


@pytest.mark.parametrize(("sizes", "name"), [((0, 2), "train"), ((0.04, 2), "train"), ((2, 0), "validation")])
def test_an_empty_split_is_refused_with_what_to_raise(sizes: tuple[float, float], name: str) -> None:
    with pytest.raises(UserError, match=f"of 10 letters none is in split '{name}'; raise `{name}_letters`"):
        split(*sizes)


def test_everything_is_tested_on_where_there_are_no_sizes() -> None:
    assert "".join(SplitSizes("letters", 0, 0).take("abc", "test", "here")) == "abc"
