"""How long work tells where it is: a function that takes a line of text; on the command line, stderr."""

import sys
from collections.abc import Callable

Progress = Callable[[str], None]


def to_stderr(line: str) -> None:
    """Prints a line on stderr at once."""
    print(line, file=sys.stderr, flush=True)
