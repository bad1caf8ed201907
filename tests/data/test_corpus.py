"""Reading corpora and cutting long documents into passages."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from regrad_jax.data.corpus import cut_passages, read_corpus
from regrad_jax.data.documents import Document, Passage
from regrad_jax.errors import UserError


def written(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(path: Path) -> str:
    """The message with which a corpus is refused."""
    with pytest.raises(UserError) as raised:
        read_corpus(path)
    message = str(raised.value)
    assert str(path) in message
    assert "\n" not in message
    return message


# ---- reading ------------------------------------------------------------------------------------


def test_jsonl(tmp_path: Path) -> None:
    lines = [
        '{"id": "b", "text": "Ink\u2028dries.", "title": "Ink", "source": "notes"}',  # no line end
        "",
        '{"id": 7, "text": "Glue sticks.", "title": null, "pages": 3}',
    ]
    path = written(tmp_path / "c.jsonl", "\r\n".join(lines))
    assert read_corpus(path) == [
        Document("b", "Ink\u2028dries.", title="Ink", source="notes"),
        Document("7", "Glue sticks."),
    ]


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = written(tmp_path / "c.jsonl", b'\xef\xbb\xbf{"id": "a", "text": "Ink."}')
    assert read_corpus(path) == [Document("a", "Ink.")]


def test_dpr_tsv(tmp_path: Path) -> None:
    text = 'id\ttext\ttitle\r\n1\t"He said ""no""\tand\nleft."\tRefusal\r\n\r\n2\tPlain "text".\t\r\n'
    assert read_corpus(written(tmp_path / "c.tsv", text)) == [
        Document("1", 'He said "no"\tand\nleft.', title="Refusal"),
        Document("2", 'Plain "text".'),
    ]


def test_a_tsv_field_may_be_longer_than_the_limit_of_csv(tmp_path: Path) -> None:
    text = "word " * 40_000
    (document,) = read_corpus(written(tmp_path / "c.tsv", f"id\ttext\n1\t{text}\n"))
    assert document.text == text


def test_folder(tmp_path: Path) -> None:
    written(tmp_path / "c" / "b.txt", "Second.")
    written(tmp_path / "c" / "a" / "z.MD", "First, é.")
    written(tmp_path / "c" / "ignored.py", "")
    written(tmp_path / "c" / ".git" / "hidden.txt", "")
    assert read_corpus(tmp_path / "c") == [
        Document("a/z.MD", "First, é.", source="a/z.MD"),
        Document("b.txt", "Second.", source="b.txt"),
    ]


GOOD = '{"id": "a", "text": "Ink."}\n'


@pytest.mark.parametrize(
    ("second_line", "message"),
    [
        ('{"id": "b", "text": "Glue."', "line 2: broken JSON at column"),
        ('["b", "Glue."]', "line 2: expected a JSON object {...}, found a list"),
        ("[" * 100_000, "line 2: JSON cannot be read"),
        ('{"id": "a", "text": "Glue."}', "line 2: id 'a' is already used on line 1"),
        ('{"text": "Glue."}', 'line 2: no "id"'),
        ('{"id": "", "text": "Glue."}', 'line 2: "id" is empty'),
        ('{"id": "b"}', 'line 2: no "text"'),
        ('{"id": "b", "text": " \\n "}', 'line 2: "text" is empty'),
        ('{"id": "b", "text": 5}', 'line 2: "text" must be a string, found a number'),
        ('{"id": ["b"], "text": "Glue."}', 'line 2: "id" must be a string, found a list'),
        ('{"id": "b", "text": "Glue.", "title": false}', '"title" must be a string, found a bool'),
        ('{"id": "b", "text": "Glue \\ud83d"}', 'line 2: "text" holds half a surrogate pair'),
    ],
)
def test_a_bad_jsonl_line_is_named(tmp_path: Path, second_line: str, message: str) -> None:
    assert message in refusal(written(tmp_path / "c.jsonl", GOOD + second_line))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1\tInk.\tTitle\n", 'line 1: the header must name "id" and "text"'),
        ("id\ttext\n1\tInk.\n2\n", "line 3: 1 columns where the header has 2"),
        ('id\ttext\n1\t"two\nlines"\n2\tGlue.\tmore\n', "line 4: 3 columns"),
        ('id\ttext\n1\tInk.\n2\t"never closed\n3\tGlue.\n', "line 3: broken quoting"),
        ('id\ttext\n1\t"Ink" dries.\n', "line 2: broken quoting"),
        ("id\ttext\n1\tInk.\n2\tGlue.\n1\tTar.\n", "line 4: id '1' is already used on line 2"),
        ("id\ttext\n1\t \n", 'line 2: "text" is empty'),
        ("id\ttext\n", "holds no documents"),
        ("", "holds no documents"),
    ],
)
def test_a_bad_tsv_line_is_named(tmp_path: Path, content: str, message: str) -> None:
    assert message in refusal(written(tmp_path / "c.tsv", content))


def test_bytes_that_are_not_utf8_are_refused_with_their_line(tmp_path: Path) -> None:
    latin = '{"id": "b", "text": "thé"}\n'.encode("latin-1")
    assert "line 2: not UTF-8" in refusal(written(tmp_path / "c.jsonl", GOOD.encode() + latin))
    assert "line 3: not UTF-8" in refusal(written(tmp_path / "c.tsv", b"id\ttext\n1\ta\n2\t\xff\n"))
    written(tmp_path / "folder" / "a.txt", b"one\ntwo \xff")
    assert "a.txt, line 2: not UTF-8" in refusal(tmp_path / "folder")


def test_a_corpus_that_is_missing_empty_or_unknown_is_refused(tmp_path: Path) -> None:
    assert "no such corpus" in refusal(tmp_path / "absent.jsonl")
    assert "holds no documents" in refusal(written(tmp_path / "c.jsonl", "\n \n"))
    assert "not a form of corpus" in refusal(written(tmp_path / "c.json", "[]"))
    (tmp_path / "folder").mkdir()
    assert "holds no documents" in refusal(tmp_path / "folder")
    written(tmp_path / "folder" / "blank.md", " \n")
    assert "blank.md: the document is empty" in refusal(tmp_path / "folder")


def test_a_message_survives_odd_values(tmp_path: Path) -> None:
    line = json.dumps({"id": "two\nlines", "text": "Ink."})
    assert "already used on line 1" in refusal(written(tmp_path / "c.jsonl", f"{line}\n{line}"))


# ---- cutting ------------------------------------------------------------------------------------


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
    # Cut behind "e.g." the lengths would be more even, 3 and 6.
    text = "Bring tools e.g.  a saw and glue. Go now."
    assert cut(text, 8) == ["Bring tools e.g.  a saw and glue.", "Go now."]


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
