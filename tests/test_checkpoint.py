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
from regrad_jax.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from regrad_jax.errors import UserError
from tests.tiny_models import KINDS, adapter, meta_params


def made(kind: str = "core", **changes) -> Checkpoint:
    config = adapter(kind)
    facts = {
        "adapter": config,
        "meta": meta_params(config),
        "weighting": "relevance",
        "prompts": "plain",
        "document_tokens": 96,
        "documents_per_question": 3,
        "base_model": "smollm2-135m",
        "base_digest": "b" * 64,
        "tokenizer_digest": "t" * 64,
        "training": {"seed": 0, "stages": [[2, {"almanac": 1.0}]]},
        "metrics": {"steps": 2, "validation": {"almanac": {"exact": 0.5}}},
    }
    return Checkpoint(**(facts | changes))


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_goes_round(kind, tmp_path):
    checkpoint = made(kind)
    save_checkpoint(tmp_path / "new" / "release", checkpoint)
    assert sorted(os.listdir(tmp_path / "new")) == ["release"]  # no scratch is left
    assert sorted(os.listdir(tmp_path / "new" / "release")) == ["adapter.safetensors", "checkpoint.json"]
    loaded = load_checkpoint(tmp_path / "new" / "release")
    for field in dataclasses.fields(Checkpoint):
        if field.name != "meta":
            assert getattr(loaded, field.name) == getattr(checkpoint, field.name), field.name
    assert jax.tree.structure(loaded.meta) == jax.tree.structure(checkpoint.meta)
    jax.tree.map(np.testing.assert_array_equal, loaded.meta, checkpoint.meta)
    assert loaded.fingerprint() == checkpoint.fingerprint()
    assert loaded.layout == RowLayout.of(checkpoint.meta.theta)


@pytest.mark.parametrize("mode", ALPHAS)
def test_step_sizes_of_every_form_go_round(mode, tmp_path):
    checkpoint = made(meta=meta_params(adapter(), alpha_mode=mode))
    save_checkpoint(tmp_path / "release", checkpoint)
    loaded = load_checkpoint(tmp_path / "release")
    assert jax.tree.structure(loaded.meta) == jax.tree.structure(checkpoint.meta)
    jax.tree.map(np.testing.assert_array_equal, loaded.meta, checkpoint.meta)


def moved(part: str, target: str = "up") -> Checkpoint:
    """The same checkpoint with one number of one tensor changed by a little."""
    checkpoint = made()
    tree = {t: dict(factors) for t, factors in getattr(checkpoint.meta, part).items()}
    name = sorted(tree[target])[0]
    value = np.array(tree[target][name])
    value.flat[-1] = np.nextafter(value.flat[-1], np.float32(np.inf))
    tree[target][name] = jnp.asarray(value)
    return dataclasses.replace(checkpoint, meta=checkpoint.meta._replace(**{part: tree}))


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("base_model", made(base_digest="c" * 64)),
        ("tokenizer", made(tokenizer_digest="u" * 64)),
        ("adapter", made(adapter=adapter(scale=1.0))),
        ("adapter", made(adapter=adapter(rank=4))),
        ("adapter", made(adapter=adapter(first_layer=1))),
        ("adapter", made(adapter=adapter(targets=("up", "gate", "down")))),
        ("adapter_weights", moved("theta")),
        ("adapter_weights", moved("bases")),
        ("adapter_weights", moved("bases", "gate")),
        ("prompts", made(prompts="chat")),
        ("document_tokens", made(document_tokens=97)),
    ],
)
def test_the_fingerprint_names_what_a_gradient_depends_on(field, other):
    ours, theirs = made().fingerprint(), other.fingerprint()
    assert {name for name in ours if ours[name] != theirs[name]} == {field}


def test_with_several_inner_steps_a_gradient_depends_on_the_step_sizes():
    one, two = made().fingerprint(), made(inner_steps=2).fingerprint()
    assert two.items() > one.items() and two["inner_steps"] == 2
    other = dataclasses.replace(moved("alpha"), inner_steps=2).fingerprint()
    assert {name for name in two if two[name] != other[name]} == {"alpha"}


