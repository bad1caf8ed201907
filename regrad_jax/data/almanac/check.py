"""Checks that a kind can be used: `python -m regrad_jax.data.almanac.check THEME` prints what is wrong, and samples."""

import re
import sys

import numpy as np

from regrad_jax.data.almanac.kinds import Kind, phrasings_of_split
from regrad_jax.data.almanac.names import SPLITS

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def faults(kind: Kind) -> list[str]:
    """Returns what is wrong with a kind, a line each; none when it is sound."""
    found = []
    known = {*kind.fields, "name", "short", "alias"}
    groups = {"openings": kind.openings, "statements": kind.statements, "titles": kind.titles}
    groups |= {f"questions[{field}]": asked for field, asked in kind.questions.items()}
    for group, phrasings in groups.items():
        if len(phrasings) < 4 or len(set(phrasings)) < len(phrasings):
            found.append(f"{group}: {len(phrasings)} phrasings, at least 4 different ones are needed")
        for phrasing in phrasings:
            used = _PLACEHOLDER.findall(phrasing)
            if unknown := set(used) - known:
                found.append(f"{group}: {sorted(unknown)} unknown in {phrasing!r}")
            if group.startswith(("questions", "openings")) and "name" not in used:
                found.append(f"{group}: no {{name}} in {phrasing!r}")
            if group.startswith("questions") and set(used) - {"name"}:
                found.append(f"{group}: a question may hold {{name}} alone, not {phrasing!r}")
            if re.search(r"[{}]", _PLACEHOLDER.sub("", phrasing)):
                found.append(f"{group}: broken braces in {phrasing!r}")
    if missing := set(kind.questions) - set(kind.fields):
        found.append(f"questions for unknown fields {sorted(missing)}")
    for split in ("train", "test"):
        sentences = phrasings_of_split([*kind.statements], split)
        stated = {field for sentence in sentences for field in _PLACEHOLDER.findall(sentence)}
        if unstated := set(kind.questions) - stated:
            found.append(f"no {split} statement states {sorted(unstated)}")
    rng = np.random.default_rng(0)
    for field, draw in kind.fields.items():
        draws = {draw(rng, SPLITS[0]) for _ in range(300)}
        if field in kind.questions and len(draws) < 9:
            found.append(f"field {field}: {len(draws)} values are too few to ask for")
    return found


def main() -> None:
    """Checks the themes named on the command line and prints two entries of each kind and split."""
    import importlib

    from regrad_jax.data.almanac.generate import entry

    for theme in sys.argv[1:]:
        for kind in importlib.import_module(f"regrad_jax.data.almanac.themes.{theme}").KINDS:
            print(f"=== {kind.name}: {'; '.join(faults(kind)) or 'sound'}")
            for split in ("train", "train", "test"):
                document, questions = entry(kind, np.random.default_rng(len(kind.name)), split, "x", set())
                print(f"[{split}] {document.content}")
                print("   ", " | ".join(f"{q.question} -> {q.answers[0]}" for q in questions))


if __name__ == "__main__":
    main()
