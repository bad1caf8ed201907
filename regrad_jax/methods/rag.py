"""RAG: the base model answers in its own chat format with the retrieved passages in its prompt."""

from collections.abc import Sequence

import numpy as np

from regrad_jax.data.documents import Question
from regrad_jax.methods.bank_method import BankMethod
from regrad_jax.methods.base import Draft
from regrad_jax.methods.lookup import Stopwatch, cite


class Rag(BankMethod):
    """Retrieval-augmented generation (Lewis et al., arXiv 2005.11401) without any gradient."""

    def draft(self, questions: Sequence[Question]) -> Draft:
        """As `Method.draft`."""
        lookup, watch = self.lookup, Stopwatch(len(questions))
        retrieved = self.search(questions)
        watch.lap("retrieve")
        records = lookup.records(retrieved)
        readable_QxK = np.isin(retrieved.positions_QxK, list(records))
        documents = cite(retrieved, records, np.zeros(readable_QxK.shape), readable_QxK)
        watch.lap("read")
        requests = [
            self.request(self.wording.question(question, [passage.text for passage in passages]))
            for question, passages in zip(questions, documents, strict=True)
        ]
        return Draft(questions, requests, documents, watch.timings_ms)
