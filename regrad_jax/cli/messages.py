"""What the library says, in the words of the command line."""

import logging
import re
import sys
from typing import NoReturn

import absl.logging
from absl import flags


def as_flags(message: str) -> str:
    """Returns a message with the arguments in it, `name`, written as flags of the verb, --name."""
    as_flag = lambda match: f"--{match[1]}" if match[1] in flags.FLAGS else match[0]
    return re.sub(r"`(\w+)`", as_flag, message)


def misuse(message: str, verb: str = "") -> NoReturn:
    """Ends with status 2 and one line on stderr, which points to the help of the verb if one is given."""
    hint = f" (see regrad {verb} --help)" if verb else ""
    print(f"regrad: {as_flags(message)}{hint}", file=sys.stderr)
    sys.exit(2)


def failure(message: str) -> int:
    """Prints one line on stderr, and returns the exit status of work that failed: 1."""
    print(f"regrad: {as_flags(message)}", file=sys.stderr)
    return 1


def log_warnings() -> None:
    """Sends the warnings of this package to stderr, a line each."""
    absl.logging.set_verbosity(absl.logging.WARNING)  # orbax reports every save in twenty lines
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_AsFlags())
    ours = logging.getLogger("regrad_jax")
    ours.handlers, ours.propagate = [handler], False


class _AsFlags(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return as_flags(f"regrad: {record.levelname.lower()}: {record.getMessage()}")
