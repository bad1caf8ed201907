"""Data files are sound, are read when they are needed, and have a digest."""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib

import numpy as np
import pytest

from regrad_jax.data.almanac import names
from regrad_jax.data.almanac.faults import faults, poor_fields
from regrad_jax.data.almanac.library import FOLDER, KINDS, digest, file_of, load_kind, read_kind
from regrad_jax.errors import UserError

ROOT = pathlib.Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path):
    """A copy of the data files."""
    return pathlib.Path(shutil.copytree(FOLDER, tmp_path / "themes"))


def edit(name: str, folder: pathlib.Path, old: str, new: str) -> None:
    file = pathlib.Path(str(file_of(name, folder)))
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_sound(name):
    data = read_kind(name)
    assert faults(data) == []
    assert poor_fields(data) == []


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_is_told_and_asked_for_in_other_words_in_training_and_testing(name):
    kind = load_kind(name)
    groups = (kind.openings, kind.statements, kind.titles, *kind.questions.values())
    used = {split: {p for group in groups for p in group.of_split(split)} for split in ("train", "test")}
    assert used["train"].isdisjoint(used["test"])


def test_every_subject_holds_an_invented_name():
    for name in KINDS:
        for split in names.SPLITS:
            rng = np.random.default_rng(1)
            for _ in range(20):
                words = re.findall(r"[A-Z][a-z]+", load_kind(name).subject(rng, split))
                assert split in {names.split_of(w) for w in words}, (name, words)


def test_every_data_file_is_a_kind_of_its_own():
    files = {str(file_of(name)) for name in KINDS}
    assert len(KINDS) == len(set(KINDS)) == len(files) >= 50
    assert files == {str(file) for file in pathlib.Path(str(FOLDER)).rglob("*.toml")}


def test_the_example_for_writers_is_sound():
    text = (pathlib.Path(str(FOLDER)) / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    data = tomllib.loads(example)
    assert faults(data) == [] == poor_fields(data)


READS = """
import json, sys
opened = []
def hook(event, arguments):
    if event == "open" and str(arguments[0]).endswith(".toml"):
        opened.append(arguments[0])
sys.addaudithook(hook)
from regrad_jax.data.almanac import check, generate, library
counts = [len(opened)]
assert len(library.KINDS) > 50
generate.generate(2, seed=0, split="test", kinds=("bridge", "radio series"))
counts.append(len(opened))
generate.generate(2, seed=1, split="train", kinds=("bridge",))
counts.append(len(opened))
print(json.dumps([counts, [str(path) for path in opened]]))
"""


def test_nothing_is_read_at_import_and_then_each_file_once():
    done = subprocess.run([sys.executable, "-c", READS], capture_output=True, text=True, check=True, cwd=ROOT)
    counts, opened = json.loads(done.stdout)
    assert counts == [0, 2, 2]
    assert opened == [str(file_of("bridge")), str(file_of("radio series"))]


def test_a_phrasing_added_to_training_leaves_the_held_out_ones_as_they_are(folder):
    before = load_kind("person")
    edit("person", folder, "[statements]\ntrain = [\n", '[statements]\ntrain = [\n    "{short} whistles.",\n')
    after = load_kind("person", folder)
    assert after.statements.train == ("{short} whistles.", *before.statements.train)
    assert after.statements.held_out == before.statements.held_out


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('town = "town"', 'town = "city"', "fields.town: draw 'city' is unknown; choose one of "),
        ("[titles]\ntrain", "[titles]\nseen", "titles.train: missing (1 more faults)"),
        ('held_out = ["{name} of {town}"]', "", "titles.held_out: missing"),
        ("{short} plays {instrument}", "{short} plays {tune}", "statements.train: placeholder {tune} is"),
        ('genre = "biography"', "genre = biography", "Invalid value (at line 1, column 9)"),
    ],
)  # fmt: skip
def test_a_broken_file_is_one_line_with_file_and_key(folder, old, new, message):
    edit("person", folder, old, new)
    with pytest.raises(UserError) as raised:
        load_kind("person", folder)
    assert str(raised.value).startswith(f"almanac: {file_of('person', folder)}: {message}")
    assert "\n" not in str(raised.value)
    assert load_kind("village", folder).genre == "gazetteer"  # Other files are as they were.


def test_a_file_that_is_missing_is_named(folder):
    file_of("ship", folder).unlink()
    with pytest.raises(UserError, match=r"almanac: .*No such file or directory: '.*things/ship.toml'"):
        load_kind("ship", folder)


def test_the_digest_is_that_of_every_file(folder):
    before = digest()
    assert re.fullmatch("[0-9a-f]{64}", before)
    assert digest(folder) == before
    for name in (KINDS[0], KINDS[-1]):
        original = file_of(name, folder).read_bytes()
        file_of(name, folder).write_bytes(original + b"\n")
        assert digest(folder) != before
        file_of(name, folder).write_bytes(original)
    # Two files that change places are another almanac.
    first, second = file_of("novel", folder), file_of("ship", folder)
    texts = first.read_bytes(), second.read_bytes()
    first.write_bytes(texts[1])
    second.write_bytes(texts[0])
    assert digest(folder) != before


def test_the_data_files_ship_with_the_package(tmp_path):
    pytest.importorskip("setuptools")
    command = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    assert digest(tmp_path / "regrad_jax" / "data" / "almanac" / "themes") == digest()
