"""What the frozen network makes of the training texts, computed when first needed and kept.

With theta* at zero neither a document's gradient factors nor a question's trunk activations change
while the adapter is trained, so each is computed once. Factors are large (86 KB a token on
SmolLM2-135M, in int8): they go to a file without a name, which the system removes with the process.
"""

import os
import pathlib
import tempfile
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax.adaptation.adapter import AdapterConfig, projection_shape
from regrad_jax.adaptation.inner import Documents, Factors, gradient_factors
from regrad_jax.adaptation.outer import TaskBatch
from regrad_jax.models.config import DecoderConfig
from regrad_jax.models.decoder import SplitDecoder
from regrad_jax.training.tasks import Draw, TaskSource, pad


class PackedFactors(NamedTuple):
    """`Factors` in int8, inputs and cotangents of all targets side by side.

    Attributes:
        values_LxNxTxW: int8.
        scales_LxNxTxS: float32, one for each of the S targets.
    """

    values_LxNxTxW: jax.Array
    scales_LxNxTxS: jax.Array


def _widths(adapter: AdapterConfig, decoder: DecoderConfig) -> list[int]:
    return [width for target in adapter.targets for width in projection_shape(decoder, target)]


def pack_factors(adapter: AdapterConfig, factors: Factors) -> PackedFactors:
    """Quantises every token's vectors by their largest magnitude; relative error about 1%."""
    values, scales = [], []
    for target in adapter.targets:
        total = factors.scales[target]
        for part in (factors.inputs[target], factors.cotangents[target]):
            scale = jnp.max(jnp.abs(part), axis=-1) / 127
            divisor = jnp.where(scale > 0, scale, 1.0)[..., None]
            values.append(jnp.round(part / divisor).astype(jnp.int8))
            total = total * scale
        scales.append(total)
    return PackedFactors(jnp.concatenate(values, -1), jnp.stack(scales, -1))


def unpack_factors(adapter: AdapterConfig, decoder: DecoderConfig, packed: PackedFactors) -> Factors:
    """Inverse of `pack_factors`, the scales left apart."""
    parts = jnp.split(packed.values_LxNxTxW, np.cumsum(_widths(adapter, decoder))[:-1], axis=-1)
    parts = [part.astype(jnp.float32) for part in parts]
    scales = [packed.scales_LxNxTxS[..., place] for place in range(len(adapter.targets))]
    named = lambda values: dict(zip(adapter.targets, values, strict=True))  # noqa: E731
    return Factors(named(parts[0::2]), named(parts[1::2]), named(scales))


class ActivationCache:
    """Fills a source's batches with factors and trunk activations."""

    def __init__(
        self, decoder: SplitDecoder, adapter: AdapterConfig, source: TaskSource, folder: pathlib.Path
    ):
        self._decoder, self._source = decoder, source
        self._widths = _widths(adapter, decoder.config)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 lives as long as the cache
        self._end = 0
        self._offsets: dict[int, int] = {}
        self._ahead = iter(range(len(source.documents)))  # what to compute before it is asked for
        size = len(source.questions), source.config.question_tokens, decoder.config.width
        self._hidden_QxTxD = np.zeros(size, np.float32)  # pages that are not written cost nothing
        self._known_Q = np.zeros(len(source.questions), bool)
        self._pack = jax.jit(
            lambda decoder, documents: pack_factors(
                adapter, gradient_factors(decoder, adapter, documents)[0]
            )
        )
        self._trunk = jax.jit(lambda decoder, tokens: decoder.trunk(tokens)[0])

    def fill(self, drawn: Draw, batch: TaskBatch) -> TaskBatch:
        """Returns the batch with packed factors for documents and with the questions' activations."""
        self._add_documents(drawn.pool)
        questions = [question for question, _ in drawn.chosen]
        self._add_questions(questions, len(batch.questions.tokens_QxT))
        hidden = np.zeros((len(batch.questions.tokens_QxT), *self._hidden_QxTxD.shape[1:]), np.float32)
        hidden[: len(questions)] = self._hidden_QxTxD[questions]
        return batch._replace(
            documents=self._read(drawn.pool), questions=batch.questions._replace(hidden_QxTxD=hidden)
        )

    def _add_documents(self, pool: Sequence[int]) -> None:
        missing = [d for d in dict.fromkeys(pool) if d not in self._offsets]
        if not missing:
            return
        # One shape, one compilation; room that is left goes to documents that will be asked for later.
        filled = missing.copy()
        while len(filled) < len(pool):
            document = next(self._ahead, missing[0])
            if document == missing[0] or document not in self._offsets:
                filled.append(document)
        tokens = [self._source.documents[d] for d in filled]
        documents = Documents(*pad(tokens, self._source.config.document_tokens))
        packed = jax.device_get(self._pack(self._decoder, documents))
        for row, document in enumerate(filled):
            if document in self._offsets:
                continue
            self._offsets[document] = self._end
            for part in packed:
                data = np.ascontiguousarray(part[:, row, : len(tokens[row])]).tobytes()
                os.pwrite(self._file.fileno(), data, self._end)
                self._end += len(data)

    def _add_questions(self, questions: Sequence[int], size: int) -> None:
        missing = [q for q in dict.fromkeys(questions) if not self._known_Q[q]]
        if not missing:
            return
        items = [self._source.questions[q] for q in (missing + missing[:1] * size)[:size]]
        tokens, _ = pad([i.prompt + i.answer for i in items], self._source.config.question_tokens)
        self._hidden_QxTxD[missing] = np.asarray(self._trunk(self._decoder, tokens))[: len(missing)]
        self._known_Q[missing] = True

    def _read(self, pool: Sequence[int]) -> PackedFactors:
        layers, length = self._decoder.head_layers, self._source.config.document_tokens
        made = []
        offsets = {document: self._offsets[document] for document in pool}
        for dtype, width in ((np.int8, sum(self._widths)), (np.float32, len(self._widths) // 2)):
            values = np.zeros((layers, len(pool), length, width), dtype)
            for row, document in enumerate(pool):
                shape = layers, len(self._source.documents[document]), width
                part = np.empty(shape, dtype)
                os.preadv(self._file.fileno(), [part.reshape(-1).view(np.uint8)], offsets[document])
                values[:, row, : shape[1]] = part
            offsets = {d: offsets[d] + len(self._source.documents[d]) * layers * width for d in offsets}
            made.append(values)
        return PackedFactors(*made)
