"""Documents become passages, and passages rows and keys for a bank."""

import collections
import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from regrad_jax.adaptation.inner import Documents, InnerProblem, document_gradients
from regrad_jax.adaptation.parameters import MetaParams
from regrad_jax.adaptation.rows import RowLayout
from regrad_jax.bank.builder import Encoded
from regrad_jax.checkpoint import Checkpoint
from regrad_jax.data.documents import Document, Passage
from regrad_jax.data.passages import cut_passages
from regrad_jax.data.prompts import PromptFamily
from regrad_jax.engine.devices import Replicas, shard, spread, unshard
from regrad_jax.errors import UserError
from regrad_jax.models.decoder import SplitDecoder
from regrad_jax.retrieval.embedding import Embedder

_TOKEN_STEP = 32  # documents are padded to a multiple of this, so that few programs are compiled


@functools.cache
def _gradient_program(inner: InnerProblem):
    def rows(layout: RowLayout, decoder: SplitDecoder, meta: MetaParams, documents: Documents):
        grads_N, losses_N = document_gradients(decoder, inner, meta, documents)
        return layout.flatten(grads_N), losses_N

    return spread(rows, static=(0,))


class PassageEncoder:
    """What a checkpoint makes of documents, on every local device."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        tokenizer: Any,
        embedder: Embedder,
        wording: PromptFamily,
        replicas: Replicas,
    ):
        self._checkpoint = checkpoint
        self._tokenizer = tokenizer
        self._embedder = embedder
        self._wording = wording
        self._replicas = replicas
        self._gradients = _gradient_program(checkpoint.inner)

    def passages(self, documents: Sequence[Document]) -> list[Passage]:
        """Cuts documents to the length that the checkpoint was trained with.

        Raises:
            UserError: two passages would have one id, or the checkpoint's documents hold no text at all.
        """
        passages: list[Passage] = []
        limit = self._checkpoint.document_tokens
        for document in documents:
            while (frame := len(self._worded(f"{document.title}: "))) > limit // 2:
                if not document.title:
                    raise UserError(
                        f"the checkpoint's documents have {limit} tokens, of which its prompt takes {frame}; "
                        "it cannot read anything"
                    )
                # The text gets half the room at least, whatever its title.
                document = dataclasses.replace(document, title=document.title[: len(document.title) * 2 // 3])
            passages += cut_passages(document, lambda text: len(self._tokens(" " + text)), limit - frame)
        for passage_id, times in collections.Counter(p.id for p in passages).items():
            if times > 1:
                raise UserError(f"two passages would have the id {passage_id!r}; rename a document")
        return passages

    def fits(self, passage: Passage) -> bool:
        """Returns whether a passage need not be cut."""
        return len(self._worded(passage.content)) <= self._checkpoint.document_tokens

    def encode(self, passages: Sequence[Passage], batch_size: int, layout: RowLayout) -> Encoded:
        """Computes gradients and keys.

        Args:
            passages: at least one; what is longer than the checkpoint's documents is cut off.
            batch_size: passages whose gradients are computed in one pass, on all devices together.
            layout: of the rows.
        """
        devices = jax.local_device_count()
        batch_size = -(-batch_size // devices) * devices
        tokens = [self._worded(p.content)[: self._checkpoint.document_tokens] for p in passages]
        rows, losses, padded = [], [], 0
        for start in range(0, len(tokens), batch_size):
            batch = tokens[start : start + batch_size]
            longest = -(-max(map(len, batch)) // _TOKEN_STEP) * _TOKEN_STEP
            tokens_NxT = np.zeros((batch_size, longest), np.int32)
            lengths_N = np.zeros(batch_size, np.int32)
            for row, ids in enumerate(batch):
                tokens_NxT[row, : len(ids)] = ids
                lengths_N[row] = len(ids)
            documents = shard(Documents(tokens_NxT, lengths_N))
            made = self._gradients(layout, self._replicas.decoder, self._replicas.meta, documents)
            rows_NxP, losses_N = unshard(made)
            rows.append(rows_NxP[: len(batch)])
            losses.append(losses_N[: len(batch)])
            padded += tokens_NxT.size
        keys_NxE = self._embedder.embed([p.content for p in passages])
        counts_N = np.array([len(ids) for ids in tokens])
        return Encoded(np.concatenate(rows), keys_NxE, counts_N, np.concatenate(losses), padded)

    def _worded(self, content: str) -> list[int]:
        return self._tokens(self._wording.document(content))

    def _tokens(self, text: str) -> list[int]:
        return self._tokenizer(text, add_special_tokens=False)["input_ids"]
