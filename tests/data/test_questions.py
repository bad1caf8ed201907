"""The reader of question files."""

from pathlib import Path

import pytest

from regrad_jax.data.documents import Question
from regrad_jax.data.questions import read_questions
from regrad_jax.errors import UserError


def written(folder: Path, *lines: str) -> Path:
    path = folder / "questions.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_every_form_of_a_line(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '{"question": " Who keeps the locks? "}',
        "",
        '{"question": "When?", "answer": "in May ", "id": "late", "note": "ignored"}',
        '{"question": "Where?", "answers": ["Oost", "the Oost", "Oost"], "id": 12}',
        '{"question": "Why?", "answer": null, "id": null, "document_id": "d7"}',
        '{"question": "Which?", "choices": ["Oost", " Wal "], "answer": "Wal", "id": "x"}',
        '{"question": "Which?", "choices": ["Oost", "Wal"], "answers": ["A"], "id": "y"}',
        '{"question": "Is it?", "choices": ["Yes", "No"], "answer": "No", "id": "z"}',
        '{"question": "Is it?", "choices": ["no", "yes"], "id": "open"}',
    )
    questions = read_questions(path)
    ids = [question.id for question in questions]
    assert ids == ["1", "late", "12", "5", "x", "y", "z", "open"]  # lines count from 1
    assert questions[0].question == "Who keeps the locks?"
    assert [question.answers for question in questions] == [
        (),
        ("in May",),
        ("Oost", "the Oost"),
        (),
        ("B",),  # what the model is to say
        ("A",),
        ("no",),
        (),
    ]
    assert [question.document_id for question in questions[:4]] == [None, None, None, "d7"]
    assert [question.choices for question in questions[3:6]] == [(), ("Oost", "Wal"), ("Oost", "Wal")]
    assert [question.is_verdict for question in questions[4:]] == [False, False, True, True]
    assert [question.labels for question in (questions[0], questions[4], questions[6])] == [
        {},
        {"A": "Oost", "B": "Wal"},
        {"yes": "Yes", "no": "No"},
    ]
    spelled = [q.spelled(a) for q, a in ((questions[0], "A"), (questions[4], "B"), (questions[6], "no"))]
    assert spelled == ["A", "B. Wal", "no"]


@pytest.mark.parametrize(
    ("answers", "labels"),
    [('["A"]', ("B",)), ('["AB", "c"]', ("D", "C")), ('["d", "ab"]', ("D",)), ('["o"]', ("A",))],
)
def test_an_answers_words_come_before_letters(tmp_path: Path, answers: str, labels: tuple[str, ...]) -> None:
    line = '{"question": "Which group?", "choices": ["O", "A", "B", "AB"], "answers": ' + answers + "}"
    [question] = read_questions(written(tmp_path, line))
    assert question.answers == labels


@pytest.mark.parametrize(
    ("choices", "answers", "message"),
    [
        (("x",), (), "2 to 26 different"),
        (tuple(map(str, range(27))), (), "2 to 26 different"),
        (("x", "X"), (), "2 to 26 different"),
        (("x", ""), (), "2 to 26 different"),
        (("x", "y\nz"), (), "one line each"),
        (("x", " y"), (), "one line each"),
        (("x", "y"), ("y",), "answer 'y' must be one of A, B"),
        (("yes", "no"), ("A",), "answer 'A' must be one of yes, no"),
    ],
)
def test_choices_that_make_no_sense_are_refused(choices, answers, message) -> None:
    with pytest.raises(UserError, match=message):
        Question("q", "?", answers, choices=choices)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"question": "Who?"', "line 2: broken JSON at column"),
        ('"Who?"', "line 2: expected a JSON object {...}, found a string"),
        ("{}", 'line 2: no "question"'),
        ('{"question": "  "}', 'line 2: "question" is empty'),
        ('{"question": ["Who?"]}', 'line 2: "question" must be a string, found a list'),
        ('{"question": "Who?", "id": 1.5}', 'line 2: "id" must be a string, found a number'),
        ('{"question": "Who?", "id": true}', 'line 2: "id" must be a string, found a boolean'),
        ('{"question": "Who?", "id": "1"}', "line 2: id '1' is already used on line 1"),
        ('{"question": "Who?", "answer": 3}', 'line 2: "answer" must be a string, found a number'),
        ('{"question": "Who?", "answer": ""}', 'line 2: "answer" is empty'),
        ('{"question": "Who?", "answers": "Jo"}', 'line 2: "answers" must be a list of strings'),
        ('{"question": "Who?", "answers": []}', "found an empty list"),
        ('{"question": "Who?", "answers": ["Jo", 4]}', 'line 2: "answers[1]" must be a string'),
        ('{"question": "Who?", "answer": "Jo", "answers": ["Jo"]}', "keep one"),
        ('{"question": "Who?", "choices": "Jo"}', 'line 2: "choices" must be a list of strings'),
        ('{"question": "Who?", "choices": ["Jo"]}', "line 2: choices must be 2 to 26 different texts"),
        ('{"question": "Who?", "choices": ["Jo", "jo "]}', "must be 2 to 26 different texts"),
        (
            '{"question": "?", "choices": ["Jo", "Al"], "answer": "C"}',
            "'C' is none of the choices; give the words of one, or A or B",
        ),
        (
            '{"question": "Is it?", "choices": ["yes", "no"], "answer": "A"}',
            "'A' is none of the choices; give the words of one, or yes or no",
        ),
        ('{"question": "Who?", "document_id": 9}', 'line 2: "document_id" must be a string'),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = written(tmp_path, '{"question": "What?"}', line)
    with pytest.raises(UserError) as raised:
        read_questions(path)
    assert message in str(raised.value)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no questions"):
        read_questions(written(tmp_path, "", "  "))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="absent.jsonl: cannot be read"):
        read_questions(tmp_path / "absent.jsonl")
