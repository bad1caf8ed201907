"""Releases a run's latest checkpoint: regrad export checkpoint --workdir runs/mine --to my-checkpoint

The verb is for a run that is under way or was stopped: a finished run has released its best checkpoint
itself, as WORKDIR/release. --best takes the checkpoint that validated best. --inner_steps and --temperature
release the same weights with other values than those of training. --half stores the bases as float16, for a
file of half the size. The result counts as another checkpoint, so it needs banks of its own.
"""

import pathlib

from absl import flags

from regrad_jax.errors import UserError
from regrad_jax.training.export import export

_WORKDIR = flags.DEFINE_string("workdir", None, "folder of the run", required=True)
_TO = flags.DEFINE_string("to", None, "folder to write, which must not exist", required=True)
_BEST = flags.DEFINE_bool("best", False, "the checkpoint that validated best instead of the latest")
_INNER_STEPS = flags.DEFINE_integer(
    "inner_steps", None, "gradient steps on a document, where not as many as in training"
)
_TEMPERATURE = flags.DEFINE_float(
    "temperature", None, "of the softmax over retrieval scores, where not as learned"
)
_HALF = flags.DEFINE_bool("half", False, "store a core adapter's bases as float16, in half the bytes")


def run(argv: list[str]) -> None:
    if argv != ["checkpoint"]:
        raise UserError("say what to export: regrad export checkpoint --workdir RUN --to FOLDER")
    folders = pathlib.Path(_WORKDIR.value), pathlib.Path(_TO.value)
    print(
        export(
            *folders,
            best=_BEST.value,
            inner_steps=_INNER_STEPS.value,
            temperature=_TEMPERATURE.value,
            half=_HALF.value,
        )
    )
