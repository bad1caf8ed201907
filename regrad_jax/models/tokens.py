"""Texts as tokens, and sequences of tokens as arrays of a few fixed shapes.

A prompt mixes two kinds of text. A prompt family writes markup such as `<|im_start|>`, which the tokenizer
reads as special tokens. Documents, questions and titles come from elsewhere, and whatever they spell stays
text. `encode_prompt` keeps the two apart.

Every shape of a compiled function costs a compilation, so callers pad their batches to few lengths. The
lengths are the caller's choice. How a length is chosen and how a batch is padded stand here once.
"""

import bisect
import functools
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tokenizers

from regrad_jax.data.prompts import Markup


class Padded(NamedTuple):
    """Sequences of one length.

    Attributes:
        tokens_NxT: int32, padded on the right with 0.
        lengths_N: int32, the true lengths.
    """

    tokens_NxT: np.ndarray
    lengths_N: np.ndarray


def encode_prompt(tokenizer: Any, pieces: Sequence[str]) -> list[int]:
    """Returns the tokens of a prompt, in which only markup can hold control tokens.

    The tokens are those of the joined pieces. Encoding each piece on its own would give others: a merge may
    reach across the border of two pieces, and some tokenizers put a space before each text. Only where the
    tokenizer sees a control token outside the markup are other tokens put in its place: those of its
    characters.

    Args:
        tokenizer: a transformers fast tokenizer.
        pieces: `Markup` and plain strings in their order; the plain ones are text.
    """
    runs = [
        Markup("".join(run)) if is_markup else "".join(run)
        for is_markup, run in itertools.groupby(filter(None, pieces), lambda piece: isinstance(piece, Markup))
    ]
    prompt = "".join(runs)
    ends = list(itertools.accumulate(map(len, runs)))
    encoding = tokenizer(prompt, add_special_tokens=False, return_offsets_mapping=True)
    controls, tokens = _controls(tokenizer), []
    for token, (start, end) in zip(encoding["input_ids"], encoding["offset_mapping"], strict=True):
        # Some control tokens take the spaces beside them, which are no part of their spelling.
        spelling = prompt[start:end].strip() or prompt[start:end]
        if token not in controls or (token == tokenizer.unk_token_id and spelling != controls[token]):
            tokens.append(token)
            continue
        first = start + prompt[start:end].find(spelling)
        run, last_run = (bisect.bisect_right(ends, place) for place in (first, first + len(spelling) - 1))
        if run != last_run:  # text and markup join to a control token that neither holds
            return encode_prompt(tokenizer, runs[: run + 1]) + encode_prompt(tokenizer, runs[run + 1 :])
        if isinstance(runs[run], Markup):
            tokens.append(token)
        else:
            plain = _without_added_tokens(tokenizer).encode(prompt[start:end], add_special_tokens=False).ids
            # A model whose own vocabulary holds the control token could still put it there.
            tokens += [token for token in plain if token not in controls]
    return tokens


def special_tokens(tokenizer: Any) -> dict[int, str]:
    """Returns the special tokens of a tokenizer.

    A tokenizer names a few of them, such as `eos_token`. It also lists them all, those with names included.
    """
    return {n: token.content for n, token in tokenizer.added_tokens_decoder.items() if token.special}


@functools.lru_cache(maxsize=8)
def _controls(tokenizer: Any) -> Mapping[int, str]:
    """Returns the tokens that only markup may hold: special ones, and others that the chat template writes.

    Qwen's `<tool_call>`, for one, is not special. Blanks of a template are ordinary text (Gemma lists some).
    """
    template = str(tokenizer.chat_template or "")
    written = {
        n: token.content
        for n, token in tokenizer.added_tokens_decoder.items()
        if token.content in template and not token.content.isspace()
    }
    return special_tokens(tokenizer) | written


@functools.lru_cache(maxsize=2)
def _without_added_tokens(tokenizer: Any) -> tokenizers.Tokenizer:
    """Returns a copy of the tokenizer's backend that reads every text as plain text.

    The `split_special_tokens` of transformers would set a flag of the tokenizer that all threads share.
    """
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    return tokenizers.Tokenizer.from_str(json.dumps(state | {"added_tokens": []}))


def pad(sequences: Sequence[Sequence[int]], length: int, rows: int = 0) -> Padded:
    """Lays sequences out as one array.

    >>> pad([[5, 6], [7]], length=3).tokens_NxT
    array([[5, 6, 0],
           [7, 0, 0]], dtype=int32)

    Args:
        sequences: each of at most `length` tokens.
        length: T.
        rows: N; rows after the last sequence are empty. By default there is one row for each sequence.

    Raises:
        ValueError: a sequence is longer than `length`, or there are more sequences than `rows`.
    """
    rows = rows or len(sequences)
    if len(sequences) > rows:
        raise ValueError(f"{len(sequences)} sequences do not fit into {rows} rows")
    tokens_NxT, lengths_N = np.zeros((rows, length), np.int32), np.zeros(rows, np.int32)
    for row, sequence in enumerate(sequences):
        if len(sequence) > length:
            raise ValueError(f"sequence {row} has {len(sequence)} tokens, and a row holds {length}")
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
