"""Releases a run's latest checkpoint: regrad export checkpoint --workdir runs/mine --to my-checkpoint

A finished run has released itself (WORKDIR/release); this takes one that is under way or was stopped.
"""

import pathlib

from absl import flags

from regrad_jax.errors import UserError
from regrad_jax.training.loop import export

_WORKDIR = flags.DEFINE_string("workdir", None, "folder of the run", required=True)
_TO = flags.DEFINE_string("to", None, "folder to write, which must not exist", required=True)


def run(argv: list[str]) -> None:
    if argv != ["checkpoint"]:
        raise UserError("say what to export: regrad export checkpoint --workdir RUN --to FOLDER")
    print(export(pathlib.Path(_WORKDIR.value), pathlib.Path(_TO.value)))
