"""A released checkpoint survives the disk, names what gradients depend on, and says what is wrong with it."""

import dataclasses
import json
import math
import os
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax import checkpoint as checkpoint_module
from regrad_jax.adaptation.parameters import ALPHAS
from regrad_jax.adaptation.rows import RowLayout
from regrad_jax.adaptation.rules import InnerProblem
from regrad_jax.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from regrad_jax.errors import UserError
from tests.tiny_models import KINDS, adapter, meta_params


def checkpoint(kind: str = "core", inner=None, **changes) -> Checkpoint:
    """A checkpoint of the tiny decoder; `inner` changes some settings of its inner problem only."""
    inner = InnerProblem(**{"adapter": adapter(kind)} | (inner or {}))
    facts = {
        "inner": inner,
        "meta": meta_params(adapter(kind)),
        "prompts": "plain",
        "document_tokens": 96,
        "documents_per_question": 3,
        "base_model": "smollm2-135m",
        "base_digest": "b" * 64,
        "tokenizer_digest": "t" * 64,
        "encoder": "minilm-l6",
        "codec": "ternary",
        "data_digests": {"almanac": "d" * 64},
        "training": {"seed": 0, "stages": [[2, {"almanac": 1.0}]]},
        "metrics": {"steps": 2, "validation": {"almanac": {"exact": 0.5}}},
    }
    return Checkpoint(**(facts | changes))


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_goes_round(kind, tmp_path):
    saved = checkpoint(kind)
    save_checkpoint(tmp_path / "new" / "release", saved)
    assert sorted(os.listdir(tmp_path / "new")) == ["release"]  # no scratch is left
    assert sorted(os.listdir(tmp_path / "new" / "release")) == ["adapter.safetensors", "checkpoint.json"]
    loaded = load_checkpoint(tmp_path / "new" / "release")
    for field in dataclasses.fields(Checkpoint):
        if field.name != "meta":
            assert getattr(loaded, field.name) == getattr(saved, field.name), field.name
    assert jax.tree.structure(loaded.meta) == jax.tree.structure(saved.meta)
    jax.tree.map(np.testing.assert_array_equal, loaded.meta, saved.meta)
    assert loaded.fingerprint() == saved.fingerprint()
    assert loaded.layout == RowLayout.of(saved.meta.theta)


@pytest.mark.parametrize("mode", ALPHAS)
def test_step_sizes_of_every_form_go_round(mode, tmp_path):
    saved = checkpoint(meta=meta_params(adapter(), alpha_mode=mode))
    save_checkpoint(tmp_path / "release", saved)
    loaded = load_checkpoint(tmp_path / "release")
    assert jax.tree.structure(loaded.meta) == jax.tree.structure(saved.meta)
    jax.tree.map(np.testing.assert_array_equal, loaded.meta, saved.meta)


def moved(part: str, target: str = "up") -> Checkpoint:
    """The same checkpoint with one number of one tensor changed by a little."""
    start = checkpoint()
    tree = {t: dict(factors) for t, factors in getattr(start.meta, part).items()}
    name = sorted(tree[target])[0]
    value = np.array(tree[target][name])
    value.flat[-1] = np.nextafter(value.flat[-1], np.float32(np.inf))
    tree[target][name] = jnp.asarray(value)
    return dataclasses.replace(start, meta=start.meta._replace(**{part: tree}))  # type: ignore[arg-type]


def with_steps(start: Checkpoint, steps: int) -> Checkpoint:
    return dataclasses.replace(start, inner=dataclasses.replace(start.inner, steps=steps))


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("base_model", checkpoint(base_digest="c" * 64)),
        ("tokenizer", checkpoint(tokenizer_digest="u" * 64)),
        ("adapter", checkpoint(inner={"adapter": adapter(scale=1.0)})),
        ("adapter", checkpoint(inner={"adapter": adapter(rank=4)})),
        ("adapter", checkpoint(inner={"adapter": adapter(first_layer=1)})),
        ("adapter", checkpoint(inner={"adapter": adapter(targets=("up", "gate", "down"))})),
        ("adapter_weights", moved("theta")),
        ("adapter_weights", moved("bases")),
        ("adapter_weights", moved("bases", "gate")),
        ("prompts", checkpoint(prompts="chat")),
        ("document_tokens", checkpoint(document_tokens=97)),
    ],
)
def test_the_fingerprint_names_what_a_gradient_depends_on(field, other):
    ours, theirs = checkpoint().fingerprint(), other.fingerprint()
    assert {name for name in ours if ours[name] != theirs[name]} == {field}


