"""What a run takes, foretold from shapes: counted by hand, and against a step that is really compiled."""

import dataclasses
import json
import pathlib
import subprocess
import sys

import pytest

from regrad_jax.errors import UserError
from regrad_jax.training.dry_run import dry_run, step_batches
from regrad_jax.training.flops import step_flops
from regrad_jax.training.mesh import Layout
from tests.tiny_models import DECODER, decoder, train_config, write_model


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("base") / "tiny"
    write_model(folder)
    return folder


def test_counts_are_those_of_the_model_and_the_adapter(model):
    config = train_config(model, theta="learned")
    needs = dry_run(config)
    shape = json.loads((model / "config.json").read_text())
    width, mlp, layers = shape["hidden_size"], shape["intermediate_size"], shape["num_hidden_layers"]
    dim = shape.get("head_dim") or width // shape["num_attention_heads"]
    attention = 2 * width * dim * (shape["num_attention_heads"] + shape["num_key_value_heads"])
    matrices = layers * (attention + 3 * width * mlp)
    untied = 0 if shape["tie_word_embeddings"] else shape["vocab_size"] * width
    assert needs.frozen == matrices + shape["vocab_size"] * width + untied + (2 * layers + 1) * width
    adapted = layers - config.inner.adapter.first_layer
    assert needs.row == adapted * 3 * config.inner.adapter.rank**2
    bases = adapted * config.inner.adapter.rank * 3 * (width + mlp)
    assert needs.learned == needs.row + bases + adapted * 3 + 1  # alphas of the layers, and the temperature
    assert needs.devices == 1
    # Adam keeps two more of what is learned.
    held = 4 * (needs.frozen + 3 * needs.learned)
    assert needs.held_bytes == pytest.approx(held, rel=1e-3)
    assert needs.step_bytes > needs.held_bytes


def test_work_is_counted_by_hand():
    config = train_config(pathlib.Path("unused"), theta="learned")
    source = dataclasses.replace(
        config.sources["more"], anchors=1, questions_per_document=3,
        document_tokens=10, question_tokens=7, answer_tokens=2,
    )  # fmt: skip
    layer = 2 * 16 * 4 * (4 + 2) + 3 * 16 * 24
    documents, questions, answers = 2 * 10, 6 * 7, 6 * 2
    once = documents * 2 * layer + questions * 2 * layer
    twice = documents * 4 * (2 * layer + 97 * 16) + questions * 2 * 2 * layer + answers * 2 * 97 * 16
    assert step_flops(config, DECODER, source) == 2 * (once + twice)
    held_still = dataclasses.replace(config, theta="zero")
    saved = documents * 2 * (2 * layer + 97 * 16)
    assert step_flops(held_still, DECODER, source) == 2 * (once + twice - saved)
    first_order = dataclasses.replace(config, order="first")
    assert step_flops(first_order, DECODER, source) == 2 * (once + twice - saved)
    thrice = train_config(pathlib.Path("unused"), theta="learned", inner={"steps": 3})
    assert step_flops(thrice, DECODER, source) == 2 * (once + twice + 4 * saved)


def test_a_step_computes_the_activations_of_prompts_with_context():
    config = train_config(pathlib.Path("unused"))
    blind = config.sources["more"]
    for source in (blind, dataclasses.replace(blind, context=0.5)):
        questions = step_batches(config, source, decoder(), Layout(config)).questions
        assert (questions.hidden_QxTxD is None) == (source is not blind)


def test_a_mesh_shares_the_weights_and_the_work(model):
    alone = dry_run(train_config(model, theta="learned", batches_per_step=8))
    shared = dry_run(train_config(model, theta="learned", batches_per_step=8, mesh={"data": 2, "fsdp": 4}))
    assert shared.step_flops == alone.step_flops and shared.devices == 8
    state = 12 * alone.learned
    assert shared.held_bytes - state == pytest.approx((alone.held_bytes - state) / 4, rel=0.1)


def test_a_paper_sized_model_needs_nothing_but_its_name(tmp_path):
    command = [
        sys.executable, "-m", "regrad_jax.cli", "train", "--config=experiments/configs/llama.py:1b",
        "--config.mesh.fsdp=2", "--config.batches_per_step=2", "--dry_run", "--json", "--device_gib=4",
    ]  # fmt: skip
    root = pathlib.Path(__file__).parents[2]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=600, check=True)
    facts = json.loads(ran.stdout)
    assert facts["frozen"] == 1_235_814_400  # of the model card: 1.23 billion
    assert facts["devices"] == 2 and facts["row"] == 8 * 3 * 32**2
    assert facts["held_bytes"] < 2 * facts["frozen"] / 2 + 13 * facts["learned"]  # bfloat16, half a copy each
    assert facts["spare_gib"] < 4 - facts["held_bytes"] / 2**30


def test_a_model_that_is_not_there_is_named():
    with pytest.raises(UserError, match="no model is called 'nowhere'; choose one of smollm2-135m"):
        dry_run(train_config(pathlib.Path("nowhere")))
