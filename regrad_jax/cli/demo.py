"""The whole way on a small corpus: regrad demo --workdir runs/demo

Builds a bank of 300 invented documents, asks questions on them in every mode, prints a table and some
answers, takes one document out again, and writes a report with a plot.
"""

import pathlib
import shutil

from absl import flags

from regrad_jax.api import ReGrad
from regrad_jax.errors import UserError
from regrad_jax.evaluation.demo import run_demo
from regrad_jax.progress import to_stderr

_WORKDIR = flags.DEFINE_string(
    "workdir", "runs/demo", "folder of the demo; an earlier demo there is replaced"
)
_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "folder of a checkpoint; by default the one that ships")


_MARKER = ".regrad-demo"


def run(argv: list[str]) -> None:
    workdir = pathlib.Path(_WORKDIR.value)
    taken = workdir.exists() and (not workdir.is_dir() or any(workdir.iterdir()))
    if taken and not (workdir / _MARKER).exists():
        raise UserError(f"{workdir} is not empty and not a demo's folder; choose another --workdir")
    regrad = ReGrad.load(_CHECKPOINT.value)
    # The demo ends by deleting a document, so a second run starts over.
    for name in ("bank", "report"):
        shutil.rmtree(workdir / name, ignore_errors=True)
    workdir.mkdir(parents=True, exist_ok=True)
    (workdir / _MARKER).touch()
    print(run_demo(regrad, workdir, to_stderr))
