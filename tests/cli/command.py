"""`regrad` for tests: each call in a process of its own, forked from one that has imported all verbs need.

A start costs two to five seconds of imports otherwise, and most calls here are to be refused at once.
"""

import functools
import multiprocessing
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence

_IMPORTED = ["regrad_jax.cli.main", "regrad_jax.training.loop", "regrad_jax.api", "ml_collections"]


@functools.cache
def _forks() -> multiprocessing.context.ForkServerContext:
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(_IMPORTED)
    return forks


def _run(arguments: Sequence[str], folder: pathlib.Path, environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    modes = {"stdin": os.O_RDONLY, "stdout": os.O_WRONLY | os.O_CREAT, "stderr": os.O_WRONLY | os.O_CREAT}
    for number, (name, mode) in enumerate(modes.items()):
        os.dup2(os.open(folder / name, mode), number)
        encoding = environment.get("PYTHONIOENCODING")
        setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding=encoding, closefd=False))
    sys.argv = ["regrad", *arguments]
    from regrad_jax.cli.main import main

    main()


def regrad(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs `regrad` with these arguments, and these variables beside those of the environment.

    Those that JAX reads when it is imported are read already.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        (folder / "stdin").write_text(stdin)
        process = _forks().Process(target=_run, args=(arguments, folder, {**os.environ, **environment}))
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
