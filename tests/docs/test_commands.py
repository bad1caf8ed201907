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


def commands(page: str) -> list[str]:
    """Returns the `regrad` commands in the shell blocks of a page, without their comments.

    >>> commands("```sh\\nregrad ask \\\\\\n  --top_k 3  # three\\nmake\\nA=1 .venv/bin/regrad demo\\n```\\n")
    ['ask --top_k 3', 'demo']
    """
    shown = []
    for block in re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while words and re.match(r"\w+=", words[0]):  # a variable of the command's environment
                del words[0]
            if words and words[0] in PROGRAMS:
                own = itertools.takewhile(lambda word: word not in ("|", "&&", ">", "<"), words[1:])
                shown.append(shlex.join(own))
    return shown


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
