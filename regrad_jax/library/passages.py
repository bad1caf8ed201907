"""Cuts documents into passages, and computes the rows and keys of passages for a bank."""

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np

from regrad_jax.adaptation.rows import RowLayout
from regrad_jax.bank.builder import Encoded
from regrad_jax.data.documents import Document, Passage
from regrad_jax.data.passages import cut_passages
from regrad_jax.engine.gradients import document_rows
from regrad_jax.errors import UserError
from regrad_jax.library.runtime import Runtime


def make_passages(runtime: Runtime, documents: Sequence[Document]) -> list[Passage]:
    """Cuts documents to the length that the checkpoint was trained with.

    Raises:
        UserError: two passages would have one id, or the checkpoint's documents hold no text at all.
    """
    passages: list[Passage] = []
    limit = runtime.checkpoint.document_tokens
    for document in documents:
        document, frame = _with_fitting_title(runtime, document)
        passages += cut_passages(document, lambda text: len(runtime.tokens(" " + text)), limit - frame)
    require_distinct(passages)
    return passages


def require_distinct(passages: Sequence[Passage]) -> None:
    """Raises UserError where two passages have one id."""
    for passage_id, times in collections.Counter(passage.id for passage in passages).items():
        if times > 1:
            raise UserError(f"two passages would have the id {passage_id!r}; rename a document")


def fits(runtime: Runtime, passage: Passage) -> bool:
    """Returns whether a passage need not be cut."""
    return len(_worded(runtime, passage.content)) <= runtime.checkpoint.document_tokens


def encode_passages(
    runtime: Runtime, passages: Sequence[Passage], batch_size: int, layout: RowLayout
) -> Encoded:
    """Computes gradients and keys.

    Args:
        runtime: the checkpoint and its models.
        passages: at least one; what is longer than the checkpoint's documents is cut off.
        batch_size: passages whose gradients are computed in one pass, on all devices together.
        layout: what a row holds.
    """
    limit = runtime.checkpoint.document_tokens
    tokens = [_worded(runtime, passage.content)[:limit] for passage in passages]
    rows = document_rows(runtime.engine.replicas, runtime.checkpoint.inner, layout, tokens, batch_size)
    keys_NxE = runtime.embedder.embed([passage.content for passage in passages])
    return Encoded(rows.rows_NxP, keys_NxE, np.array(list(map(len, tokens))), rows.losses_N, rows.padded)


def _with_fitting_title(runtime: Runtime, document: Document) -> tuple[Document, int]:
    """Returns the document with a title that leaves half the room to its text, and the tokens around that."""
    limit = runtime.checkpoint.document_tokens
    while (frame := len(_worded(runtime, f"{document.title}: "))) > limit // 2:
        if not document.title:
            raise UserError(
                f"the checkpoint's documents have {limit} tokens, of which its prompt takes {frame}; it "
                "cannot read anything"
            )
        document = dataclasses.replace(document, title=document.title[: len(document.title) * 2 // 3])
    return document, frame


def _worded(runtime: Runtime, content: str) -> list[int]:
    return runtime.tokens(runtime.wording.document(content))
