"""A run's config is typed whole, and whatever names nothing is refused with one clear line."""

import copy
import dataclasses
import importlib.util
import json
import math
import pathlib
import runpy

import ml_collections
import pytest

from regrad_jax.adaptation.adapter import AdapterConfig
from regrad_jax.data.datasets import complete
from regrad_jax.errors import UserError
from regrad_jax.training.config import TrainConfig
from regrad_jax.training.sources import SourceConfig

CONFIGS = sorted((pathlib.Path(__file__).parents[2] / "experiments" / "configs").glob("*.py"))
VALUES = {
    "base_model": "smollm2-135m",
    "encoder": "minilm-l6",
    "seed": 3,
    "adapter": {"kind": "core", "rank": 4, "first_layer": 2, "targets": ["gate", "down"], "scale": 1.0},
    "weighting": "relevance",
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
        place = values
        for step in path:
            place = place[step]
        place[key] = value
        if value is ...:
            del place[key]
    return TrainConfig.from_dict(ml_collections.ConfigDict(values))


def test_values_become_what_they_are_typed_as():
    config = typed()
    assert config.adapter == AdapterConfig("core", 4, 2, ("gate", "down"), 1.0)
    assert config.sources == {
        "almanac": SourceConfig(complete({"kind": "almanac", "entities": 9, "kinds": ("person",)})),
        "s": SourceConfig(complete({"kind": "squad", "path": "s.json"})),
    }
    assert config.stages == ((2, {"almanac": 1.0}), (3, {"almanac": 0.5, "s": 0.5}))
    assert config.total_steps == 5
    assert (config.seed, config.learning_rate, config.theta) == (3, 1e-3, "zero")
    hash(config.adapter)  # static under jit
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
    assert (plain.adapter.rank, wide.adapter.rank, gpu.adapter.rank) == (32, 56, 56)
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
        (("adapter", "ranc", 1), "adapter: unknown key 'ranc'; known keys: kind, rank, "),
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
        (("adapter", "kind", "loha"), "adapter kind 'loha' is unknown"),
        (("weighting", "max"), "config.weighting: 'max' is unknown; choose one of sum, mean, relevance"),
        (("prompts", "terse"), "config.prompts: 'terse' is unknown; choose one of plain, chat, reference, "),
        (("theta", "one"), "config.theta: 'one' is unknown; choose one of zero, learned"),
        (("decay", "step"), "config.decay: 'step' is unknown; choose one of cosine, linear"),
        (("stages", [[1, {"news": 1.0}]]), "config.stages: 'news' is unknown; choose one of almanac, s"),
        (("stages", [[1, {"s": 1.5, "almanac": -0.5}]]), "config.stages: {'s': 1.5, 'almanac': -0.5} has a "),
        (("stages", [[1, {"s": 0.0}]]), "config.stages: {'s': 0.0} has a share below 0, or none above it"),
        (("sources", "s", "context", 1.5), "config.sources.s.context: 1.5 must be a share, from 0 to 1"),
        (("sources", "s", "document_buckets", (64, 32)), "config.sources.s.document_buckets: (64, 32) must"),
        (
            ("sources", "s", "document_buckets", (96,)),
            "config.sources.s.document_buckets: (96,) must be whole",
        ),
        (("sources", "s", "context", "all"), "config.sources.s.context: 'all' must be a share, from 0 to 1"),
        (("sources", "s", "gold_absent", -0.1), "config.sources.s.gold_absent: -0.1 must be a share, from "),
        (("sources", "s", "gold_absent", math.nan), "config.sources.s.gold_absent: nan must be a share"),
        (("damping", 0.0), "config.damping 0.0 must be a number above 0, or inf"),
        (("damping", "strong"), "config.damping 'strong' must be a number above 0, or inf"),
        (("damping", math.nan), "config.damping nan must be a number above 0, or inf"),
        (("order", "third"), "config.order: 'third' is unknown; choose one of second, first"),
        (("codec", "int3"), "config.codec: 'int3' is unknown; choose one of float32, "),
        (("bases", "zero"), "config.bases: 'zero' is unknown; choose one of random, singular"),
        (("temperature", "cold"), "config.temperature: 'cold' must be a number above 0"),
        (("learning_rate", math.inf), "config.learning_rate: inf must be a number above 0"),
        (
            ("sources", "s", "dataset", "train_articles", -1),
            "config.sources.s.dataset.train_articles: -1 must",
        ),
        (("sources", "s", "anchors", 0), "config.sources.s.anchors: 0 must be a whole number of at least 1"),
        (("temperature", 0.0), "config.temperature: 0.0 must be a number above 0"),
        (("clip_norm", math.nan), "config.clip_norm: nan must be a number above 0"),
        (("stages", []), "config.stages: there are none"),
        (("inner_steps", 0), "config.inner_steps: 0 must be a whole number of at least 1"),
        (
            ("sources", "s", "document_buckets", 64),
            "config.sources.s: document_buckets is 64; give several values in ",
        ),
        (("initial_alpha_scale", 0), "config.initial_alpha_scale: 0 must be a number above 0"),
        (("initial_alpha_scale", "half"), "config.initial_alpha_scale: 'half' must be a number above 0"),
        (("initial_alpha_scale", 0.5), "config.initial_alpha_scale: without config.initial there is nothing"),
        (("inner_steps", 2), "config.inner_steps: more than one needs config.theta 'learned'"),
        (("adapter", "kind", "lora"), "config.theta: 'zero' needs adapter.kind 'core'; use 'learned'"),
    ],
    ids=lambda value: ".".join(map(str, value[:-1])) if isinstance(value, tuple) else "",
)
def test_what_names_nothing_is_refused(change, said):
    with pytest.raises(UserError) as error:
        typed(*change)
    assert str(error.value).startswith(said) and "\n" not in str(error.value)
