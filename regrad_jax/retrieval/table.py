"""The table of retrievers: a new kind of search is one class or function, and one line here."""

import functools
from collections.abc import Callable, Mapping

from regrad_jax.retrieval.base import PassageSource, Retriever
from regrad_jax.retrieval.dense import DenseRetriever
from regrad_jax.retrieval.embedding import Embedder

# Name -> (a version of a bank, the encoder of its keys) -> a search in that version.
RETRIEVERS: Mapping[str, Callable[[PassageSource, Embedder], Retriever]] = {
    "dense": DenseRetriever,
    "exact": functools.partial(DenseRetriever, kind="exact"),
    "scann": functools.partial(DenseRetriever, kind="scann"),
}
