"""How long work tells where it is: a function that takes a line of text; on the command line, stderr."""

import sys
import time
from collections.abc import Callable

Progress = Callable[[str], None]

_TELL_EVERY = 5  # seconds


def to_stderr(line: str) -> None:
    """Prints a line on stderr at once."""
    print(line, file=sys.stderr, flush=True)


class Rate:
    """Tells every few seconds how much of a known amount is done, how fast, and how long the rest takes."""

    def __init__(self, total: int, what: str, progress: Progress):
        self._total, self._what, self._progress = total, what, progress
        self._began = self._told = time.monotonic()

    def reach(self, done: int) -> None:
        """Notes that so much of the total is done."""
        now = time.monotonic()
        if now - self._told > _TELL_EVERY:
            self._told, rate = now, done / (now - self._began)
            left = (self._total - done) / rate
            self._progress(f"{done:,}/{self._total:,} {self._what}, {rate:.0f}/s, {left:.0f} s left")
