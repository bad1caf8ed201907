"""All retrievers by name."""

from regrad_jax.retrieval.base import Retrieved
from regrad_jax.retrieval.index import Source, open_index


class _Dense:
    def __init__(self, source, embedder, kind="auto"):
        self.embedder = embedder
        self.index = open_index(
            Source(source.index_folder, source.state, source.positions, source.keys),
            kind,
            not source.read_only,
        )
        self.reason = self.index.reason

    def search(self, questions, k):
        return Retrieved(*self.index.search(self.embedder.embed([q.question for q in questions]), k))


RETRIEVERS = {
    "dense": _Dense,
    "exact": lambda s, e: _Dense(s, e, "exact"),
    "scann": lambda s, e: _Dense(s, e, "scann"),
}
