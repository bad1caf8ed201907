"""Questions to one bank: the search index and loaded rows are kept from one question to the next."""

from collections.abc import Iterable, Iterator, Sequence

from regrad_jax.adaptation.adapter import Tree
from regrad_jax.bank.bank import Bank
from regrad_jax.data.documents import Question
from regrad_jax.engine.resident import ResidentRows
from regrad_jax.errors import UserError
from regrad_jax.library.runtime import Runtime
from regrad_jax.methods.base import Answer, Method, Setup
from regrad_jax.methods.lookup import Lookup
from regrad_jax.methods.options import Options
from regrad_jax.methods.table import make_method
from regrad_jax.progress import Progress, to_stderr
from regrad_jax.retrieval.base import Retriever


class Session:
    """A checkpoint and the bank that its questions are answered from.

    Attributes:
        runtime: the checkpoint and its models.
        bank: where documents are looked up; None for a session whose only mode is direct.
    """

    def __init__(self, runtime: Runtime, bank: Bank | None = None):
        """Raises UserError where another checkpoint or sentence encoder made the bank."""
        self.runtime = runtime
        self.bank = bank
        self._lookup = None if bank is None else Lookup(runtime, bank)

    def ask(self, questions: Sequence[str | Question], options: Options = Options()) -> list[Answer]:
        """Answers questions, each under its own temporary parameters.

        Args:
            questions: Q questions; those with choices as `Question`s.
            options: how they are answered.

        Returns:
            Q answers. A question that cannot be asked, as one that is too long, has an `error` instead.

        Raises:
            UserError: the mode is unknown, or it needs a bank and there is none or an empty one.
        """
        return self._method(options).answer(_as_questions(questions))

    def ask_in_batches(
        self, batches: Iterable[Sequence[str | Question]], options: Options = Options()
    ) -> Iterator[list[Answer]]:
        """Answers many questions: while one batch is answered, the next one is searched and read.

        Args:
            batches: of questions. The rows of two batches are in memory at a time.
            options: how they are answered.

        Yields:
            The answers of each batch, in order.

        Raises:
            UserError: as `ask`.
        """
        return self._method(options).answer_in_batches(map(_as_questions, batches))

    def adapt(self, question: str, options: Options = Options()) -> Tree:
        """Returns theta_q, the adapted parameters of one question: a tree of theta's form, float32.

        Args:
            question: as asked.
            options: whose documents, weights and gamma count.

        Raises:
            UserError: there is no bank, or it is empty.
        """
        lookup = self._require_lookup()
        retrieved = lookup.search(_as_questions([question]), options)
        [update], *_ = lookup.updates(retrieved, lookup.records(retrieved), options.weighting)
        return self.runtime.engine.adapt_one(update, options.gamma)

    def load_rows(self, progress: Progress = to_stderr) -> ResidentRows:
        """Loads all of the bank's rows into device memory (`Lookup.load_rows`)."""
        return self._require_lookup().load_rows(progress)

    def retriever(self, options: Options = Options()) -> Retriever:
        """Returns what searches the bank; its `reason` says which kind of search it is."""
        return self._require_lookup().retriever(options.retriever)

    def _method(self, options: Options) -> Method:
        return make_method(Setup(self.runtime, options, self._lookup))

    def _require_lookup(self) -> Lookup:
        if self._lookup is None:
            raise UserError("the session has no bank; give one with `bank`")
        return self._lookup


def _as_questions(questions: Sequence[str | Question]) -> list[Question]:
    if isinstance(questions, str):
        raise UserError("`questions` is a single text; give a list of them")
    return [q if isinstance(q, Question) else Question("", q, ()) for q in questions]
