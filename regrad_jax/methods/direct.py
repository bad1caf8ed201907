"""Direct: the base model answers from what it knows, in its own chat format, without any document."""

from collections.abc import Sequence

from regrad_jax.data.documents import Document, Question
from regrad_jax.methods.base import Draft, Method


class Direct(Method):
    """Asks the base model as its makers meant it to be asked."""

    def prepare(self, documents: Sequence[Document]) -> None:
        """Needs nothing of the documents."""

    def draft(self, questions: Sequence[Question]) -> Draft:
        """As `Method.draft`."""
        requests = [self.request(self.wording.question(question, [])) for question in questions]
        return Draft(questions, requests, [[] for _ in questions], {"retrieve": 0.0, "read": 0.0})
