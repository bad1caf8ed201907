"""`regrad VERB`: finds the verb's module and runs it under absl flags.

Exit status 0 on success, 2 on misuse or bad input with one line on stderr, 1 on failure. A verb that is
stopped by Ctrl-C ends with status 130. One whose output nobody reads any more ends with status 141.
"""

import errno
import importlib
import os
import sys
from collections.abc import Callable
from types import ModuleType

from absl import app, flags

from regrad_jax.cli.arguments import parser
from regrad_jax.cli.messages import failure, log_warnings, misuse
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
_INTERRUPTED, _CLOSED_PIPE = 130, 141


def main() -> None:
    """Runs the verb named by the first argument; the console script's entry point."""
    for stream in (sys.stdout, sys.stderr):  # what a terminal's encoding lacks is written as escapes
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        try:
            _dispatch(sys.argv[1:])
        finally:
            sys.stdout.flush()  # here, where a pipe that has closed can be caught
    except KeyboardInterrupt:
        print("regrad: stopped; the same command goes on from what is saved already", file=sys.stderr)
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        # Python flushes stdout once more when it ends, and would report the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_CLOSED_PIPE)


def _dispatch(arguments: list[str]) -> None:
    if not arguments or arguments[0] in ("help", "--help", "-h"):
        print(_usage(), file=sys.stdout if arguments else sys.stderr)
        sys.exit(0 if arguments else 2)
    verb, rest = arguments[0], arguments[1:]
    if verb not in VERBS:
        misuse(f"unknown verb {verb!r}; there are {', '.join(VERBS)}")
    module = _load(verb)
    if any(word in ("--help", "-help", "-h", "--helpshort") for word in rest):
        print(f"regrad {verb}: {VERBS[verb]}\n\n{(module.__doc__ or '').strip()}\n")
        for part in [module, *getattr(module, "FLAG_MODULES", [])]:
            print(flags.FLAGS.module_help(part))
        sys.exit(0)
    flags.FLAGS.set_gnu_getopt(True)
    app.run(_runner(verb, module.run), argv=[f"regrad {verb}", *rest], flags_parser=parser(verb))


def _load(verb: str) -> ModuleType:
    try:
        return importlib.import_module(f"regrad_jax.cli.{verb}")
    except ValueError as error:  # JAX reads its variables when it is imported
        misuse(f"JAX cannot start ({' '.join(str(error).split())}); check the JAX_* variables")


def _runner(verb: str, run: Callable[[list[str]], int | None]) -> Callable[[list[str]], int]:
    def runner(argv: list[str]) -> int:
        log_warnings()
        if len(argv) > 1 and verb not in _WITH_WORDS:
            misuse(f"{argv[1]!r} belongs to no flag; write --flag=value, in quotes where it has spaces", verb)
        try:
            status = run(argv[1:]) or 0
            sys.stdout.flush()
            return status
        except UserError as error:
            misuse(str(error))
        except RunError as error:
            return failure(str(error))
        except RuntimeError as error:
            if "Unable to initialize backend" not in str(error):
                raise
            misuse(f"JAX cannot start ({str(error).splitlines()[0]}); check JAX_PLATFORMS and the drivers")
        except OSError as error:
            if error.errno not in _DISK_ERRORS:
                raise
            where = f" ({error.filename})" if error.filename else ""
            return failure(f"{error.strerror}{where}: mend that, and run the same again")

    return runner


def _usage() -> str:
    lines = [f"  {verb:<9} {text}" for verb, text in VERBS.items()]
    verbs = "\n".join(lines)
    return f"usage: regrad VERB [--flags]\n\n{verbs}\n\nregrad VERB --help lists the verb's flags"
