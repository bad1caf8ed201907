"""A checkpoint is loaded with the models that it was trained with, and with no others."""

import dataclasses
import hashlib

import pytest

from regrad_jax.checkpoint import load_checkpoint, save_checkpoint
from regrad_jax.errors import UserError
from regrad_jax.library.runtime import load_runtime


@pytest.mark.parametrize("field", ["base_digest", "tokenizer_digest"])
def test_another_base_model_under_the_same_name_is_refused(field, tiny_folder, tmp_path, minilm):
    checkpoint = load_checkpoint(tiny_folder / "checkpoint")
    other = hashlib.sha256(b"other").hexdigest()
    save_checkpoint(tmp_path / "checkpoint", dataclasses.replace(checkpoint, **{field: other}))
    what = {"base_digest": "base model", "tokenizer_digest": "tokenizer"}[field]
    with pytest.raises(UserError, match=f"{what} of .* here has digest .* trained with {other[:12]}"):
        load_runtime(tmp_path / "checkpoint", encoder=str(minilm))


def test_the_encoder_is_that_of_the_training(tiny_folder, minilm, tmp_path):
    copy = tmp_path / "encoder"
    copy.mkdir()
    for file in minilm.iterdir():
        (copy / file.name).symlink_to(file)
    checkpoint = load_checkpoint(tiny_folder / "checkpoint")
    trained = lambda encoder: dataclasses.replace(checkpoint, training={"encoder": encoder})
    save_checkpoint(tmp_path / "checkpoint", trained(str(copy)))
    assert load_runtime(tmp_path / "checkpoint").embedder.name == "encoder"
    assert load_runtime(tmp_path / "checkpoint", encoder=str(minilm)).embedder.name == minilm.name
    save_checkpoint(tmp_path / "other", trained("absent"))
    with pytest.raises(UserError, match="sentence encoder 'absent' is not here .* another with `encoder`"):
        load_runtime(tmp_path / "other")


def test_the_number_type_is_that_of_the_frozen_network_alone(tiny_folder, minilm):
    runtime = load_runtime(tiny_folder / "checkpoint", encoder=str(minilm), dtype="bfloat16")
    replicas = runtime.engine.replicas
    assert replicas.decoder.head_params["norm"]["scale"].dtype == "bfloat16"
    assert replicas.meta.bases["gate"]["A"].dtype == "float32"
    with pytest.raises(UserError, match="`dtype` is 'int8'; choose one of float32, bfloat16"):
        load_runtime(tiny_folder / "checkpoint", dtype="int8")
