"""Measures ways of answering on question sets:

    regrad evaluate --config experiments/configs/evaluate.py --workdir runs/evaluation

The report goes to WORKDIR/report: results.json, answers.jsonl, results.png, report.html. The banks stay in
WORKDIR/banks, so that an interrupted evaluation goes on with the gradients that it has. Each group of the
config's `datasets` is a bank. It names a data set, such as "squad" or "own" (your `corpus` and a file of
`questions` with answers), or several as `parts`.
"""

import pathlib
from collections.abc import Mapping

from absl import flags
from ml_collections import config_flags

from regrad_jax.adaptation.codecs import CODECS
from regrad_jax.data.documents import Question
from regrad_jax.errors import UserError
from regrad_jax.evaluation import report
from regrad_jax.evaluation.harness import SETTINGS, Result, evaluate
from regrad_jax.evaluation.knowledge import KnowledgeGap, knowledge_gap
from regrad_jax.evaluation.question_sets import Part, parse_parts, read_parts, refuse_seen
from regrad_jax.methods.regrad import ReGrad
from regrad_jax.progress import to_stderr
from regrad_jax.training.sources import nested_source

_CONFIG = config_flags.DEFINE_config_file("config", None, "ml_collections config file of what to measure")
_WORKDIR = flags.DEFINE_string("workdir", None, "folder of the report", required=True)
_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "folder of a checkpoint; by default the one that ships")
flags.mark_flag_as_required("config")


def run(argv: list[str]) -> None:
    config = _CONFIG.value.to_dict()
    plans = config.pop("datasets", None)
    if not isinstance(plans, dict) or not plans:
        raise UserError(
            "config.datasets: name what to measure; experiments/configs/evaluate.py is an example"
        )
    if config:
        raise UserError(f"config: unknown key {sorted(config)[0]!r}; the only key is datasets")
    parts = {name: _parts(f"config.datasets.{name}", plan) for name, plan in plans.items()}
    loaded = {name: read_parts(of_bank) for name, of_bank in parts.items()}
    regrad = ReGrad.load(_CHECKPOINT.value)
    sources = regrad.checkpoint.training.get("sources", {}).values()
    trained = [nested_source(source)["dataset"] for source in sources]
    for of_bank in parts.values():
        refuse_seen(of_bank, trained)
    results: list[Result] = []
    questions: dict[str, list[Question]] = {}
    gaps: dict[str, KnowledgeGap] = {}
    codecs: dict[str, str] = {}
    for name, dataset in loaded.items():
        path = pathlib.Path(_WORKDIR.value, "banks", name)
        bank, _ = regrad.build(
            dataset.documents, path, codec=plans[name].get("codec") or regrad.codec(), progress=to_stderr
        )
        codecs[name] = bank.manifest.codec
        ids = {document.id for document in dataset.documents}
        with bank:  # of an earlier evaluation of other documents
            bank.delete({record.document_id for record in bank.records.values()} - ids)
        for kind, question_set in dataset.question_sets.items():
            asked = question_set.questions
            label = kind if kind not in questions else f"{name}: {kind}"
            questions[label] = asked
            results += evaluate(regrad, bank, label, asked, plans[name]["settings"], to_stderr)
            if gap := knowledge_gap(regrad, bank, asked):
                gaps[label] = gap
    facts = {
        "answer_token_loss": {label: gap._asdict() for label, gap in gaps.items()},
        "codecs": codecs,
        "checkpoint": dict(regrad.checkpoint.metrics),
    }
    report.write(pathlib.Path(_WORKDIR.value, "report"), "ReGrad evaluation", results, questions, facts)
    print(report.table(results))
    for label, gap in gaps.items():
        mean, low, high = gap.gap
        print(
            f"{label}: answer token loss {gap.gold:.3f} with the right gradient, {gap.other:.3f} with "
            f"another, {gap.none:.3f} with none; gap {mean:.3f} [{low:.3f}, {high:.3f}] nats"
        )


def _parts(where: str, plan: Mapping) -> Mapping[str, Part]:
    """Checks a group of the config, and returns the data sets of its bank."""
    if not isinstance(plan, dict):
        raise UserError(f"{where}: {plan!r} is no group of keys; give at least kind and settings")
    parts = parse_parts(
        {key: value for key, value in plan.items() if key not in ("settings", "codec")}, where
    )
    if not plan.get("settings"):
        raise UserError(f"{where}: key 'settings' is missing; choose from {', '.join(SETTINGS)}")
    if unknown := [s for s in plan["settings"] if s not in SETTINGS]:
        raise UserError(f"{where}: setting {unknown[0]!r} is unknown; choose from {', '.join(SETTINGS)}")
    if plan.get("codec") and plan["codec"] not in CODECS:
        raise UserError(f"{where}: codec {plan['codec']!r} is unknown; choose from {', '.join(CODECS)}")
    return parts
