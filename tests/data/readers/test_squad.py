"""The SQuAD reader and the split by article."""

import json
from pathlib import Path
from typing import Any

import pytest

from regrad_jax.data.readers.squad import Article, read_squad, split_articles
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


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="absent.json: cannot be read"):
        read_squad(tmp_path / "absent.json")


def test_split_is_by_order() -> None:
    articles = [Article(str(index), [], []) for index in range(7)]
    split = split_articles(articles, train=4, validation=2)
    titles = {name: [article.title for article in part] for name, part in split.items()}
    assert titles == {"train": ["0", "1", "2", "3"], "validation": ["4", "5"], "test": ["6"]}


@pytest.mark.parametrize(("train", "validation"), [(5, 2), (36, 4), (-1, 2)])
def test_a_split_that_leaves_no_test_is_refused(train: int, validation: int) -> None:
    articles = [Article(str(index), [], []) for index in range(7)]
    with pytest.raises(UserError, match="7 articles cannot be split"):
        split_articles(articles, train, validation)


@pytest.mark.skipif(not REAL_FILE.exists(), reason=f"needs {REAL_FILE}, which is not here")
def test_the_real_file_has_the_published_counts() -> None:
    articles = read_squad(REAL_FILE)
    documents = [document for article in articles for document in article.documents]
    questions = [question for article in articles for question in article.questions]
    assert (len(articles), len(documents), len(questions)) == (48, 1581, 7938)
    assert len({document.id for document in documents}) == 1581
    assert {question.document_id for question in questions} <= {each.id for each in documents}
    split = split_articles(articles)
    assert [len(split[name]) for name in ("train", "validation", "test")] == [36, 4, 8]
    assert sum(len(article.documents) for article in split["test"]) == 197
    assert sum(len(article.questions) for article in split["test"]) == 914
