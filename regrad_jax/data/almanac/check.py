"""Checks the data files of themes: `python -m regrad_jax.data.almanac.check THEME ...`

Every fault is one line with its file and key, and the exit status is then 2. The kinds that are sound are
shown by two entries of the training split and one of the test split.
"""

import argparse
import sys
from collections.abc import Iterator
from importlib.resources.abc import Traversable

import numpy as np

from regrad_jax.data.almanac.faults import faults, poor_fields
from regrad_jax.data.almanac.generate import entry
from regrad_jax.data.almanac.library import FOLDER, THEMES, file_of, load_kind, read_kind
from regrad_jax.errors import UserError


def faults_of_file(name: str, folder: Traversable = FOLDER) -> list[str]:
    """Returns what is wrong with the data file of a kind, one line with file and key for each fault."""
    try:
        data = read_kind(name, folder)
    except UserError as error:
        return [str(error)]
    return [f"almanac: {file_of(name, folder)}: {fault}" for fault in faults(data) or poor_fields(data)]


def samples(name: str) -> Iterator[str]:
    """Yields lines with entries of a kind and their questions."""
    for number, split in enumerate(("train", "train", "test")):
        document, questions = entry(load_kind(name), np.random.default_rng(number), split, "sample", set())
        yield f"[{split}] {document.content}"
        yield "    " + " | ".join(f"{q.question} -> {q.answers[0]}" for q in questions)


def main() -> None:
    """Checks the themes that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("themes", nargs="+", choices=THEMES, metavar="THEME", help=", ".join(THEMES))
    broken = False
    for name in [kind for theme in parser.parse_args().themes for kind in THEMES[theme]]:
        wrong = faults_of_file(name)
        print(f"=== {name}: {'broken' if wrong else 'sound'}")
        print("\n".join(wrong or samples(name)))
        broken |= bool(wrong)
    sys.exit(2 if broken else 0)


if __name__ == "__main__":
    main()
