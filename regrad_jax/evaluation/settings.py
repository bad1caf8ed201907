"""What is measured: methods with their options, and controls that tell knowledge from form."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from regrad_jax.bank.bank import Bank
from regrad_jax.data.documents import Question
from regrad_jax.errors import UserError
from regrad_jax.methods.options import Options
from regrad_jax.methods.table import METHODS
from regrad_jax.retrieval.base import Retrieved, Retriever

_SEED = 0


class RandomDocuments:
    """Draws documents other than the question's own."""

    reason = "random documents: a control"

    def __init__(self, bank: Bank):
        self._bank = bank

    def search(self, questions: Sequence[Question], k: int) -> Retrieved:
        """As `Retriever.search`; every question draws from a stream of its own, whatever it is asked with.

        Raises:
            UserError: the bank has fewer than k passages of other documents.
        """
        records = self._bank.records
        positions_N = np.array(list(records), np.int64)
        owners_N = np.array([record.document_id for record in records.values()])
        drawn = []
        for question in questions:
            others = positions_N[owners_N != question.document_id]
            if len(others) < k:
                raise UserError(
                    f"bank {self._bank.place} holds fewer than {k} passages of other documents than that of "
                    f"question {question.id!r}; leave the settings with random documents out"
                )
            rng = np.random.default_rng([_SEED, *question.id.encode()])
            drawn.append(rng.choice(others, k, replace=False))
        return Retrieved(np.array(drawn), np.zeros((len(questions), k), np.float32))


class Setting(NamedTuple):
    """One way of answering, as measured.

    Attributes:
        options: the method and how it answers.
        retriever: what finds documents in place of search; None searches.
    """

    options: Options
    retriever: Callable[[Bank], Retriever] | None = None


SETTINGS: Mapping[str, Setting] = {
    "Direct": Setting(Options("direct")),
    "RAG k=1": Setting(Options("rag", top_k=1)),
    "RAG k=3": Setting(Options("rag", top_k=3)),
    "ReGrad k=1": Setting(Options("regrad", top_k=1)),
    "ReGrad k=3": Setting(Options("regrad", top_k=3)),
    "ReGrad k=3, plain sum": Setting(Options("regrad", top_k=3, weighting="sum")),
    "ReGrad, random documents": Setting(Options("regrad", top_k=1), RandomDocuments),
    "ReGrad+ICL k=1": Setting(Options("regrad+icl", top_k=1)),
    "ReGrad+ICL k=3": Setting(Options("regrad+icl", top_k=3)),
}


def find_setting(name: str, where: str = "") -> Setting:
    """Returns the setting of a name in `SETTINGS`; the name of a method is the method with default options.

    Args:
        name: in `SETTINGS` or in `METHODS`.
        where: the place of the name in a config, with which the message begins.

    Raises:
        UserError: neither table has the name.
    """
    if name in METHODS:
        return Setting(Options(name))
    if name not in SETTINGS:
        known = ", ".join([*SETTINGS, *METHODS])
        raise UserError(f"{where}setting {name!r} is unknown; choose from {known}")
    return SETTINGS[name]
