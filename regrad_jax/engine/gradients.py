"""Documents' gradients as rows, on all local devices."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from regrad_jax.adaptation.inner import Documents, document_gradients
from regrad_jax.adaptation.parameters import MetaParams
from regrad_jax.adaptation.rows import RowLayout
from regrad_jax.adaptation.rules import InnerProblem
from regrad_jax.engine.devices import round_up, shard, spread, unshard
from regrad_jax.engine.engine import Replicas
from regrad_jax.models import tokens
from regrad_jax.models.decoder import SplitDecoder

_TOKEN_STEP = 32  # documents are padded to a multiple of this, so that few programs are compiled


class Rows(NamedTuple):
    """The gradients of N documents.

    Attributes:
        rows_NxP: float32, unscaled.
        losses_N: float32 inner losses before the first step, in nats per token.
        padded: tokens that were computed in all, padding among them.
    """

    rows_NxP: np.ndarray
    losses_N: np.ndarray
    padded: int


def document_rows(
    replicas: Replicas,
    inner: InnerProblem,
    layout: RowLayout,
    documents: Sequence[Sequence[int]],
    batch_size: int,
) -> Rows:
    """Computes gradients in batches.

    Args:
        replicas: the model on every local device.
        inner: how documents move the network.
        layout: what a row holds.
        documents: the tokens of each, N >= 1.
        batch_size: documents in one pass on all devices together; it is rounded up to share them out evenly.
    """
    batch_size = round_up(batch_size)
    rows, losses, padded = [], [], 0
    for start in range(0, len(documents), batch_size):
        batch = documents[start : start + batch_size]
        length = tokens.round_up(max(map(len, batch)), _TOKEN_STEP)
        laid_out = Documents(*tokens.pad(batch, length, rows=batch_size))
        program = _program(inner, layout)
        rows_NxP, losses_N = unshard(program(replicas.decoder, replicas.meta, shard(laid_out)))
        rows.append(rows_NxP[: len(batch)])
        losses.append(losses_N[: len(batch)])
        padded += laid_out.tokens_NxT.size
    return Rows(np.concatenate(rows), np.concatenate(losses), padded)


@functools.cache
def _program(inner: InnerProblem, layout: RowLayout):
    def rows(decoder: SplitDecoder, meta: MetaParams, documents: Documents):
        grads_N, losses_N = document_gradients(decoder, inner, meta, documents)
        return layout.flatten(grads_N), losses_N

    return spread(rows)
