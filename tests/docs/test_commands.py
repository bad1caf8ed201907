"""The commands that the documentation shows are ones that `regrad` understands."""

import itertools
import pathlib
import re
import shlex

import pytest

from tests.cli.command import understood

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS = ("regrad", ".venv/bin/regrad")
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A table whose first column is headed `.venv/bin/regrad ...` has in it what stands in place of the dots.
TABLE = re.compile(r"^\| `(?:\.venv/bin/)?regrad \.\.\.` \|.*\n\|[-|]+\n((?:\|.*\n)+)", re.MULTILINE)


def commands(page: str) -> list[str]:
    """Returns what follows `regrad` in the commands of a page: of its shell blocks and tables of commands.

    >>> commands("```sh\\nregrad ask \\\\\\n  --top_k 3  # three\\nA=1 .venv/bin/regrad demo | cat\\n```\\n")
    ['ask --top_k 3', 'demo']
    >>> commands("| `regrad ...` | what it does |\\n|---|---|\\n| `bank log --bank b` | lists |\\n")
    ['bank log --bank b']
    """
    lines = [line for block in BLOCK.findall(page) for line in block.replace("\\\n", " ").splitlines()]
    shown = [command for line in lines if (command := _command(shlex.split(line, comments=True)))]
    return shown + [row for table in TABLE.findall(page) for row in re.findall(r"^\| `(.+?)`", table, re.M)]


def _command(words: list[str]) -> str:
    """Returns what `regrad` is given in the words of one line; empty where the line does not start it."""
    words = list(itertools.dropwhile(lambda word: re.match(r"\w+=", word), words))  # variables
    if words[1:2] == ["launch/local.py"]:  # gives what follows -- to each `regrad` that it starts
        words = ["regrad", *words[words.index("--") + 1 :]]
    if not words or words[0] not in PROGRAMS:
        return ""
    return shlex.join(itertools.takewhile(lambda word: word not in ("|", "&&", ">", "<"), words[1:]))


def test_pages_show_commands():
    assert len(commands(PAGES[0].read_text("utf-8"))) > 10


@pytest.mark.parametrize(
    "command", dict.fromkeys(command for page in PAGES for command in commands(page.read_text("utf-8")))
)
def test_a_command_that_a_page_shows_has_verbs_and_flags_that_exist(command, monkeypatch):
    monkeypatch.chdir(ROOT)  # commands name configs from there
    done = understood(*shlex.split(command))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("ask --bank b --topk 3", "topk"),
        ("ask --bank b --mode magic", "magic"),
        ("answer --bank b", "unknown verb 'answer'"),
        ("bank polish --bank b", "'polish'"),
        ("ask Who?", "'Who?' belongs to no flag"),
        ("train --config experiments/configs/almanac_squad.py --config.colour=blue", "colour"),
    ],
)
def test_a_command_that_does_not_exist_is_told(command, said):
    done = understood(*shlex.split(command))
    assert done.returncode != 0 and said in done.stderr
