"""A run's config is typed whole, and whatever names nothing is refused with one clear line."""

import copy
import dataclasses
import importlib.util
import json
import math
import pathlib
import runpy
from typing import Any

import ml_collections
import pytest

from regrad_jax.adaptation.adapter import AdapterConfig
from regrad_jax.adaptation.rules import InnerProblem
from regrad_jax.data.datasets import complete
from regrad_jax.errors import UserError
from regrad_jax.training.config import TrainConfig
from regrad_jax.training.sources import SourceConfig

CONFIGS = sorted((pathlib.Path(__file__).parents[2] / "experiments" / "configs").glob("*.py"))
VALUES = {
    "base_model": "smollm2-135m",
    "encoder": "minilm-l6",
    "seed": 3,
    "inner": {
        "adapter": {"kind": "core", "rank": 4, "first_layer": 2, "targets": ["gate", "down"], "scale": 1.0},
        "weighting": "relevance",
    },
    "prompts": "plain",
    "theta": "zero",
    "initial": "",
    "alpha": 0.5,
    "alpha_mode": "tie",
    "temperature": 0.1,
    "documents_per_question": 2,
    "sources": {
        "almanac": {"dataset": {"kind": "almanac", "entities": 9, "kinds": ["person"]}},
        "s": {"dataset": {"kind": "squad", "path": "s.json"}},
    },
    "stages": [[2, {"almanac": 1.0}], [3, {"almanac": 0.5, "s": 0.5}]],
    "learning_rate": 1e-3,
    "weight_decay": 0.0,
    "warmup_steps": 1,
    "decay": "cosine",
    "clip_norm": 0.5,
    "eval_every": 2,
    "eval_documents": 4,
    "save_every": 2,
}


def typed(*path_and_value) -> TrainConfig:
    """The config with one value set (path, then value), or taken out where the value is `...`."""
    values = copy.deepcopy(VALUES)
    if path_and_value:
        *path, key, value = path_and_value
        place: Any = values
        for step in path:
            place = place[step]
        place[key] = value
        if value is ...:
            del place[key]
    return TrainConfig.from_dict(ml_collections.ConfigDict(values))


