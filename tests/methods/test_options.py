"""Options out of their range are refused before anything is done."""

import pytest

from regrad_jax.errors import UserError
from regrad_jax.methods.options import Options


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"top_k": 0}, "`top_k` is 0; it must be at least 1"),
        ({"max_new_tokens": -3}, "`max_new_tokens` is -3; it must be at least 1"),
        ({"gamma": float("nan")}, "`gamma` is nan; it must be a finite number"),
        ({"gamma": float("-inf")}, "`gamma` is -inf; it must be a finite number"),
        ({"weighting": "loudest"}, "`weighting` 'loudest' is unknown; choose one of sum, mean, relevance"),
        ({"retriever": "oracle"}, "`retriever` 'oracle' is unknown; choose one of dense"),
    ],
    ids=str,
)
def test_what_cannot_be_chosen(changes, words):
    with pytest.raises(UserError) as refused:
        Options(**changes)
    assert words in str(refused.value)
