"""A bank as methods see it: which documents a question has, their records, and their rows as updates."""

import functools
import logging
import time
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from regrad_jax.adaptation.weights import DOCUMENT_WEIGHTS
from regrad_jax.bank.bank import Bank
from regrad_jax.bank.records import Record
from regrad_jax.data.documents import Question
from regrad_jax.engine.requests import Places, Update
from regrad_jax.engine.resident import ResidentRows
from regrad_jax.errors import UserError
from regrad_jax.library.banks import require_fit
from regrad_jax.library.runtime import Runtime
from regrad_jax.methods.options import Options
from regrad_jax.progress import Progress, Rate, to_stderr
from regrad_jax.retrieval.base import Retrieved, Retriever
from regrad_jax.retrieval.table import RETRIEVERS

_READ_AT_ONCE = 1024  # rows

logger = logging.getLogger(__name__)


class Cited(NamedTuple):
    """A passage that an answer used.

    Attributes:
        id: of the passage.
        score: of the retrieval.
        weight: of its gradient in the answer's parameters; 0 where its gradient was not used.
        document_id: the document that the passage was cut from.
        text: what the model learned from, or was shown.
        position: its number in the bank.
    """

    id: str
    score: float
    weight: float
    document_id: str
    text: str
    position: int


class _Loaded(NamedTuple):
    """All rows of one state of a bank in device memory; `sound_N` is false where a row is damaged."""

    state: tuple[int, ...]
    rows: ResidentRows
    positions_N: np.ndarray
    sound_N: np.ndarray


