"""The checker names each fault with file and key."""

import pathlib
import shutil

import pytest

from regrad_jax.data.almanac import check
from regrad_jax.data.almanac.library import FOLDER, file_of


def test_sound_kinds_are_shown(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["check", "people", "news"])
    with pytest.raises(SystemExit) as stopped:
        check.main()
    printed = capsys.readouterr().out
    assert stopped.value.code == 0
    assert printed.count(": sound\n") == 7 and "=== person: sound\n[train] " in printed
    assert printed.count("\n[train] ") == 14 and printed.count("\n[test] ") == 7
    assert " -> " in printed


def test_faults_are_named_with_file_and_key(tmp_path):
    folder = pathlib.Path(shutil.copytree(FOLDER, tmp_path / "themes"))
    file = file_of("person", folder)
    sound = file.read_text(encoding="utf-8")
    assert check.faults_of_file("person", folder) == []
    file.write_text(sound.replace('"person"', '"somebody"'), encoding="utf-8")
    found = check.faults_of_file("person", folder)
    keys = ["subject", "fields.spouse", "fields.teacher"]
    assert [line.split(": ")[:3] for line in found] == [["almanac", str(file), key] for key in keys]
    file.write_text(sound.replace("low = 2, high = 11", "low = 2, high = 4"), encoding="utf-8")
    assert check.faults_of_file("person", folder) == [
        f"almanac: {file}: fields.children: 3 values are too few to ask for"
    ]
    file.write_text("genre = ", encoding="utf-8")
    (fault,) = check.faults_of_file("person", folder)
    assert fault.startswith(f"almanac: {file}: Invalid value (at end of document)")


def test_an_unknown_theme_is_refused(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["check", "weather"])
    with pytest.raises(SystemExit) as stopped:
        check.main()
    assert stopped.value.code == 2
    assert "invalid choice: 'weather'" in capsys.readouterr().err
