"""ReGrad: the gradients of the retrieved passages are applied for one answer, and then dropped."""

from collections.abc import Sequence
from typing import ClassVar

from regrad_jax.data.documents import Question
from regrad_jax.data.prompts import PromptFamily
from regrad_jax.methods.bank_method import BankMethod
from regrad_jax.methods.base import Draft
from regrad_jax.methods.lookup import Stopwatch, cite


class ReGradMethod(BankMethod):
    """Retrievable gradients (Su et al., arXiv 2606.15734): no passage stands in the prompt."""

    uses_rows = True
    shows_passages: ClassVar[bool] = False  # in the prompt too

    @property
    def wording(self) -> PromptFamily:
        """The words that the checkpoint was trained with."""
        return self.setup.runtime.wording

    def draft(self, questions: Sequence[Question]) -> Draft:
        """As `Method.draft`."""
        lookup, watch = self.lookup, Stopwatch(len(questions))
        retrieved = self.search(questions)
        watch.lap("retrieve")
        records = lookup.records(retrieved)
        updates, weights_QxK, used_QxK = lookup.updates(retrieved, records, self.setup.options.weighting)
        documents = cite(retrieved, records, weights_QxK, used_QxK)
        watch.lap("read")
        requests = []
        for question, passages, update in zip(questions, documents, updates, strict=True):
            shown = [passage.text for passage in passages] if self.shows_passages else []
            prompt = self.wording.question(question, shown)
            requests.append(self.request(prompt, update))
        return Draft(questions, requests, documents, watch.timings_ms)
