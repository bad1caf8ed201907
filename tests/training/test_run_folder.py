"""A run folder's config: written whole, and read in the layouts of before."""

import json
import math

import pytest

from regrad_jax.adaptation.adapter import AdapterConfig
from regrad_jax.adaptation.rules import InnerProblem
from regrad_jax.data.almanac.library import digest
from regrad_jax.errors import UserError
from regrad_jax.training.run_folder import as_json, begin, check, data_digests, read_config
from tests.tiny_models import train_config

# As it was written when the fields of the inner problem stood among those of the run.
FLAT = """{
 "base_model": "smollm2-135m", "encoder": "minilm-l6", "seed": 3,
 "adapter": {"kind": "core", "rank": 56, "first_layer": 15, "targets": ["gate", "down"], "scale": 2.0},
 "weighting": "mean", "prompts": "plain", "theta": "learned", "initial": "", "alpha": 0.8,
 "alpha_mode": "tie", "temperature": 0.02, "documents_per_question": 1,
 "sources": {"almanac": {
  "kind": "almanac", "path": "", "train_articles": 36, "validation_articles": 4, "entities": 12000,
  "kinds": [], "anchors": 8, "questions_per_document": 5, "document_tokens": 144, "document_buckets": [],
  "question_tokens": 32, "answer_tokens": 10, "context": 0.0, "gold_absent": 0.0}},
 "stages": [[360, {"almanac": 1.0}]], "learning_rate": 0.005, "weight_decay": 0.0, "warmup_steps": 20,
 "decay": "cosine", "clip_norm": 0.5, "eval_every": 180, "eval_documents": 24, "save_every": 20,
 "batches_per_step": 1, "dtype": "float32", "remat": false, "mesh": {"data": 1, "fsdp": 1},
 "inner_steps": 2, "damping": %s, "order": "second", "codec": "ternary", "bases": "random",
 "initial_alpha_scale": 1.0, "theta_rate": 0.2
}"""


@pytest.mark.parametrize(
    ("written", "rule", "damping"), [("0.2", "damped", 0.2), ("Infinity", "plain", math.inf)]
)
def test_a_config_with_a_flat_inner_problem_is_still_read(written, rule, damping, tmp_path):
    (tmp_path / "config.json").write_text(FLAT % written)
    config = read_config(tmp_path / "config.json")
    adapter = AdapterConfig("core", 56, 15, ("gate", "down"), 2.0)
    assert config.inner == InnerProblem(adapter, "mean", rule, damping, steps=2)
    assert (config.codec, config.theta_rate, config.seed) == ("ternary", 0.2, 3)
    check(tmp_path, config)  # the run is the same run
    (tmp_path / "config.json").write_text(as_json(config))
    assert read_config(tmp_path / "config.json") == config
    # The first runs had neither steps nor damping.
    oldest = json.loads(FLAT % "0.2")
    del oldest["inner_steps"], oldest["damping"]
    (tmp_path / "config.json").write_text(json.dumps(oldest))
    assert read_config(tmp_path / "config.json").inner == InnerProblem(adapter, "mean")
    assert data_digests(tmp_path) == {}


@pytest.mark.parametrize("damping", ['"strong"', "NaN", "0"])
def test_an_older_config_with_a_wrong_value_is_refused(damping, tmp_path):
    (tmp_path / "config.json").write_text(FLAT % damping)
    with pytest.raises(UserError, match=r"config.inner.damping: .* must be a number above 0, or inf"):
        read_config(tmp_path / "config.json")


def test_a_config_is_written_once(tmp_path):
    config = train_config(tmp_path / "model")
    begin(tmp_path, config)
    assert read_config(tmp_path / "config.json") == config
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "data_digests.json"]
    assert data_digests(tmp_path) == {"almanac": digest()}
    before = (tmp_path / "config.json").read_bytes()
    begin(tmp_path, train_config(tmp_path / "model", seed=1))
    assert (tmp_path / "config.json").read_bytes() == before


@pytest.mark.parametrize("text", ["", "[]", '{"almanac": '], ids=["empty", "a list", "cut off"])
@pytest.mark.parametrize(("name", "read"), [("config.json", read_config), ("data_digests.json", None)])
def test_a_damaged_file_of_a_run_gets_one_line(name, read, text, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=f"{name} is damaged .*; restore it"):
        read(tmp_path / name) if read else data_digests(tmp_path)
