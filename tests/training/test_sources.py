"""The sources of a run: typed, checked, and read from older run folders."""

import pytest

from regrad_jax.data.datasets import complete
from regrad_jax.errors import UserError
from regrad_jax.training.sources import SourceConfig, nested_source, source_config

BATCHING = {
    "anchors": 8,
    "questions_per_document": 5,
    "document_tokens": 144,
    "document_buckets": [],
    "question_tokens": 32,
    "answer_tokens": 10,
    "context": 0.0,
    "gold_absent": 0.0,
}
# As config.json has it from the runs of the checkpoint that ships.
OLD_ALMANAC = {
    "kind": "almanac",
    "path": "",
    "train_articles": 36,
    "validation_articles": 4,
    "entities": 12000,
    "kinds": [],
    **BATCHING,
}
OLD_SQUAD = OLD_ALMANAC | {"kind": "squad", "path": "../shared/data/squadshifts_new_wiki.json", "entities": 0}
# From before the split was a setting.
OLDER_SQUAD = {key: value for key, value in OLD_SQUAD.items() if not key.endswith("_articles")}


def test_flat_sources_of_older_runs_become_what_new_ones_are():
    almanac = {"kind": "almanac", "entities": 12_000, "kinds": []}
    squad = {"kind": "squad", "path": "../shared/data/squadshifts_new_wiki.json"}
    split = {"train_articles": 36, "validation_articles": 4}
    assert nested_source(OLD_ALMANAC) == {"dataset": almanac, **BATCHING}
    assert nested_source(OLD_SQUAD) == {"dataset": squad | split, **BATCHING}
    assert nested_source(OLDER_SQUAD) == {"dataset": squad, **BATCHING}
    new = {"dataset": squad, **BATCHING}
    assert nested_source(new) == new
    for old in (OLD_SQUAD, OLDER_SQUAD):
        assert source_config("here", nested_source(old)) == source_config("here", new)
    typed = source_config("here", nested_source(OLD_ALMANAC))
    assert typed == SourceConfig(complete(almanac), **BATCHING | {"document_buckets": ()})
    assert typed.kind == "almanac"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (OLD_ALMANAC, "here: unknown key 'entities'; known keys: dataset, anchors, "),
        ({}, "here: key 'dataset' is missing"),
        ("almanac", "here: 'almanac' is no group of keys"),
        ({"dataset": "almanac"}, "here.dataset: 'almanac' is no group of keys"),
        ({"dataset": {"kind": "almanac", "entities": 0}}, "here.dataset.entities: 0 must be a whole number"),
    ],
)
def test_a_source_that_is_not_typed_right_is_refused(values, said):
    with pytest.raises(UserError) as raised:
        source_config("here", values)
    assert str(raised.value).startswith(said)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"anchors": True}, "here.anchors: True must be a whole number of at least 1"),
        ({"answer_tokens": 2.5}, "here.answer_tokens: 2.5 must be a whole number of at least 1"),
        (
            {"document_buckets": (64, 32)},
            "here.document_buckets: (64, 32) must be whole numbers that increase",
        ),
        ({"context": float("nan")}, "here.context: nan must be a share, from 0 to 1"),
        ({"gold_absent": True}, "here.gold_absent: True must be a share, from 0 to 1"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(values, said):
    SourceConfig({"kind": "almanac"}).check("here")
    with pytest.raises(UserError) as raised:
        SourceConfig({"kind": "almanac"}, **values).check("here")
    assert str(raised.value).startswith(said)
