"""Dense retrieval and the table: each of its retrievers finds by keys, and one by texts fits beside them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest

from regrad_jax.data.documents import Question
from regrad_jax.retrieval.base import PassageSource, Retrieved, Retriever
from regrad_jax.retrieval.dense import DenseRetriever
from regrad_jax.retrieval.table import RETRIEVERS
from tests.retrieval.fake_keys import FakeSource, clustered


class FakeEmbedder:
    """Embeds "3" as the key of document 3."""

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        return clustered(60)[1][[int(text) for text in texts]]


def ask(numbers: Sequence[int]) -> list[Question]:
    return [Question("", str(number), ()) for number in numbers]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("dense", "exact search: 60 documents, ScaNN pays from 20,000"),
        ("exact", "exact search: 60 documents, as asked"),
        ("scann", "ScaNN: 60 documents"),
    ],
)
def test_a_question_finds_passages_by_their_keys(tmp_path, name, reason):
    if name == "scann":
        pytest.importorskip("scann")
    source = FakeSource(60, tmp_path / "index")
    retriever = RETRIEVERS[name](source, FakeEmbedder())
    assert retriever.reason == reason
    retrieved = retriever.search(ask([3, 59, 3]), 4)
    assert retrieved.positions_QxK.shape == retrieved.scores_QxK.shape == (3, 4)
    positions, keys = clustered(60)
    own = np.einsum("qe,qke->qk", keys[[3, 59, 3]], keys[np.searchsorted(positions, retrieved.positions_QxK)])
    np.testing.assert_allclose(retrieved.scores_QxK, own, atol=1e-5)
    if name != "scann":  # which may miss a neighbour
        np.testing.assert_array_equal(retrieved.positions_QxK[:, 0], positions[[3, 59, 3]])
    assert retriever.search([], 4).positions_QxK.shape == (0, 4)


def test_a_search_reads_keys_once_and_no_text(tmp_path, monkeypatch):
    source = FakeSource(60, tmp_path)
    monkeypatch.setattr(source, "texts", None)
    retriever = DenseRetriever(source, FakeEmbedder())
    for _ in range(3):
        retriever.search(ask([1, 2]), 3)
    assert source.read == [60]


class LastWord(NamedTuple):
    """A retriever by texts: passages that end in the question's last word, the earliest first."""

    reason: str
    texts: dict[int, str]

    def search(self, questions: Sequence[Question], k: int) -> Retrieved:
        positions_QxK = np.full((len(questions), k), -1, np.int64)
        for row, question in enumerate(questions):
            word = question.question.split()[-1]
            found = [position for position, text in self.texts.items() if text.endswith(f" {word}.")][:k]
            positions_QxK[row, : len(found)] = found
        return Retrieved(positions_QxK, (positions_QxK >= 0).astype(np.float32))


def test_a_retriever_may_be_made_of_texts(tmp_path):
    def last_word(source: PassageSource, embedder) -> Retriever:
        return LastWord("last words", source.texts(source.positions().tolist()))

    source = FakeSource(60, tmp_path)
    retriever = last_word(source, None)
    retrieved = retriever.search([Question("", "Where is passage 13", ()), Question("", "no such", ())], 2)
    assert retrieved.positions_QxK.tolist() == [[13, -1], [-1, -1]]
