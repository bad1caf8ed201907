"""ReGrad from Python: load a checkpoint, build a bank, ask it.

regrad = ReGrad.load()
bank, _ = regrad.build(read_corpus("notes.jsonl"), "notes.bank")
print(regrad.ask(["Who keeps the Orsk light?"], bank)[0].answer)
"""

import concurrent.futures
import functools
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from regrad_jax.adaptation.adapter import Tree
from regrad_jax.adaptation.codecs import DEFAULT_CODEC
from regrad_jax.adaptation.rows import RowLayout
from regrad_jax.bank.bank import Bank
from regrad_jax.bank.builder import Built, build
from regrad_jax.bank.cache import ROW_CACHE_BYTES
from regrad_jax.bank.manifest import Fingerprint, Manifest
from regrad_jax.bank.records import Record
from regrad_jax.bank.storage.address import place_of
from regrad_jax.bank.storage.history import State
from regrad_jax.checkpoint import Checkpoint, load_checkpoint
from regrad_jax.data.documents import Document, Passage, Question, join
from regrad_jax.data.prompts import PROMPTS, PromptFamily, read_answer
from regrad_jax.engine.devices import Replicas, replicate
from regrad_jax.engine.resident import Resident
from regrad_jax.errors import UserError
from regrad_jax.library.passages import PassageEncoder
from regrad_jax.methods.answering import Adaptation, Answerer
from regrad_jax.methods.modes import MODES
from regrad_jax.models.assets import ASSETS
from regrad_jax.models.base import BaseModel, load_base, locate
from regrad_jax.progress import Progress, to_stderr
from regrad_jax.retrieval.embedding import Embedder
from regrad_jax.retrieval.index import Index, Kind, Source, open_index


class Cited(NamedTuple):
    """A document that an answer used: its passage's id and its retrieval score."""

    id: str
    score: float


class Answer(NamedTuple):
    """An answer and where it came from.

    Attributes:
        question: as asked.
        answer: the first line that the model wrote; of a question with choices, the label that it gives.
        mode: a name in `MODES`.
        documents: what was retrieved for it, best first; empty for "direct".
        timings_ms: milliseconds a question, averaged over the batch that it was asked in: retrieve,
            read, adapt, generate.
    """

    question: str
    answer: str
    mode: str
    documents: list[Cited]
    timings_ms: Mapping[str, float]


class Retrieved(NamedTuple):
    """Documents found for Q questions, best first: positions in the bank and scores, (Q, K)."""

    positions_QxK: np.ndarray
    scores_QxK: np.ndarray


class _LookedUp(NamedTuple):
    """Questions with all that answering them takes from the bank; fields as in `Answer`, one a question."""

    questions: Sequence[Question]
    mode: str
    prompts: Sequence[str]
    adaptation: Adaptation | None
    documents: Sequence[list[Cited]]
    timings_ms: dict[str, float]


