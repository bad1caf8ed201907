"""The SQuAD reader and its split by article."""

import json
import math
import time
from pathlib import Path
from typing import Any

import pytest

from regrad_jax.data.readers.squad import SquadSettings, conflicts, read, read_squad
from regrad_jax.errors import UserError

REAL_FILE = Path(__file__).parents[4] / "shared" / "data" / "squadshifts_new_wiki.json"


def question(identity: str, *answers: str, **extra: Any) -> dict[str, Any]:
    return {
        "id": identity,
        "question": f" What is {identity}? ",
        "answers": [{"text": answer, "answer_start": 0} for answer in answers],
        **extra,
    }


def paragraph(context: str, *questions: dict[str, Any]) -> dict[str, Any]:
    return {"context": context, "qas": list(questions)}


def two_articles() -> dict[str, Any]:
    return {
        "version": "1.1",
        "data": [
            {
                "title": "Caf%C3%A9s_Brel%E2%80%93Oost",
                "paragraphs": [
                    paragraph("Brel pours tea.", question("q1", "tea", "Tea", "tea ", "tea")),
                    paragraph("It shuts at nine.", question("q2", "nine"), question("q3", "at 9")),
                ],
            },
            {"title": "Zand", "paragraphs": [paragraph("Sand is dry.", question("q4", "dry"))]},
        ],
    }


def written(folder: Path, content: object) -> Path:
    path = folder / "tiny.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_articles_documents_and_questions(tmp_path: Path) -> None:
    first, second = read_squad(written(tmp_path, two_articles()))
    assert (first.title, second.title) == ("Cafés Brel–Oost", "Zand")
    assert [document.id for document in first.documents] == [
        "cafes-brel-oost-000-000",
        "cafes-brel-oost-000-001",
    ]
    assert second.documents[0].id == "zand-001-000"
    assert second.documents[0].text == "Sand is dry."
    assert second.documents[0].title == "Zand"
    assert second.documents[0].source == "tiny.json"
    assert [each.id for each in first.questions] == ["q1", "q2", "q3"]
    assert first.questions[0].question == "What is q1?"
    assert first.questions[0].answers == ("tea", "Tea")  # distinct, in order
    assert [each.document_id for each in first.questions] == [
        "cafes-brel-oost-000-000",
        "cafes-brel-oost-000-001",
        "cafes-brel-oost-000-001",
    ]


def test_a_title_without_latin_letters_still_gives_an_id(tmp_path: Path) -> None:
    content = two_articles()
    content["data"][1]["title"] = "数学"
    assert read_squad(written(tmp_path, content))[1].documents[0].id == "001-000"


@pytest.mark.parametrize("title", ["a" + "\u0315\u0300" * 200_000, "%41" * 200_000, "_%" * 200_000 + "a"])
def test_time_is_linear_in_the_length_of_a_title(tmp_path: Path, title: str) -> None:
    content = two_articles()
    content["data"][1]["title"] = title
    started = time.process_time()
    _, article = read_squad(written(tmp_path, content))
    assert time.process_time() - started < 20  # seconds at most; one that is quadratic needs minutes
    assert article.documents[0].id.strip("a") == "-001-000"


def test_impossible_questions_are_left_out(tmp_path: Path) -> None:
    content = two_articles()
    content["data"][1]["paragraphs"][0]["qas"] += [
        question("q5", is_impossible=True),
        question("q6", "sand", is_impossible=False),
    ]
    assert [each.id for each in read_squad(written(tmp_path, content))[1].questions] == ["q4", "q6"]


def put(content: dict[str, Any], path: list[str | int], value: object) -> dict[str, Any]:
    """Set content[path[0]][path[1]]... to `value`; None deletes."""
    target: Any = content
    for step in path[:-1]:
        target = target[step]
    if value is None:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    return content


