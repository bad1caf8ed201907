"""Files of text and JSON."""

import gzip
from pathlib import Path

import pytest

from regrad_jax.data.text_files import parse_json, read_json_lines, read_text
from regrad_jax.errors import UserError


def test_gzipped_files_are_read_by_their_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress("\ufeffInk é.\n".encode()))
    assert read_text(tmp_path / "a.txt.gz") == "Ink é.\n"
    (tmp_path / "a.jsonl.GZ").write_bytes(gzip.compress(b'{"a": 1}\n\n{"a": 2}'))
    assert list(read_json_lines(tmp_path / "a.jsonl.GZ")) == [(1, {"a": 1}), (3, {"a": 2})]


WHOLE = gzip.compress(b"Ink dries. " * 99, mtime=0)  # the same in every process


@pytest.mark.parametrize(
    "damaged", [b"Ink.", WHOLE[:40], WHOLE[:-4] + b"none", WHOLE[:20] + b"????" + WHOLE[24:]]
)
def test_a_damaged_gzip_file_is_refused(tmp_path: Path, damaged: bytes) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(damaged)
    with pytest.raises(UserError, match="a.gz: damaged gzip file") as raised:
        read_text(path)
    assert "\n" not in str(raised.value)


def test_a_folder_or_a_missing_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be read \(Is a directory\)"):
        read_text(tmp_path)
    with pytest.raises(UserError, match=r"absent.gz: cannot be read \(No such file"):
        read_text(tmp_path / "absent.gz")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "here: broken JSON at column 2"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', 'here: an object has the key "c" twice'),
        ('{"\\ud800": 1, "\\ud800": 2}', r'has the key "\ud800" twice'),
        ("9" * 5000, "here: JSON cannot be read"),
        ("[" * 100_000, "here: JSON cannot be read"),
    ],
)
def test_json_that_is_not_sound_is_refused(text: str, message: str) -> None:
    with pytest.raises(UserError) as raised:
        parse_json(text, "here")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    str(raised.value).encode()


def test_a_key_that_ends_a_large_object_for_the_second_time_is_found_at_once() -> None:
    keys = ", ".join(f'"k{n}": 0' for n in range(100_000))
    with pytest.raises(UserError, match='the key "k99999" twice'):
        parse_json(f'{{{keys}, "k99999": 1}}', "here")
