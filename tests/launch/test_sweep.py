"""A sweep trains its runs, goes on where it was left, compares them, and says what failed."""

import json
import pathlib
import subprocess
import sys

import pytest

from tests.launch.test_local import write_config
from tests.tiny_models import train_config, write_encoder, write_model, write_tokenizer

ROOT = pathlib.Path(__file__).parents[2]


def sweep(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "launch/sweep.py", *arguments]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=900, check=False)


def test_runs_are_trained_once_and_compared(tmp_path):
    write_model(tmp_path / "tiny")
    write_encoder(tmp_path / "encoder")
    write_tokenizer(tmp_path / "encoder")
    config = train_config(
        tmp_path / "tiny", encoder=str(tmp_path / "encoder"), stages=((2, {"almanac": 1.0}),), eval_every=2
    )
    write_config(tmp_path / "config.py", config)
    runs = {"small": {"inner.adapter.rank": 2}, "wrong": {"inner.adapter.rank": 0}}
    path = tmp_path / "sweep.py"
    path.write_text(f"CONFIG = {str(tmp_path / 'config.py')!r}\nget_sweep = lambda: {runs}\n")
    ran = sweep(path, "--workdir", tmp_path / "runs", "--", "--config.seed=5")
    assert ran.returncode == 1 and "failed: wrong; mend them" in ran.stderr
    rows = json.loads((tmp_path / "runs/sweep.json").read_text())
    targets, layers = 3, 2
    facts = [(row["run"], row["numbers"], row["steps"]) for row in rows]
    assert facts == [("small", targets * layers * 2**2, 2)]
    assert json.loads((tmp_path / "runs/small/config.json").read_text())["seed"] == 5
    table = (tmp_path / "runs/table.md").read_text()
    assert table == ran.stdout and table.count("\n") == 3 and "almanac: answer loss" in table
    assert (tmp_path / "runs/sweep.png").stat().st_size > 5_000

    # Again, with the wrong run taken out: nothing is trained.
    released = (tmp_path / "runs/small/release/adapter.safetensors").stat().st_mtime_ns
    del runs["wrong"]
    path.write_text(f"CONFIG = {str(tmp_path / 'config.py')!r}\nget_sweep = lambda: {runs}\n")
    again = sweep(path, "--workdir", tmp_path / "runs", "--", "--config.seed=5")
    assert again.returncode == 0 and again.stdout == table
    assert (tmp_path / "runs/small/release/adapter.safetensors").stat().st_mtime_ns == released


@pytest.mark.parametrize("text", ["CONFIG = 'x.py'\n", "CONFIG = 1 / 0\n", None])
def test_what_is_not_a_sweep_is_refused(text, tmp_path):
    if text is not None:
        (tmp_path / "sweep.py").write_text(text)
    ran = sweep(tmp_path / "sweep.py", "--workdir", tmp_path / "runs")
    assert ran.returncode == 2 and "is not a sweep" in ran.stderr and "Traceback" not in ran.stderr
    assert not (tmp_path / "runs").exists()
