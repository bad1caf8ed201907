"""Cuts documents into passages that fit the model, between paragraphs and sentences where it can.

The work is linear in a document's length, whatever its text: no pattern scans the same stretch again from
each of its characters, and the choice of cuts looks back over a bounded number of pieces.
"""

import math
import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from regrad_jax.data.documents import Document, Passage, passages_of
from regrad_jax.errors import UserError

# What a passage costs: the square of its distance from the average length, in units of max_tokens, and one of
# these for the boundary at which it begins. Beginning at a sentence costs about as much as two passages of
# which one lies 0.4 max_tokens above the average and the other as far below it. So paragraphs stay whole
# unless that would leave one passage nearly full and another nearly empty.
_PARAGRAPH_COST, _SENTENCE_COST, _WORD_COST, _BROKEN_WORD_COST = 0.0, 0.3, 1.0, 4.0

_PARAGRAPH_END = re.compile(r"\n[^\S\n]*+\n\s*+")
_SENTENCE_END = re.compile(
    r"""
    (?<![.!?…])                    # A match begins where a run of marks begins, so that each is read once.
    (?: (?<!\b[A-Z]) | [.!?…] )    # One mark after an initial ("J. Smith") ends nothing; further ones do.
    [.!?…]++ ["'”’»)\]]*+          # Closing quotes and brackets belong to the sentence.
    \s++ (?![a-z])                 # A lower-case letter next ("e.g. this") means that the sentence goes on.
    | [。！？]++ [」』”’）]*+ \s*+  # East Asian sentences end without a space.
    """,
    re.VERBOSE,
)
_WORD_END = re.compile(r"\s+")
_BOUNDARIES = (
    (_PARAGRAPH_END, _PARAGRAPH_COST),
    (_SENTENCE_END, _SENTENCE_COST),
    (_WORD_END, _WORD_COST),
)
_SENTENCES = 2  # from this level of _BOUNDARIES on, a span is no larger than a sentence
# A passage has at most this times max_tokens pieces. Pieces have a token at least, so this binds only where a
# tokenizer counts nothing for most of them, and then it bounds the search for the best cuts.
_MOST_PIECES = 8


class _Piece(NamedTuple):
    """A stretch of text that is not cut further; the pieces of a text, joined, are the text.

    Attributes:
        text: the stretch, with the white space after it.
        tokens: of the stripped text.
        opening_cost: what beginning a passage here costs.
    """

    text: str
    tokens: int
    opening_cost: float


class _TooSmall(Exception):
    """A character that alone has more tokens than a passage may have."""


def cut_passages(document: Document, count_tokens: Callable[[str], int], max_tokens: int) -> list[Passage]:
    """Returns a document as passages of at most `max_tokens` tokens, in order.

    A document that fits is one passage under its own id. A longer one becomes "{id}#0", "{id}#1", ... of
    similar lengths. It is cut between paragraphs where that leaves no very uneven lengths, and otherwise
    between sentences. A sentence that does not fit is cut between words. A word that does not fit is cut
    inside, and so is a sentence of a script without spaces. Nothing but white space at the cuts is lost.

    Args:
        document: what to cut; each passage takes over its title and source.
        count_tokens: text -> its number of tokens. It sees each stretch of text a few times.
        max_tokens: the largest `count_tokens(passage.text)` allowed.

    Raises:
        UserError: `max_tokens` is too small for a single character.
    """
    try:
        texts = _cut(document.text.strip(), count_tokens, max_tokens)
    except _TooSmall as error:
        raise UserError(
            f"document {document.id!r}: the character {error} alone has more than {max_tokens} "
            "tokens; allow longer passages"
        ) from None
    return passages_of(document, texts)


def _cut(text: str, count_tokens: Callable[[str], int], max_tokens: int) -> list[str]:
    tokens = count_tokens(text)
    if tokens <= max_tokens:
        return [text]
    pieces = _pieces(text, count_tokens, max_tokens)
    # The counts of the pieces need not add up to that of the whole: a token may span a boundary, and each
    # count may include a start token. So they are scaled, and what still comes out too long is cut again.
    counts_P = np.array([piece.tokens for piece in pieces], np.float64)
    counts_P *= tokens / counts_P.sum()
    costs_P = np.array([piece.opening_cost for piece in pieces])
    starts = _best_starts(counts_P, costs_P, max_tokens)
    passages: list[str] = []
    for start, end in zip(starts, [*starts[1:], len(pieces)], strict=True):
        passage = "".join(piece.text for piece in pieces[start:end]).strip()
        passages.extend(_cut(passage, count_tokens, max_tokens))
    return passages


def _pieces(text: str, count_tokens: Callable[[str], int], max_tokens: int) -> list[_Piece]:
    """Splits a text into its sentences, and sentences that do not fit into smaller pieces that do."""
    pieces: list[_Piece] = []

    def add(span: str, opening_cost: float, level: int) -> None:
        stripped = span.strip()
        if level >= _SENTENCES and (tokens := count_tokens(stripped)) <= max_tokens:
            pieces.append(_Piece(span, max(tokens, 1), opening_cost))
        elif level < len(_BOUNDARIES):
            pattern, cost = _BOUNDARIES[level]
            for index, part in enumerate(_split_after(span, pattern)):
                add(part, opening_cost if index == 0 else cost, level + 1)
        elif len(stripped) == 1:
            raise _TooSmall(repr(stripped))
        else:  # a word that does not fit: halves of it, until they do
            middle = len(stripped) // 2
            add(span[:middle], opening_cost, level)
            add(span[middle:], _BROKEN_WORD_COST, level)

    add(text, _PARAGRAPH_COST, level=0)
    return pieces


def _split_after(text: str, pattern: re.Pattern[str]) -> list[str]:
    """Splits a text after each match; the parts, joined, are the text."""
    ends = [match.end() for match in pattern.finditer(text) if match.end() < len(text)]
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


def _best_starts(counts_P: np.ndarray, costs_P: np.ndarray, max_tokens: int) -> list[int]:
    """Returns the indices of the P pieces at which the passages of least total cost begin.

    Dynamic programming: best[j] is the least cost of cutting pieces 0..j-1. A passage holds at most
    `max_tokens` tokens, or is one piece.
    """
    before = np.concatenate([[0.0], np.cumsum(counts_P)])
    average = before[-1] / math.ceil(before[-1] / max_tokens)
    earliest = np.searchsorted(before, before - max_tokens - 1e-6)
    best = np.zeros(len(before))
    start_of = np.zeros(len(before), np.int64)
    for end in range(1, len(before)):
        first = min(max(int(earliest[end]), end - _MOST_PIECES * max_tokens), end - 1)
        distance = (before[end] - before[first:end] - average) / max_tokens
        totals = best[first:end] + costs_P[first:end] + distance**2
        choice = int(np.argmin(totals))
        best[end], start_of[end] = totals[choice], first + choice
    starts = [int(start_of[-1])]
    while starts[-1] > 0:
        starts.append(int(start_of[starts[-1]]))
    return starts[::-1]
