"""Dense retrieval: a question finds the passages whose keys have the largest inner products with its own."""

from collections.abc import Sequence

from regrad_jax.data.documents import Question
from regrad_jax.retrieval.base import KeySource, Retrieved
from regrad_jax.retrieval.embedding import Embedder
from regrad_jax.retrieval.index import Kind, open_index


class DenseRetriever:
    """Searches one version of a bank by the keys of a sentence encoder.

    Attributes:
        reason: which kind of index answers, and why.
    """

    def __init__(self, source: KeySource, embedder: Embedder, kind: Kind = "auto"):
        """Loads the bank's index or builds it. Reads keys alone, and none where an index is kept.

        Args:
            source: the version of the bank.
            embedder: the encoder that the bank's keys come from.
            kind: of the index, as for `index.build_index`.

        Raises:
            UserError: as `index.build_index`.
        """
        self._index = open_index(source, kind)
        self._embedder = embedder
        self.reason = self._index.reason

    def search(self, questions: Sequence[Question], k: int) -> Retrieved:
        """Finds the nearest passages (`base.Retriever.search`)."""
        return self._index.search(self._embedder.embed([question.question for question in questions]), k)
