"""`regrad VERB`: finds the verb's module and runs it under absl flags.

Exit status 0 on success, 2 on misuse or bad input with one line on stderr, 1 on failure.
"""

import errno
import importlib
import sys
from collections.abc import Callable
from typing import NoReturn

from absl import app, flags

from regrad_jax.cli.messages import as_flags, log_warnings
from regrad_jax.errors import RunError, UserError

VERBS = {
    "fetch": "fetch base assets into $REGRAD_HOME",
    "train": "meta-train; resumes where it stopped",
    "build": "documents -> bank and index; resumes; appends what is new",
    "ask": "answer questions from a bank",
    "bank": "info, verify, log, delete, rollback, compact, reindex, rebuild of a bank; plan of one",
    "export": "release the latest checkpoint of a run",
    "evaluate": "methods x datasets -> results.json, report.html, plots",
    "bench": "measure encode, query, train, torch, retrieval, codecs, bank",
    "demo": "the whole way on a small corpus, with a table and a plot",
}
# What the machine refuses, whatever we do.
_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
_WITH_WORDS = {"fetch", "bank", "export", "bench"}  # verbs that take words besides flags


def main() -> None:
    """Runs the verb named by the first argument; the console script's entry point."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("help", "--help", "-h"):
        print(_usage(), file=sys.stdout if arguments else sys.stderr)
        sys.exit(0 if arguments else 2)
    verb, rest = arguments[0], arguments[1:]
    if verb not in VERBS:
        _misuse(f"unknown verb {verb!r}; there are {', '.join(VERBS)}")
    module = importlib.import_module(f"regrad_jax.cli.{verb}")
    if any(word in ("--help", "-help", "-h", "--helpshort") for word in rest):
        print(f"regrad {verb}: {VERBS[verb]}\n\n{(module.__doc__ or '').strip()}\n")
        print(flags.FLAGS.module_help(module))
        sys.exit(0)
    flags.FLAGS.set_gnu_getopt(True)
    app.run(_runner(verb, module.run), argv=[f"regrad {verb}", *rest], flags_parser=_parser(verb))


def _parser(verb: str) -> Callable[[list[str]], list[str]]:
    def parse(argv: list[str]) -> list[str]:
        try:
            words = flags.FLAGS(argv)
            if "config" in flags.FLAGS:  # one that failed to load complains only when it is looked at
                getattr(flags.FLAGS.config, "keys", None)
            return words
        except (KeyError, AttributeError) as error:  # ml_collections says no more than the key
            inner = error.args[0] if error.args and isinstance(error.args[0], KeyError) else error
            _misuse(f"unknown config key {' '.join(f'{inner.args[0]}'.split())}", verb)
        # A config file is a program, so anything may go wrong in it.
        except Exception as error:
            where, _, trace = f"{error or type(error).__name__}".partition("Traceback")
            what = trace.strip().splitlines()[-1:]  # ml_collections hands on a whole traceback
            _misuse(" ".join([*where.split(), *what]), verb)

    return parse


def _runner(verb: str, run: Callable[[list[str]], int | None]) -> Callable[[list[str]], int]:
    def runner(argv: list[str]) -> int:
        log_warnings()
        if len(argv) > 1 and verb not in _WITH_WORDS:
            _misuse(
                f"{argv[1]!r} belongs to no flag; write --flag=value, in quotes where it has spaces", verb
            )
        try:
            return run(argv[1:]) or 0
        except UserError as error:
            _misuse(str(error))
        except RunError as error:
            return _failure(str(error))
        except OSError as error:
            if error.errno not in _DISK_ERRORS:
                raise
            where = f" ({error.filename})" if error.filename else ""
            return _failure(f"{error.strerror}{where}: mend that, and run the same again")

    return runner


def _usage() -> str:
    lines = [f"  {verb:<9} {text}" for verb, text in VERBS.items()]
    verbs = "\n".join(lines)
    return f"usage: regrad VERB [--flags]\n\n{verbs}\n\nregrad VERB --help tells a verb's flags"


def _misuse(message: str, verb: str = "") -> NoReturn:
    hint = f" (see regrad {verb} --help)" if verb else ""
    print(f"regrad: {as_flags(message)}{hint}", file=sys.stderr)
    sys.exit(2)


def _failure(message: str) -> int:
    print(f"regrad: {as_flags(message)}", file=sys.stderr)
    return 1