def test_values_become_what_they_are_typed_as():
    config = typed()
    assert config.inner == InnerProblem(AdapterConfig("core", 4, 2, ("gate", "down"), 1.0), "relevance")
    assert config.sources == {
        "almanac": SourceConfig(complete({"kind": "almanac", "entities": 9, "kinds": ("person",)})),
        "s": SourceConfig(complete({"kind": "squad", "path": "s.json"})),
    }
    assert config.stages == ((2, {"almanac": 1.0}), (3, {"almanac": 0.5, "s": 0.5}))
    assert config.total_steps == 5
    assert (config.seed, config.learning_rate, config.theta) == (3, 1e-3, "zero")
    hash(config.inner)  # static under jit
    assert (
        json.loads(json.dumps(dataclasses.asdict(config)))["sources"]["almanac"]["dataset"]["entities"] == 9
    )


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configs_that_ship_are_whole(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    config = module.get_config()
    if "sources" not in config:
        pytest.skip("not of a training run")
    assert TrainConfig.from_dict(config).total_steps > 0


def test_a_recipe_changes_the_config_that_it_is_named_behind():
    path = next(path for path in CONFIGS if path.stem == "almanac_squad")
    get_config = runpy.run_path(str(path))["get_config"]
    runs = [TrainConfig.from_dict(get_config(name)) for name in ("", "learned", "wide", "one_gpu")]
    assert [run.theta for run in runs] == ["zero", "learned", "learned", "learned"]
    assert [run.documents_per_question for run in runs] == [1, 1, 1, 3]
    assert [run.initial for run in runs] == [
        "", "runs/almanac_squad/release", "runs/learned/release", "runs/wide/release",
    ]  # fmt: skip
    invented = TrainConfig.from_dict(get_config("invented"))  # needs no file
    assert [source.kind for source in invented.sources.values()] == ["almanac"]
    assert len({run.seed for run in runs}) == 4  # so that each meets other texts
    plain, _, wide, gpu = runs
    assert (plain.inner.adapter.rank, wide.inner.adapter.rank, gpu.inner.adapter.rank) == (32, 56, 56)
    assert {name: source.context for name, source in wide.sources.items() if source.context} == {"shown": 1.0}
    assert gpu.sources["almanac"].dataset["entities"] == 40_000
    assert gpu.sources["squad"].document_tokens == plain.sources["squad"].document_tokens
    with pytest.raises(
        ValueError, match="almanac_squad.py:two_gpus: choose one of invented, learned, wide, one_gpu"
    ):
        get_config("two_gpus")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("sead", 1), "config: unknown key 'sead'; known keys: base_model, encoder, seed, "),
        (("inner", 3), "config.inner: 3 is no group of keys"),
        (("inner", "stepps", 1), "config.inner: unknown key 'stepps'; known keys: adapter, weighting, "),
        (
            ("inner", "adapter", "ranc", 1),
            "config.inner.adapter: unknown key 'ranc'; known keys: kind, rank, ",
        ),
        (
            ("inner", "adapter", "targets", "up"),
            "config.inner.adapter: targets is 'up'; give several values in ",
        ),
        (("sources", "s", "size", 1), "config.sources.s: unknown key 'size'; known keys: dataset, anchors, "),
        (("seed", ...), "config: key 'seed' is missing"),
        (("sources", "s", "dataset", ...), "config.sources.s: key 'dataset' is missing"),
        (("sources", "s", "dataset", "kind", ...), "config.sources.s.dataset: key 'kind' is missing"),
        (
            ("sources", "s", "dataset", "kind", "x"),
            "config.sources.s.dataset: kind 'x' is unknown; choose one",
        ),
        (
            ("sources", "s", "dataset", "size", 1),
            "config.sources.s.dataset: unknown key 'size'; known keys: p",
        ),
        (("inner", "adapter", "kind", "loha"), "config.inner.adapter.kind: 'loha' is unknown"),
        (
            ("inner", "weighting", "max"),
            "config.inner.weighting: 'max' is unknown; choose one of sum, mean, ",
        ),
        (("inner", "rule", "wet"), "config.inner.rule: 'wet' is unknown; choose one of plain, damped"),
        (("prompts", "terse"), "config.prompts: 'terse' is unknown; choose one of plain, chat, reference, "),
        (("theta", "one"), "config.theta: 'one' is unknown; choose one of zero, learned"),
        (("decay", "step"), "config.decay: 'step' is unknown; choose one of cosine, linear"),
        (("stages", [[1, {"news": 1.0}]]), "config.stages: 'news' is unknown; choose one of almanac, s"),
        (
            ("stages", [[1, {"s": 1.5, "almanac": -0.5}]]),
            "config.stages: the share of almanac: -0.5 must be a number of at least 0",
        ),
        (
            ("stages", [[1, {"s": math.nan}]]),
            "config.stages: the share of s: nan must be a number of at least",
        ),
        (
            ("stages", [[1, {"s": "all"}]]),
            "config.stages: the share of s: 'all' must be a number of at least",
        ),
        (("stages", [[0, {"s": 1.0}]]), "config.stages: 0 must be a whole number of at least 1"),
        (("stages", [[1, {"s": 0.0}]]), "config.stages: {'s': 0.0} has no share above 0"),
        (("sources", "s", "context", 1.5), "config.sources.s.context: 1.5 must be a share, from 0 to 1"),
        (("sources", "s", "document_buckets", (64, 32)), "config.sources.s.document_buckets: (64, 32) must"),
        (
            ("sources", "s", "document_buckets", (96,)),
            "config.sources.s.document_buckets: (96,) must be whole",
        ),
        (("inner", "damping", 0.2), "config.inner.damping: 0.2 has no effect on rule 'plain'"),
        (("order", "third"), "config.order: 'third' is unknown; choose one of second, first"),
        (("codec", "int3"), "config.codec: 'int3' is unknown; choose one of float32, "),
        (("bases", "zero"), "config.bases: 'zero' is unknown; choose one of random, singular"),
        (
            ("sources", "s", "dataset", "train_articles", -1),
            "config.sources.s.dataset.train_articles: -1 must",
        ),
        (("sources", "s", "anchors", 0), "config.sources.s.anchors: 0 must be a whole number of at least 1"),
        (("stages", []), "config.stages: there are none"),
        (
            ("sources", "s", "document_buckets", 64),
            "config.sources.s: document_buckets is 64; give several values in ",
        ),
        (("initial_alpha_scale", 0.5), "config.initial_alpha_scale: without config.initial there is nothing"),
        (("inner", "steps", 2), "config.inner.steps: more than one needs config.theta 'learned'"),
        (
            ("inner", "adapter", "kind", "lora"),
            "config.theta: 'zero' needs config.inner.adapter.kind 'core'; ",
        ),
    ],
    ids=lambda value: ".".join(map(str, value[:-1])) if isinstance(value, tuple) else "",
)
def test_what_names_nothing_is_refused(change, said):
    with pytest.raises(UserError) as error:
        typed(*change)
    assert str(error.value).startswith(said) and "\n" not in str(error.value)


