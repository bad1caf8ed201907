"""The flags of a verb, parsed and checked before the verb runs: bad ones end in one line."""

import math
import os
from collections.abc import Callable

from absl import flags

from regrad_jax.cli.messages import misuse

# Flags that name places on this machine, in which ~ is the user's home.
_PATHS = ("bank", "checkpoint", "corpus", "model", "plot", "questions", "to", "workdir")
_LOCAL = ("checkpoint", "corpus", "plot", "questions", "workdir")  # what cannot be in a bucket
_MAY_BE_ENDLESS = ("cache_mib",)


def parser(verb: str) -> Callable[[list[str]], list[str]]:
    """Returns what parses a verb's arguments and returns the words among them that belong to no flag."""

    def parse(argv: list[str]) -> list[str]:
        for word in argv[1:]:
            if not word.isprintable() and any(0xDC80 <= ord(letter) <= 0xDCFF for letter in word):
                misuse(f"the argument {word!r} is not UTF-8; write it in UTF-8")
        try:
            words = flags.FLAGS(argv)
            if "config" in flags.FLAGS:  # one that failed to load complains only when it is looked at
                getattr(flags.FLAGS.config, "keys", None)
        except (KeyError, AttributeError) as error:  # ml_collections says no more than the key
            inner = error.args[0] if error.args and isinstance(error.args[0], KeyError) else error
            misuse(f"unknown config key {' '.join(f'{inner.args[0]}'.split())}", verb)
        # A config file is a program, so anything may go wrong in it.
        except Exception as error:
            where, _, trace = f"{error or type(error).__name__}".partition("Traceback")
            what = trace.strip().splitlines()[-1:]  # ml_collections hands on a whole traceback
            misuse(" ".join([*where.split(), *what]), verb)
        _check_numbers()
        _check_paths()
        return words

    return parse


def _check_numbers() -> None:
    """Refuses floats that are no numbers, which pass every bound, and endless ones."""
    for name in flags.FLAGS:
        value = flags.FLAGS[name].value
        if not isinstance(value, float) or math.isfinite(value):
            continue
        if math.isnan(value) or name not in _MAY_BE_ENDLESS:
            misuse(f"--{name} is {value}; give a finite number")


def _check_paths() -> None:
    """Refuses URLs where a path is needed, and expands homes."""
    for name in _PATHS:
        path = flags.FLAGS[name].value if name in flags.FLAGS else None
        if isinstance(path, str):
            if name in _LOCAL and "://" in path:
                misuse(
                    f"--{name}={path} is a URL; give a path on this machine (only banks may be in buckets)"
                )
            flags.FLAGS[name].value = os.path.expanduser(path)
