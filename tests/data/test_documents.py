"""Passages of a document: named, packed and unpacked, and joined to the document again."""

import pytest

from regrad_jax.data.documents import Document, Passage, join, passages_of

LONG = Document("d#7", "One. Two. Three.", "Tides", "corpus.jsonl")


def test_passages_take_over_the_documents_facts():
    one, two = passages_of(LONG, ["One.", "Two. Three."])
    assert one == Passage("d#7#0", "d#7", "One.", "Tides", "corpus.jsonl")
    assert two == Passage("d#7#1", "d#7", "Two. Three.", "Tides", "corpus.jsonl")
    assert passages_of(LONG, [LONG.text])[0].id == "d#7"


@pytest.mark.parametrize("title", ["", "Tides", "Tides: ", "T.*", " "])
@pytest.mark.parametrize("text", ["Tides", "Tides: Tides: x", ": x", "x Tides: ", "", "T.*: T.*: x"])
def test_a_passage_comes_back_from_its_content(title, text):
    passage = Passage("d#1", "d", text, title, "corpus.jsonl")
    assert Passage.from_content("d#1", "d", passage.content, title, "corpus.jsonl") == passage


def test_a_content_without_the_title_in_front_is_the_text():
    assert Passage.from_content("d", "d", "A table of Tides: x", "Tides").text == "A table of Tides: x"


def test_join_inverts_passages_of_in_any_order():
    texts = [f"Sentence {i}." for i in range(12)]
    passages = passages_of(LONG, texts)
    for given in (passages, passages[::-1], sorted(passages, key=lambda p: p.id)):
        assert join(given) == Document("d#7", "\n".join(texts), "Tides", "corpus.jsonl")
    assert join(passages_of(LONG, [LONG.text])) == LONG


@pytest.mark.parametrize(
    "ids",
    [
        ["a#b", "a#a"],
        ["x#1#2", "x#0"],
        ["unlike its document", "another"],
        ["a#2", "a#b", "a#1"],
        ["a#01", "a#00"],
        ["a#-1", "a#-2"],
        ["a#1_0", "a#0"],
        ["a#\u0665", "a#\u0664"],  # digits, but not ours
        ["a#" + "9" * 5000, "a#0"],  # more digits than Python turns into a number
        ["aa#1", "aa#0"],
        ["#1", "#0"],
        ["", "#"],
    ],
)
def test_passages_of_foreign_names_are_joined_in_the_order_given(ids):
    passages = [Passage(id, "a", f"Piece {i}.") for i, id in enumerate(ids)]
    assert join(passages).text == "\n".join(p.text for p in passages)
    assert join(passages).id == "a"


def test_names_are_read_as_they_stand_whatever_the_document_is_called():
    """The document "x#1" has piece 2 under "x#1#2"; "x.1#0" is none of its pieces."""
    ours = [Passage("x#1#2", "x#1", "Three."), Passage("x#1#1", "x#1", "Two."), Passage("x#1", "x#1", "One.")]
    assert join(ours).text == "One.\nTwo.\nThree."
    foreign = [Passage("x.1#1", "x#1", "First."), Passage("x#1#0", "x#1", "Second.")]
    assert join(foreign).text == "First.\nSecond."