def test_with_several_inner_steps_a_gradient_depends_on_the_step_sizes():
    one, two = checkpoint().fingerprint(), with_steps(checkpoint(), 2).fingerprint()
    assert two.items() > one.items() and two["inner_steps"] == 2
    other = with_steps(moved("alpha"), 2).fingerprint()
    assert {name for name in two if two[name] != other[name]} == {"alpha"}


def test_damping_is_part_of_a_gradient():
    plain, damped = checkpoint(), checkpoint(inner={"rule": "damped", "damping": 0.5})
    assert damped.fingerprint() == plain.fingerprint() | {"damping": 0.5}


def test_infinity_goes_round_although_json_has_no_number_for_it(tmp_path):
    plain, damped = checkpoint(), checkpoint(inner={"rule": "damped", "damping": 0.5})
    trained = checkpoint(training={"clip_norm": math.inf, "stages": ((1, {"almanac": 1.0}),)})
    for name, saved in (("plain", plain), ("damped", damped), ("trained", trained)):
        save_checkpoint(tmp_path / name, saved)
        assert load_checkpoint(tmp_path / name).inner == saved.inner
        json.loads((tmp_path / name / "checkpoint.json").read_text(), parse_constant=pytest.fail)
    assert load_checkpoint(tmp_path / "trained").training["clip_norm"] == "inf"


@pytest.mark.parametrize(
    "other",
    [
        moved("alpha"),
        checkpoint(meta=checkpoint().meta._replace(log_temperature=jnp.float32(3))),
        checkpoint(
            inner={"weighting": "sum"},
            documents_per_question=1,
            metrics={},
            training={},
            data_digests={},
            encoder="mine",
            codec="int4",
        ),
        checkpoint(base_model="/elsewhere/smollm2"),
    ],
    ids=["alpha", "temperature", "use", "place"],
)
def test_the_fingerprint_does_not_know_what_a_gradient_does_not_depend_on(other):
    assert other.fingerprint() == checkpoint().fingerprint()


def test_the_fingerprint_is_plain_and_tells_parts_and_kinds_apart():
    fingerprint = checkpoint().fingerprint()
    assert json.loads(json.dumps(fingerprint)) == fingerprint
    meta = checkpoint().meta
    swapped = meta._replace(bases=meta.bases | {"up": meta.bases["gate"], "gate": meta.bases["up"]})
    prints = [
        checkpoint().fingerprint(),
        checkpoint(meta=swapped).fingerprint(),
        checkpoint("lora").fingerprint(),
    ]
    assert len({p["adapter_weights"] for p in prints}) == 3


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("prompts",), "novel", "checkpoint.prompts: 'novel' is unknown; choose one of plain, "),
        (("codec",), "int3", "checkpoint.codec: 'int3' is unknown; choose one of "),
        (("inner", "weighting"), "novel", "inner.weighting: 'novel' is unknown; choose one of "),
        (("inner", "rule"), "novel", "inner.rule: 'novel' is unknown; choose one of plain, damped"),
        (("inner", "damping"), -1, "inner.damping: -1.0 must be a number above 0, or inf"),
        (("inner", "adapter", "kind"), "loha", "adapter.kind: 'loha' is unknown; choose one of "),
    ],
)
def test_a_checkpoint_of_what_is_not_known_here_is_refused(place, value, message, tmp_path):
    save_checkpoint(tmp_path / "release", checkpoint())
    file = tmp_path / "release" / "checkpoint.json"
    facts = group = json.loads(file.read_text())
    *groups, key = place
    for name in groups:
        group = group[name]
    group[key] = value
    file.write_text(json.dumps(facts))
    with pytest.raises(UserError) as error:
        load_checkpoint(tmp_path / "release")
    assert f"release: {message}" in str(error.value)
    assert str(error.value).endswith("; use a matching regrad")


def test_a_folder_is_not_overwritten(tmp_path):
    save_checkpoint(tmp_path / "release", checkpoint())
    before = (tmp_path / "release" / "adapter.safetensors").read_bytes()
    with pytest.raises(UserError, match="release: already exists; choose another folder or remove it"):
        save_checkpoint(tmp_path / "release", checkpoint("lora"))
    assert (tmp_path / "release" / "adapter.safetensors").read_bytes() == before


def test_a_save_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        save_checkpoint(tmp_path / "release", checkpoint(metrics={"steps": object()}))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("file", ["adapter.safetensors", "checkpoint.json"])
def test_absence_and_damage_are_named(file, tmp_path):
    folder = tmp_path / "release"
    with pytest.raises(UserError, match=r"release: not a checkpoint \(.*checkpoint.json is missing\)"):
        load_checkpoint(folder)
    save_checkpoint(folder, checkpoint())
    data = (folder / file).read_bytes()
    (folder / file).write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match="release: the checkpoint is damaged .*; copy it again"):
        load_checkpoint(folder)
    (folder / file).unlink()
    with pytest.raises(UserError, match="release: not a checkpoint") as error:
        load_checkpoint(folder)
    assert "is missing" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("schema", [0, 3, None])
