"""What the engine is asked for, and what it gives back."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from regrad_jax.adaptation.rows import RowLayout
from regrad_jax.engine.resident import ResidentRows
from regrad_jax.engine.sampling import GREEDY, Sampling


class RowFormat(NamedTuple):
    """How packed rows are read.

    Attributes:
        codec: a name in `CODECS`.
        layout: which of the adapter's tensors a row holds, and where.
    """

    codec: str
    layout: RowLayout


class Places(NamedTuple):
    """Rows that lie in device memory already.

    Attributes:
        resident: all rows that were loaded.
        places_K: int32, the places of one request's rows in `resident`.
    """

    resident: ResidentRows
    places_K: np.ndarray


class Update(NamedTuple):
    """What one request takes from its documents.

    Attributes:
        rows: the documents' rows as they are stored, packed_KxC uint8, or where they lie in device memory.
        weights_K: float32 document weights; a row of weight 0 does nothing.
        format: how the rows are read.
    """

    rows: np.ndarray | Places
    weights_K: np.ndarray
    format: RowFormat


class Request(NamedTuple):
    """One sequence to continue.

    Attributes:
        tokens: the prompt, at least one token.
        update: what its weights take from documents; None runs the base model as it is.
        gamma: multiplier of the step that the update makes.
        sampling: how each next token is chosen.
        limit: the most tokens to write, at least 1.
    """

    tokens: Sequence[int]
    update: Update | None = None
    gamma: float = 1.0
    sampling: Sampling = GREEDY
    limit: int = 20


class Completions(NamedTuple):
    """What was written for some requests, in their order.

    Attributes:
        tokens: the new tokens of each, up to and with the token that ended it, if one did.
        adapt_s: seconds that making the adapted parameters took.
        generate_s: seconds that prefill and decoding took.
    """

    tokens: list[np.ndarray]
    adapt_s: float
    generate_s: float
