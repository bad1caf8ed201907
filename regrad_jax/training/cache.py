"""What the frozen network makes of the training texts, computed when first needed and kept.

With theta* at zero neither a document's gradient factors nor a question's trunk activations change
while the adapter is trained, so each is computed once. Factors are large (95 KB a token on
SmolLM2-135M, in int8): they go to a file without a name, which the system removes with the process.

Of a source whose prompts show documents only factors are kept, since such a prompt hardly comes twice;
the step computes its questions' activations itself.
"""

import errno
import functools
import math
import os
import pathlib
import tempfile
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from regrad_jax.adaptation.adapter import AdapterConfig
from regrad_jax.adaptation.inner import Documents, Factors, gradient_factors
from regrad_jax.adaptation.outer import TaskBatch
from regrad_jax.models.decoder import SplitDecoder
from regrad_jax.models.tokens import pad
from regrad_jax.training.tasks import Draw, TaskSource


def quantise(factors: Factors) -> Factors:
    """Returns factors in int8, every token's vectors scaled by their largest; 1 to 3% off in norm.

    Scales stay zero where they are, and only there: they tell which tokens count.
    """
    codes = lambda part, scale: jnp.round(part / scale[..., None]).astype(jnp.int8)

    def step(part):
        largest = jnp.max(jnp.abs(part), axis=-1)
        return jnp.where(largest > 0, largest, 1.0) / 127

    in_scales = {target: step(part) for target, part in factors.inputs.items()}
    out_scales = {target: step(part) for target, part in factors.cotangents.items()}
    return Factors(
        {target: codes(part, in_scales[target]) for target, part in factors.inputs.items()},
        {target: codes(part, out_scales[target]) for target, part in factors.cotangents.items()},
        {target: s * in_scales[target] * out_scales[target] for target, s in factors.scales.items()},
    )


# Of the module, so that sources and runs of one process share what is compiled.
@functools.partial(jax.jit, static_argnums=1)
def _factors(decoder: SplitDecoder, adapter: AdapterConfig, documents: Documents) -> Factors:
    return quantise(gradient_factors(decoder, adapter, documents)[0])


@jax.jit
def _activations(decoder: SplitDecoder, tokens_QxT: np.ndarray) -> jax.Array:
    return decoder.trunk(tokens_QxT)[0]


def bytes_a_token(decoder: SplitDecoder, adapter: AdapterConfig) -> int:
    """Returns what the factors of one token of a document take in the file."""
    one = Documents(np.zeros((1, 1), np.int32), np.ones(1, np.int32))
    factors = jax.eval_shape(lambda decoder: _factors(decoder, adapter, one), decoder)
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(factors))


class ActivationCache:
    """Fills a source's batches with factors and trunk activations."""

    def __init__(
        self, decoder: SplitDecoder, adapter: AdapterConfig, source: TaskSource, folder: pathlib.Path
    ):
        self._decoder, self._source = decoder, source
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 lives as long as the cache
        self._folder = str(folder)
        self._end = 0
        self._offsets: dict[int, int] = {}
        self._ahead = iter(range(len(source.documents)))  # what to compute before it is asked for
        self._keeps_questions = not source.config.context
        count = len(source.questions) if self._keeps_questions else 0
        size = count, source.config.question_tokens, decoder.config.width
        self._hidden_QxTxD = np.zeros(size, np.float32)  # pages that are not written cost nothing
        self._known_Q = np.zeros(len(source.questions), bool)
        self._adapter = adapter
        self._shapes = Factors({}, {}, {})  # of a batch's factors, once one is computed

    def fill(self, drawn: Draw, batch: TaskBatch) -> TaskBatch:
        """Returns the batch with quantised factors for documents and, where they are kept, activations."""
        self._add_documents(drawn.pool)
        assert isinstance(batch.documents, Documents)
        batch = batch._replace(documents=self._read(drawn.pool, batch.documents.tokens_NxT.shape[1]))
        if not self._keeps_questions:
            return batch
        questions = [asked.question for asked in drawn.chosen]
        self._add_questions(questions, len(batch.questions.tokens_QxT))
        hidden = np.zeros((len(batch.questions.tokens_QxT), *self._hidden_QxTxD.shape[1:]), np.float32)
        hidden[: len(questions)] = self._hidden_QxTxD[questions]
        return batch._replace(questions=batch.questions._replace(hidden_QxTxD=hidden))

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
        factors = jax.device_get(_factors(self._decoder, self._adapter, documents))
        self._shapes = jax.eval_shape(lambda x: x, factors)
        for row, document in enumerate(filled):
            if document in self._offsets:
                continue
            self._offsets[document] = self._end
            for leaf in jax.tree.leaves(factors):
                data = np.ascontiguousarray(leaf[:, row, : len(tokens[row])]).tobytes()
                if os.pwrite(self._file.fileno(), data, self._end) != len(data):
                    raise OSError(errno.ENOSPC, "no room left for cached gradients", self._folder)
                self._end += len(data)

    def _add_questions(self, questions: Sequence[int], size: int) -> None:
        missing = [q for q in dict.fromkeys(questions) if not self._known_Q[q]]
        if not missing:
            return
        items = [self._source.questions[q] for q in (missing + missing[:1] * size)[:size]]
        tokens, _ = pad([i.prompt + i.answer for i in items], self._source.config.question_tokens)
        self._hidden_QxTxD[missing] = np.asarray(_activations(self._decoder, tokens))[: len(missing)]
        self._known_Q[missing] = True

    def _read(self, pool: Sequence[int], length: int) -> Factors:
        ends = [self._offsets[document] for document in pool]

        def read(leaf: jax.ShapeDtypeStruct) -> np.ndarray:
            layers, _, _, *width = leaf.shape
            values = np.zeros((layers, len(pool), length, *width), leaf.dtype)
            for row, document in enumerate(pool):
                part = np.empty((layers, len(self._source.documents[document]), *width), leaf.dtype)
                if (
                    os.preadv(self._file.fileno(), [memoryview(part.data).cast("B")], ends[row])
                    != part.nbytes
                ):
                    raise OSError(errno.EIO, "cached gradients cannot be read back", self._folder)
                ends[row] += part.nbytes
                values[:, row, : part.shape[1]] = part
            return values

        return jax.tree.map(read, self._shapes)
