"""Results for people and for programs."""

import json

import pytest

from regrad_jax.data.documents import Question
from regrad_jax.evaluation import report
from regrad_jax.evaluation.harness import Result
from regrad_jax.evaluation.metrics import score
from regrad_jax.methods.base import Answer
from regrad_jax.methods.lookup import Cited


@pytest.fixture
def questions() -> list[Question]:
    return [
        Question("1", "Who keeps it?", ("Toril",), "d1"),
        Question("2", "Which colour?", ("A",), "d2", choices=("red", "blue")),
    ]


@pytest.fixture
def results(questions) -> list[Result]:
    cited = [Cited("d1#0", 0.5, 1.0, "d1", "Toril keeps it.", 3)]

    def result(setting, answers, documents, recall):
        answers = [
            Answer(q.question, a, "regrad", documents, {"retrieve": 1.0})
            for q, a in zip(questions, answers, strict=True)
        ]
        scored = score([a.answer for a in answers], [q.answers for q in questions])
        return Result("people", setting, scored, 0, recall, 12.0, {"retrieve": 1.0}, answers)

    return [result("Direct", ["Ann", "B"], [], None), result("ReGrad k=1", ["Toril", "A"], cited, 0.5)]


def test_the_table_has_a_line_a_setting(results):
    head, rule, direct, regrad = report.table(results).splitlines()
    assert head.split()[:2] == ["questions", "method"] and set(rule) == {"-", " "}
    assert "people (2)" in direct and "  0.0 [0.0, 0.0]" in direct
    assert "100.0 [100.0, 100.0]" in regrad and "50.0%" in regrad and regrad.endswith("12")


def test_samples_spell_choices_and_name_documents(results, questions):
    text = report.samples(results, {"people": questions}, 2)
    assert "Who keeps it?  [Toril]" in text and "<- d1#0" in text
    assert "Which colour?  [A. red]" in text and "B. blue" in text
    assert report.samples(results, {"others": questions}, 2) == ""


def test_everything_is_written(results, questions, tmp_path):
    report.write(tmp_path / "r", "People", results, {"people": questions}, {"note": "a < b"})
    facts = json.loads((tmp_path / "r" / "results.json").read_text())
    assert [r["setting"] for r in facts["results"]] == ["Direct", "ReGrad k=1"]
    assert facts["results"][1]["exact_match"] == 100.0 and facts["note"] == "a < b"
    lines = [json.loads(line) for line in (tmp_path / "r" / "answers.jsonl").read_text().splitlines()]
    assert len(lines) == 4
    assert lines[-1]["choices"] == ["red", "blue"] and lines[-1]["documents"] == ["d1#0"]
    page = (tmp_path / "r" / "report.html").read_text()
    assert "data:image/png" in page and "a &lt; b" in page
    assert (tmp_path / "r" / "results.png").read_bytes().startswith(b"\x89PNG")
