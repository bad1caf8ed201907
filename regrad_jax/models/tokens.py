"""Texts as tokens, and sequences of tokens as arrays of a few fixed shapes.

Every shape of a compiled function costs a compilation, so each caller pads its batches to few lengths. The
lengths are the caller's choice; how a choice is made and how a batch is padded stand here once.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


class Padded(NamedTuple):
    """Sequences of one length.

    Attributes:
        tokens_NxT: int32, padded on the right with 0.
        lengths_N: int32, the true lengths.
    """

    tokens_NxT: np.ndarray
    lengths_N: np.ndarray


def encode(tokenizer: Any, text: str) -> list[int]:
    """Returns the tokens of a text; the tokenizer adds none of its own before or after them."""
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def pad(sequences: Sequence[Sequence[int]], length: int, rows: int = 0) -> Padded:
    """Lays sequences out as one array.

    >>> pad([[5, 6], [7]], length=3).tokens_NxT
    array([[5, 6, 0],
           [7, 0, 0]], dtype=int32)

    Args:
        sequences: each of at most `length` tokens.
        length: T.
        rows: N; rows after the last sequence are empty. By default there is one row for each sequence.
    """
    rows = rows or len(sequences)
    tokens_NxT, lengths_N = np.zeros((rows, length), np.int32), np.zeros(rows, np.int32)
    for row, sequence in enumerate(sequences):
        tokens_NxT[row, : len(sequence)] = sequence
        lengths_N[row] = len(sequence)
    return Padded(tokens_NxT, lengths_N)


def bucket(length: int, sizes: Sequence[int]) -> int:
    """Returns the first of increasing sizes that holds `length`; a length above all of them stays itself.

    >>> bucket(33, (32, 64)), bucket(65, (32, 64))
    (64, 65)
    """
    return next((size for size in sizes if size >= length), length)


def round_up(length: int, step: int) -> int:
    """Returns the smallest multiple of `step` that holds `length`.

    >>> round_up(33, 32), round_up(64, 32)
    (64, 64)
    """
    return -(-length // step) * step
