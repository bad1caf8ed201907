"""Measures ways of answering on question sets:

    regrad evaluate --config experiments/configs/evaluate.py --workdir runs/evaluation

The report goes to WORKDIR/report: results.json, answers.jsonl, results.png, report.html. The banks stay in
WORKDIR/banks, so that an interrupted evaluation goes on with the gradients that it has. Each group of the
config's `datasets` is a bank. It names a data set, such as "squad" or "own" (your `corpus` and a file of
`questions` with answers), or several as `parts`.
"""

import pathlib

from absl import flags
from ml_collections import config_flags

from regrad_jax.evaluation.plans import parse_plans
from regrad_jax.evaluation.run import run_evaluation
from regrad_jax.progress import to_stderr

_CONFIG = config_flags.DEFINE_config_file("config", None, "ml_collections config file of what to measure")
_WORKDIR = flags.DEFINE_string("workdir", None, "folder of the report", required=True)
_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "folder of a checkpoint; by default the one that ships")
flags.mark_flag_as_required("config")


def run(argv: list[str]) -> None:
    plans = parse_plans(_CONFIG.value.to_dict())
    print(run_evaluation(plans, _CHECKPOINT.value, pathlib.Path(_WORKDIR.value), to_stderr))
