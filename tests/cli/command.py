"""`regrad` for tests: each call in a process of its own, forked from one that has imported all verbs need.

A start costs two to five seconds of imports otherwise, and most calls here are to be refused at once.
"""

import functools
import importlib
import multiprocessing
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import types
from collections.abc import Mapping, Sequence

_IMPORTED = ["regrad_jax.cli.main", "regrad_jax.training.loop", "regrad_jax.api", "ml_collections"]


@functools.cache
def _forks() -> multiprocessing.context.ForkServerContext:
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(_IMPORTED)
    return forks


def _run(
    arguments: Sequence[str], folder: pathlib.Path, environment: Mapping[str, str], only_parse: bool
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    modes = {"stdin": os.O_RDONLY, "stdout": os.O_WRONLY | os.O_CREAT, "stderr": os.O_WRONLY | os.O_CREAT}
    for number, (name, mode) in enumerate(modes.items()):
        os.dup2(os.open(folder / name, mode), number)
        encoding = environment.get("PYTHONIOENCODING")
        setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding=encoding, closefd=False))
    sys.argv = ["regrad", *arguments]
    from regrad_jax.cli.main import VERBS, main

    if only_parse and arguments[0] in VERBS:
        verb = importlib.import_module(f"regrad_jax.cli.{arguments[0]}")
        setattr(verb, "run", functools.partial(_look_up, verb.__doc__ or ""))  # noqa: B010 a module's attribute
    main()


def _look_up(help_text: str, words: Sequence[str]) -> None:
    """Stands in for a verb's `run`: refuses words that the verb's help does not explain."""
    from regrad_jax.errors import UserError

    if unknown := set(words) - set(re.findall(r"[\w-]+", help_text)):
        raise UserError(f"{min(unknown)!r} is not in the verb's help")


def regrad(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs `regrad` with these arguments, and these variables beside those of the environment.

    Those that JAX reads when it is imported are read already.
    """
    return _finished(arguments, stdin, environment)


def understood(*arguments: str) -> subprocess.CompletedProcess[str]:
    """As `regrad` up to where the verb would run: the verb, its flags and its config are read and checked."""
    return _finished(arguments, only_parse=True)


def _finished(
    arguments: Sequence[str],
    stdin: str = "",
    environment: Mapping[str, str] = types.MappingProxyType({}),
    only_parse: bool = False,
) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        (folder / "stdin").write_text(stdin)
        inputs = arguments, folder, {**os.environ, **environment}, only_parse
        process = _forks().Process(target=_run, args=inputs)
        process.start()
        process.join(300)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"regrad {' '.join(arguments)} did not end")
        said = [(folder / name).read_text() for name in ("stdout", "stderr")]
        return subprocess.CompletedProcess(["regrad", *arguments], process.exitcode, *said)


def refuses(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Asserts one line on stderr that holds these words, and exit status 2."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("regrad: ")
    for word in words:
        assert word in line
