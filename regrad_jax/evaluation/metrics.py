"""Exact match and token F1 of short answers, and their uncertainty over questions.

The rules are those of SQuAD as the method's authors apply them. Letters: Q questions, X bootstrap
resamples.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from regrad_jax.errors import UserError

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_VERDICTS = {"yes", "no", "noanswer"}
_RESAMPLES = 10_000
_SEED = 0


class Difference(NamedTuple):
    """Mean of `a - b` over questions, in the unit of a and b, with its 95% interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Score:
    """Means over `n` questions, in percent and not rounded, with 95% intervals (low, high)."""

    exact_match: float
    f1: float
    n: int
    exact_match_interval: tuple[float, float]
    f1_interval: tuple[float, float]


def normalise_answer(text: str) -> str:
    """Return `text` as answers are compared.

    In this order: lower case; ASCII punctuation is deleted ("don't" becomes "dont"); the words a,
    an and the are removed, unless nothing but "a" is left, which may be the choice A; words are
    joined by single spaces.

    >>> normalise_answer("The  Old-Mill, (a ruin)")
    'oldmill ruin'
    >>> normalise_answer("(A)")
    'a'
    """
    words = text.lower().translate(_PUNCTUATION)
    if words.strip() != "a":
        words = _ARTICLES.sub(" ", words)
    return " ".join(words.split())


def exact_match(prediction: str, golds: Sequence[str]) -> float:
    """Return 1.0 if `prediction` equals one of `golds` after normalisation, else 0.0.

    Raises:
        UserError: no golds, or something that is not a string.
    """
    _check(prediction, golds)
    return float(any(normalise_answer(prediction) == normalise_answer(gold) for gold in golds))


def f1(prediction: str, golds: Sequence[str]) -> float:
    """Return the largest F1 (0 to 1) of `prediction` over `golds`.

    F1 is the harmonic mean of precision and recall over the multisets of normalised words. It is 0
    where no word is shared (also where both sides normalise to nothing, although they match
    exactly), and where one side is "yes", "no" or "noanswer" and the other is not the same.

    >>> f1("the red clay tile", ["red tile roof"])  # 2 shared, of 3 predicted and 3 in the gold
    0.6666666666666666

    Raises:
        UserError: no golds, or something that is not a string.
    """
    _check(prediction, golds)
    return max(_pair_f1(normalise_answer(prediction), normalise_answer(gold)) for gold in golds)


def question_scores(
    predictions: Sequence[str], golds: Sequence[Sequence[str]]
) -> tuple[np.ndarray, np.ndarray]:
    """Return exact match and F1 of each question, in percent (two float64 arrays of Q).

    Args:
        predictions: the Q answers given.
        golds: for each question, in the same order, its accepted answers.

    Raises:
        UserError: different lengths, a missing prediction, or a question without golds.
    """
    if len(predictions) != len(golds):
        raise UserError(f"{len(predictions)} predictions for {len(golds)} questions; give one each")
    pairs = list(zip(predictions, golds, strict=True))
    for index, (prediction, accepted) in enumerate(pairs):
        _check(prediction, accepted, f"question {index + 1} of {len(pairs)}: ")
    exact_match_Q = 100.0 * np.array([exact_match(*pair) for pair in pairs], np.float64)
    f1_Q = 100.0 * np.array([f1(*pair) for pair in pairs], np.float64)
    return exact_match_Q, f1_Q


def score(predictions: Sequence[str], golds: Sequence[Sequence[str]]) -> Score:
    """Return the means of `question_scores` with bootstrap intervals over questions.

    The same arguments give the same intervals on every run.

    Raises:
        UserError: no questions, or as for `question_scores`.
    """
    exact_match_Q, f1_Q = question_scores(predictions, golds)
    if not len(f1_Q):
        raise UserError("no questions to score; give at least one")
    (low_em, low_f1), (high_em, high_f1) = _interval(np.stack([exact_match_Q, f1_Q], axis=1))
    return Score(
        exact_match=float(exact_match_Q.mean()),
        f1=float(f1_Q.mean()),
        n=len(f1_Q),
        exact_match_interval=(float(low_em), float(high_em)),
        f1_interval=(float(low_f1), float(high_f1)),
    )


# What answers to a data set's questions are scored by; a data set names its own.
SCORES: Mapping[str, Callable[[Sequence[str], Sequence[Sequence[str]]], Score]] = {"short_answer": score}


def paired_difference(a_Q: Sequence[float] | np.ndarray, b_Q: Sequence[float] | np.ndarray) -> Difference:
    """Return how far method a is above method b on the same questions, with a 95% interval.

    Questions are resampled in pairs, so what makes a question hard for both methods cancels.

    Args:
        a_Q, b_Q: per-question values of the two methods in one unit: percent, or nats,
            questions in the same order.

    Raises:
        UserError: different lengths, or no questions.
    """
    if len(a_Q) != len(b_Q) or not len(a_Q):
        raise UserError(
            f"{len(a_Q)} and {len(b_Q)} questions cannot be paired; give the same questions, at least one"
        )
    difference_Q = np.asarray(a_Q, np.float64) - np.asarray(b_Q, np.float64)
    (low,), (high,) = _interval(difference_Q[:, None])
    return Difference(float(difference_Q.mean()), float(low), float(high))


def _interval(values_QxM: np.ndarray) -> np.ndarray:
    """Return the 95% percentile bootstrap interval of the mean of M measures: (low, high) x M."""
    generator = np.random.default_rng(_SEED)
    questions = len(values_QxM)
    means_XxM = np.empty((_RESAMPLES, values_QxM.shape[1]))
    for index in range(_RESAMPLES):  # one at a time: X x Q indices at once need not fit in memory
        means_XxM[index] = values_QxM[generator.integers(questions, size=questions)].mean(axis=0)
    return np.percentile(means_XxM, [2.5, 97.5], axis=0)


def _pair_f1(prediction: str, gold: str) -> float:
    """F1 of two normalised answers."""
    if prediction != gold and (prediction in _VERDICTS or gold in _VERDICTS):
        return 0.0
    prediction_words, gold_words = prediction.split(), gold.split()
    shared = (Counter(prediction_words) & Counter(gold_words)).total()
    if not shared:
        return 0.0
    precision, recall = shared / len(prediction_words), shared / len(gold_words)
    return 2 * precision * recall / (precision + recall)


def _check(prediction: object, golds: object, where: str = "") -> None:
    if not isinstance(prediction, str):
        raise UserError(f"{where}the prediction must be a string, found {prediction!r}")
    if isinstance(golds, str) or not isinstance(golds, Sequence) or not golds:
        raise UserError(f"{where}give a list of at least one accepted answer, found {golds!r}")
    for gold in golds:
        if not isinstance(gold, str):
            raise UserError(f"{where}an accepted answer must be a string, found {gold!r}")