QAS: list[str | int] = ["data", 0, "paragraphs", 1, "qas", 1]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["data"], None, '"data" must be a list, found nothing'),
        (["data"], {}, '"data" must be a list, found an object'),
        (["data"], [], "no articles"),
        (["data", 1], 7, r"data\[1\]: expected a JSON object {...}, found a number"),
        (["data", 1, "title"], None, r'data\[1\]: no "title"'),
        (["data", 0, "paragraphs"], None, r'data\[0\]: "paragraphs" must be a list'),
        (["data", 0, "paragraphs", 1, "context"], "  ", r'paragraphs\[1\]: "context" is empty'),
        ([*QAS, "id"], None, r'data\[0\].paragraphs\[1\].qas\[1\]: no "id"'),
        ([*QAS, "id"], "q1", r"'q1' was used before, at .*data\[0\].paragraphs\[0\].qas\[0\]"),
        ([*QAS, "question"], 3, r'qas\[1\]: "question" must be a string, found a number'),
        ([*QAS, "answers"], [], r'qas\[1\]: "answers" is empty'),
        ([*QAS, "answers"], ["at 9"], r"answers\[0\]: expected a JSON object {...}, found a str"),
        ([*QAS, "answers", 0, "text"], " ", r'answers\[0\]: "text" is empty'),
    ],
)
def test_a_bad_file_names_the_place(
    tmp_path: Path, path: list[str | int], value: object, message: str
) -> None:
    file = written(tmp_path, put(two_articles(), path, value))
    with pytest.raises(UserError, match=message) as raised:
        read_squad(file)
    assert str(file) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_broken_json_names_the_line(tmp_path: Path) -> None:
    file = written(tmp_path, '{"data": [\n\n{"title": }]}')
    with pytest.raises(UserError, match=r"tiny.json: broken JSON at line 3"):
        read_squad(file)


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    whole = json.dumps(two_articles())
    file = written(tmp_path, whole.replace('"context"', '"context": "An older text.", "context"', 1))
    with pytest.raises(UserError, match='tiny.json: an object has the key "context" twice'):
        read_squad(file)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="absent.json: cannot be read"):
        read_squad(tmp_path / "absent.json")


def articles(count: int) -> dict[str, Any]:
    return {
        "data": [
            {"title": f"T{n}", "paragraphs": [paragraph(f"Text {n}.", question(f"q{n}", f"{n}"))]}
            for n in range(count)
        ]
    }


def titles(path: Path, split: str, **sizes: float) -> list[str]:
    documents, questions = read(split, SquadSettings(str(path), **sizes))
    assert [f"T{q.answers[0]}" for q in questions] == [d.title for d in documents]
    return [document.title for document in documents]


def test_articles_are_split_in_their_order(tmp_path: Path) -> None:
    path = written(tmp_path, articles(42))
    for split, numbers in (("train", range(36)), ("validation", range(36, 40)), ("test", range(40, 42))):
        assert titles(path, split) == [f"T{n}" for n in numbers]
    assert titles(path, "validation", train_articles=1, validation_articles=2) == ["T1", "T2"]


def test_a_small_file_is_split_by_shares(tmp_path: Path) -> None:
    path = written(tmp_path, articles(10))
    with pytest.raises(
        UserError, match="10 articles cannot be split into 36 to train, .* such as 0.8 and 0.1"
    ):
        titles(path, "train")
    sizes = {"train_articles": 0.8, "validation_articles": 0.1}
    assert [len(titles(path, split, **sizes)) for split in ("train", "validation", "test")] == [8, 1, 1]


@pytest.mark.parametrize("size", [-1, 1.5, math.nan, math.inf, True, "8"])
def test_a_size_is_a_number_or_a_share(size: Any) -> None:
    with pytest.raises(UserError, match="^train_articles: .* must be how many"):
        SquadSettings("file.json", train_articles=size)


def test_another_split_of_the_file_of_the_training_is_a_conflict() -> None:
    trained = SquadSettings("elsewhere/file.json", 3, 1)
    assert conflicts(trained, SquadSettings("here/file.json", 3.0, 1.0)) is None
    assert conflicts(trained, SquadSettings("here/other.json", 2, 1)) is None
    said = conflicts(trained, SquadSettings("here/file.json", 2, 1))
    assert said is not None and said.startswith("train_articles: 2, but the checkpoint was trained with 3")
    said = conflicts(trained, SquadSettings("here/file.json", 3, 0.1))
    assert said is not None and said.startswith(
        "validation_articles: 0.1, but the checkpoint was trained with 1"
    )


@pytest.mark.skipif(not REAL_FILE.exists(), reason=f"needs {REAL_FILE}, which is not here")
def test_the_real_file_has_the_published_counts() -> None:
    whole = read_squad(REAL_FILE)
    documents = [document for article in whole for document in article.documents]
    questions = [question for article in whole for question in article.questions]
    assert (len(whole), len(documents), len(questions)) == (48, 1581, 7938)
    assert len({document.id for document in documents}) == 1581
    assert {question.document_id for question in questions} <= {each.id for each in documents}
    settings = SquadSettings(str(REAL_FILE))
    parts = {split: read(split, settings) for split in ("train", "validation", "test")}
    assert [len({d.title for d in documents}) for documents, _ in parts.values()] == [36, 4, 8]
    assert [len(part) for part in parts["test"]] == [197, 914]
