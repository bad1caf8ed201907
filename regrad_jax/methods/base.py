"""The interface of all methods: make what is needed of the documents, then answer questions."""

import abc
import concurrent.futures
import dataclasses
import pathlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, NamedTuple

import numpy as np

from regrad_jax.bank.bank import Bank
from regrad_jax.data.documents import Document, Question
from regrad_jax.data.prompts import Prompt, PromptFamily, read_answer
from regrad_jax.engine.requests import Request, Update
from regrad_jax.library.banks import BuildOptions
from regrad_jax.library.runtime import Runtime
from regrad_jax.methods.lookup import Cited, Lookup
from regrad_jax.methods.options import Options
from regrad_jax.progress import Progress, to_stderr
from regrad_jax.retrieval.base import Retriever


class Answer(NamedTuple):
    """An answer and where it came from.

    Attributes:
        question: as asked.
        answer: the first line that the model wrote; for a question with choices, the label that it gives.
        mode: the method's name in `METHODS`.
        documents: the passages that it used, best first.
        timings_ms: milliseconds a question, averaged over its batch: retrieve, read, adapt, generate.
        error: why there is no answer, as when a question is too long; empty otherwise.
    """

    question: str
    answer: str
    mode: str
    documents: Sequence[Cited]
    timings_ms: Mapping[str, float]
    error: str = ""


class Draft(NamedTuple):
    """Questions, and what the model needs to answer them; one entry for each question.

    Attributes:
        questions: what is asked.
        requests: what the engine is to continue.
        documents: the passages that each request uses.
        timings_ms: milliseconds a question for retrieve and read.
    """

    questions: Sequence[Question]
    requests: Sequence[Request]
    documents: Sequence[Sequence[Cited]]
    timings_ms: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Setup:
    """What a method is made with.

    Attributes:
        runtime: the checkpoint and its models.
        options: how it answers.
        lookup: a bank that is there already; `prepare` makes one where a method needs it.
        retriever: what finds documents in a bank, in place of the one that the options name.
        folder: where `prepare` keeps what it makes.
        build: how it makes a bank.
        progress: takes a line of text now and then.
    """

    runtime: Runtime
    options: Options = Options()
    lookup: Lookup | None = None
    retriever: Callable[[Bank], Retriever] | None = None
    folder: pathlib.Path | None = None
    build: BuildOptions = BuildOptions()
    progress: Progress = to_stderr


class Method(abc.ABC):
    """A way of answering questions about documents.

    Attributes:
        uses_bank: whether it looks documents up in a bank.
        uses_rows: whether it uses the gradients in a bank.
        setup: what it was made with.
    """

    uses_bank: ClassVar[bool] = False
    uses_rows: ClassVar[bool] = False

    def __init__(self, setup: Setup):
        self.setup = setup

    @property
    def wording(self) -> PromptFamily:
        """The words in which questions are asked: by default the base model's own chat format."""
        return self.setup.runtime.chat

    @abc.abstractmethod
    def prepare(self, documents: Sequence[Document]) -> None:
        """Makes what the method needs of the documents."""

    @abc.abstractmethod
    def draft(self, questions: Sequence[Question]) -> Draft:
        """Does all that comes before the model: search, reading, prompts.

        Raises:
            UserError: no question of the batch can be answered, as when the bank is empty.
        """

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        """Answers questions, in their order. One that cannot be answered has an `error` instead.

        Raises:
            UserError: as `draft`.
        """
        return self._finish(self.draft(questions))

    def answer_in_batches(self, batches: Iterable[Sequence[Question]]) -> Iterator[list[Answer]]:
        """Answers batch after batch; while one is answered, the next one is drafted in another thread."""
        with concurrent.futures.ThreadPoolExecutor(1) as reader:
            ahead: concurrent.futures.Future[Draft] | None = None
            for batch in batches:
                following = reader.submit(self.draft, batch)
                if ahead is not None:
                    yield self._finish(ahead.result())
                ahead = following
            if ahead is not None:
                yield self._finish(ahead.result())

    def request(self, prompt: Prompt, update: Update | None = None) -> Request:
        """Returns what the engine is asked for under the options."""
        options = self.setup.options
        tokens = self.setup.runtime.tokens(prompt)
        return Request(tokens, update, options.gamma, options.sampling, options.max_new_tokens)

    def _finish(self, draft: Draft) -> list[Answer]:
        errors = [_error(request, self.setup.runtime.engine.positions) for request in draft.requests]
        pairs = zip(draft.questions, draft.requests, strict=True)
        sound = [pair for pair, error in zip(pairs, errors, strict=True) if not error]
        is_chosen = [bool(question.choices) and not self.setup.options.free_text for question, _ in sound]
        began = time.perf_counter()
        completions = self.setup.runtime.engine.complete(
            [request for (_, request), chosen in zip(sound, is_chosen, strict=True) if not chosen]
        )
        written = iter(completions.tokens)
        labels = iter(self._choose([pair for pair, chosen in zip(sound, is_chosen, strict=True) if chosen]))
        answers = iter(
            [
                next(labels) if chosen else self._read(question, next(written))
                for (question, _), chosen in zip(sound, is_chosen, strict=True)
            ]
        )
        share = 1e3 / max(len(sound), 1)
        generate_s = time.perf_counter() - began - completions.adapt_s
        timings = {"adapt": completions.adapt_s * share, "generate": generate_s * share}
        mode = self.setup.options.mode
        return [
            Answer(
                question.question, "" if error else next(answers), mode, documents,
                {**draft.timings_ms, **timings}, error,
            )
            for question, documents, error in zip(draft.questions, draft.documents, errors, strict=True)
        ]  # fmt: skip

    def _read(self, question: Question, tokens: np.ndarray) -> str:
        """Returns the answer in what was written."""
        return read_answer(
            self.setup.runtime.base.tokenizer.decode(tokens, skip_special_tokens=True), question
        )

    def _choose(self, pairs: Sequence[tuple[Question, Request]]) -> list[str]:
        """Returns for each question the label of its choices that is the most likely to be written."""
        if not pairs:
            return []
        runtime = self.setup.runtime
        # The labels of all questions are scored together: a batch for each question would be mostly padding.
        scored = [(label, request) for question, request in pairs for label in question.labels]
        continuations = [runtime.tokens(self.wording.answer(label)) for label, _ in scored]
        means = runtime.engine.losses([request for _, request in scored], continuations)
        totals = means * np.array([len(continuation) for continuation in continuations])
        ends = np.cumsum([len(question.labels) for question, _ in pairs])
        by_question = zip(pairs, np.split(totals, ends[:-1]), strict=True)
        return [list(question.labels)[int(np.argmin(losses))] for (question, _), losses in by_question]


def _error(request: Request, positions: int) -> str:
    """Returns why a request cannot be run; empty where it can."""
    if request.limit >= positions:
        return f"`max_new_tokens` is {request.limit}, and the model holds {positions}; lower it"
    if len(request.tokens) > (room := positions - request.limit):
        return (
            f"the prompt has {len(request.tokens):,} tokens, and the model has room for {room:,}; lower "
            "`top_k`, or ask a shorter question"
        )
    return ""
