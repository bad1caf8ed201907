"""Reading corpora."""

import errno
import io
import json
import os
from pathlib import Path

import pytest

from regrad_jax.data.corpus import read_corpus
from regrad_jax.data.documents import Document
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


def test_a_quoted_field_may_hold_a_carriage_return(tmp_path: Path) -> None:
    (document,) = read_corpus(written(tmp_path / "c.tsv", 'id\ttext\n1\t"Ink\rdries."\n'))
    assert document.text == "Ink\rdries."


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
        ('{"id": "b", "text": "Glue.", "text": "Tar."}', 'line 2: an object has the key "text" twice'),
        ('{"id": "b", "text": "Glue.", "i\\u0064": "c"}', 'line 2: an object has the key "id" twice'),
        ('{"id": "b", "text": "Glue.", "more": [{"a": 1, "a": 1}]}', 'has the key "a" twice'),
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
        ("id\ttext\ttext\n1\tInk.\tTar.\n", 'line 1: the header names "text" twice'),
        ("id\tText\ttext \n1\tInk.\tTar.\n", 'line 1: the header names "text" twice'),
        ("id\ttitle\ttext\ttitle\n1\ta\tInk.\tb\n", 'line 1: the header names "title" twice'),
        ("id\ttext\n1\tInk.\n2\tInk\rdries.\n", "line 3: a carriage return without a line feed"),
        ("id\ttext\r1\tInk.\r2\tTar.\r", "line 1: a carriage return without a line feed"),
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


# ---- folders ------------------------------------------------------------------------------------


def ids(folder: Path) -> list[str]:
    return [document.id for document in read_corpus(folder)]


def test_linked_folders_are_read_once_under_the_path_without_links(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    written(folder / "b" / "own.txt", "Own.")
    written(tmp_path / "shared" / "deep" / "far.md", "Far.")
    written(tmp_path / "shared" / "near.txt", "Near.")
    (folder / "a").symlink_to(folder / "b")  # is in the corpus already
    (folder / "again").symlink_to(tmp_path / "shared")
    (folder / "once").symlink_to(tmp_path / "shared")
    (folder / ".hidden").symlink_to(tmp_path / "shared" / "deep")
    assert ids(folder) == ["again/deep/far.md", "again/near.txt", "b/own.txt"]


def test_cycles_of_links_end(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    written(folder / "a" / "one.txt", "One.")
    (folder / "a" / "up").symlink_to(folder)
    (folder / "itself").symlink_to(folder / "a")
    written(tmp_path / "other" / "two.txt", "Two.")
    (tmp_path / "other" / "back").symlink_to(folder)
    (folder / "other").symlink_to(tmp_path / "other")
    assert ids(folder) == ["a/one.txt", "other/two.txt"]


def test_links_to_files_are_documents_of_their_own(tmp_path: Path) -> None:
    file = written(tmp_path / "elsewhere.txt", "Ink.")
    written(tmp_path / "c" / "one.txt", "One.")
    (tmp_path / "c" / "two.txt").symlink_to(file)
    assert ids(tmp_path / "c") == ["one.txt", "two.txt"]


@pytest.mark.parametrize("name", ["gone.txt", "gone.MD", "gone"])
def test_a_link_that_leads_nowhere_is_named(tmp_path: Path, name: str) -> None:
    written(tmp_path / "c" / "one.txt", "One.")
    (tmp_path / "c" / name).symlink_to(tmp_path / "nowhere")
    assert f"{name}: neither a file nor a folder" in refusal(tmp_path / "c")
    (tmp_path / "c" / name).rename(tmp_path / "c" / "gone.png")  # no document in any case
    assert ids(tmp_path / "c") == ["one.txt"]


def denied(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes the permissions away, also from a test that root runs."""
    path.chmod(0)
    listdir, opened = os.listdir, io.open
    permitted = lambda wanted: Path(str(wanted)) != path
    error = PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    def checked_listdir(wanted=".", *more):
        if permitted(wanted):
            return listdir(wanted, *more)
        raise error

    def checked_open(wanted, *more, **named):
        if permitted(wanted):
            return opened(wanted, *more, **named)
        raise error

    monkeypatch.setattr(os, "listdir", checked_listdir)
    monkeypatch.setattr(io, "open", checked_open)


@pytest.mark.parametrize("unreadable", ["closed", "open/closed", "open/closed.txt", "."])
def test_what_cannot_be_read_is_named(
    tmp_path: Path, unreadable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "c"
    written(folder / "one.txt", "One.")
    path = folder / unreadable
    if path.suffix:
        written(path, "Closed.")
    else:
        written(path / "two.txt", "Two.")
    denied(path, monkeypatch)
    try:
        message = refusal(folder)
    finally:
        path.chmod(0o700)
    assert f"{path}: cannot be read (Permission denied)" in message


@pytest.mark.parametrize("name", [b"caf\xe9.txt", b"caf\xe9/one.txt", b"caf\xe9.jsonl", b"caf\xe9.tsv"])
def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    written(path, GOOD)
    with pytest.raises(UserError, match=r"caf\\udce9.*: the name is not UTF-8; rename") as raised:
        read_corpus(tmp_path if name.endswith(b".txt") else path)
    str(raised.value).encode()  # can be printed


def test_the_folder_above_a_corpus_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9") / "c"
    written(folder / "one.txt", "One.")
    assert ids(folder) == ["one.txt"]