class Lookup:
    """One bank, open for the questions of one checkpoint.

    Attributes:
        bank: where documents are looked up.
    """

    def __init__(self, runtime: Runtime, bank: Bank):
        """Raises UserError where another checkpoint or sentence encoder made the bank."""
        require_fit(runtime, bank)
        self.bank = bank
        self._runtime = runtime
        self._retrievers: dict[str, tuple[tuple[int, ...], Retriever]] = {}
        self._loaded: _Loaded | None = None

    def retriever(self, name: str = "dense") -> Retriever:
        """Returns what searches the bank's present state; it is made at the first call after a commit."""
        state, retriever = self._retrievers.get(name, (None, None))
        if retriever is None or state != self.bank.state:
            retriever = RETRIEVERS[name](self.bank, self._runtime.embedder)
            self._retrievers[name] = self.bank.state, retriever
        return retriever

    def search(self, questions: Sequence[Question], options: Options) -> Retrieved:
        """Finds at most `top_k` documents for each question.

        Raises:
            UserError: the bank is empty.
        """
        if not len(self.bank):
            raise UserError(f"bank {self.bank.place} is empty; add documents with `regrad build`")
        return self.retriever(options.retriever).search(questions, options.top_k)

    def records(self, retrieved: Retrieved) -> dict[int, Record]:
        """Returns the records of the documents found, by position; those that cannot be read are left out."""
        positions = [p for p in np.unique(retrieved.positions_QxK).tolist() if p >= 0]
        records = self.bank.read_records(positions)
        if lost := len(positions) - len(records):
            logger.warning(
                "bank %s: %d of the documents found cannot be read and are passed over; see "
                "`regrad bank verify`",
                self.bank.place,
                lost,
            )
        return records

    def updates(
        self, retrieved: Retrieved, records: dict[int, Record], weighting: str | None
    ) -> tuple[list[Update], np.ndarray, np.ndarray]:
        """Reads the rows of the documents found.

        Args:
            retrieved: what Q questions found.
            records: of the documents that can be used.
            weighting: as in `Options`.

        Returns:
            Each question's update, weights_QxK float32, and used_QxK bool. A document is not used, and has
            weight 0, where it has no record or its row is damaged.
        """
        positions_QxK = retrieved.positions_QxK
        # Many questions share documents, and each is read once.
        positions_N, places = np.unique(positions_QxK, return_inverse=True)
        places_QxK = places.reshape(positions_QxK.shape)
        usable_N = np.isin(positions_N, list(records))
        rows, sound_N = self._rows(positions_N[usable_N], records)
        usable_N[usable_N] = sound_N
        row_N = np.cumsum(usable_N) - 1  # where each usable document stands among the sound rows
        used_QxK = usable_N[places_QxK]
        checkpoint = self._runtime.checkpoint
        weigh = _weights_program(weighting or checkpoint.inner.weighting)
        weights_QxK = np.asarray(weigh(retrieved.scores_QxK, used_QxK, checkpoint.meta.log_temperature))
        form = self._runtime.row_format(self.bank)
        updates = [
            Update(_take(rows, row_N[places_K[used_K]]), weights_K[used_K], form)
            for places_K, used_K, weights_K in zip(places_QxK, used_QxK, weights_QxK, strict=True)
        ]
        return updates, weights_QxK, used_QxK

    def _rows(
        self, positions_N: np.ndarray, records: dict[int, Record]
    ) -> tuple[np.ndarray | Places, np.ndarray]:
        """Returns the sound rows, packed or where they lie in device memory, and which rows are sound."""
        loaded = self._present_rows()
        rows: np.ndarray | Places
        if loaded is None:
            packed_NxC, sound_N = self.bank.read_sound(positions_N)
            rows = packed_NxC[sound_N]
        else:
            places_N = np.searchsorted(loaded.positions_N, positions_N)
            sound_N = loaded.sound_N[places_N]
            rows = Places(loaded.rows, places_N[sound_N].astype(np.int32))
        if not sound_N.all():
            logger.warning(
                "bank %s: the stored gradients of %s are damaged and are not used; remove them with "
                "`regrad bank delete --damaged` and build them again",
                self.bank.place,
                ", ".join(repr(records[p].id) for p in positions_N[~sound_N].tolist()),
            )
        return rows, sound_N

    def load_rows(self, progress: Progress = to_stderr) -> ResidentRows:
        """Loads all rows into device memory, cut over the local devices, and the records into host memory.

        Questions read nothing of the bank from then on. After a commit the rows are loaded again.

        Raises:
            UserError: the bank is empty, or its rows are too large for the devices.
        """
        self._loaded = None  # frees what was loaded before
        bank, positions_N = self.bank, self.bank.positions()
        if not len(positions_N):
            raise UserError(f"bank {bank.place} is empty; there are no rows to load")
        _ = self._runtime.engine  # the model comes first: what it leaves is what there is for rows
        _ = bank.records
        sound_N = np.ones(len(positions_N), bool)
        rate = Rate(len(positions_N), "rows", progress)

        def read(some: slice) -> np.ndarray:
            packed_MxC = np.empty((some.stop - some.start, bank.packed_bytes), np.uint8)
            for start in range(some.start, some.stop, _READ_AT_ONCE):
                part = slice(start, min(start + _READ_AT_ONCE, some.stop))
                place = slice(part.start - some.start, part.stop - some.start)
                packed_MxC[place], sound_N[part] = bank.read_sound(positions_N[part])
                rate.reach(part.stop)
            return packed_MxC

        try:
            rows = ResidentRows.load(len(positions_N), bank.packed_bytes, read)
        except UserError as error:
            raise UserError(f"bank {bank.place}: {error}") from error
        self._loaded = _Loaded(bank.state, rows, positions_N, sound_N)
        return rows

    def _present_rows(self) -> _Loaded | None:
        if self._loaded is not None and self._loaded.state != self.bank.state:
            self.load_rows()
        return self._loaded


def cite(
    retrieved: Retrieved, records: dict[int, Record], weights_QxK: np.ndarray, used_QxK: np.ndarray
) -> list[list[Cited]]:
    """Returns the passages that each question uses, best first."""
    rows = zip(*retrieved, weights_QxK, used_QxK, strict=True)
    return [
        [
            Cited(record.id, float(score), float(weight), record.document_id, record.text, int(position))
            for position, score, weight, used in zip(*row, strict=True)
            if used and (record := records[int(position)])
        ]
        for row in rows
    ]


def _take(rows: np.ndarray | Places, chosen_K: np.ndarray) -> np.ndarray | Places:
    if isinstance(rows, Places):
        return rows._replace(places_K=rows.places_K[chosen_K])
    return rows[chosen_K]


@functools.cache
def _weights_program(weighting: str):
    return jax.jit(DOCUMENT_WEIGHTS[weighting])


class Stopwatch:
    """Splits the time of a batch into parts, in milliseconds a question."""

    def __init__(self, questions: int):
        self._questions = max(questions, 1)
        self._since = time.perf_counter()
        self.timings_ms: dict[str, float] = {}

    def lap(self, part: str) -> None:
        """Counts the time since the last lap as this part's."""
        now = time.perf_counter()
        self.timings_ms[part] = 1e3 * (now - self._since) / self._questions
        self._since = now
