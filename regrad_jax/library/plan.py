"""How big a bank would be and what it would cost, worked out from shapes: no bank, no weights, no clock.

bytes a document   = row + key + record + index + store
bytes a question   = top_k rows
hours of building  = documents / documents a second; at best, FLOP/s / FLOPs of a document's gradient
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import jax

from regrad_jax.adaptation.adapter import AdapterConfig, init_adapter
from regrad_jax.adaptation.codecs import CODECS
from regrad_jax.adaptation.rows import RowLayout
from regrad_jax.bank.storage.database import CHECKSUM_BYTES
from regrad_jax.errors import UserError
from regrad_jax.models.config import DecoderConfig
from regrad_jax.retrieval.scann import SCANN_MIN_DOCUMENTS

_KEY_WIDTH = 384  # numbers in a key: all-MiniLM-L6-v2's
# A record is so many bytes and a share of its text's: a fit to `records.pack_record` on the fieldnotes and
# the almanac cut to 50, 100, ..., 2,000 bytes, within 7% of the mean of each.
_RECORD_BYTES, _TEXT_SHARE = 200, 0.6
# The files of `retrieval.kept.save` for 20,000 keys: the keys again, hashed ones, partitions, positions.
_INDEX_BYTES = 1765
# What else the disk holds (`other` in `Bank.info`): the tree of the database, of which every commit writes
# the nodes on its way anew and older versions keep theirs. Not a true constant: as counted by building shards
# 32 documents a commit, 0.2 KB a document at 500, 0.5 at 60,000, 0.7 at 120,000, 1.1 at 250,000, and at
# 500,000 this, when one more document cost 2.0. What `Bank.compact` leaves of it was counted at 20,000.
_STORE_BYTES, _COMPACTED_STORE_BYTES = 1532, 14


class Plan(NamedTuple):
    """What a bank that is not there yet would take.

    Attributes:
      row_length: P, numbers in a row.
      bytes_per_document: part -> bytes on the disk; the last part is their `total`.
      bytes: of all documents, as they are built.
      bytes_compacted: of all documents, when `regrad bank compact` has removed older versions.
      bytes_per_question: of stored rows, read for one question.
      flops_per_document: floating-point operations of one document's gradient.
    """

    row_length: int
    bytes_per_document: Mapping[str, float]
    bytes: float
    bytes_compacted: float
    bytes_per_question: int
    flops_per_document: float


def plan_bank(
    decoder: DecoderConfig,
    adapter: AdapterConfig,
    codec: str,
    documents: float,
    *,
    text_bytes: int = 600,
    tokens: int = 128,
    top_k: int = 3,
    inner_steps: int = 1,
) -> Plan:
    """Works out a bank.

    Args:
      decoder: shape of the base model.
      adapter: the adapter on it.
      codec: how rows are packed; a name in `codecs.CODECS`.
      documents: how many.
      text_bytes: of a document's text.
      tokens: of a document.
      top_k: documents read for one question.
      inner_steps: gradient steps on a document.

    Raises:
      UserError: a number that cannot be, an unknown codec, or no layer left to adapt.
    """
    _above_zero(
        documents=documents, text_bytes=text_bytes, tokens=tokens, top_k=top_k, inner_steps=inner_steps
    )
    if codec not in CODECS:
        raise UserError(f"no codec is called {codec!r}; choose one of {', '.join(CODECS)}")
    length = row_length(decoder, adapter)
    row = CODECS[codec].packed_bytes(length) + CHECKSUM_BYTES
    parts = {
        "row": row,
        "key": 4 * _KEY_WIDTH + CHECKSUM_BYTES,
        "record": _RECORD_BYTES + _TEXT_SHARE * text_bytes,
        "index": _INDEX_BYTES if documents >= SCANN_MIN_DOCUMENTS else 0,
        "store": _STORE_BYTES,
    }
    total = sum(parts.values())
    return Plan(
        row_length=length,
        bytes_per_document=parts | {"total": total},
        bytes=documents * total,
        bytes_compacted=documents * (total - _STORE_BYTES + _COMPACTED_STORE_BYTES),
        bytes_per_question=top_k * row,
        flops_per_document=tokens * token_flops(decoder, adapter.first_layer, inner_steps),
    )


def best_rate(plan: Plan, flops: float) -> float:
    """Returns the documents a second of a machine that does nothing but multiply.

    Args:
      plan: of the bank.
      flops: floating-point operations a second.

    Raises:
      UserError: these are not above 0.
    """
    _above_zero(flops=flops)
    return flops / plan.flops_per_document


def build_hours(documents: float, documents_per_second: float) -> float:
    """Returns how long it takes to compute all gradients.

    Raises:
      UserError: the rate is not above 0.
    """
    _above_zero(documents_per_second=documents_per_second)
    return documents / documents_per_second / 3600


def row_length(decoder: DecoderConfig, adapter: AdapterConfig) -> int:
    """Returns P, the numbers in a row, from the shapes alone.

    Raises:
      UserError: the adapter leaves no layer to adapt.
    """
    key = jax.eval_shape(lambda: jax.random.key(0))
    theta, _ = jax.eval_shape(lambda key: init_adapter(adapter, decoder, key), key)
    return RowLayout.of(theta).size


def token_flops(decoder: DecoderConfig, first_layer: int, inner_steps: int = 1) -> float:
    """Returns the floating-point operations that a token adds to its document's gradient.

    The trunk runs forward; at each inner step the adapted layers and the projection to the vocabulary run
    forward and backward, which costs as much again, since frozen weights get no gradient. Left out, a few
    percent together: attention scores, and the adapters themselves.
    """
    head = (decoder.layers - first_layer) * decoder.layer_weights
    passes = 2 * inner_steps
    return 2.0 * (first_layer * decoder.layer_weights + passes * (head + decoder.vocabulary_weights))


def _above_zero(**numbers: float) -> None:
    for name, number in numbers.items():
        if not 0 < number < math.inf:  # NaN neither
            raise UserError(f"`{name}` is {number:g}; it must be a number above 0")
