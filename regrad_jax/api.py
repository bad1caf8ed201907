"""ReGrad from Python: load a checkpoint, put documents into a bank, ask it.

    regrad = ReGrad.load()
    bank, _ = regrad.build(read_corpus("notes.jsonl"), "notes.bank")
    print(regrad.ask(["Who keeps the Orsk light?"], bank)[0].answer)

Everything here is a line over `library` (banks) and `session` (questions).
"""

import os
from collections.abc import Sequence

from regrad_jax.adaptation.adapter import Tree
from regrad_jax.bank.bank import Bank
from regrad_jax.bank.builder import Built
from regrad_jax.bank.cache import ROW_CACHE_BYTES
from regrad_jax.checkpoint import Checkpoint
from regrad_jax.data.documents import Document, Question
from regrad_jax.library import banks
from regrad_jax.library.banks import BuildOptions
from regrad_jax.library.runtime import Runtime, load_runtime
from regrad_jax.methods.base import Answer
from regrad_jax.methods.options import Options
from regrad_jax.progress import Progress, to_stderr
from regrad_jax.session import Session


class ReGrad:
    """A checkpoint with its models, ready to build banks and to answer from them.

    Attributes:
        runtime: what was loaded; the modules of `library` take it.
    """

    def __init__(self, runtime: Runtime):
        """Use `ReGrad.load`."""
        self.runtime = runtime
        self._session: Session | None = None

    @classmethod
    def load(
        cls,
        checkpoint: str | os.PathLike[str] | None = None,
        *,
        encoder: str | None = None,
        dtype: str = "float32",
    ) -> "ReGrad":
        """Loads a checkpoint, by default the one that ships; arguments as for `load_runtime`."""
        return cls(load_runtime(checkpoint, encoder=encoder, dtype=dtype))

    @property
    def checkpoint(self) -> Checkpoint:
        """What meta-training made."""
        return self.runtime.checkpoint

    def open(
        self,
        path: str | os.PathLike[str],
        version: int | None = None,
        cache_bytes: int = ROW_CACHE_BYTES,
    ) -> Bank:
        """Opens a bank of this checkpoint (`banks.open_bank`)."""
        return banks.open_bank(self.runtime, path, version, cache_bytes)

    def create(self, path: str | os.PathLike[str], options: BuildOptions = BuildOptions()) -> Bank:
        """Makes an empty bank (`banks.create_bank`)."""
        return banks.create_bank(self.runtime, path, options)

    def build(
        self,
        documents: Sequence[Document],
        path: str | os.PathLike[str],
        options: BuildOptions = BuildOptions(),
        progress: Progress = to_stderr,
    ) -> tuple[Bank, Built]:
        """Adds documents to a bank, which is made when absent (`banks.build_bank`)."""
        return banks.build_bank(self.runtime, documents, path, options, progress)

    def rebuild(
        self,
        old: Bank,
        path: str | os.PathLike[str],
        options: BuildOptions = BuildOptions(),
        progress: Progress = to_stderr,
    ) -> tuple[Bank, Built]:
        """Makes this checkpoint's bank from the texts of another bank (`banks.rebuild_bank`)."""
        return banks.rebuild_bank(self.runtime, old, path, options, progress)

    def session(self, bank: Bank | None = None) -> Session:
        """Returns the session of a bank; that of the last bank is kept."""
        if self._session is None or self._session.bank is not bank:
            self._session = Session(self.runtime, bank)
        return self._session

    def ask(
        self,
        questions: Sequence[str | Question],
        bank: Bank | None = None,
        options: Options = Options(),
    ) -> list[Answer]:
        """Answers questions from a bank (`Session.ask`)."""
        return self.session(bank).ask(questions, options)

    def adapt(self, question: str, bank: Bank, options: Options = Options()) -> Tree:
        """Returns theta_q, the adapted parameters of one question (`Session.adapt`)."""
        return self.session(bank).adapt(question, options)
