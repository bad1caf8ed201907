"""Methods times question sets: prepared, asked, scored."""

import dataclasses

import pytest

from regrad_jax.errors import UserError
from regrad_jax.evaluation.harness import QuestionSet, evaluate, measure
from regrad_jax.methods.base import Setup
from regrad_jax.methods.lookup import Lookup
from regrad_jax.methods.options import Options
from regrad_jax.methods.table import make_method
from tests.tiny_regrad import SILENT

ASKED = ["Direct", "RAG k=1", "ReGrad k=1", "ReGrad k=3", "ReGrad, random documents"]


@pytest.fixture(scope="module")
def questions(people):
    last = people.questions[-1]
    return [
        *people.questions[:-1],
        dataclasses.replace(last, answers=("A",), choices=(last.answers[0], "another")),
    ]


@pytest.fixture(scope="module")
def setup(regrad, tmp_path_factory) -> Setup:
    return Setup(regrad.runtime, folder=tmp_path_factory.mktemp("evaluation") / "bank", progress=SILENT)


@pytest.fixture(scope="module")
def results(setup, people, questions):
    sets = {"people": QuestionSet(questions), "few": QuestionSet(questions[:2])}
    return evaluate(setup, people.documents, sets, ASKED)


def test_every_setting_answers_every_question_set(results, questions):
    assert [(r.dataset, r.setting) for r in results] == [
        (label, name) for label in ("people", "few") for name in ASKED
    ]
    for result in results:
        wanted = questions if result.dataset == "people" else questions[:2]
        assert [a.question for a in result.answers] == [q.question for q in wanted]
        assert result.score.n == len(wanted)


def test_recall_and_times_are_of_what_was_done(results):
    by_name = {r.setting: r for r in results if r.dataset == "people"}
    assert by_name["Direct"].recall is None
    for name, result in by_name.items():
        assert (result.timings_ms["retrieve"] > 0) == (name != "Direct")
        assert result.ms_per_question > sum(result.timings_ms.values()) * 0.9
    assert by_name["ReGrad k=3"].recall >= by_name["ReGrad k=1"].recall > 0.8
    assert by_name["ReGrad, random documents"].recall == 0


def test_facts_hold_all_but_the_answers(results):
    facts = results[0].facts()
    assert facts["setting"] == "Direct" and facts["n"] == len(results[0].answers)
    assert {"exact_match", "f1", "exact_match_interval", "recall", "timings_ms"} <= set(facts)
    assert "answers" not in facts


def test_an_unknown_setting_is_refused_before_anything_is_built(regrad, people, tmp_path):
    setup = Setup(regrad.runtime, folder=tmp_path / "bank", progress=SILENT)
    with pytest.raises(UserError, match="setting 'x' is unknown; choose from Direct, RAG k=1"):
        evaluate(setup, people.documents, {"people": QuestionSet(people.questions)}, ["x"])
    assert not (tmp_path / "bank").exists()


def test_questions_that_cannot_be_asked_count_as_wrong_and_are_told(regrad, people_bank, people, caplog):
    questions = [people.questions[0], dataclasses.replace(people.questions[1], question="why " * 3000)]
    setup = Setup(regrad.runtime, Options(top_k=1), Lookup(regrad.runtime, people_bank), progress=SILENT)
    result = measure(make_method(setup), "people", "ReGrad k=1", QuestionSet(questions))
    assert result.unanswered == result.facts()["unanswered"] == 1 and result.score.n == 2
    assert "1 questions have no answer and count as wrong (the prompt has" in caplog.text
