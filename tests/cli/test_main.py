"""`regrad VERB`: what a wrong or missing word gets, and that --help helps."""

import ast
import errno
import importlib.util
import pathlib
import subprocess
import sys

import pytest

from regrad_jax.cli.main import VERBS
from tests.cli.command import regrad


def started(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "regrad_jax.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def refused(*arguments: str) -> str:
    """The one line on stderr with which `regrad` refuses these arguments."""
    done = regrad(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("regrad: ") and done.stderr.count("\n") == 1
    return done.stderr


def test_no_verb_is_misuse_and_shows_the_verbs():
    done = started()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: regrad VERB")
    for verb, text in VERBS.items():
        assert f"  {verb} " in done.stderr and text in done.stderr


@pytest.mark.parametrize("word", ["help", "--help", "-h"])
def test_help_shows_the_verbs(word):
    done = started(word)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == started().stderr


def test_a_full_disk_gets_one_line_and_a_fault_of_ours_its_traceback(monkeypatch, capsys):
    def failing(error):
        def run(argv):
            raise error

        return run

    from regrad_jax.cli import fetch, main

    monkeypatch.setattr(main.app, "run", lambda run, argv, flags_parser: run(argv))
    monkeypatch.setattr(sys, "argv", ["regrad", "fetch", "all"])
    monkeypatch.setattr(fetch, "run", failing(OSError(errno.ENOSPC, "No space left on device", "/runs/x")))
    main.main()
    assert capsys.readouterr().err.startswith("regrad: No space left on device (/runs/x): mend that")
    monkeypatch.setattr(fetch, "run", failing(OSError(errno.EBADF, "Bad file descriptor")))
    with pytest.raises(OSError, match="Bad file"):
        main.main()


def test_a_pipe_that_closes_ends_a_verb_in_silence(monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # with it the pipe is met while printing
    command = f"sleep 1; '{sys.executable}' -m regrad_jax.cli --help; echo $? >&2"
    done = subprocess.run(["bash", "-c", f"({command}) | true"], capture_output=True, text=True, check=False)
    assert done.stderr == "141\n"


@pytest.mark.parametrize("when", ["while it starts", "while it runs"])
def test_an_interrupt_gets_one_line(when, monkeypatch, capsys):
    from regrad_jax.cli import fetch, main

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(main.app, "run", lambda run, argv, flags_parser: run(argv))
    monkeypatch.setattr(sys, "argv", ["regrad", "fetch", "all"])
    patched = (main.importlib, "import_module") if when == "while it starts" else (fetch, "run")
    monkeypatch.setattr(*patched, interrupted)
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 130
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "the same command goes on" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["ask", "--question=Who?", "--gamma=nan"],
        ["ask", "--question=Who?", "--gamma=-inf"],
        ["ask", "--question=Who?", "--cache_mib=nan"],
        ["bank", "plan", "--documents=inf"],
        ["bank", "plan", "--documents=1e6", "--flops=nan"],
    ],
    ids=" ".join,
)
def test_numbers_that_are_none_are_refused(arguments):
    name, value = arguments[-1].removeprefix("--").split("=")
    assert f"--{name} is {value}; give a finite number" in refused(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["demo", "--workdir=gs://bucket/run"],
        ["train", "--config=experiments/configs/one_kind.py", "--workdir=s3://bucket/run"],
        ["build", "--bank=b", "--corpus=s3://bucket/texts.jsonl"],
    ],
    ids=" ".join,
)
def test_a_url_where_a_path_is_needed_makes_nothing(arguments, tmp_path, monkeypatch):
    assert "is a URL; give a path on this machine" in refused(*arguments)
    assert not pathlib.Path("gs:").exists() and not pathlib.Path("s3:").exists()


def test_an_argument_that_is_not_utf8_is_refused():
    line = refused("ask", "--question=Who keeps the caf\udce9?")
    assert "is not UTF-8" in line and "caf" in line


def test_a_tilde_is_the_home_of_the_user(tmp_path):
    done = regrad("bank", "info", "--bank=~/letters", HOME=str(tmp_path))
    assert f"there is no bank at {tmp_path}/letters" in done.stderr


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"JAX_PLATFORMS": "soup"}, ["JAX cannot start", "JAX_PLATFORMS"]),
        ({"JAX_ENABLE_X64": "perhaps"}, ["JAX cannot start", "JAX_"]),
    ],
    ids=str,
)
def test_a_jax_that_cannot_start_gets_one_line(environment, words, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    done = started("bench", "encode")
    assert done.returncode == 2, done.stderr
    [line] = done.stderr.splitlines()
    assert all(word in line for word in words)


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch):
    from regrad_jax import home
    from regrad_jax.errors import UserError

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("REGRAD_HOME", raising=False)
    monkeypatch.setattr(home.pathlib.Path, "home", homeless)
    with pytest.raises(UserError, match="set HOME or REGRAD_HOME"):
        home.regrad_home()
    monkeypatch.setenv("REGRAD_HOME", "/models")
    assert str(home.regrad_home()) == "/models"


def test_unknown_verb_names_the_known():
    line = refused("fecth")
    assert "'fecth'" in line
    assert all(verb in line for verb in VERBS)


def test_unknown_flag_is_named():
    line = refused("fetch", "all", "--jsno")
    assert "jsno" in line and "regrad fetch --help" in line


def test_a_word_that_belongs_to_no_flag_is_refused():
    line = refused("ask", "Who keeps the light?", "--bank=unused")
    assert "'Who keeps the light?' belongs to no flag" in line and "regrad ask --help" in line


def test_missing_flag_is_named():
    line = refused("train")
    assert "config" in line and "regrad train --help" in line


def test_a_config_that_is_not_there_is_named():
    assert "no/such.py" in refused("train", "--config=no/such.py", "--workdir=unused")


def test_a_config_key_that_is_not_in_the_file_is_named(tmp_path):
    config = tmp_path / "config.py"
    config.write_text(
        "import ml_collections\n\ndef get_config():\n    return ml_collections.ConfigDict({'seed': 0})\n"
    )
    said = refused("train", f"--config={config}", "--config.sead=1", f"--workdir={tmp_path / 'run'}")
    assert "unknown config key" in said and "sead" in said and "\\n" not in said
    assert not (tmp_path / "run").exists()


def test_what_a_config_file_says_reaches_the_user_without_its_traceback(tmp_path):
    said = refused("train", "--config=experiments/configs/llama.py:70b", "--dry_run")
    assert "choose one of 1b, 3b, 8b" in said and "Traceback" not in said


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_starts_and_says_nothing_but_its_help(verb):
    done = started(verb, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"regrad {verb}: {VERBS[verb]}\n")


@pytest.mark.parametrize("place", ["first", "last"])
def test_help_of_a_verb_shows_its_own_flags_and_does_nothing(place, tmp_path):
    words = ["--help", "all"] if place == "first" else ["all", "--help"]
    done = started("fetch", *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"regrad fetch: {VERBS['fetch']}\n")
    assert "--[no]json" in done.stdout and "--config" not in done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_its_file(verb):
    spec = importlib.util.find_spec(f"regrad_jax.cli.{verb}")
    assert spec is not None and spec.origin is not None
    tree = ast.parse(pathlib.Path(spec.origin).read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    assert "run" in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