class ReGrad:
    """A checkpoint, its base model and a sentence encoder, ready to build banks and to answer."""

    def __init__(self, checkpoint: Checkpoint, base: BaseModel, embedder: Embedder):
        """Use `ReGrad.load`."""
        self.checkpoint = checkpoint
        self.base = base
        self.embedder = embedder
        self._index: tuple[Bank, State, Kind, Index] | None = None
        self._held: tuple[Bank, State, Resident] | None = None

    @classmethod
    def load(
        cls,
        checkpoint: str | os.PathLike[str] | None = None,
        *,
        encoder: str | None = None,
    ) -> "ReGrad":
        """Loads a checkpoint (the one that ships, without a path) with its base model.

        Args:
            checkpoint: folder of a released checkpoint.
            encoder: asset name or folder of the sentence encoder; by default the one that the checkpoint
                was trained with, on whose scores its document weights rest.

        Raises:
            UserError: there is no such checkpoint or encoder, or the base model here is not the one that
                it was trained on.
        """
        loaded = load_checkpoint(checkpoint)
        base = load_base(loaded.base_model, loaded.adapter.first_layer)
        for what, wanted, found in (
            ("base model", loaded.base_digest, base.digest),
            ("tokenizer", loaded.tokenizer_digest, base.tokenizer_digest),
        ):
            if wanted != found:
                is_asset = loaded.base_model in ASSETS
                mend = f"run `regrad fetch {loaded.base_model}` again" if is_asset else "put that one there"
                raise UserError(
                    f"checkpoint: {what} of {loaded.base_model} here has digest {found[:12]}, the checkpoint "
                    f"was trained with {wanted[:12]}; {mend}"
                )
        encoder = encoder or loaded.training.get("encoder", "minilm-l6")
        try:
            return cls(loaded, base, Embedder.load(locate(encoder)))
        except UserError as error:
            raise UserError(
                f"checkpoint: its sentence encoder {encoder!r} is not here ({error}); put it there, or give "
                "another to ReGrad.load"
            ) from error

    @functools.cached_property
    def replicas(self) -> Replicas:
        """The model on every local device, where gradients are taken and answers decoded."""
        return replicate(Replicas(self.base.decoder, self.checkpoint.meta, self.base.stops_V))

    @functools.cached_property
    def answerer(self) -> Answerer:
        """What decodes answers."""
        return Answerer(self.checkpoint.adapter, self.base.tokenizer, self.replicas)

    @functools.cached_property
    def wording(self) -> PromptFamily:
        """The prompt family that the checkpoint was trained with."""
        return PROMPTS[self.checkpoint.prompts](self.base.tokenizer)

    @functools.cached_property
    def passage_encoder(self) -> PassageEncoder:
        """What makes rows and keys of documents."""
        return PassageEncoder(
            self.checkpoint, self.base.tokenizer, self.embedder, self.wording, self.replicas
        )

    @property
    def fingerprint(self) -> Fingerprint:
        """Everything that a gradient of this checkpoint depends on."""
        return Fingerprint(self.checkpoint.fingerprint())

    # ---- building ----

    def open(
        self,
        path: str | os.PathLike[str],
        version: int | None = None,
        cache_bytes: int = ROW_CACHE_BYTES,
    ) -> Bank:
        """Opens a bank for this checkpoint, at its latest version or an older one.

        Args:
            path: the bank's folder or URL.
            version: to be read, and read only.
            cache_bytes: of rows that may stay in memory when they have been read.

        Raises:
            UserError: there is none, it is damaged, or another checkpoint or encoder made it.
        """
        bank = Bank.open(path, self.fingerprint, version, cache_bytes)
        if bank.manifest.embedder_digest != self.embedder.digest:
            raise UserError(
                f"bank {path} has keys of {bank.manifest.embedder}, and this checkpoint searches by those of "
                f"{self.embedder.name}; make its own bank with `regrad bank rebuild`"
            )
        return bank

    def codec(self, otherwise: str = DEFAULT_CODEC) -> str:
        """Returns the codec whose rounding the checkpoint was trained with; without any, `otherwise`."""
        trained = self.checkpoint.training.get("codec", "float32")
        return otherwise if trained == "float32" else trained

    def layout(self, bank: Bank) -> RowLayout:
        """Returns how a bank's rows hold this checkpoint's tensors."""
        return self.checkpoint.layout.keep([path for path, _ in bank.manifest.row_layout])

    def create(
        self,
        path: str | os.PathLike[str],
        codec: str | None = None,
        shards: int = 1,
        tensors: Sequence[str] = (),
    ) -> Bank:
        """Makes an empty bank.

        Args:
            path: the bank's folder or URL.
            codec: how rows are packed; by default as the checkpoint was trained for, or int4.
            shards: as many as processes are to build it at a time.
            tensors: adapter tensors that rows hold, by path ("down/B"), projection ("down") or factor ("B");
                all by default. The others' gradients then count as 0.

        Raises:
            UserError: something is there already, or the adapter has no such tensors.
        """
        layout = self.checkpoint.layout.keep(tensors) if tensors else self.checkpoint.layout
        manifest = Manifest(
            fingerprint=self.fingerprint,
            row_length=layout.size,
            row_layout=[[path, list(shape)] for path, shape in layout.leaves],
            embedder=self.embedder.name,
            embedder_digest=self.embedder.digest,
            key_width=self.embedder.width,
            codec=codec or self.codec(),
            shards=shards,
        )
        return Bank.create(path, manifest)

    def build(
        self,
        documents: Sequence[Document],
        path: str | os.PathLike[str],
        *,
        codec: str | None = None,
        shards: int | None = None,
        tensors: Sequence[str] = (),
        batch_size: int = 8,
        progress: Progress = to_stderr,
    ) -> tuple[Bank, Built]:
        """Adds documents to the bank at a path, which is made when absent.

        Args:
            documents: long ones are cut into passages that keep their document's id.
            path: the bank's folder or URL.
            codec: how rows are packed, for a new bank; by default as the checkpoint was trained for, or int4.
            shards: of a new bank, by default one (`create`).
            tensors: of a new bank, by default all (`create`).
            batch_size: documents whose gradients are computed in one pass, on all local devices together.
            progress: takes a line of text now and then.

        Raises:
            UserError: no documents, another checkpoint's bank, or other codec, shards or tensors than the
                bank's.
        """
        if not documents:
            raise UserError("no documents to build a bank from; give at least one")
        passages = self.passage_encoder.passages(documents)
        return self._build(passages, path, codec, shards, tensors, batch_size, progress)

    def rebuild(
        self,
        old: Bank,
        path: str | os.PathLike[str],
        *,
        codec: str | None = None,
        batch_size: int = 8,
        progress: Progress = to_stderr,
    ) -> tuple[Bank, Built]:
        """Makes this checkpoint's bank from the texts of another's; resumes.

        Passages stay as they were cut, but for documents with one that is too long for this checkpoint.

        Args:
            old: whose texts to take; it is only read.
            path: the new bank's folder or URL.
            codec: how rows are packed; by default as the checkpoint was trained for, or as in the old bank.
            batch_size: documents whose gradients are computed in one pass, on all local devices together.
            progress: takes a line of text now and then.

        Raises:
            UserError: the old bank is empty or is the new one, or as `build`.
        """
        if str(old.place) == str(place_of(path)):
            raise UserError(f"{path} is the bank to be rebuilt; name another folder for the new one")
        documents: dict[str, list[Passage]] = {}
        for passage in old.passages():
            documents.setdefault(passage.document_id, []).append(passage)
        passages: list[Passage] = []
        for pieces in documents.values():
            if all(map(self.passage_encoder.fits, pieces)):
                passages += pieces
                continue
            passages += self.passage_encoder.passages([join(pieces)])
        if not passages:
            raise UserError(f"bank {old.place} is empty; there is nothing to build again")
        manifest = old.manifest
        tensors = []
        ours, theirs = self.fingerprint.fields["adapter"], manifest.fingerprint.fields.get("adapter", {})
        if all(ours[name] == theirs.get(name) for name in ("kind", "targets")):
            tensors = [leaf for leaf, _ in manifest.row_layout]
        return self._build(
            passages,
            path,
            codec or self.codec(manifest.codec),
            manifest.shards,
            tensors,
            batch_size,
            progress,
        )

    def _build(self, passages, path, codec, shards, tensors, batch_size, progress) -> tuple[Bank, Built]:
        if place_of(path).manifest() is None:
            try:
                self.create(path, codec, shards or 1, tensors)
            except UserError:
                if place_of(path).manifest() is None:  # else another builder was faster
                    raise
        bank = self.open(path)
        if codec not in (None, bank.manifest.codec):
            raise UserError(f"bank {path} is packed as {bank.manifest.codec}, not {codec}; leave --codec out")
        if shards not in (None, bank.manifest.shards):
            raise UserError(
                f"bank {path} has {bank.manifest.shards} shards, not {shards}; leave --shards out or build a "
                "new bank"
            )
        if tensors and self.checkpoint.layout.keep(tensors) != self.layout(bank):
            held = ", ".join(leaf for leaf, _ in bank.manifest.row_layout)
            raise UserError(f"bank {path} holds {held}; leave --tensors out or build a new bank")
        encode = functools.partial(
            self.passage_encoder.encode, batch_size=batch_size, layout=self.layout(bank)
        )
        with bank:
            commit_size = batch_size * max(1, 32 // batch_size)
            return bank, build(bank, passages, encode, commit_size=commit_size, progress=progress)

    # ---- asking ----

    def index(self, bank: Bank, kind: Kind = "auto") -> Index:
        """Returns the search index of a bank's present version; `.reason` says which kind and why."""
        if self._index is None or self._index[:3] != (bank, bank.state, kind):
            keep = not bank.read_only
            read_keys = functools.partial(_sound_keys, bank)
            made = open_index(Source(bank.index_folder, bank.state, bank.positions, read_keys), kind, keep)
            self._index = bank, bank.state, kind, made
        return self._index[3]

    def retrieve(self, questions: Sequence[str], bank: Bank, top_k: int) -> Retrieved:
        """Finds the documents nearest to each question, `min(top_k, len(bank))` of them.

        Raises:
            UserError: the bank is empty, or top_k is below 1.
        """
        if top_k < 1:
            raise UserError(f"--top_k is {top_k}; it must be at least 1")
        if not len(bank):
            raise UserError(f"bank {bank.place} is empty; add documents with `regrad build`")
        return Retrieved(*self.index(bank).search(self.embedder.embed(questions), top_k))

    def hold(self, bank: Bank) -> Resident:
        """Loads all of a bank's rows into device memory, cut over the local devices.

        Questions to this bank object read nothing of it from then on. After a commit they are loaded again.

        Raises:
            UserError: the bank is empty or too large for the devices.
        """
        self._held = None  # frees what was held before
        _ = self.replicas  # the model comes first: what it leaves is what there is for rows
        held = Resident.load(bank)
        self._held = bank, bank.state, held
        return held

    def _resident(self, bank: Bank) -> Resident | None:
        if self._held is None or self._held[0] is not bank:
            return None
        return self._held[2] if self._held[1] == bank.state else self.hold(bank)

    def adapt(self, question: str, bank: Bank, *, top_k: int = 3, gamma: float = 1.0) -> Tree:
        """Returns theta_q, the adapted parameters of one question: theta's tree, float32.

        Args:
            question: as asked.
            bank: of this checkpoint.
            top_k: documents that it uses.
            gamma: step multiplier; 0 gives theta* back.

        Raises:
            UserError: the bank is empty, or top_k is below 1.
        """
        found = self.retrieve([question], bank, top_k)
        repeated = Retrieved(*(np.repeat(part, jax.local_device_count(), axis=0) for part in found))
        records = self._records(bank, found)
        theta = self.answerer.adapt(self._adaptation(bank, repeated, records, gamma, None))
        return jax.tree.map(lambda x: x[0, 0], theta)

    def ask(
        self,
        questions: Sequence[str | Question],
        bank: Bank | None = None,
        *,
        mode: str = "regrad",
        top_k: int = 3,
        gamma: float = 1.0,
        weighting: str | None = None,
        retrieved: Retrieved | None = None,
        max_new_tokens: int = 20,
    ) -> list[Answer]:
        """Answers questions, each under its own temporary parameters.

        Args:
            questions: Q questions; those with choices as `Question`s.
            bank: where to look; only "direct" does without.
            mode: a name in `MODES`.
            top_k: documents for each question.
            gamma: step multiplier.
            weighting: document weights; the checkpoint's own by default.
            retrieved: documents to use in place of those that search finds.
            max_new_tokens: the longest answer in tokens.

        Raises:
            UserError: an unknown mode, no bank, an empty one, top_k below 1, or a prompt that is too long. A
                damaged row is passed over, with a warning.
        """
        looked = self._look_up(
            questions, bank, mode=mode, top_k=top_k, gamma=gamma, weighting=weighting, retrieved=retrieved
        )
        return self._answer(looked, max_new_tokens)

    def ask_in_batches(
        self,
        batches: Iterable[Sequence[str | Question]],
        bank: Bank | None = None,
        *,
        max_new_tokens: int = 20,
        **options: Any,
    ) -> Iterator[list[Answer]]:
        """Answers many questions: while a batch is answered, what the next one needs is searched and read.

        Args:
            batches: of questions, whose rows are in memory together; two batches are at a time.
            bank: as for `ask`.
            max_new_tokens: as for `ask`.
            options: `mode` and the others of `ask`, but for `retrieved`.

        Yields:
            The answers of each batch, in order.

        Raises:
            UserError: as `ask`.
        """
        with concurrent.futures.ThreadPoolExecutor(1) as reader:
            ahead: concurrent.futures.Future[_LookedUp] | None = None
            for batch in batches:
                begun = reader.submit(self._look_up, batch, bank, **options)
                if ahead is not None:
                    yield self._answer(ahead.result(), max_new_tokens)
                ahead = begun
            if ahead is not None:
                yield self._answer(ahead.result(), max_new_tokens)

    def _look_up(
        self,
        questions: Sequence[str | Question],
        bank: Bank | None,
        *,
        mode: str = "regrad",
        top_k: int = 3,
        gamma: float = 1.0,
        weighting: str | None = None,
        retrieved: Retrieved | None = None,
    ) -> "_LookedUp":
        """Does of `ask` all that comes before the model."""
        if isinstance(questions, str):
            raise UserError("questions is a single text; give a list of them")
        if mode not in MODES:
            raise UserError(f"mode {mode!r} is unknown; choose one of {', '.join(MODES)}")
        asked = [q if isinstance(q, Question) else Question("", q, ()) for q in questions]
        start = time.perf_counter()
        if not MODES[mode].retrieves:
            found = Retrieved(np.zeros((len(asked), 0), int), np.zeros((len(asked), 0), np.float32))
        elif bank is None:
            raise UserError(f"mode {mode} needs a bank; give one with --bank")
        else:
            found = retrieved or self.retrieve([q.question for q in asked], bank, top_k)
        searched = time.perf_counter()
        records = self._records(bank, found)
        adaptation = (
            self._adaptation(bank, found, records, gamma, weighting)
            if MODES[mode].adapts and bank is not None
            else None
        )
        used_QxK = adaptation.sound_QxK if adaptation else np.isin(found.positions_QxK, list(records))
        cited = [
            [(records[int(p)], float(score)) for p, score, u in zip(*row, strict=True) if u]
            for row in zip(*found, used_QxK, strict=True)
        ]
        read = time.perf_counter()
        prompts = [self._prompt(q, row, mode) for q, row in zip(asked, cited, strict=True)]
        documents = [[Cited(record.id, score) for record, score in row] for row in cited]
        share = 1e3 / max(len(asked), 1)
        timings = {"retrieve": (searched - start) * share, "read": (read - searched) * share}
        return _LookedUp(asked, mode, prompts, adaptation, documents, timings)

    def _answer(self, looked: "_LookedUp", max_new_tokens: int) -> list[Answer]:
        made = self.answerer.run(looked.prompts, looked.adaptation, max_new_tokens)
        timings = looked.timings_ms | {"adapt": made.adapt_ms, "generate": made.generate_ms}
        return [
            Answer(q.question, read_answer(text, q), looked.mode, documents, timings)
            for q, text, documents in zip(looked.questions, made.texts, looked.documents, strict=True)
        ]

    def _records(self, bank: Bank | None, found: Retrieved) -> dict[int, Record]:
        if bank is None:
            return {}
        positions = np.unique(found.positions_QxK).tolist()
        records = bank.read_records(positions)
        if lost := len(positions) - len(records):
            to_stderr(
                f"warning: bank {bank.place}: {lost} of the documents found cannot be read and are passed "
                "over; see `regrad bank verify`"
            )
        return records

    def _adaptation(
        self, bank: Bank, found: Retrieved, records: Mapping[int, Record], gamma: float, weighting: str | None
    ) -> Adaptation:
        # Many questions share documents, and each is read once.
        positions, places = np.unique(found.positions_QxK, return_inverse=True)
        packed: np.ndarray | jax.Array
        if held := self._resident(bank):
            rows = held.places(positions)
            packed, sound = held.packed_DxRxC, held.sound_N[rows]
        else:
            rows = np.arange(len(positions))
            packed, sound = bank.read_sound(positions)
        # Those whose records are lost as well have been warned of.
        if names := ", ".join(repr(records[p].id) for p in positions[~sound].tolist() if p in records):
            to_stderr(
                f"warning: bank {bank.place}: the stored gradients of {names} are damaged and are not used; "
                "remove them with `regrad bank delete --damaged` and build them again"
            )
        sound &= np.isin(positions, list(records))
        places = places.reshape(found.positions_QxK.shape)
        weighting = weighting or self.checkpoint.weighting
        return Adaptation(
            packed, rows[places], found.scores_QxK, sound[places], self.layout(bank), bank.manifest.codec,
            gamma, weighting,
        )  # fmt: skip

    def _prompt(self, question: Question, cited: Sequence[tuple[Record, float]], mode: str) -> str:
        wording = self.wording if MODES[mode].adapts else PROMPTS["chat"](self.base.tokenizer)
        shown = [record.text for record, _ in cited] if MODES[mode].shows else []
        return wording.question(question, shown)


def _sound_keys(bank: Bank, positions_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sound_M, keys_MxE = bank.keys(positions_N)
    if lost := len(positions_N) - len(sound_M):
        to_stderr(
            f"warning: bank {bank.place}: {lost} of its retrieval keys are damaged and are passed over; see "
            "`regrad bank verify`"
        )
    return sound_M, keys_MxE
