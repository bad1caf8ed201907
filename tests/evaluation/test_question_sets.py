"""What an evaluation measures on, from its config to documents and question sets."""

import json
import pathlib
import runpy

import pytest

from regrad_jax.data.almanac.generate import generate
from regrad_jax.data.readers.fieldnotes import load_fieldnotes
from regrad_jax.errors import UserError
from regrad_jax.evaluation.harness import QuestionSet
from regrad_jax.evaluation.question_sets import Part, parse_parts, read_parts, refuse_seen, spread
from regrad_jax.evaluation.settings import SETTINGS

INVENTED = {
    "parts": {
        "almanac": {"kind": "almanac", "entities": 9, "sample": 5},
        "fieldnotes": {"kind": "fieldnotes"},
    }
}


def test_several_data_sets_share_one_bank():
    parts = parse_parts(INVENTED, "here")
    almanac, (notes, asked) = generate(9, seed=7, split="test"), load_fieldnotes()
    documents, question_sets = read_parts(parts)
    assert documents == almanac.documents + notes
    assert question_sets == {
        "almanac": QuestionSet(spread(almanac.questions, 5), "short_answer"),
        "fieldnotes": QuestionSet(asked, "short_answer"),
    }


def test_one_data_set_is_labelled_by_its_kind_and_the_split_that_is_named():
    squad = {"kind": "squad", "path": "file.json", "train_articles": 0.5}
    part = Part("squad", {"path": "file.json", "train_articles": 0.5}, where="here")
    assert parse_parts(squad, "here") == {"squad": part}
    named = squad | {"split": "validation", "sample": 3}
    assert parse_parts(named, "here") == {"squad validation": part._replace(split="validation", sample=3)}


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ({}, "here: kind 'None' is unknown; choose one of almanac, "),
        ({"kind": "invented"}, "here: kind 'invented' is unknown; choose one of almanac, "),
        ({"kind": "almanac", "entities": 9, "size": 2}, "here: unknown key 'size'; known keys: entities, "),
        (
            {"kind": "almanac", "entities": 9, "sample": -1},
            "here.sample: -1 must be a whole number of at least 0",
        ),
        (INVENTED | {"kind": "almanac"}, "here: key 'kind' cannot stand beside 'parts'; move it into a part"),
        ({"parts": {}}, "here.parts: give at least one data set"),
        ({"parts": {"a": "almanac"}}, "here.parts.a: 'almanac' is no group of keys; give at least a kind"),
        ({"parts": {"a": {"kind": "almanac"}}}, "here.parts.a: key 'entities' is missing"),
    ],
)
def test_a_plan_that_names_nothing_is_refused(plan, said):
    with pytest.raises(UserError) as raised:
        parse_parts(plan, "here")
    assert str(raised.value).startswith(said)


def test_what_a_checkpoint_was_trained_on_under_another_split_is_refused(tmp_path):
    trained = [
        {"kind": "almanac", "entities": 9},
        {"kind": "squad", "path": "there/file.json", "train_articles": 3, "validation_articles": 1},
    ]
    plan = {"kind": "squad", "path": "here/file.json", "train_articles": 2, "validation_articles": 1}
    with pytest.raises(UserError, match="^here.train_articles: 2, but the checkpoint was trained with 3"):
        refuse_seen(parse_parts(plan, "here"), trained)
    for allowed in (plan | {"train_articles": 3}, plan | {"path": "other.json"}):
        refuse_seen(parse_parts(allowed, "here"), trained)
    refuse_seen(parse_parts(plan, "here"), trained[:1])
    refuse_seen(parse_parts(INVENTED, "here"), trained)
    own = {"kind": "own", "corpus": "c.jsonl", "questions": "q.jsonl"}
    with pytest.raises(
        UserError, match="^here.parts.mine.train_documents: 0, but the checkpoint was trained with"
    ):
        refuse_seen(parse_parts({"parts": {"mine": own}}, "here"), [own | {"train_documents": 0.5}])


def test_the_config_that_ships_names_what_there_is():
    path = pathlib.Path(__file__).parents[2] / "experiments" / "configs" / "evaluate.py"
    get_config = runpy.run_path(str(path))["get_config"]
    labels = {}
    for name, plan in get_config().datasets.to_dict().items():
        assert set(plan.pop("settings")) <= set(SETTINGS) and plan.pop("codec") == ""
        labels[name] = list(parse_parts(plan, name))
    # The labels of the reports in experiments/results/.
    assert labels == {
        "invented": ["almanac", "fieldnotes"],
        "squad": ["squad test"],
        "squad_shown": ["squad test"],
    }
    assert list(get_config("invented").datasets) == ["invented"]


def test_a_sample_is_spread_evenly():
    questions = generate(6, seed=1, split="test").questions
    assert spread(questions, 0) == spread(questions, len(questions) + 1) == questions
    assert spread(questions, 3) == [questions[n * len(questions) // 3] for n in range(3)]


def test_questions_without_an_answer_cannot_be_scored(tmp_path):
    (tmp_path / "c.jsonl").write_text(json.dumps({"id": "d", "text": "The lamp is red."}))
    (tmp_path / "q.jsonl").write_text(json.dumps({"id": "open", "question": "Which?"}))
    plan = {"kind": "own", "corpus": str(tmp_path / "c.jsonl"), "questions": str(tmp_path / "q.jsonl")}
    with pytest.raises(UserError, match="question 'open' has no answer"):
        read_parts(parse_parts(plan, "here"))
