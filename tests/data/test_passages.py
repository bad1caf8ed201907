"""Cutting long documents into passages."""

import random
import time
from collections.abc import Callable

import pytest

from regrad_jax.data.documents import Document, Passage
from regrad_jax.data.passages import cut_passages
from regrad_jax.errors import UserError


def count_words(text: str) -> int:
    return len(text.split())


def count_characters(text: str) -> int:
    return len(text)


def sentence(words: int, ending: str = ".") -> str:
    return " ".join(["Word"] * words) + ending


def cut(text: str, max_tokens: int, count: Callable[[str], int] = count_words) -> list[str]:
    """The texts of the passages of one document, checked to lose and repeat nothing."""
    passages = cut_passages(Document("d", text), count, max_tokens)
    texts = [passage.text for passage in passages]
    assert all(count(each) <= max_tokens for each in texts)
    assert "".join("".join(texts).split()) == "".join(text.split())
    return texts


def test_a_document_that_fits_keeps_its_id_and_one_that_does_not_numbers_its_passages() -> None:
    documents = [
        Document("short", "One two.", title="S", source="s.txt"),
        Document("long", "One two.\n\nThree four.", title="L", source="l.txt"),
    ]
    assert [p for document in documents for p in cut_passages(document, count_words, 3)] == [
        Passage("short", "short", "One two.", title="S", source="s.txt"),
        Passage("long#0", "long", "One two.", title="L", source="l.txt"),
        Passage("long#1", "long", "Three four.", title="L", source="l.txt"),
    ]


def test_paragraphs_hold_together() -> None:
    # Three paragraphs of 9 + 9 words; two passages of 27 would fit too, but break the second.
    paragraph = f"{sentence(9)} {sentence(9)}"
    assert cut("\n\n".join([paragraph] * 3), 30) == [paragraph] * 3
    # Short ones share a passage: 4 x 18 words in two.
    assert cut("\n \n".join([paragraph] * 4), 40) == [f"{paragraph}\n \n{paragraph}"] * 2


def test_sentences_are_cut_where_paragraphs_would_leave_a_scrap() -> None:
    # The paragraphs hold 36 and 4 words; cut between sentences, the passages hold 18 and 22.
    text = " ".join([sentence(9)] * 4) + "\n\n" + sentence(4)
    assert [count_words(passage) for passage in cut(text, 36)] == [18, 22]


def test_sentences_stay_whole() -> None:
    text = "E.g.  this (by J. Smith) is one sentence of 13 words, 3.5 clauses. Next!”  And done."
    assert cut(text, 13) == [text[: text.index(" Next")], "Next!”  And done."]
    # Cut after "e.g." the lengths would be more even, 3 and 6.
    text = "Bring tools e.g.  a saw and glue. Go now."
    assert cut(text, 8) == ["Bring tools e.g.  a saw and glue.", "Go now."]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("So it went on... Then it stopped.", "So it went on..."),
        ("See what I saw with J... Then it stopped.", "See what I saw with J..."),  # more than an initial
        ("Ask J. Then he will go there now.", "Ask J. Then he"),
        ('He asked her "why?!" Nobody said a word.', 'He asked her "why?!"'),
        ("It is over (at last!) Nobody said a word.", "It is over (at last!)"),
        ("Well.So it is. Nobody said one word.", "Well.So it is."),
    ],
)
def test_a_sentence_ends_after_its_marks_and_what_closes_with_them(text: str, first: str) -> None:
    assert cut(text, 6)[0] == first


def test_a_sentence_that_does_not_fit_is_cut_evenly_between_words() -> None:
    text = " ".join(f"w{index}" for index in range(41))
    passages = cut(text, 40)
    assert " ".join(passages) == text
    assert [count_words(passage) for passage in passages] in ([20, 21], [21, 20])


def test_a_word_that_does_not_fit_is_cut_inside() -> None:
    passages = cut("see " + "x" * 100 + " there", 30, count_characters)
    assert len(passages) <= 6
    assert cut("句子很长。" * 10, 10, count_characters) == ["句子很长。句子很长。"] * 5


def test_nothing_fits() -> None:
    with pytest.raises(UserError, match="document 'd': the character 'T' alone has more than 0"):
        cut("The end.", 0, count_characters)


def random_text(generator: random.Random, words: int) -> str:
    endings = [" "] * 14 + [". "] * 3 + ["\n"] * 2 + ["! ", "\n\n", "。"]
    letters = "aA9.é句 -"
    return "".join(
        "".join(generator.choices(letters, k=generator.randint(1, 9))) + generator.choice(endings)
        for _ in range(words)
    )


def count_greedily(text: str) -> int:
    """Not additive: a start token, and any three characters, white space included, as one token."""
    return 1 + (len(text) + 2) // 3


@pytest.mark.parametrize("count", [count_words, count_characters, count_greedily])
def test_random_documents_fit_and_lose_nothing(count: Callable[[str], int]) -> None:
    generator = random.Random(0)
    for _ in range(60):
        text = random_text(generator, generator.randint(1, 300))
        cut(text, generator.randint(2, 60), count)


def test_passages_of_prose_are_balanced() -> None:
    generator = random.Random(1)
    for _ in range(60):
        lengths = [generator.randint(3, 20) for _ in range(generator.randint(10, 80))]
        passages = cut(" ".join(sentence(length) for length in lengths), 64)
        counts = [count_words(passage) for passage in passages]
        if len(counts) > 1:
            assert min(counts) >= 64 / 3
            assert len(counts) <= sum(lengths) / 64 * 1.4 + 1


@pytest.mark.parametrize("unit", ["word ", "A plain sentence of words. ", "x"])
def test_tokenisation_is_linear_in_the_length_of_the_document(unit: str) -> None:
    seen = 0

    def count(text: str) -> int:
        nonlocal seen
        seen += len(text)
        return len(text) // 4 + 1

    text = unit * (400_000 // len(unit))
    cut_passages(Document("d", text), count, 128)
    assert seen < 20 * len(text)  # a growing prefix would see it hundreds of times


@pytest.mark.parametrize(
    "text",
    [
        "Progress of the pump trial at Veld: " + "." * 300_000 + " done.",
        "." * 300_000 + "x" + "?!…" * 100_000,
        "!" + "”" * 300_000 + "x",
        ".”" * 150_000,
        "J." * 150_000,
        "a." + " " * 300_000 + "b",
        "。" * 300_000,
        "。" + "」" * 300_000,
        "a" + "\n" * 300_000 + "b",
        "a\n" + "\t" * 300_000 + "b",
        ("\n" + " " * 500) * 600 + "b",
        ". a" * 100_000,
        "x" * 300_000,
        "\x00 " * 150_000 + "word " * 2_000,
    ],
    ids=lambda text: repr(text[:4] + " to " + text[-4:]),
)
def test_time_is_linear_in_the_length_of_the_document_whatever_its_text(text: str) -> None:
    def count(text: str) -> int:
        return len(text.replace("\x00", "")) // 4  # nothing for some of the pieces

    started = time.process_time()
    passages = cut_passages(Document("d", "Start. " + text), count, 128)
    # Seconds at most; one that is quadratic needs minutes.
    assert time.process_time() - started < 20
    assert "".join("".join(p.text for p in passages).split()) == "Start." + "".join(text.split())
