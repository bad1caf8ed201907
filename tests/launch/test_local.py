"""Two real processes train as one does, and fail as one does."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import safetensors.numpy

from regrad_jax.training.config import TrainConfig
from regrad_jax.training.loop import train
from tests.tiny_models import train_config, write_encoder, write_model, write_tokenizer

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> TrainConfig:
    model, encoder = (tmp_path_factory.mktemp("base") / name for name in ("tiny", "encoder"))
    write_model(model)
    write_encoder(encoder)
    write_tokenizer(encoder)
    stages = ((10, {"almanac": 0.5, "more": 0.5}),)
    return train_config(
        model,
        encoder=str(encoder),
        theta="learned",
        batches_per_step=4,
        stages=stages,
        eval_every=100,
        eval_documents=4,
    )


def write_config(path: pathlib.Path, config: TrainConfig) -> None:
    values = json.dumps(json.dumps(dataclasses.asdict(config)))
    path.write_text(
        f"import json\n\nimport ml_collections\n\n\n"
        f"def get_config():\n    return ml_collections.ConfigDict(json.loads({values}))\n"
    )


def start(config_path: pathlib.Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Trains in two processes of two fake devices each."""
    program = [sys.executable, str(ROOT / "launch/local.py"), "--processes=2", "--", "train"]
    flag = "--xla_force_host_platform_device_count=2"  # the last one counts
    environment = os.environ | {"XLA_FLAGS": f"{os.environ['XLA_FLAGS']} {flag}"}
    return subprocess.run(
        [*program, f"--config={config_path}", *flags],
        env=environment, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip


def losses(workdir: pathlib.Path) -> list[float]:
    lines = map(json.loads, (workdir / "metrics.jsonl").read_text().splitlines())
    return [line["outer_loss"] for line in lines if "outer_loss" in line]


def test_two_processes_train_as_one_does(config, tmp_path):
    write_config(tmp_path / "config.py", config)
    mesh = ["--config.mesh.data=2", "--config.mesh.fsdp=2"]
    ran = start(tmp_path / "config.py", f"--workdir={tmp_path / 'two'}", *mesh)
    assert ran.returncode == 0, ran.stdout
    train(config, tmp_path / "one")
    np.testing.assert_allclose(losses(tmp_path / "two"), losses(tmp_path / "one"), rtol=1e-5)
    assert len(losses(tmp_path / "two")) == 10
    one, two = (
        safetensors.numpy.load_file(tmp_path / name / "release/adapter.safetensors")
        for name in ("one", "two")
    )
    assert one.keys() == two.keys()
    for name, expected in one.items():
        assert np.linalg.norm(two[name] - expected) <= 1e-5 * np.linalg.norm(expected), name
    assert {line[:3] for line in ran.stdout.splitlines()} == {"[0]", "[1]"}
    assert sum("step 10/10" in line for line in ran.stdout.splitlines()) == 1  # one process speaks


def test_a_process_that_fails_ends_the_others(config, tmp_path):
    write_config(tmp_path / "config.py", config)
    ran = start(tmp_path / "config.py", f"--workdir={tmp_path / 'run'}", "--config.mesh.data=1")
    assert ran.returncode == 2
    assert "config.mesh: data 1 x fsdp 1 is 1 devices, there are 4" in ran.stdout
    assert not (tmp_path / "run").exists()
