"""The table of data sets: what is loaded by a name, and what is refused."""

import dataclasses
import json
from pathlib import Path

import pytest

from regrad_jax.data.datasets import DATASETS, Dataset, complete, load
from regrad_jax.data.documents import Document, Question
from regrad_jax.data.readers.almanac import AlmanacSettings
from regrad_jax.data.readers.almanac import read as read_almanac
from regrad_jax.errors import UserError
from regrad_jax.evaluation.metrics import SCORES


def test_every_kind_has_what_training_and_evaluation_need() -> None:
    assert {"almanac", "fieldnotes", "squad", "passages", "own"} <= set(DATASETS)
    for kind in DATASETS.values():
        assert dataclasses.is_dataclass(kind.settings) and kind.score in SCORES


def test_a_data_set_is_loaded_by_its_kind(tmp_path: Path) -> None:
    almanac = load("almanac", "validation", {"entities": 3, "kinds": ["person"], "seed": 1})
    assert almanac == Dataset(*read_almanac("validation", AlmanacSettings(3, ("person",), seed=1)))
    assert len(load("fieldnotes", "test", {}).documents) == 40
    asked = {"id": "q", "question": "Which?", "answers": ["red"], "extractive": True}
    passage = {"id": "d", "text": "The lamp is red.", "split": "test", "questions": [asked]}
    (tmp_path / "p.jsonl").write_text(json.dumps(passage))
    expected = Dataset([Document("d", "The lamp is red.")], [Question("q", "Which?", ("red",), "d")])
    assert load("passages", "test", {"path": str(tmp_path / "p.jsonl")}) == expected


@pytest.mark.parametrize(
    ("kind", "split", "settings", "said"),
    [
        ("news", "test", {}, "here: kind 'news' is unknown; choose one of almanac, fieldnotes, squad, "),
        ("almanac", "dev", {"entities": 3}, "split 'dev' is unknown; choose one of train, validation, test"),
        ("almanac", "test", {}, "here: key 'entities' is missing"),
        ("almanac", "test", {"entities": 3, "size": 1}, "here: unknown key 'size'; known keys: entities, "),
        (
            "almanac",
            "test",
            {"entities": 3, "kinds": "person"},
            "here: kinds is 'person'; give several values",
        ),
        ("almanac", "test", {"entities": 3, "kinds": ["x"]}, "almanac: kind 'x' is unknown"),
        ("almanac", "test", {"entities": "3"}, "here.entities: '3' must be a whole number of at least 1"),
        ("squad", "test", {"path": ""}, "here.path: '' must be a text that is not empty"),
        ("squad", "test", {"path": "x", "train_articles": -1}, "here.train_articles: -1 must be how many"),
        ("passages", "test", {"path": 3}, "here.path: 3 must be a text"),
        ("fieldnotes", "test", {"path": "x"}, "here: unknown key 'path'; it has no keys"),
        ("own", "test", {"corpus": "c"}, "here: key 'questions' is missing"),
        ("own", "test", ["corpus"], "here: ['corpus'] is no group of keys"),
    ],
)
def test_what_is_wrong_is_named(kind, split, settings, said) -> None:
    with pytest.raises(UserError) as raised:
        load(kind, split, settings, "here")
    assert str(raised.value).startswith(said) and "\n" not in str(raised.value)


def test_a_data_set_without_a_place_in_a_config_is_named_by_its_kind() -> None:
    with pytest.raises(UserError, match="^data set 'squad': key 'path' is missing"):
        load("squad", "test", {})


def test_a_group_of_a_config_is_completed_with_defaults() -> None:
    group = {"kind": "almanac", "entities": 9, "kinds": ["person"]}
    expected = {"entities": 9, "kinds": ("person",), "held_out_entities": None, "seed": None}
    assert complete(group) == complete(complete(group)) == {"kind": "almanac", **expected}
    with pytest.raises(UserError, match="^config.x: key 'kind' is missing; choose one of almanac, "):
        complete({"entities": 9}, "config.x")
    with pytest.raises(UserError, match="^config.x: 'almanac' is no group of keys"):
        complete("almanac", "config.x")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="^config.x.entities: 0 must"):
        complete({"kind": "almanac", "entities": 0}, "config.x")