def test_bases_have_one_start():
    with pytest.raises(UserError, match=r"config.bases: 'singular' is where bases start, but config.initial"):
        dataclasses.replace(typed(), bases="singular", initial="runs/a/release")
    lora = dataclasses.replace(typed().inner, adapter=AdapterConfig("lora", 4, 2))
    with pytest.raises(UserError, match=r"config.bases: 'singular' needs config.inner.adapter.kind 'core'"):
        dataclasses.replace(typed(), theta="learned", bases="singular", inner=lora)


# key -> (a number that is too low, one that is allowed)
LOWEST = {
    "seed": (-1, 0),
    "inner.adapter.rank": (0, 1),
    "inner.adapter.first_layer": (-1, 0),
    "inner.adapter.scale": (0.0, 1e-9),
    "inner.damping": (0.0, math.inf),
    "inner.steps": (0, 1),
    "alpha": (-1e-9, 0.0),
    "temperature": (0.0, 1e-9),
    "documents_per_question": (0, 1),
    "learning_rate": (0.0, 1e-9),
    "weight_decay": (-1e-9, 0.0),
    "warmup_steps": (-1, 0),
    "clip_norm": (0.0, math.inf),
    "eval_every": (0, 1),
    "eval_documents": (0, 1),
    "save_every": (0, 1),
    "batches_per_step": (0, 1),
    "theta_rate": (0.0, 1e-9),
    "initial_alpha_scale": (0.0, 1.0),
    "mesh.data": (0, 1),
    "mesh.fsdp": (0, 1),
    "sources.s.anchors": (0, 1),
    "sources.s.questions_per_document": (0, 1),
    "sources.s.document_tokens": (0, 1),
    "sources.s.question_tokens": (0, 1),
    "sources.s.answer_tokens": (0, 1),
    "sources.s.context": (-1e-9, 0.0),
    "sources.s.gold_absent": (-1e-9, 1.0),
}


def numbers_of(config, name: str = "") -> set[str]:
    """The keys of all numbers of a config, with the groups that they stand in."""
    keys: set[str] = set()
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            keys |= numbers_of(value, f"{name}{field.name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            keys.add(f"{name}{field.name}")
    return keys


def test_every_number_of_every_key_is_in_the_table_of_this_test():
    config = typed()
    assert numbers_of(config) | numbers_of(config.sources["s"], "sources.s.") == set(LOWEST)


@pytest.mark.parametrize("key", LOWEST)
def test_every_number_of_every_key_has_its_range(key):
    below, lowest = LOWEST[key]

    def with_value(value) -> TrainConfig:
        values = copy.deepcopy(VALUES) | {"mesh": {}}
        place: Any = values
        *path, name = key.split(".")
        for step in path:
            place = place[step]
        place[name] = value
        return TrainConfig.from_dict(ml_collections.ConfigDict(values, allow_dotted_keys=True))

    with_value(lowest)
    endless = key in ("inner.damping", "clip_norm")
    wrong = [below, math.nan, -math.inf, "many", True, None, *([] if endless else [math.inf])]
    wrong += [1.5] if isinstance(lowest, int) or "context" in key or "absent" in key else []
    for value in wrong:
        with pytest.raises(UserError) as error:
            with_value(value)
        assert str(error.value).startswith(f"config.{key}: {value!r} must be a"), value
        assert "\n" not in str(error.value)
