"""Measures ways of answering on question sets:

    regrad evaluate --config experiments/configs/evaluate.py --workdir runs/evaluation

The report goes to WORKDIR/report: results.json, answers.jsonl, results.png, report.html.
"""

import pathlib
import sys
import tempfile
from collections.abc import Callable, Mapping

from absl import flags
from ml_collections import config_flags

from regrad_jax.errors import UserError
from regrad_jax.evaluation import datasets, report
from regrad_jax.evaluation.harness import SETTINGS, evaluate
from regrad_jax.evaluation.knowledge import knowledge_gap
from regrad_jax.methods.regrad import ReGrad

_CONFIG = config_flags.DEFINE_config_file("config", None, "ml_collections config file of what to measure")
_WORKDIR = flags.DEFINE_string("workdir", None, "folder of the report", required=True)
_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "folder of a checkpoint; by default the one that ships")
flags.mark_flag_as_required("config")

_KINDS: Mapping[str, Callable[..., datasets.Dataset]] = {
    "invented": datasets.invented,
    "squad": datasets.squad,
    "own": datasets.own,
}


def run(argv: list[str]) -> None:
    plans = _CONFIG.value.to_dict()["datasets"]
    loaded = {name: _load(name, plan) for name, plan in plans.items()}
    regrad = ReGrad.load(_CHECKPOINT.value)
    results, questions, gaps = [], {}, {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, dataset in loaded.items():
            bank, _ = regrad.build(dataset.documents, pathlib.Path(scratch, name), progress=_say)
            for label, asked in dataset.questions.items():
                questions[label] = asked
                results += evaluate(regrad, bank, label, asked, plans[name]["settings"], _say)
                gaps[label] = knowledge_gap(regrad, bank, asked)._asdict()
    facts = {"answer_token_loss": gaps, "checkpoint": dict(regrad.checkpoint.metrics)}
    report.write(pathlib.Path(_WORKDIR.value, "report"), "ReGrad evaluation", results, questions, facts)
    print(report.table(results))
    for label, gap in gaps.items():
        mean, low, high = gap["gap"]
        print(
            f"{label}: answer token loss {gap['gold']:.3f} with the right gradient, {gap['other']:.3f} with "
            f"another, {gap['none']:.3f} with none; gap {mean:.3f} [{low:.3f}, {high:.3f}] nats"
        )


def _load(name: str, plan: dict) -> datasets.Dataset:
    values = {key: value for key, value in plan.items() if key not in ("kind", "settings")}
    if plan.get("kind") not in _KINDS:
        raise UserError(
            f"config.datasets.{name}: kind {plan.get('kind')!r} is unknown; choose {', '.join(_KINDS)}"
        )
    if unknown := [s for s in plan["settings"] if s not in SETTINGS]:
        raise UserError(
            f"config.datasets.{name}: setting {unknown[0]!r} is unknown; choose {', '.join(SETTINGS)}"
        )
    return _KINDS[plan["kind"]](**values)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
