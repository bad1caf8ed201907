"""Passages with questions in one JSONL file."""

import copy
import gzip
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from regrad_jax.data.documents import Document, Question
from regrad_jax.data.readers.passages import PassagesSettings, read
from regrad_jax.errors import UserError

REAL_FILES = sorted((Path(__file__).parents[4] / "shared" / "data" / "passages").glob("*.jsonl.gz"))
TIDES: dict[str, Any] = {
    "id": "tides/3",
    "title": "Tide tables",
    "text": "High water at Orsk is at nine.",
    "source": "harbour notes",
    "split": "train",
    "questions": [
        {"id": 1, "question": " When? ", "answers": ["at nine ", "nine", "at nine"], "extractive": True},
        {"id": "q2", "question": "Where?", "answers": ["Orsk"], "extractive": False, "note": "ignored"},
    ],
}
LAMP = {"id": 7, "text": "The lamp is red.", "split": "test", "questions": [], "title": None}


def written(folder: Path, *records: Any) -> PassagesSettings:
    path = folder / "file.jsonl"
    lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
    path.write_text("\n".join(lines))
    return PassagesSettings(str(path))


def test_passages_of_a_split_and_their_questions(tmp_path: Path) -> None:
    settings = written(tmp_path, LAMP, "", TIDES)
    documents, questions = read("train", settings)
    assert documents == [
        Document("tides/3", "High water at Orsk is at nine.", title="Tide tables", source="harbour notes")
    ]
    assert questions == [
        Question("1", "When?", ("at nine", "nine"), "tides/3"),
        Question("q2", "Where?", ("Orsk",), "tides/3"),
    ]
    assert read("test", settings) == ([Document("7", "The lamp is red.")], [])
    with pytest.raises(UserError, match="no passage is of split 'validation'; the file holds train and test"):
        read("validation", settings)


def test_a_gzipped_file_is_the_same(tmp_path: Path) -> None:
    plain = written(tmp_path, LAMP, TIDES)
    zipped = tmp_path / "file.jsonl.gz"
    zipped.write_bytes(gzip.compress(Path(plain.path).read_bytes()))
    assert read("train", PassagesSettings(str(zipped))) == read("train", plain)


def test_an_id_that_repeats_gets_a_suffix_and_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = TIDES | {"text": "Low water at Orsk is at three."}
    with caplog.at_level(logging.WARNING):
        documents, questions = read("train", written(tmp_path, TIDES, other, TIDES | {"id": "tides/3~2"}))
    assert [d.id for d in documents] == ["tides/3", "tides/3~2", "tides/3~2~2"]
    assert [q.id for q in questions] == ["1", "q2", "1~2", "q2~2", "1~3", "q2~3"]
    assert [q.document_id for q in questions[::2]] == [d.id for d in documents]
    assert [record.message.split(": ")[1] for record in caplog.records] == [
        "2 passages repeat an id and got a new one",
        "4 questions repeat an id and got a new one",
    ]
    caplog.clear()
    read("train", written(tmp_path, TIDES))
    assert not caplog.records


def changed(*path_and_value: Any) -> dict[str, Any]:
    """The passage with one value set, or taken out where the value is `...`."""
    record = copy.deepcopy(TIDES)
    *path, key, value = path_and_value
    place: Any = record
    for step in path:
        place = place[step]
    place[key] = value
    if value is ...:
        del place[key]
    return record


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("{", "line 2: broken JSON"),
        ([], "line 2: expected a JSON object {...}, found a list"),
        ('{"id": "a", "id": "b"}', 'line 2: an object has the key "id" twice'),
        (changed("id", ...), 'line 2: no "id"'),
        (changed("id", 1.5), 'line 2: "id" must be a string, found a number'),
        (changed("text", ...), 'line 2: no "text"'),
        (changed("text", " "), 'line 2: "text" is empty'),
        (changed("title", 3), 'line 2: "title" must be a string'),
        (changed("source", []), 'line 2: "source" must be a string, found a list'),
        (changed("split", ...), 'line 2: no "split"'),
        (changed("split", "dev"), "line 2: \"split\" is 'dev'; it must be one of train, validation, test"),
        (changed("questions", ...), 'line 2: "questions" must be a list, found nothing'),
        (changed("questions", {}), 'line 2: "questions" must be a list, found an object'),
        (changed("questions", 1, "q"), "line 2, questions[1]: expected a JSON object {...}, found a string"),
        (changed("questions", 1, "id", ...), 'line 2, questions[1]: no "id"'),
        (changed("questions", 1, "question", ""), 'line 2, questions[1]: "question" is empty'),
        (changed("questions", 1, "answers", ...), 'line 2, questions[1]: no "answers"'),
        (changed("questions", 1, "answers", []), 'line 2, questions[1]: "answers" must be a list of strings'),
        (changed("questions", 1, "answers", "x"), '"answers" must be a list of strings, found a string'),
        (changed("questions", 1, "answers", ["x", 2]), '"answers[1]" must be a string, found a number'),
        (changed("questions", 1, "extractive", ...), '"extractive" must be true or false, found nothing'),
        (changed("questions", 1, "extractive", 1), '"extractive" must be true or false, found a number'),
    ],
)
def test_a_bad_line_is_named_whatever_its_split(tmp_path: Path, record: Any, said: str) -> None:
    settings = written(tmp_path, LAMP, record)
    with pytest.raises(UserError) as raised:
        read("test", settings)
    assert str(raised.value).startswith(f"{settings.path}, {said}" if said.startswith("line") else "")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no passage is of split 'test'; the file holds no passages"):
        read("test", written(tmp_path))


@pytest.mark.skipif(not REAL_FILES, reason="needs ../shared/data/passages, which is not here")
def test_the_real_files_are_read_whole() -> None:
    counts = {}
    for path in REAL_FILES:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            splits = {json.loads(line)["split"] for line in lines}
        for split in splits:
            documents, questions = read(split, PassagesSettings(str(path)))
            counts[path.name.split(".")[0], split] = len(documents), len(questions)
            assert len({d.id for d in documents}) == len(documents)
            assert {q.document_id for q in questions} == {d.id for d in documents}
    trained = [counts[name, split] for name, split in counts if split == "train"]
    assert [sum(numbers) for numbers in zip(*trained, strict=True)] == [15_255, 40_921]
    assert counts["openstax_qa", "test"] == (5_550, 8_678)
    assert counts["nqswap_counterfactual", "test"] == (2_552, 2_554)
