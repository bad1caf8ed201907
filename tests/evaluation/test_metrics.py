"""Exact match, F1 and their intervals, against examples worked by hand."""

import numpy as np
import pytest

from regrad_jax.errors import UserError
from regrad_jax.evaluation.metrics import (
    exact_match,
    f1,
    normalise_answer,
    paired_difference,
    question_scores,
    score,
)


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("The  Red\tHouse.", "red house"),
        ("an apple a day", "apple day"),
        ("U.S.A.", "usa"),
        ("well-known", "wellknown"),  # punctuation goes before words are told apart
        ("don't", "dont"),
        ("theatre", "theatre"),
        ("a", "a"),  # the choice A is kept
        (" (A). ", "a"),
        ("an", ""),
        ("a the", ""),
        ("a a", ""),
        ("“Père”", "“père”"),  # only ASCII punctuation goes
        ("", ""),
    ],
)
def test_normalise_answer(text: str, normalised: str) -> None:
    assert normalise_answer(text) == normalised


@pytest.mark.parametrize(
    ("prediction", "golds", "matches"),
    [
        ("the Harbour!", ["harbour"], 1.0),
        ("harbour", ["port", "a harbour"], 1.0),
        ("harbours", ["harbour"], 0.0),
        ("", ["the"], 1.0),  # both sides are empty once normalised
        ("a", ["b"], 0.0),
        ("A", ["(a)"], 1.0),
    ],
)
def test_exact_match(prediction: str, golds: list[str], matches: float) -> None:
    assert exact_match(prediction, golds) == matches


@pytest.mark.parametrize(
    ("prediction", "golds", "expected"),
    [
        ("red clay tile", ["clay tile"], 0.8),  # precision 2/3, recall 1: 2 (2/3) / (5/3)
        ("the clay tile", ["clay tile"], 1.0),
        ("ding ding", ["ding ding dong"], 0.8),  # a multiset: both dings count; 1 and 2/3
        ("north", ["south", "north gate", "the far north gate"], 2 / 3),  # the best gold: 1, 1/2
        ("north", ["south"], 0.0),
        ("", ["south"], 0.0),
        ("", [""], 0.0),  # matches exactly, shares no word
        ("yes", ["Yes."], 1.0),
        ("yes indeed", ["yes"], 0.0),  # a verdict is right as a whole or not at all
        ("no", ["no doubt"], 0.0),
        ("noanswer", ["noanswer given"], 0.0),
        ("no", ["no doubt", "no"], 1.0),
        ("no doubt", ["no", "no doubt at all"], 2 / 3),  # precision 1, recall 2/4
    ],
)
def test_f1(prediction: str, golds: list[str], expected: float) -> None:
    assert f1(prediction, golds) == pytest.approx(expected, abs=1e-12)


def test_question_scores_are_in_percent_and_in_order() -> None:
    exact_match_Q, f1_Q = question_scores(["red clay tile", "Zand", "x"], [["clay tile"], ["zand"], ["y"]])
    np.testing.assert_allclose(exact_match_Q, [0, 100, 0])
    np.testing.assert_allclose(f1_Q, [80, 100, 0])


def test_score_is_the_mean_over_questions() -> None:
    result = score(["red clay tile", "Zand", "x"], [["clay tile"], ["zand"], ["y"]])
    assert result.n == 3
    assert result.exact_match == pytest.approx(100 / 3)
    assert result.f1 == pytest.approx(60)


def test_intervals_of_a_proportion() -> None:
    # 120 of 400 right: the standard error is sqrt(0.3 * 0.7 / 400) = 2.29 points, times 1.96.
    predictions = ["yes"] * 120 + ["no"] * 280
    result = score(predictions, [["yes"]] * 400)
    low, high = result.exact_match_interval
    assert (low, high) == pytest.approx((30 - 4.49, 30 + 4.49), abs=0.5)
    assert result.f1_interval == (low, high)  # the same questions in every resample
    assert score(predictions, [["yes"]] * 400) == result


def test_intervals_without_spread_have_no_width() -> None:
    assert score(["x"], [["x"]]).exact_match_interval == (100, 100)
    assert score(["x", "y"], [["z"], ["z"]]).f1_interval == (0, 0)


def test_paired_difference_cancels_what_questions_share() -> None:
    generator = np.random.default_rng(1)
    hard_Q = generator.uniform(0, 90, 300)
    gain_Q = np.where(np.arange(300) < 150, 4.0, 6.0)
    result = paired_difference(hard_Q + gain_Q, hard_Q)
    assert result.mean == pytest.approx(5)
    # The gain has a spread of 1, so its mean a standard error of 1 / sqrt(300) = 0.0577.
    assert (result.low, result.high) == pytest.approx((5 - 0.113, 5 + 0.113), abs=0.015)
    other = paired_difference(hard_Q, hard_Q + gain_Q)
    assert other == pytest.approx((-result.mean, -result.high, -result.low))


@pytest.mark.parametrize("golds", [None, [], "harbour", ["harbour", None], {"harbour"}])
def test_golds_that_cannot_be_scored_are_refused(golds: object) -> None:
    with pytest.raises(UserError, match="accepted answer"):
        exact_match("harbour", golds)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="accepted answer"):
        f1("harbour", golds)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="question 2 of 2: .*accepted answer"):
        score(["a", "b"], [["a"], golds])  # type: ignore[list-item]


def test_other_misuse_is_refused() -> None:
    with pytest.raises(UserError, match="question 1 of 1: the prediction must be a string"):
        score([None], [["a"]])  # type: ignore[list-item]
    with pytest.raises(UserError, match="2 predictions for 1 questions"):
        score(["a", "b"], [["a"]])
    with pytest.raises(UserError, match="no questions"):
        score([], [])
    with pytest.raises(UserError, match="2 and 1 questions cannot be paired"):
        paired_difference([1, 2], [1])
    with pytest.raises(UserError, match="cannot be paired"):
        paired_difference([], [])