def test_another_schema_is_refused(schema, tmp_path):
    folder = tmp_path / "release"
    save_checkpoint(folder, checkpoint())
    facts = json.loads((folder / "checkpoint.json").read_text())
    assert facts.pop("schema") == 2
    facts |= {} if schema is None else {"schema": schema}
    (folder / "checkpoint.json").write_text(json.dumps(facts))
    with pytest.raises(UserError, match=f"release: checkpoint schema {schema} is not 2; use a matching"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    "content", ["[]", "null", '{"schema": 1}', '{"schema": 2, "inner": 3}', '{"schema": 2}']
)
def test_a_checkpoint_json_of_another_form_is_damaged(content, tmp_path):
    save_checkpoint(tmp_path / "release", checkpoint())
    (tmp_path / "release" / "checkpoint.json").write_text(content)
    with pytest.raises(UserError, match="release: the checkpoint is damaged"):
        load_checkpoint(tmp_path / "release")


# As schema 1 was written: the fields of the inner problem stand apart, and the encoder below `training`.
SCHEMA_1 = """{
 "weighting": "sum", "prompts": "chat", "document_tokens": 96, "documents_per_question": 3,
 "base_model": "smollm2-135m", "base_digest": "bbbb", "tokenizer_digest": "tttt",
 "training": {"encoder": "mine", "seed": 3, "adapter": {"rank": 3}, "codec": "int4", "damping": 0.2},
 "metrics": {"steps": 360}, "inner_steps": 2, "damping": %s, "schema": 1,
 "adapter": {"kind": "core", "rank": 3, "first_layer": 2, "targets": ["gate", "up", "down"], "scale": 2.0}
}"""


@pytest.mark.parametrize(
    ("written", "rule", "damping"), [("0.2", "damped", 0.2), ('"inf"', "plain", math.inf)]
)
def test_a_checkpoint_of_schema_1_still_loads(written, rule, damping, tmp_path):
    save_checkpoint(tmp_path / "release", checkpoint())  # its tensors are those of schema 1
    file = tmp_path / "release" / "checkpoint.json"
    file.write_text(SCHEMA_1 % written)
    loaded = load_checkpoint(tmp_path / "release")
    assert loaded.inner == InnerProblem(adapter(), "sum", rule, damping, steps=2)
    assert (loaded.encoder, loaded.codec, loaded.data_digests) == ("mine", "int4", {})
    assert (loaded.prompts, loaded.document_tokens, loaded.documents_per_question) == ("chat", 96, 3)
    assert (loaded.base_digest, loaded.tokenizer_digest, loaded.training["seed"]) == ("bbbb", "tttt", 3)
    assert ("damping" in loaded.fingerprint()) == (rule == "damped")
    # The first checkpoints had neither steps nor damping, nor the training's encoder and codec.
    facts = json.loads(SCHEMA_1 % "1") | {"training": {}}
    del facts["inner_steps"], facts["damping"]
    file.write_text(json.dumps(facts))
    oldest = load_checkpoint(tmp_path / "release")
    assert oldest.inner == InnerProblem(adapter(), "sum")
    assert (oldest.encoder, oldest.codec) == ("minilm-l6", "float32")


def test_the_fingerprint_of_the_checkpoint_that_ships_is_the_one_of_its_banks():
    assert load_checkpoint().fingerprint() == {
        "base_model": "a672150fb4f99d7c8f4168cecdd464069c0ef3a37d8113f22ddb9d48031d03cd",
        "tokenizer": "bcc4c980da3ad7ee367b9cee8349c97d6c12e0d64816b70d01424b6eba5e95d7",
        "adapter": {
            "kind": "core", "rank": 56, "first_layer": 15, "targets": ["gate", "up", "down"], "scale": 2.0,
        },
        "adapter_weights": "e7400e9572ace1bc032291a61895ab6f46a628ff2bcafa23b793a358da99fbca",
        "prompts": "plain",
        "document_tokens": 192,
        "inner_loss": "mean next-token loss",
        "damping": 0.2,
    }  # fmt: skip


def test_without_a_path_the_packages_own_is_loaded(tmp_path, monkeypatch):
    package = pathlib.Path(checkpoint_module.__file__).parent
    monkeypatch.setattr(checkpoint_module.importlib.resources, "files", lambda name: tmp_path / name)
    save_checkpoint(tmp_path / package.name / "checkpoints" / "smollm2-135m", checkpoint(document_tokens=12))
    assert load_checkpoint().document_tokens == 12