def test_damping_is_part_of_a_gradient_and_infinite_where_nothing_is_said(tmp_path):
    plain, damped = made(), made(damping=0.5)
    assert damped.fingerprint() == plain.fingerprint() | {"damping": 0.5}
    trained = made(training={"clip_norm": math.inf, "stages": ((1, {"almanac": 1.0}),)})
    for name, checkpoint in (("plain", plain), ("damped", damped), ("trained", trained)):
        save_checkpoint(tmp_path / name, checkpoint)
        assert load_checkpoint(tmp_path / name).inner == checkpoint.inner
        # JSON itself has no infinity.
        json.loads((tmp_path / name / "checkpoint.json").read_text(), parse_constant=pytest.fail)
    assert load_checkpoint(tmp_path / "trained").training["clip_norm"] == "inf"
    file = tmp_path / "plain" / "checkpoint.json"
    facts = json.loads(file.read_text())
    file.write_text(json.dumps({name: value for name, value in facts.items() if name != "damping"}))
    assert load_checkpoint(tmp_path / "plain").damping == math.inf
    file.write_text(json.dumps(facts | {"damping": -1}))
    with pytest.raises(UserError, match=r"plain: damping -1.0 must be a number above 0"):
        load_checkpoint(tmp_path / "plain")


@pytest.mark.parametrize(
    "other",
    [
        moved("alpha"),
        made(meta=made().meta._replace(log_temperature=jnp.float32(3))),
        made(weighting="sum", documents_per_question=1, metrics={}, training={}),
        made(base_model="/elsewhere/smollm2"),
    ],
    ids=["alpha", "temperature", "use", "place"],
)
def test_the_fingerprint_does_not_know_what_a_gradient_does_not_depend_on(other):
    assert other.fingerprint() == made().fingerprint()


def test_the_fingerprint_is_plain_and_tells_parts_and_kinds_apart():
    fingerprint = made().fingerprint()
    assert json.loads(json.dumps(fingerprint)) == fingerprint
    meta = made().meta
    swapped = meta._replace(bases=meta.bases | {"up": meta.bases["gate"], "gate": meta.bases["up"]})
    prints = [made().fingerprint(), made(meta=swapped).fingerprint(), made("lora").fingerprint()]
    assert len({p["adapter_weights"] for p in prints}) == 3


@pytest.mark.parametrize("field", ["prompts", "weighting"])
def test_a_checkpoint_of_what_is_not_known_here_is_refused(field, tmp_path):
    save_checkpoint(tmp_path / "release", made(**{field: "novel"}))
    with pytest.raises(
        UserError, match=rf"release: {field} 'novel' is not known here \(.*\); use a matching"
    ):
        load_checkpoint(tmp_path / "release")


def test_a_folder_is_not_overwritten(tmp_path):
    save_checkpoint(tmp_path / "release", made())
    before = (tmp_path / "release" / "adapter.safetensors").read_bytes()
    with pytest.raises(UserError, match="release: already exists; choose another folder or remove it"):
        save_checkpoint(tmp_path / "release", made("lora"))
    assert (tmp_path / "release" / "adapter.safetensors").read_bytes() == before


def test_a_save_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        save_checkpoint(tmp_path / "release", made(metrics={"steps": object()}))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("file", ["adapter.safetensors", "checkpoint.json"])
def test_absence_and_damage_are_named(file, tmp_path):
    folder = tmp_path / "release"
    with pytest.raises(UserError, match=r"release: not a checkpoint \(.*checkpoint.json is missing\)"):
        load_checkpoint(folder)
    save_checkpoint(folder, made())
    data = (folder / file).read_bytes()
    (folder / file).write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match="release: the checkpoint is damaged .*; copy it again"):
        load_checkpoint(folder)
    (folder / file).unlink()
    with pytest.raises(UserError, match="release: not a checkpoint") as error:
        load_checkpoint(folder)
    assert "is missing" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("schema", [0, 2, None])
def test_another_schema_is_refused(schema, tmp_path):
    folder = tmp_path / "release"
    save_checkpoint(folder, made())
    facts = json.loads((folder / "checkpoint.json").read_text())
    assert facts.pop("schema") == 1
    facts |= {} if schema is None else {"schema": schema}
    (folder / "checkpoint.json").write_text(json.dumps(facts))
    with pytest.raises(UserError, match=f"release: checkpoint schema {schema} is not 1; use a matching"):
        load_checkpoint(folder)


def test_without_a_path_the_packages_own_is_loaded(tmp_path, monkeypatch):
    package = pathlib.Path(checkpoint_module.__file__).parent
    monkeypatch.setattr(checkpoint_module.importlib.resources, "files", lambda name: tmp_path / name)
    save_checkpoint(tmp_path / package.name / "checkpoints" / "smollm2-135m", made(document_tokens=12))
    assert load_checkpoint().document_tokens == 12
